"""Rows of the operator table: reductions, scans, and what is normalised over axes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from symgrad.interop.shapes import shifted
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import dims_of, kept, mapped, operator, swapped, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Sheet


def reduced(
    sheet: Sheet,
    x: Operand,
    dims: Sequence[int],
    template: str,
    body: str = "",
    *,
    keepdim: bool = False,
    kind: str = "real",
) -> Operand:
    """Reduce some axes: `{letters}` in the template are bound, `{body}` is what is reduced.

    Over no axis at all the reduction runs over one of length 1.
    """
    body = body or x.here
    bound = [x.letters[d] for d in dims]
    if not bound:
        bound = [sheet.fixed(1)]
        body = f"({body} + 0 * {bound[0]})"
    value = template.format(letters=", ".join(bound), body=body)
    made = sheet.define(without(x.letters, dims), without(x.shape, dims), value, kind=kind)
    return kept(sheet, made, dims, keepdim=keepdim)


def _float(sheet: Sheet, x: Operand) -> Operand:
    return x if x.kind == "real" else mapped(sheet, "1.0 * {0}", x)


@operator("sum")
def sum_(
    sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Operand:
    """Return the sum over axes."""
    return reduced(sheet, x, dims_of(x, dim), "sum[{letters}]({body})", keepdim=keepdim)


@operator("mean")
def mean(
    sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Operand:
    """Return the mean over axes."""
    return reduced(sheet, x, dims_of(x, dim), "mean[{letters}]({body})", keepdim=keepdim)


@operator("prod")
def prod_(
    sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Operand:
    """Return the product over axes."""
    return reduced(sheet, x, dims_of(x, dim), "prod[{letters}]({body})", keepdim=keepdim)


_KNOWN = "where({0} <= 0 or {0} > 0, {0}, 0)"


@operator("nansum")
def nansum(
    sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Operand:
    """Return the sum of what is a number."""
    body = _KNOWN.format(x.here)
    return reduced(sheet, x, dims_of(x, dim), "sum[{letters}]({body})", body, keepdim=keepdim)


@operator("nanmean")
def nanmean(
    sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Operand:
    """Return the mean of what is a number."""
    dims = dims_of(x, dim)
    total = reduced(sheet, x, dims, "sum[{letters}]({body})", _KNOWN.format(x.here))
    count = f"where({x.here} <= 0 or {x.here} > 0, 1, 0)"
    many = reduced(sheet, x, dims, "sum[{letters}]({body})", count)
    return kept(sheet, mapped(sheet, "{0} / {1}", total, many), dims, keepdim=keepdim)


@operator("amax")
def amax(sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False) -> Operand:
    """Return the maximum over axes; a tie shares the gradient."""
    return reduced(sheet, x, dims_of(x, dim), "max[{letters}]({body})", keepdim=keepdim)


@operator("amin")
def amin(sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False) -> Operand:
    """Return the minimum over axes; a tie shares the gradient."""
    return reduced(sheet, x, dims_of(x, dim), "min[{letters}]({body})", keepdim=keepdim)


@operator("aminmax")
def aminmax(
    sheet: Sheet, x: Operand, *, dim: int | None = None, keepdim: bool = False
) -> list[Operand]:
    """Return minimum and maximum."""
    return [amin(sheet, x, dim, keepdim), amax(sheet, x, dim, keepdim)]


def _extreme(
    sheet: Sheet, which: str, x: Operand, args: Sequence[Any], named: dict[str, Any]
) -> Any:
    dim, keepdim = [*args, named.get("dim"), None][0], named.get("keepdim", False)
    if len(args) > 1:
        keepdim = args[1]
    dim = named.get("dim", dim)
    if isinstance(dim, Operand) or "other" in named:
        return mapped(sheet, f"{which}imum({{0}}, {{1}})", x, named.get("other", dim))
    if dim is None:
        return reduced(sheet, x, dims_of(x, None), which + "[{letters}]({body})")
    dims = dims_of(x, dim)
    values = reduced(sheet, x, dims, which + '[{letters}]({body}, ties="first")', keepdim=keepdim)
    places = reduced(
        sheet, x, dims, f"arg{which}[{{letters}}]({{body}})", keepdim=keepdim, kind="int"
    )
    return [values, places]


@operator("max")
def max_(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> Any:
    """Return the maximum: of all, along an axis with its place, or of two tensors."""
    return _extreme(sheet, "max", x, args, named)


@operator("min")
def min_(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> Any:
    """Return the minimum: of all, along an axis with its place, or of two tensors."""
    return _extreme(sheet, "min", x, args, named)


@operator("logsumexp", "special.logsumexp")
def logsumexp(sheet: Sheet, x: Operand, dim: Any, keepdim: bool = False) -> Operand:
    """Return the logarithm of the sum of exponentials."""
    x = _float(sheet, x)
    return reduced(sheet, x, dims_of(x, dim), "logsumexp[{letters}]({body})", keepdim=keepdim)


def _variance(
    sheet: Sheet, x: Operand, args: Sequence[Any], named: dict[str, Any]
) -> tuple[Operand, Operand, list[int], bool]:
    """Return the mean and the variance, the axes and whether they are kept."""
    given = list(args)
    unbiased = named.get("unbiased")
    dim = named.get("dim")
    if given and isinstance(given[0], bool):
        unbiased = given.pop(0)
    elif given:
        dim = given.pop(0)
    if given and isinstance(given[0], bool):
        unbiased = given.pop(0)
    keepdim = given.pop(0) if given else named.get("keepdim", False)
    correction = named.get("correction")
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    dims = dims_of(x, dim)
    center = reduced(sheet, x, dims, "mean[{letters}]({body})")
    deviation = f"({x.here} - {center.here})**2"
    count = prod(x.shape[d] for d in dims)
    rest = number(max(count - correction, 0))
    total = reduced(sheet, x, dims, f"sum[{{letters}}]({{body}}) / {rest}", deviation)
    return center, total, dims, keepdim


@operator("var")
def var(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> Operand:
    """Return the mean square of the deviation from the mean, corrected."""
    _, value, dims, keepdim = _variance(sheet, x, args, named)
    return kept(sheet, value, dims, keepdim=keepdim)


@operator("std")
def std(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> Operand:
    """Return the root of the variance."""
    _, value, dims, keepdim = _variance(sheet, x, args, named)
    return kept(sheet, mapped(sheet, "sqrt({0})", value), dims, keepdim=keepdim)


@operator("var_mean")
def var_mean(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> list[Operand]:
    """Return variance and mean."""
    center, value, dims, keepdim = _variance(sheet, x, args, named)
    return [kept(sheet, v, dims, keepdim=keepdim) for v in (value, center)]


@operator("std_mean")
def std_mean(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> list[Operand]:
    """Return the root of the variance, and the mean."""
    center, value, dims, keepdim = _variance(sheet, x, args, named)
    root = mapped(sheet, "sqrt({0})", value)
    return [kept(sheet, v, dims, keepdim=keepdim) for v in (root, center)]


def exponentials(sheet: Sheet, x: Operand, dim: int) -> tuple[Operand, Operand]:
    """Return the exponentials and their sum along an axis."""
    top = mapped(sheet, "exp({0})", x)
    return top, reduced(sheet, top, [dim], "sum[{letters}]({body})")


@operator("softmax", "special.softmax", "nn.functional.softmax", "_softmax")
def softmax(sheet: Sheet, x: Operand, dim: int, dtype: Any = None, **_: Any) -> Operand:
    """Return the exponentials divided by their sum."""
    x = _float(sheet, x)
    if not x.rank:
        return mapped(sheet, "1 + 0 * {0}", x)
    top, bottom = exponentials(sheet, x, x.axis(dim))
    return sheet.define(x.letters, x.shape, f"{top.here} / {bottom.here}")


@operator("_safe_softmax")
def safe_softmax(sheet: Sheet, x: Operand, dim: int, dtype: Any = None) -> Operand:
    """Return the softmax, and 0 where a whole row is -inf."""
    some = reduced(
        sheet, x, [x.axis(dim)], "any[{letters}]({body})", f"{x.here} > -inf", kind="bool"
    )
    held = sheet.define(x.letters, x.shape, f"where({some.here}, {x.here}, 0)")
    soft = softmax(sheet, held, dim)
    return sheet.define(x.letters, x.shape, f"where({some.here}, {soft.at(x.letters)}, 0)")


@operator("nn.functional.softmin")
def softmin(sheet: Sheet, x: Operand, dim: int, dtype: Any = None, **_: Any) -> Operand:
    """Return the softmax of -x."""
    return softmax(sheet, mapped(sheet, "-{0}", x), dim)


@operator("log_softmax", "special.log_softmax", "nn.functional.log_softmax", "_log_softmax")
def log_softmax(sheet: Sheet, x: Operand, dim: int, dtype: Any = None, **_: Any) -> Operand:
    """Return the logarithm of the softmax."""
    x = _float(sheet, x)
    if not x.rank:
        return mapped(sheet, "0 * {0}", x)
    bottom = reduced(sheet, x, [x.axis(dim)], "logsumexp[{letters}]({body})")
    return sheet.define(x.letters, x.shape, f"{x.here} - {bottom.here}")


def _scan(sheet: Sheet, x: Operand, dim: int, reduction: str) -> Operand:
    if not x.rank:
        return mapped(sheet, "{0}", x)
    dim = x.axis(dim)
    last = sheet.fixed(f"size[{x.letters[dim]}]")
    bound = x.letters[dim]
    return sheet.define(
        swapped(x.letters, {dim: last}),
        x.shape,
        f"{reduction}[{bound}, {bound} <= {last}]({x.here})",
    )


@operator("cumsum")
def cumsum(sheet: Sheet, x: Operand, dim: int, dtype: Any = None) -> Operand:
    """Return the sums of what stands at or before each place."""
    return _scan(sheet, x, dim, "sum")


@operator("cumprod")
def cumprod(sheet: Sheet, x: Operand, dim: int, dtype: Any = None) -> Operand:
    """Return the products of what stands at or before each place."""
    return _scan(sheet, x, dim, "prod")


@operator("logcumsumexp")
def logcumsumexp(sheet: Sheet, x: Operand, dim: int) -> Operand:
    """Return the logarithm of the sums of exponentials at or before each place, step by step."""
    if not x.rank:
        return mapped(sheet, "{0}", x)
    at = x.axis(dim)
    name, time = sheet.name("Y"), x.letters[at]
    made = Operand(name, x.letters, x.shape)
    last = made.at(swapped(x.letters, {at: f"{time} - 1"}))
    ways = f"{last} + softplus({x.here} - {last}), {x.here} + softplus({last} - {x.here})"
    sheet.line(f"{made.here} = where({last} > {x.here}, {ways})")
    others = "".join(f" + 0 * {c}" for c in without(x.letters, [at]))
    sheet.line(f"{made.at(swapped(x.letters, {at: -1}))} = -inf{others}")
    return made


def vector_norm(
    sheet: Sheet, x: Operand, order: float, dims: Sequence[int], *, keepdim: bool = False
) -> Operand:
    """Return the norm of vectors along axes."""
    size = f"abs({x.here})"
    if order == float("inf"):
        return reduced(sheet, x, dims, "max[{letters}]({body})", size, keepdim=keepdim)
    if order == float("-inf"):
        return reduced(sheet, x, dims, "min[{letters}]({body})", size, keepdim=keepdim)
    if order == 0:
        count = f"where({x.here} == 0, 0, 1)"
        return reduced(sheet, x, dims, "sum[{letters}]({body})", count, keepdim=keepdim)
    if order == 1:
        return reduced(sheet, x, dims, "sum[{letters}]({body})", size, keepdim=keepdim)
    if order == 2:
        total = reduced(sheet, x, dims, "sum[{letters}]({body})", f"{x.here}**2")
        root = mapped(sheet, "where({0} > 0, sqrt({0}), 0)", total)
        return kept(sheet, root, dims, keepdim=keepdim)
    power = number(order)
    body = f"where({x.here} == 0, {0 if order > 0 else 'inf'}, {size}**{power})"
    total = reduced(sheet, x, dims, "sum[{letters}]({body})", body)
    root = mapped(sheet, f"where({{0}} > 0, {{0}}**({number(1 / order)}), 0)", total)
    return kept(sheet, root, dims, keepdim=keepdim)


@operator("linalg.vector_norm", "linalg_vector_norm")
def linalg_vector_norm(
    sheet: Sheet,
    x: Operand,
    ord: float = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Operand:
    """Return the norm of vectors."""
    return vector_norm(sheet, x, ord, dims_of(x, dim), keepdim=keepdim)


@operator("dist")
def dist(sheet: Sheet, x: Operand, y: Operand, p: float = 2) -> Operand:
    """Return the norm of a difference."""
    difference = mapped(sheet, "{0} - {1}", x, y)
    return vector_norm(sheet, difference, p, range(difference.rank))


def _logical(name: str) -> Any:
    def row(sheet: Sheet, x: Operand, dim: Any = None, keepdim: bool = False) -> Operand:
        body = x.here if x.kind == "bool" else f"not {x.here} == 0"
        return reduced(
            sheet, x, dims_of(x, dim), f"{name}[{{letters}}]({{body}})", body,
            keepdim=keepdim, kind="bool",
        )  # fmt: skip

    return row


for _name in ("any", "all"):
    operator(_name)(_logical(_name))


@operator("argmax")
def argmax(sheet: Sheet, x: Operand, dim: int | None = None, keepdim: bool = False) -> Operand:
    """Return the place of the maximum."""
    return reduced(
        sheet, x, dims_of(x, dim), "argmax[{letters}]({body})", keepdim=keepdim, kind="int"
    )


@operator("trace")
def trace(sheet: Sheet, x: Operand) -> Operand:
    """Return the sum of the diagonal."""
    letter = sheet.fixed(min(x.shape))

    places = [shifted(letter, c) for c in x.letters]
    return sheet.define((), (), f"sum[{letter}]({x.at(places)})")
