"""Rows of the operator table: functions of two or more elements that broadcast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import OPERATORS, mapped, need, operator

if TYPE_CHECKING:
    from symgrad.interop.sheet import Sheet

_TRUNC = "sign({q}) * floor(abs({q}))"

#: Names and definition; `{0}` and `{1}` are the elements.
_BINARY = {
    "atan2": "where({1} > 0, atan({0} / {1}), where({0} > 0, pi / 2 - atan({1} / {0}), "
    "where({0} < 0, -pi / 2 - atan({1} / {0}), where({1} < 0, pi, 0 * {0}))))",
    "copysign": "where({1} >= 0, abs({0}), -abs({0}))",
    "fmax": "maximum({0}, {1})",
    "fmin": "minimum({0}, {1})",
    "fmod": "{0} - {1} * stop(sign({0} / {1}) * floor(abs({0} / {1})))",
    "hypot": "sqrt({0}**2 + {1}**2)",
    "ldexp": "{0} * exp({1} * log(2))",
    "logaddexp": "where({0} == {1}, ({0} + {1}) / 2 + log(2), where({0} > {1}, "
    "{0} + softplus({1} - {0}), {1} + softplus({0} - {1})))",
    "logaddexp2": "where({0} > {1}, {0} + softplus(({1} - {0}) * log(2)) / log(2), "
    "{1} + softplus(({0} - {1}) * log(2)) / log(2))",
    "maximum": "maximum({0}, {1})",
    "minimum": "minimum({0}, {1})",
    "mul": "{0} * {1}",
    "remainder": "{0} - {1} * stop(floor({0} / {1}))",
    "special.xlog1py": "where({0} == 0, 0, {0} * log1p({1}))",
    "xlogy": "where({0} == 0, 0, {0} * log({1}))",
    "floor_divide": "floor({0} / {1})",
    "__radd__": "{1} + {0}",
    "__rdiv__": "{1} / {0}",
    "__rmul__": "{1} * {0}",
    "__rsub__": "{1} - {0}",
    "__rmod__": "{1} - {0} * stop(floor({1} / {0}))",
}

_ALSO = {
    "__rtruediv__": "__rdiv__",
    "multiply": "mul",
    "special.xlogy": "xlogy",
    "arctan2": "atan2",
    "__mul__": "mul",
}


def _binary(template: str) -> object:
    def row(sheet: Sheet, x: object, z: object) -> Operand:
        return mapped(sheet, template, x, z)

    return row


for _name, _template in _BINARY.items():
    operator(_name)(_binary(_template))  # type: ignore[arg-type]
for _name, _same in _ALSO.items():
    OPERATORS[_name] = OPERATORS[_same]


def _scaled(alpha: object) -> str:
    return "" if alpha == 1 else f"{number(alpha)} * "


@operator("add", "__add__")
def add(sheet: Sheet, x: object, z: object, alpha: object = 1) -> Operand:
    """Return x + alpha z."""
    return mapped(sheet, f"{{0}} + {_scaled(alpha)}{{1}}", x, z)


@operator("sub", "subtract", "__sub__")
def sub(sheet: Sheet, x: object, z: object, alpha: object = 1) -> Operand:
    """Return x - alpha z."""
    return mapped(sheet, f"{{0}} - {_scaled(alpha)}{{1}}", x, z)


@operator("rsub")
def rsub(sheet: Sheet, x: object, z: object, alpha: object = 1) -> Operand:
    """Return z - alpha x."""
    return sub(sheet, z, x, alpha)


@operator("div", "divide", "true_divide", "__truediv__")
def div(sheet: Sheet, x: object, z: object, *, rounding_mode: str | None = None) -> Operand:
    """Return x / z, rounded if asked."""
    q = "({0} / {1})"
    modes = {None: "{0} / {1}", "floor": f"floor{q}", "trunc": _TRUNC.format(q=q)}
    return mapped(sheet, modes[rounding_mode], x, z)


@operator("pow", "float_power", "__pow__")
def pow_(sheet: Sheet, x: object, z: object) -> Operand:
    """Return x to the power z; a literal one if it is a number."""
    if not isinstance(z, Operand):
        exponent = number(z)
        small = float(z) % 1 == 0 and abs(float(z)) <= 64  # type: ignore[arg-type]
        if float(z) == 0:  # type: ignore[arg-type]
            return mapped(sheet, "1 + 0 * {0}", x)
        return mapped(sheet, f"{{0}}**({int(float(z)) if small else exponent})", x)  # type: ignore[arg-type]
    # On a negative base an integer exponent gives a value, and the derivative by it is nan.
    return mapped(sheet, "pow({0}, {1})", x, z)


@operator("__rpow__")
def rpow(sheet: Sheet, x: object, z: object) -> Operand:
    """Return z to the power x."""
    return pow_(sheet, z, x)


@operator("addcmul")
def addcmul(sheet: Sheet, x: object, y: object, z: object, *, value: object = 1) -> Operand:
    """Return x + value y z."""
    return mapped(sheet, f"{{0}} + {_scaled(value)}{{1}} * {{2}}", x, y, z)


@operator("addcdiv")
def addcdiv(sheet: Sheet, x: object, y: object, z: object, *, value: object = 1) -> Operand:
    """Return x + value y / z."""
    return mapped(sheet, f"{{0}} + {_scaled(value)}{{1}} / {{2}}", x, y, z)


@operator("lerp")
def lerp(sheet: Sheet, x: object, y: object, weight: object) -> Operand:
    """Return the point between x and y."""
    return mapped(sheet, "{0} + {2} * ({1} - {0})", x, y, weight)


@operator("clamp", "clip")
def clamp(sheet: Sheet, x: Operand, min: object = None, max: object = None) -> Operand:
    """Return x held between bounds; at a bound the gradient is that of x, as in torch."""
    if min is not None and max is not None:
        held = "where({0} > {2}, {2}, where({0} < {1}, {1}, {0}))"
        both = f"where({{1}} > {{2}}, {{2}}, {held})"
        return mapped(sheet, both, x, min, max)
    if min is not None:
        return mapped(sheet, "where({0} < {1}, {1}, {0})", x, min)
    need(max is not None, "a clamp without a bound")
    return mapped(sheet, "where({0} > {1}, {1}, {0})", x, max)


@operator("clamp_min")
def clamp_min(sheet: Sheet, x: Operand, min: object) -> Operand:
    """Return x, or the bound where x is below."""
    return clamp(sheet, x, min)


@operator("clamp_max")
def clamp_max(sheet: Sheet, x: Operand, max: object) -> Operand:
    """Return x, or the bound where x is above."""
    return clamp(sheet, x, None, max)


@operator("where")
def where(sheet: Sheet, condition: Operand, x: object, z: object) -> Operand:
    """Return x where a condition holds, else z."""
    return mapped(sheet, "where({0}, {1}, {2})", condition, x, z)


@operator("masked_fill")
def masked_fill(sheet: Sheet, x: Operand, mask: Operand, value: object) -> Operand:
    """Return x, or a number where a mask is set."""
    return mapped(sheet, "where({0}, {1}, {2})", mask, value, x)


@operator("logical_not")
def logical_not(sheet: Sheet, x: Operand) -> Operand:
    """Return whether an element is 0."""
    if x.kind == "bool":
        return mapped(sheet, "not {0}", x, kind="bool")
    return mapped(sheet, "{0} == 0", x, kind="bool")
