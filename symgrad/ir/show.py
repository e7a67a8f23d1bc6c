"""Terms, equations and Systems as text of the equation language.

In: IR. Out: text that parses back to the same IR. Bound indices get letters that are visible
nowhere around them, so what is printed never captures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.composite import composite_parts
from symgrad.ir.packed import by_position, pin_first
from symgrad.ir.terms import (
    BATCH,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Named,
    Power,
    Reduce,
    Size,
    Where,
)  # fmt: skip

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System, Tensor

# Binding strengths of Python's grammar; a subterm weaker than its context gets parentheses.
_OR, _AND, _NOT, _COMPARE, _ADD, _MUL, _UNARY, _POWER, _ATOM = range(9)

_INTEGER_OPERATORS = {"floordiv": "//", "mod": "%"}

#: A rational with more decimals than this is shown as a fraction.
_DIGITS = 40

Letters = Mapping[Index, str]


def show(expr: Expr, scope: Iterable[Index] = ()) -> str:
    """Return a term as text.

    Args:
        expr: The term.
        scope: Indices visible around it, whose letters no binder may use; those free in it are too.
    """
    taken = {i.name for i in (*expr.free, *scope) if i.serial == 0}
    return _Printer(_opened_names(expr, taken), taken).text(expr, _OR)


def _opened_names(expr: Expr, taken: set[str]) -> dict[Index, str]:
    """Name the indices that a caller has opened, after those that are free."""
    names: dict[Index, str] = {}
    used = set(taken)
    for index in sorted((i for i in expr.free if i.serial < 0), key=lambda i: -i.serial):
        names[index] = unused(index.name, used)
        used.add(names[index])
    return names


def unused(letter: str, used: set[str]) -> str:
    """Return a letter, numbered if it is taken: i, i2, i3, ..."""
    name, count = letter, 1
    while name in used:
        count += 1
        name = f"{letter}{count}"
    return name


class _Printer:
    """Prints one term; knows the letters of the indices in scope."""

    def __init__(self, letters: Letters, scope: set[str]) -> None:
        self.letters = dict(letters)
        self.scope = scope

    def text(self, expr: Expr, context: int = _OR) -> str:
        strength, text = self._node(expr)
        return f"({text})" if strength < context else text

    def _node(self, expr: Expr) -> tuple[int, str]:  # noqa: C901 (one case per node type)
        match expr:
            case Const():
                return self._const(expr.value)
            case Named():
                return _ATOM, expr.name
            case Size():
                return _ATOM, f"size[{expr.axis}]"
            case Index():
                return _ATOM, self.letters.get(expr, expr.name)
            case Element():
                return _ATOM, self._element(expr)
            case Add():
                return _ADD, self._add(expr)
            case Mul():
                return self._mul(expr)
            case Power():
                return self._power(expr)
            case Call() if expr.function in _INTEGER_OPERATORS:
                left, right = expr.args
                symbol = _INTEGER_OPERATORS[expr.function]
                return _ADD, f"{self.text(left, _MUL)} {symbol} {self.text(right, _UNARY)}"
            case Call():
                return _ATOM, f"{expr.function}({', '.join(self.text(a) for a in expr.args)})"
            case Where():
                return _ATOM, f"where({', '.join(self.text(a) for a in expr.children)})"
            case Compare():
                return _COMPARE, self._compare(expr)
            case Logic():
                return self._logic(expr)
            case Reduce():
                return _ATOM, self._reduce(expr)
            case _:
                raise AssertionError(f"a node type without a text form: {type(expr).__name__}")

    @staticmethod
    def _const(value: Fraction) -> tuple[int, str]:
        decimal = _as_decimal(abs(value))
        if decimal is not None:
            return (_UNARY, f"-{decimal}") if value < 0 else (_ATOM, decimal)
        return _MUL, f"{_integer(value.numerator)}/{_integer(value.denominator)}"

    def _element(self, expr: Element) -> str:
        if not expr.indices:
            inner = expr.tensor
        else:
            inner = f"{expr.tensor}[{', '.join(self._position(i) for i in expr.indices)}]"
        return (
            inner if expr.outside is None else f"read({inner}, outside={self.text(expr.outside)})"
        )

    def _position(self, index: Expr) -> str:
        parts = composite_parts(index)
        if parts is None:
            return self.text(index)
        return f"({', '.join(self.text(i) for i in parts)})"

    def _add(self, expr: Add) -> str:
        parts: list[str] = []
        for term in by_position(expr.terms):
            sign, positive = _split_sign(term)
            text = self.text(positive, _ADD if sign > 0 and isinstance(term, Call) else _MUL)
            if not parts:
                parts.append(self.text(term, _ADD) if sign > 0 else f"-{text}")
            else:
                parts.append(f"{'+' if sign > 0 else '-'} {text}")
        return " ".join(parts)

    def _mul(self, expr: Mul) -> tuple[int, str]:
        sign, positive = _split_sign(expr)
        if sign < 0:
            return _MUL, f"-{self.text(positive, _MUL)}"
        top: list[str] = []
        bottom: list[str] = []
        for factor, is_mean in _split_means(pin_first(expr)):
            if (
                isinstance(factor, Const)
                and factor.value.denominator != 1
                and _as_decimal(factor.value) is None
            ):
                if factor.value.numerator != 1:
                    top.append(_integer(factor.value.numerator))
                bottom.append(_integer(factor.value.denominator))
            elif isinstance(factor, Power) and factor.exponent < 0:
                inverse = (
                    factor.base if factor.exponent == -1 else Power(factor.base, -factor.exponent)
                )
                bottom.append(self.text(inverse, _UNARY if len(expr.factors) < 2 else _POWER))
            elif is_mean and isinstance(factor, Reduce):
                top.append(self._reduce(factor, "mean"))
            else:
                top.append(self.text(factor, _UNARY))
        text = " * ".join(top) if top else "1"
        if not bottom:
            return _MUL, text
        below = bottom[0] if len(bottom) == 1 else f"({' * '.join(bottom)})"
        return _MUL, f"{text} / {below}"

    def _power(self, expr: Power) -> tuple[int, str]:
        exponent = expr.exponent
        if exponent == Fraction(1, 2):
            return _ATOM, f"sqrt({self.text(expr.base)})"
        if exponent < 0:
            inverse = expr.base if exponent == -1 else Power(expr.base, -exponent)
            return _MUL, f"1 / {self.text(inverse, _UNARY)}"
        literal = str(exponent) if exponent.denominator == 1 else f"({exponent})"
        return _POWER, f"{self.text(expr.base, _ATOM)}**{literal}"

    def _compare(self, expr: Compare) -> str:
        left, right = self.text(expr.left, _ADD), self.text(expr.right, _ADD)
        if isinstance(expr.left, Const) and expr.op in ("<", "<="):  # read from the variable's side
            return f"{right} {expr.op.replace('<', '>')} {left}"
        return f"{left} {expr.op} {right}"

    def _logic(self, expr: Logic) -> tuple[int, str]:
        if expr.op == "not":
            return _NOT, f"not {self.text(expr.args[0], _NOT)}"
        strength = _AND if expr.op == "and" else _OR
        return strength, f" {expr.op} ".join(self.text(a, strength + 1) for a in expr.args)

    def _reduce(self, expr: Reduce, spelled: str = "") -> str:
        outer = dict(self.letters)
        names: list[str] = []
        for index in expr.bound:
            name = index.name if index.axis == BATCH else unused(index.name, self.taken())
            self.letters[index] = name
            names.append(name)
        if expr.condition is not None:
            names.append(self.text(expr.condition))
        ties = ', ties="first"' if expr.ties == "first" else ""
        text = f"{spelled or expr.op}[{', '.join(names)}]({self.text(expr.body)}{ties})"
        self.letters = outer
        return text

    def taken(self) -> set[str]:
        """Return the letters visible here: no binder may use one again."""
        return {*self.scope, *self.letters.values()}


def _split_means(factors: tuple[Expr, ...]) -> list[tuple[Expr, bool]]:
    """Return the factors, each with whether it is a sum that reciprocal lengths make a mean.

    These lengths are left out.
    """
    rest = list(factors)
    means: set[int] = set()
    for at, factor in enumerate(factors):
        if isinstance(factor, Reduce) and factor.op == "sum" and factor.condition is None:
            lengths: list[Expr] = [Power(Size(i.axis), Fraction(-1)) for i in factor.bound]
            if all(rest.count(p) >= lengths.count(p) for p in lengths):
                means.add(at)
                for length in lengths:
                    rest.remove(length)
    shown: list[tuple[Expr, bool]] = []
    for at, factor in enumerate(factors):
        if factor in rest:
            rest.remove(factor)
            shown.append((factor, at in means))
    return shown


def _split_sign(expr: Expr) -> tuple[int, Expr]:
    """Return the sign of a term's rational coefficient and the term without it."""
    if isinstance(expr, Const):
        return (-1, Const(-expr.value)) if expr.value < 0 else (1, expr)
    if isinstance(expr, Mul) and isinstance(expr.factors[0], Const) and expr.factors[0].value < 0:
        positive = -expr.factors[0].value
        rest = expr.factors[1:]
        if positive == 1:
            return -1, rest[0] if len(rest) == 1 else Mul(rest)
        return -1, Mul((Const(positive), *rest))
    return 1, expr


