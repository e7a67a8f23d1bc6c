"""Rows of the operator table: functions of one element.

Each is its definition over the functions of the language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symgrad.interop.sheet import number
from symgrad.interop.table import OPERATORS, broadcast, mapped, need, operator

if TYPE_CHECKING:
    from symgrad.interop.sheet import Operand, Sheet

_TRUNC = "sign({0}) * floor(abs({0}))"
_ROUND = "where({0} - floor({0}) == 1/2, 2 * floor(({0} + 1/2) / 2), floor({0} + 1/2))"

#: Names and definition; `{0}` is the element.
_UNARY = {
    "abs": "abs({0})",
    "acos": "2 * atan(sqrt((1 - {0}) / (1 + {0})))",
    "acosh": "log({0} + sqrt({0}**2 - 1))",
    "angle": "where({0} < 0, pi, 0 * {0})",
    "asin": "2 * atan({0} / (1 + sqrt(1 - {0}**2)))",
    "asinh": "log({0} + sqrt({0}**2 + 1))",
    "atan": "atan({0})",
    "atanh": "log((1 + {0}) / (1 - {0})) / 2",
    "ceil": "-floor(-{0})",
    "cos": "cos({0})",
    "cosh": "cosh({0})",
    "deg2rad": "{0} * pi / 180",
    "erf": "erf({0})",
    "erfc": "1 - erf({0})",
    "exp": "exp({0})",
    "exp2": "exp({0} * log(2))",
    "expm1": "expm1({0})",
    "floor": "floor({0})",
    "frac": f"{{0}} - {_TRUNC}",
    "log": "log({0})",
    "log10": "log({0}) / log(10)",
    "log1p": "log1p({0})",
    "log2": "log({0}) / log(2)",
    "neg": "-{0}",
    "nn.functional.hardsigmoid": "where({0} <= -3, 0, where({0} >= 3, 1, {0} / 6 + 1/2))",
    "nn.functional.hardswish": "where({0} <= -3, 0, where({0} >= 3, {0}, {0} * ({0} + 3) / 6))",
    "nn.functional.logsigmoid": "-softplus(-{0})",
    "nn.functional.mish": "{0} * tanh(softplus({0}))",
    "nn.functional.relu": "relu({0})",
    "nn.functional.relu6": "where({0} <= 0, 0, where({0} >= 6, 6, {0}))",
    "nn.functional.selu": "1.0507009873554804934193349852946 * where({0} > 0, {0}, "
    "1.6732632423543772848170429916717 * expm1({0}))",
    "nn.functional.silu": "{0} * sigmoid({0})",
    "nn.functional.softsign": "{0} / (1 + abs({0}))",
    "nn.functional.tanhshrink": "{0} - tanh({0})",
    "positive": "{0}",
    "rad2deg": "{0} * 180 / pi",
    "reciprocal": "1 / {0}",
    "rsqrt": "1 / sqrt({0})",
    "sigmoid": "sigmoid({0})",
    "sign": "sign({0})",
    "sin": "sin({0})",
    "sinc": "where({0} == 0, 1, sin(pi * {0}) / (pi * {0}))",
    "sinh": "sinh({0})",
    "special.entr": "where({0} < 0, -inf, where({0} == 0, 0, -{0} * log({0})))",
    "special.ndtr": "(1 + erf({0} / sqrt(2))) / 2",
    "sqrt": "sqrt({0})",
    "square": "{0}**2",
    "tan": "tan({0})",
    "tanh": "tanh({0})",
    "trunc": _TRUNC,
}

_ALSO = {
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctanh": "atanh",
    "absolute": "abs",
    "negative": "neg",
    "sgn": "sign",
    "fix": "trunc",
    "special.exp2": "exp2",
    "special.expit": "sigmoid",
    "special.erf": "erf",
    "special.erfc": "erfc",
    "special.expm1": "expm1",
    "special.log1p": "log1p",
    "special.sinc": "sinc",
    "relu": "nn.functional.relu",
    "relu6": "nn.functional.relu6",
    "selu": "nn.functional.selu",
    "silu": "nn.functional.silu",
    "mish": "nn.functional.mish",
    "hardswish": "nn.functional.hardswish",
    "hardsigmoid": "nn.functional.hardsigmoid",
    "nn.functional.sigmoid": "sigmoid",
    "nn.functional.tanh": "tanh",
    "nn.functional.relu_": "nn.functional.relu",
}


def _unary(template: str) -> object:
    def row(sheet: Sheet, x: Operand, **ignored: object) -> Operand:
        ignored.pop("inplace", None)
        need(not ignored, f"the arguments {', '.join(ignored)}")
        return mapped(sheet, template, x)

    return row


for _name, _template in _UNARY.items():
    operator(_name)(_unary(_template))  # type: ignore[arg-type]
for _name, _same in _ALSO.items():
    OPERATORS[_name] = OPERATORS[_same]


@operator("round")
def round_(sheet: Sheet, x: Operand, *, decimals: int = 0) -> Operand:
    """Round to the nearest, ties to even."""
    if decimals == 0:
        return mapped(sheet, _ROUND, x)
    scale = 10 ** abs(decimals)
    spread, back = ("*", "/") if decimals > 0 else ("/", "*")
    scaled = mapped(sheet, f"{{0}} {spread} {scale}", x)
    return mapped(sheet, f"({_ROUND}) {back} {scale}", scaled)


@operator("logit", "special.logit")
def logit(sheet: Sheet, x: Operand, eps: float | None = None) -> Operand:
    """Return the logarithm of the odds."""
    if eps is None:
        return mapped(sheet, "log({0} / (1 - {0}))", x)
    low, high = number(eps), number(1 - eps)
    inside = mapped(sheet, f"where({{0}} < {low}, {low}, where({{0}} > {high}, {high}, {{0}}))", x)
    return mapped(sheet, "log({0} / (1 - {0}))", inside)


@operator("nan_to_num")
def nan_to_num(
    sheet: Sheet,
    x: Operand,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Operand:
    """Replace what is no finite number."""
    most = float(np.finfo(np.float64).max)
    ends = [most if posinf is None else posinf, -most if neginf is None else neginf]
    top, low = (sheet.input(np.array(float(e)), "C") for e in ends)
    finite = "where({0} == inf, {1}, where({0} == -inf, {2}, {0}))"
    return mapped(sheet, f"where({{0}} <= 0 or {{0}} > 0, {finite}, {{3}})", x, top, low, nan or 0)


@operator("nn.functional.leaky_relu", "leaky_relu")
def leaky_relu(
    sheet: Sheet, x: Operand, negative_slope: float = 0.01, inplace: bool = False
) -> Operand:
    """Return x, or a small part of it below 0."""
    return mapped(sheet, "where({0} > 0, {0}, {1} * {0})", x, negative_slope)


@operator("nn.functional.elu")
def elu(sheet: Sheet, x: Operand, alpha: float = 1.0, inplace: bool = False) -> Operand:
    """Return x, or alpha (exp(x) - 1) below 0."""
    return mapped(sheet, "where({0} > 0, {0}, {1} * expm1({0}))", x, alpha)


@operator("elu")
def aten_elu(
    sheet: Sheet, x: Operand, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0
) -> Operand:
    """Return the scaled form that elu, selu and celu share."""
    return mapped(
        sheet, "{2} * where({0} > 0, {0}, {1} * expm1({0} * {3}))", x, alpha, scale, input_scale
    )


@operator("nn.functional.celu")
def celu(sheet: Sheet, x: Operand, alpha: float = 1.0, inplace: bool = False) -> Operand:
    """Return x, or alpha (exp(x / alpha) - 1) below 0."""
    return mapped(sheet, "where({0} > 0, {0}, {1} * expm1({0} / {1}))", x, alpha)


@operator("nn.functional.softplus", "softplus")
def softplus(sheet: Sheet, x: Operand, beta: float = 1, threshold: float = 20) -> Operand:
    """Return log(1 + exp(beta x)) / beta; torch returns x above the threshold."""
    soft = "softplus({1} * {0}) / {1}"
    return mapped(sheet, f"where({{1}} * {{0}} > {{2}}, {{0}}, {soft})", x, beta, threshold)


@operator("nn.functional.gelu", "gelu")
def gelu(sheet: Sheet, x: Operand, approximate: str = "none") -> Operand:
    """Return x times the normal distribution function, or torch's approximation of it."""
    if approximate == "tanh":
        inner = "sqrt(2 / pi) * ({0} + 0.044715 * {0}**3)"
        return mapped(sheet, f"{{0}} * (1 + tanh({inner})) / 2", x)
    return mapped(sheet, "{0} * (1 + erf({0} / sqrt(2))) / 2", x)


