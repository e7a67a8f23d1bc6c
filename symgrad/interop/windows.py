"""Rows of the operator table: convolutions and pools."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Any

from symgrad.interop.shapes import reshaped
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import mapped, operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Sheet


def each(value: Any, count: int) -> list[int]:
    """Return one number for each axis."""
    if isinstance(value, (list, tuple)):
        return [int(v) for v in value] if len(value) == count else [int(value[0])] * count
    return [int(value)] * count


# Convolutions


def convolution(
    sheet: Sheet, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Operand:  # fmt: skip
    """Return sums of windows times weights; a negative padding cuts."""
    space = weight.rank - 2
    if x.rank == space + 1:
        one = reshaped(sheet, x, [1, *x.shape])
        y = convolution(sheet, one, weight, bias, stride, padding, dilation, groups)
        return reshaped(sheet, y, y.shape[1:])
    steps, gaps = each(stride, space), each(dilation, space)
    before, after = _borders(padding, weight.shape[2:], gaps)
    n = x.letters[0]
    taps = weight.letters[2:]
    places, outs, shape = [], [], []
    for k in range(space):
        extent = gaps[k] * (weight.shape[2 + k] - 1) + 1
        length = (x.shape[2 + k] + before[k] + after[k] - extent) // steps[k] + 1
        axis, tap = x.letters[2 + k], taps[k]
        form = f"(size[{axis}] + {before[k] + after[k]} - {gaps[k]} * (size[{tap}] - 1) - 1)"
        out = sheet.fixed(f"{form} // {steps[k]} + 1")
        outs.append(out)
        shape.append(length)
        places.append(_affine(steps[k], out, gaps[k], tap, before[k]))
    o, c = weight.letters[:2]
    if groups == 1:
        read, w, lead = x.at([n, c, *places]), weight.here, [n, o]
        b = bias.at([o]) if bias is not None else ""
    else:
        g, p = sheet.fixed(groups), sheet.fixed(weight.shape[0] // groups)
        both = f"({g}, {p})"
        read, w = x.at([n, f"({g}, {c})", *places]), weight.at([both, c, *taps])
        lead, b = [n, both], bias.at([both]) if bias is not None else ""
    value = f"sum[{', '.join([c, *taps])}](read({read}, outside=0) * {w})"
    value += f" + {b}" if b else ""
    return sheet.define([*lead, *outs], [x.shape[0], weight.shape[0], *shape], value)


def _affine(step: int, out: str, gap: int, tap: str, border: int) -> str:
    first = out if step == 1 else f"{step} * {out}"
    second = tap if gap == 1 else f"{gap} * {tap}"
    return f"{first} + {second}" + (f" - {border}" if border else "")


def _borders(padding: Any, taps: Sequence[int], gaps: Sequence[int]) -> tuple[list[int], list[int]]:
    if padding == "valid":
        padding = 0
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(gaps, taps, strict=True)]
        return [t // 2 for t in total], [t - t // 2 for t in total]
    both = each(padding, len(taps))
    return both, list(both)


@operator(
    "nn.functional.conv1d", "conv1d", "nn.functional.conv2d", "conv2d", "nn.functional.conv3d",
    "conv3d",
)  # fmt: skip
def conv(
    sheet: Sheet, x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1,
    padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Operand:  # fmt: skip
    """Return a convolution."""
    return convolution(sheet, x, weight, bias, stride, padding, dilation, groups)


def transposed(
    sheet: Sheet, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any,
    more: Any, groups: int, dilation: Any,
) -> Operand:  # fmt: skip
    """Return what the gradient of a convolution by its input is."""
    space = weight.rank - 2
    if x.rank == space + 1:
        one = reshaped(sheet, x, [1, *x.shape])
        y = transposed(sheet, one, weight, bias, stride, padding, more, groups, dilation)
        return reshaped(sheet, y, y.shape[1:])
    steps, gaps = each(stride, space), each(dilation, space)
    cut, extra = each(padding, space), each(more, space)
    n, taps, inner = x.letters[0], weight.letters[2:], x.letters[2:]
    outs, shape, tests = [], [], []
    for k in range(space):
        extent = gaps[k] * (weight.shape[2 + k] - 1) + 1
        length = (x.shape[2 + k] - 1) * steps[k] - 2 * cut[k] + extent + extra[k]
        outs.append(sheet.fixed(length))
        shape.append(length)
        tests.append(f"{_affine(steps[k], inner[k], gaps[k], taps[k], cut[k])} == {outs[k]}")
    c, o = weight.letters[:2]
    if groups == 1:
        read, w, lead, bound = x.at([n, c, *inner]), weight.here, [n, o], [c]
        b = bias.at([o]) if bias is not None else ""
    else:
        g, p = sheet.fixed(groups), sheet.fixed(x.shape[1] // groups)
        read, w = x.at([n, f"({g}, {p})", *inner]), weight.at([f"({g}, {p})", o, *taps])
        lead, bound = [n, f"({g}, {o})"], [p]
        b = bias.at([f"({g}, {o})"]) if bias is not None else ""
    bound += [*inner, *taps]
    value = f"sum[{', '.join(bound)}, {' and '.join(tests)}]({read} * {w})"
    value += f" + {b}" if b else ""
    return sheet.define([*lead, *outs], [x.shape[0], weight.shape[1] * groups, *shape], value)


@operator(
    "nn.functional.conv_transpose1d", "conv_transpose1d", "nn.functional.conv_transpose2d",
    "conv_transpose2d", "nn.functional.conv_transpose3d", "conv_transpose3d",
)  # fmt: skip
def conv_transpose(
    sheet: Sheet, x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1,
    padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Operand:  # fmt: skip
    """Return a transposed convolution."""
    return transposed(sheet, x, weight, bias, stride, padding, output_padding, groups, dilation)


@operator("convolution")
def aten_convolution(
    sheet: Sheet, x: Operand, weight: Operand, bias: Operand | None, stride: Any, padding: Any,
    dilation: Any, transposed_: bool, output_padding: Any, groups: int,
) -> Operand:  # fmt: skip
    """Return a convolution or a transposed one."""
    if transposed_:
        return transposed(sheet, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return convolution(sheet, x, weight, bias, stride, padding, dilation, groups)


# Pools


def pooled_length(size: int, tap: int, step: int, border: int, gap: int, *, up: bool) -> int:
    """Return how many windows torch takes from an axis."""
    rest = size + 2 * border - gap * (tap - 1) - 1
    length = (ceil(rest / step) if up else rest // step) + 1
    if up and (length - 1) * step >= size + border:
        length -= 1
    return length


def max_pool(
    sheet: Sheet, x: Operand, space: int, kernel: Any, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil_mode: bool = False,
) -> list[Operand]:  # fmt: skip
    """Return the maximum of each window, and its place among all elements of the plane."""
    taps, borders, gaps = each(kernel, space), each(padding, space), each(dilation, space)
    steps = each(stride, space) if stride not in (None, [], ()) else taps
    lead, inner = x.letters[:-space], x.letters[-space:]
    sizes = x.shape[-space:]
    shape = [
        pooled_length(sizes[k], taps[k], steps[k], borders[k], gaps[k], up=ceil_mode)
        for k in range(space)
    ]
    outs = [sheet.fixed(n) for n in shape]
    names = [sheet.fixed(n) for n in taps]
    places = [_affine(steps[k], outs[k], gaps[k], names[k], borders[k]) for k in range(space)]
    read = f"read({x.at([*lead, *places])}, outside=-inf)"
    bound = ", ".join(names)
    full = [*x.shape[:-space], *shape]
    best = sheet.define([*lead, *outs], full, f"argmax[{bound}]({read})", kind="int", wish="I")
    value = f'max[{bound}]({read}, ties="first")'
    values = sheet.define([*lead, *outs], full, value)
    # The place in the window, counted through its axes, as a place in the plane.
    where, terms = best.here, []
    for k in range(space):
        rest, behind = prod(taps[k + 1 :]), prod(sizes[k + 1 :])
        tap = f"({where} // {rest}) % {taps[k]}"
        terms.append(f"{behind} * ({steps[k]} * {outs[k]} + {gaps[k]} * ({tap}) - {borders[k]})")
    spots = sheet.define([*lead, *outs], full, " + ".join(terms), kind="int")
    del inner
    return [values, spots]


def _max_pool(space: int) -> None:
    name = f"max_pool{space}d"

    def row(
        sheet: Sheet, x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0,
        dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        found = max_pool(sheet, x, space, kernel_size, stride, padding, dilation, ceil_mode)
        return found if return_indices else found[0]

    def both(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> Any:
        named.pop("return_indices", None)
        return max_pool(sheet, x, space, *args, **named)

    operator(f"nn.functional.{name}", name)(row)
    operator(f"{name}_with_indices", f"nn.functional.{name}_with_indices")(both)


for _space in (1, 2, 3):
    _max_pool(_space)


def avg_pool(
    sheet: Sheet, x: Operand, space: int, kernel: Any, stride: Any = None, padding: Any = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor: int | None = None,
) -> Operand:  # fmt: skip
    """Return the mean of each window."""
    taps, borders = each(kernel, space), each(padding, space)
    steps = each(stride, space) if stride not in (None, [], ()) else taps
    lead, sizes = x.letters[:-space], x.shape[-space:]
    shape = [
        pooled_length(sizes[k], taps[k], steps[k], borders[k], 1, up=ceil_mode)
        for k in range(space)
    ]
    outs = [sheet.fixed(n) for n in shape]
    names = [sheet.fixed(n) for n in taps]
    places = [_affine(steps[k], outs[k], 1, names[k], borders[k]) for k in range(space)]
    read = f"read({x.at([*lead, *places])}, outside=0)"
    counts = []
    for k in range(space):
        first = f"({steps[k]} * {outs[k]} - {borders[k]})"
        low = first if count_include_pad else f"maximum({first}, 0)"
        last = sizes[k] + (borders[k] if count_include_pad else 0)
        counts.append(f"(minimum({first} + {taps[k]}, {last}) - {low})")
    whole = not ceil_mode and (count_include_pad or not any(borders))
    count = str(prod(taps)) if whole else " * ".join(counts)
    value = f"sum[{', '.join(names)}]({read}) / ({divisor or count})"
    return sheet.define([*lead, *outs], [*x.shape[:-space], *shape], value)


def _avg_pool(space: int) -> None:
    def row(
        sheet: Sheet, x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0,
        ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Operand:  # fmt: skip
        return avg_pool(
            sheet, x, space, kernel_size, stride, padding, ceil_mode, count_include_pad,
            divisor_override,
        )  # fmt: skip

    operator(f"nn.functional.avg_pool{space}d", f"avg_pool{space}d")(row)


for _space in (1, 2, 3):
    _avg_pool(_space)


def adaptive_pool(
    sheet: Sheet, x: Operand, space: int, wanted: Any, reduction: str
) -> list[Operand]:
    """Return the mean or maximum of windows that cover an axis in a given number."""
    given = wanted if isinstance(wanted, (list, tuple)) else [wanted] * space
    sizes = x.shape[-space:]
    shape = [n if g is None else g for n, g in zip(sizes, given, strict=True)]
    lead, inner = x.letters[:-space], x.letters[-space:]
    outs = [sheet.fixed(n) for n in shape]
    tests, counts = [], []
    for axis, out, n, m in zip(inner, outs, sizes, shape, strict=True):
        first, end = f"({out} * {n} // {m})", f"(({out} * {n} + {n + m - 1}) // {m})"
        tests.append(f"{axis} >= {first} and {axis} < {end}")
        counts.append(f"({end} - {first})")
    bound, test = ", ".join(inner), " and ".join(tests)
    full = [*x.shape[:-space], *shape]
    if reduction == "mean":
        value = f"sum[{bound}](where({test}, {x.here}, 0)) / ({' * '.join(counts)})"
        return [sheet.define([*lead, *outs], full, value)]
    read = f"where({test}, {x.here}, -inf)"
    values = sheet.define([*lead, *outs], full, f'max[{bound}]({read}, ties="first")')
    places = sheet.define([*lead, *outs], full, f"argmax[{bound}]({read})", kind="int")
    return [values, places]


def _adaptive(space: int) -> None:
    def mean(sheet: Sheet, x: Operand, output_size: Any) -> Operand:
        return adaptive_pool(sheet, x, space, output_size, "mean")[0]

    def most(sheet: Sheet, x: Operand, output_size: Any, return_indices: bool = False) -> Any:
        found = adaptive_pool(sheet, x, space, output_size, "max")
        return found if return_indices else found[0]

    def both(sheet: Sheet, x: Operand, output_size: Any, return_indices: bool = True) -> Any:
        return adaptive_pool(sheet, x, space, output_size, "max")

    name = f"pool{space}d"
    operator(f"nn.functional.adaptive_avg_{name}", f"adaptive_avg_{name}", f"_adaptive_avg_{name}")(
        mean
    )
    operator(f"nn.functional.adaptive_max_{name}")(most)
    operator(f"adaptive_max_{name}", f"nn.functional.adaptive_max_{name}_with_indices")(both)


for _space in (1, 2, 3):
    _adaptive(_space)


def _power_pool(space: int) -> None:
    def row(
        sheet: Sheet, x: Operand, norm_type: float, kernel_size: Any, stride: Any = None,
        ceil_mode: bool = False,
    ) -> Operand:  # fmt: skip
        power = mapped(sheet, f"{{0}}**({number(norm_type)})", x)
        mean = avg_pool(sheet, power, space, kernel_size, stride, 0, ceil_mode)
        count = prod(each(kernel_size, space))
        return mapped(sheet, f"({{0}} * {count})**({number(1 / norm_type)})", mean)

    operator(f"nn.functional.lp_pool{space}d")(row)


for _space in (1, 2, 3):
    _power_pool(_space)


@operator("nn.functional.unfold", "im2col")
def unfold(
    sheet: Sheet, x: Operand, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Operand:
    """Return the windows of an image as columns."""
    if x.rank == 3:
        one = reshaped(sheet, x, [1, *x.shape])
        y = unfold(sheet, one, kernel_size, dilation, padding, stride)
        return reshaped(sheet, y, y.shape[1:])
    taps, gaps = each(kernel_size, 2), each(dilation, 2)
    borders, steps = each(padding, 2), each(stride, 2)
    n, c = x.letters[:2]
    shape = [
        (x.shape[2 + k] + 2 * borders[k] - gaps[k] * (taps[k] - 1) - 1) // steps[k] + 1
        for k in range(2)
    ]
    outs, names = [sheet.fixed(m) for m in shape], [sheet.fixed(m) for m in taps]
    places = [_affine(steps[k], outs[k], gaps[k], names[k], borders[k]) for k in range(2)]
    read = f"read({x.at([n, c, *places])}, outside=0)"
    letters = [n, f"({c}, {names[0]}, {names[1]})", f"({outs[0]}, {outs[1]})"]
    return sheet.define(letters, [x.shape[0], x.shape[1] * prod(taps), prod(shape)], read)
