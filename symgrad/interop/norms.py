"""Rows of the operator table: layers that normalise."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from symgrad.interop.reductions import reduced, vector_norm
from symgrad.interop.shapes import empty, reshaped
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import kept, mapped, need, operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Sheet


def standardised(
    sheet: Sheet, x: Operand, dims: Sequence[int], eps: float
) -> tuple[Operand, Operand, Operand]:
    """Return x less its mean and over its deviation, the mean, and one over the deviation."""
    rest = [c for k, c in enumerate(x.letters) if k not in dims]
    mean = reduced(sheet, x, dims, "mean[{letters}]({body})")
    gap = f"({x.here} - {mean.at(rest)})**2"
    var = reduced(sheet, x, dims, "mean[{letters}]({body})", gap)
    scale = mapped(sheet, f"1 / sqrt({{0}} + {number(eps)})", var)
    return (
        sheet.define(x.letters, x.shape, f"({x.here} - {mean.at(rest)}) * {scale.at(rest)}"),
        mean,
        scale,
    )


def scaled(
    sheet: Sheet, h: Operand, axes: Sequence[int], weight: Operand | None, bias: Operand | None
) -> Operand:
    """Return h times a weight plus a bias that have some of its axes."""
    if weight is None and bias is None:
        return h
    there = [h.letters[k] for k in axes]
    value = h.here if weight is None else f"{weight.at(there)} * {h.here}"
    if bias is not None:
        value += f" + {bias.at(there)}"
    return sheet.define(h.letters, h.shape, value)


@operator("nn.functional.layer_norm", "layer_norm")
def layer_norm(
    sheet: Sheet, x: Operand, shape: Sequence[int], weight: Operand | None = None,
    bias: Operand | None = None, eps: float = 1e-5, *_: Any,
) -> Operand:  # fmt: skip
    """Return each row of the last axes with mean 0 and variance 1, scaled."""
    return native_layer_norm(sheet, x, shape, weight, bias, eps)[0]


@operator("native_layer_norm")
def native_layer_norm(
    sheet: Sheet, x: Operand, shape: Sequence[int], weight: Operand | None, bias: Operand | None,
    eps: float,
) -> list[Operand]:  # fmt: skip
    """Return what `layer_norm` does, mean and scale."""
    dims = list(range(x.rank - len(shape), x.rank))
    h, mean, scale = standardised(sheet, x, dims, eps)
    y = scaled(sheet, h, dims, weight, bias)
    return [y, *(kept(sheet, t, dims, keepdim=True) for t in (mean, scale))]


@operator("nn.functional.rms_norm", "rms_norm")
def rms_norm(
    sheet: Sheet, x: Operand, shape: Sequence[int], weight: Operand | None = None,
    eps: float | None = None,
) -> Operand:  # fmt: skip
    """Return each row of the last axes over the root of its mean square, scaled."""
    dims = list(range(x.rank - len(shape), x.rank))
    rest = x.letters[: x.rank - len(shape)]
    square = reduced(sheet, x, dims, "mean[{letters}]({body})", f"{x.here}**2")
    least = 2.220446049250313e-16 if eps is None else eps
    scale = mapped(sheet, f"1 / sqrt({{0}} + {number(least)})", square)
    h = sheet.define(x.letters, x.shape, f"{x.here} * {scale.at(rest)}")
    return scaled(sheet, h, dims, weight, None)


@operator("nn.functional.group_norm", "group_norm")
def group_norm(
    sheet: Sheet, x: Operand, groups: int, weight: Operand | None = None,
    bias: Operand | None = None, eps: float = 1e-5, *_: Any,
) -> Operand:  # fmt: skip
    """Return groups of channels with mean 0 and variance 1, scaled."""
    return _groups(sheet, x, groups, weight, bias, eps)[0]


@operator("native_group_norm")
def native_group_norm(
    sheet: Sheet, x: Operand, weight: Operand | None, bias: Operand | None, n: int, c: int,
    space: int, groups: int, eps: float,
) -> list[Operand]:  # fmt: skip
    """Return what `group_norm` does, mean and scale."""
    return list(_groups(sheet, x, groups, weight, bias, eps))


def _groups(
    sheet: Sheet, x: Operand, groups: int, weight: Operand | None, bias: Operand | None, eps: float
) -> tuple[Operand, Operand, Operand]:
    n, rest = x.letters[0], x.letters[2:]
    g, c = sheet.fixed(groups), sheet.fixed(x.shape[1] // groups)
    split = sheet.define(
        [n, g, c, *rest],
        [x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]],
        x.at([n, f"({g}, {c})", *rest]),
    )
    h, mean, scale = standardised(sheet, split, list(range(2, split.rank)), eps)
    value = h.here if weight is None else f"{weight.at([f'({g}, {c})'])} * {h.here}"
    if bias is not None:
        value += f" + {bias.at([f'({g}, {c})'])}"
    return sheet.define([n, f"({g}, {c})", *rest], x.shape, value), mean, scale


@operator("nn.functional.batch_norm", "batch_norm")
def batch_norm(
    sheet: Sheet, x: Operand, running_mean: Operand | None = None,
    running_var: Operand | None = None, weight: Operand | None = None, bias: Operand | None = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5, *_: Any,
) -> Operand:  # fmt: skip
    """Return each channel with mean 0 and variance 1, or by running statistics; scaled."""
    return _batch(sheet, x, running_mean, running_var, weight, bias, training=training, eps=eps)[0]


def _batch(
    sheet: Sheet, x: Operand, mean: Operand | None, var: Operand | None, weight: Operand | None,
    bias: Operand | None, *, training: bool, eps: float,
) -> tuple[Operand, Operand | None, Operand | None]:  # fmt: skip
    if training:
        dims = [k for k in range(x.rank) if k != 1]
        h, found, scale = standardised(sheet, x, dims, eps)
        return scaled(sheet, h, [1], weight, bias), found, scale
    need(mean is not None and var is not None and x.rank > 1, "no running statistics")
    assert mean is not None
    assert var is not None
    c = x.letters[1]
    value = f"({x.here} - {mean.at([c])}) / sqrt({var.at([c])} + {number(eps)})"
    return scaled(sheet, sheet.define(x.letters, x.shape, value), [1], weight, bias), None, None


@operator("native_batch_norm", "_native_batch_norm_legit")
def native_batch_norm(
    sheet: Sheet, x: Operand, weight: Operand | None, bias: Operand | None, *args: Any
) -> list[Operand]:
    """Return what `batch_norm` does, mean and scale of the batch."""
    mean, var = (args[0], args[1]) if not isinstance(args[0], bool) else (None, None)
    training, _, eps = args[-3:]
    y, *found = _batch(sheet, x, mean, var, weight, bias, training=training, eps=eps)
    kept_ = [f for f in found if f is not None]
    return [y, *(kept_ or (empty(sheet, x, [0]) for _ in range(2)))]


@operator("nn.functional.instance_norm", "instance_norm")
def instance_norm(
    sheet: Sheet, x: Operand, running_mean: Operand | None = None,
    running_var: Operand | None = None, weight: Operand | None = None, bias: Operand | None = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5, *_: Any,
) -> Operand:  # fmt: skip
    """Return each channel of each example with mean 0 and variance 1, scaled."""
    if not use_input_stats:
        return batch_norm(sheet, x, running_mean, running_var, weight, bias, False, momentum, eps)
    h = standardised(sheet, x, list(range(2, x.rank)), eps)[0]
    return scaled(sheet, h, [1], weight, bias)


@operator("nn.functional.normalize")
def normalize(
    sheet: Sheet, x: Operand, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Operand:
    """Return vectors over their norm, or over eps if that is more."""
    dims = [x.axis(d) for d in ([dim] if isinstance(dim, int) else dim)] if x.rank else []
    norm = vector_norm(sheet, x, p, dims, keepdim=bool(x.rank))
    return mapped(sheet, "{0} / where({1} < {2}, {2}, {1})", x, norm, eps)


@operator("nn.functional.local_response_norm")
def local_response_norm(
    sheet: Sheet, x: Operand, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Operand:
    """Return each element over a power of the mean square of the channels near it."""
    need(x.rank >= 3, "an input without space")
    if not prod(x.shape):
        return reshaped(sheet, x, x.shape)
    c = x.letters[1]
    new, near = sheet.fixed(f"size[{c}]"), sheet.fixed(size)
    letters = [x.letters[0], new, *x.letters[2:]]
    read = x.at([x.letters[0], f"{new} + {near} - {size // 2}", *x.letters[2:]])
    mean = sheet.define(letters, x.shape, f"sum[{near}](read({read}, outside=0)**2) / {size}")
    scale = f"({number(k)} + {number(alpha)} * {mean.here})"
    value = f"{x.at(letters)} / pow({scale}, {number(beta)})"
    return sheet.define(letters, x.shape, value)