@operator("nn.functional.threshold", "threshold")
def threshold(
    sheet: Sheet, x: Operand, threshold: float, value: float, inplace: bool = False
) -> Operand:
    """Return x above the threshold, else a number."""
    return mapped(sheet, "where({0} > {1}, {0}, {2})", x, threshold, value)


@operator("nn.functional.hardtanh", "hardtanh")
def hardtanh(
    sheet: Sheet,
    x: Operand,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Operand:
    """Return x held between two numbers; the gradient at them is 0."""
    return mapped(sheet, "where({0} <= {1}, {1}, where({0} >= {2}, {2}, {0}))", x, min_val, max_val)


@operator("nn.functional.softshrink", "softshrink")
def softshrink(sheet: Sheet, x: Operand, lambd: float = 0.5) -> Operand:
    """Return x moved towards 0."""
    return mapped(
        sheet, "where({0} > {1}, {0} - {1}, where({0} < -{1}, {0} + {1}, 0 * {0}))", x, lambd
    )


@operator("nn.functional.hardshrink", "hardshrink")
def hardshrink(sheet: Sheet, x: Operand, lambd: float = 0.5) -> Operand:
    """Return x, or 0 where it is small."""
    return mapped(sheet, "where({0} >= -{1} and {0} <= {1}, 0, {0})", x, lambd)


@operator("nn.functional.prelu", "prelu", "_prelu_kernel")
def prelu(sheet: Sheet, x: Operand, weight: Operand) -> Operand:
    """Return x, or x times a weight of its channel below 0."""
    if weight.rank != 1:
        return mapped(sheet, "where({0} > 0, {0}, {1} * {0})", x, weight)
    if x.rank < 2:
        slope = weight.at([0])
    else:
        slope = weight.at([x.letters[1] if weight.shape[0] == x.shape[1] else 0])
    return sheet.define(x.letters, x.shape, f"where({x.here} > 0, {x.here}, {slope} * {x.here})")


def _compare(sign: str) -> object:
    def row(sheet: Sheet, x: object, z: object) -> Operand:
        letters, shape, (left, right) = broadcast(sheet, x, z)
        return sheet.define(letters, shape, f"{left} {sign} {right}", kind="bool")

    return row


for _name, _sign in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    operator(_name)(_compare(_sign))  # type: ignore[arg-type]