def _integer(value: int) -> str:
    """Return a whole number; the text form has integers below 2**63, and decimals above."""
    return str(value) if abs(value) < 2**63 else f"{value}.0"


def _as_decimal(value: Fraction) -> str | None:
    """Return a short exact decimal of a rational, or None if there is none."""
    if value.denominator == 1:
        return _integer(value.numerator)
    digits = 0
    while digits < _DIGITS and (value * 10**digits).denominator != 1:
        digits += 1
    if digits == _DIGITS:
        return None
    number = (value * 10**digits).numerator
    whole, rest = divmod(number, 10**digits)
    if digits > 9 and not whole and number < 10**6:
        return f"{number}e-{digits}"
    return f"{whole}.{rest:0{digits}d}"


def show_equation(equation: Equation) -> str:
    """Return an equation as one statement: an assignment, or a comparison if it is implicit."""
    if equation.implicit:
        return show(equation.value)
    return f"{show(equation.element)} = {show(equation.value, equation.letters)}"


def show_shape(tensor: Tensor) -> str:
    """Return the shape of a tensor in letters, `[n, (g, c)]`; other lengths as they are."""
    parts: list[str] = []
    for length in tensor.shape:
        factors = length.factors if isinstance(length, Mul) else (length,)
        letters = [f.axis for f in factors if isinstance(f, Size)]
        if len(letters) < len(factors):
            parts.append(show(length))
        else:
            parts.append(letters[0] if len(letters) == 1 else f"({', '.join(letters)})")
    return f"[{', '.join(parts)}]" if parts else ""


def show_tensor(tensor: Tensor) -> str:
    """Return a declaration, `T: index(c)[n]`."""
    kind = f"index({tensor.limit})" if tensor.kind == "index" else tensor.kind
    text = f"{tensor.name}: {kind}{show_shape(tensor)}"
    if tensor.optional:
        text += " | None = None"
    elif tensor.default is not None:
        text += f" = {show(Const(tensor.default))}"
    return text


def show_system(system: System) -> str:
    """Return a System as text: declarations, fixed lengths, equations, outputs."""
    lines = [show_tensor(t) for t in system.inputs]
    lines += [f"size[{axis}] = {show(length)}" for axis, length in system.sizes]
    lines += [show_equation(e) for e in system.equations]
    lines.append("return " + ", ".join(system.outputs))
    return "\n".join(lines)
