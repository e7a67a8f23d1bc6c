"""Terms and equations as boxes, in index notation.

In: IR. Out: boxes. A sum binds as a textbook reads it: everything multiplied to its right belongs
to it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.formula.boxes import (
    Apply,
    Big,
    Box,
    Cases,
    Fenced,
    Leaf,
    Root,
    Row,
    Script,
    beside,
    negative,
    number,
    symbol,
)
from symgrad.formula.boxes import Fraction as Over
from symgrad.formula.names import function_box, name_box, upright
from symgrad.ir.build import split_coefficient
from symgrad.ir.composite import composite_parts
from symgrad.ir.packed import by_position, pin_first
from symgrad.ir.show import unused
from symgrad.ir.terms import (
    BATCH,
    ONE,
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
    from collections.abc import Iterable, Sequence

    from symgrad.ir.equation import Equation

# Binding strengths; a subterm weaker than its context gets parentheses.
_ADD, _SUM, _MUL, _ATOM = range(4)

_TURNED = {"<": ">", "<=": ">="}


def boxed(expr: Expr, scope: Iterable[Index] = ()) -> Box:
    """Return a term as boxes.

    Args:
        expr: The term.
        scope: Indices visible around it, whose letters no binder may use.
    """
    return _Layout({i.name for i in (*expr.free, *scope)}).box(expr)


def boxed_sides(equation: Equation) -> tuple[Box, Box]:
    """Return the left-hand and the right-hand side of an equation as boxes."""
    if equation.implicit and isinstance(equation.value, Compare):
        scope = equation.value.free
        return boxed(equation.value.left, scope), boxed(equation.value.right, scope)
    return boxed(equation.element), boxed(equation.value, equation.letters)


class _Layout:
    """Lays out one term; knows the letters that are taken."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = set(taken)
        self.letters: dict[Index, str] = {}

    def box(self, expr: Expr, context: int = _ADD) -> Box:
        strength, box = self._node(expr)
        return Fenced(box) if strength < context else box

    def _node(self, expr: Expr) -> tuple[int, Box]:  # noqa: C901 (one case per node type)
        match expr:
            case Const():
                return _number(expr.value)
            case Named():
                return _ATOM, symbol(expr.name)
            case Size():
                return _ATOM, Fenced(_letter(expr.axis), "size")
            case Index():
                return _ATOM, _letter(self.letters.get(expr, expr.name))
            case Element():
                return _ATOM, self._element(expr)
            case Add():
                return _ADD, self._add(expr)
            case Mul():
                return self._mul(expr)
            case Power():
                return self._power(expr)
            case Call():
                return self._call(expr)
            case Compare():
                return _ATOM, self._compare(expr)
            case Logic():
                return _ATOM, Fenced(self._relation(expr), "[")
            case Where():
                return _ATOM, self._where(expr)
            case Reduce():
                return _SUM, self._reduce(expr)
            case _:
                raise AssertionError(f"a node type without a layout: {type(expr).__name__}")

    def _element(self, expr: Element) -> Box:
        name = name_box(expr.tensor)
        if not expr.indices:
            return name
        indices = [self._position(i) for i in expr.indices]
        plain = all(isinstance(i, Leaf) and len(i.text.rstrip("'")) == 1 for i in indices)
        below = beside(indices, "indices" if plain else "letters")
        if isinstance(name, Script) and name.below is None:
            return Script(name.base, below, name.above)
        return Script(name, below)

    def _position(self, index: Expr) -> Box:
        """Return an index; letters that count through one axis together stand in brackets."""
        parts = composite_parts(index)
        if parts is None:
            return self.box(index)
        return Fenced(Row(tuple(self.box(p) for p in parts), "letters"))

    def _add(self, expr: Add) -> Box:
        first, *rest = by_position(expr.terms)
        parts = [self.box(first, _SUM if isinstance(first, Add) else _ADD)]
        for term in rest:
            coefficient, _ = split_coefficient(term)
            sign, positive = ("-", negated(term)) if coefficient < 0 else ("+", term)
            parts += [symbol(sign), self.box(positive, _SUM)]
        return Row(tuple(parts), "space")

    def _mul(self, expr: Mul) -> tuple[int, Box]:
        coefficient, _ = split_coefficient(expr)
        if coefficient < 0:
            return _ADD, negative(self.box(negated(expr), _SUM))
        top, bottom = split_fraction(pin_first(expr))
        if not bottom:
            return _product_strength(top), self._product(top)
        # Sums stand to the right of the fraction, as in the mean 1/|d| sum_d X_d.
        outer: list[Expr] = [f for f in top if isinstance(f, Reduce)]
        inner = [f for f in top if not isinstance(f, Reduce)]
        box: Box = Over(self._product(inner) if inner else number(1), self._product(bottom))
        if outer:
            box = Row((box, self._product(outer)), "product")
        return _product_strength(outer), box

    def _product(self, factors: Sequence[Expr]) -> Box:
        """Return factors side by side, reductions last: what follows a sum would belong to it."""
        ordered = sorted(factors, key=lambda f: isinstance(f, Reduce))
        if len(ordered) <= 1:
            return self.box(ordered[0]) if ordered else number(1)
        boxes = [self.box(f, _MUL) for f in ordered[:-1]]
        return Row((*boxes, self.box(ordered[-1], _SUM)), "product")

    def _power(self, expr: Power) -> tuple[int, Box]:
        if expr.exponent < 0:
            return _MUL, Over(number(1), self.box(inverse(expr)))
        if expr.exponent == Fraction(1, 2):
            return _ATOM, Root(self.box(expr.base))
        base = self.box(expr.base, _ATOM)
        named = isinstance(base, Script) and base.above is not None
        if named or isinstance(expr.base, (Call, Power, Where)):
            base = Fenced(base)
        return _ATOM, raised(base, number(str(expr.exponent)))

    def _call(self, expr: Call) -> tuple[int, Box]:
        args = [self.box(a) for a in expr.args]
        match expr.function:
            case "abs":
                return _ATOM, Fenced(args[0], "|")
            case "floor":
                return _ATOM, Fenced(args[0], "floor")
            case "floordiv":
                return _ATOM, Fenced(Over(args[0], args[1]), "floor")
            case "mod":
                parts = [self.box(a, _ATOM) for a in expr.args]
                return _MUL, Row((parts[0], symbol("mod"), parts[1]), "space")
            case "pow":
                base = self.box(expr.args[0], _ATOM)
                if isinstance(base, Script) and base.above is not None:
                    base = Fenced(base)
                return _ATOM, raised(base, args[1])
            case name:
                return _ATOM, Apply(function_box(name), Fenced(beside(args, "arguments")))

    def _relation(self, expr: Expr) -> Box:
        """Return a truth value without the bracket that makes it a number."""
        if isinstance(expr, Compare):
            return turned(expr, self.box(expr.left), self.box(expr.right))
        if isinstance(expr, Logic):
            if expr.op == "not":
                return Apply(symbol("not"), Fenced(self._relation(expr.args[0])))
            parts: list[Box] = [self._relation(expr.args[0])]
            for arg in expr.args[1:]:
                parts += [symbol(expr.op), self._relation(arg)]
            return Row(tuple(parts), "space")
        return self.box(expr)

    def _compare(self, expr: Compare) -> Box:
        if expr.op == "==" and isinstance(expr.left, Index) and isinstance(expr.right, Index):
            pair = (self.box(expr.left), self.box(expr.right))
            plain = all(isinstance(i, Leaf) and len(i.text.rstrip("'")) == 1 for i in pair)
            return Script(symbol("delta"), Row(pair, "indices" if plain else "letters"))
        return Fenced(self._relation(expr), "[")

    def _where(self, expr: Where) -> Box:
        return Cases(self.box(expr.then), self._relation(expr.condition), self.box(expr.otherwise))

    def _reduce(self, expr: Reduce) -> Box:
        letters, taken = dict(self.letters), set(self.taken)
        names: list[Box] = []
        for index in expr.bound:
            name = index.name if index.axis == BATCH else unused(index.name, self.taken)
            self.letters[index] = name
            self.taken.add(name)
            names.append(_letter(name))
        below = beside(names, "letters")
        if expr.condition is not None:
            below = Row((below, symbol(":"), self._relation(expr.condition)), "space")
        if expr.op in ("sum", "prod"):
            box = Big(symbol(expr.op), below, self.box(expr.body, _SUM))
        else:
            named = expr.op in ("max", "min", "any", "all")
            operator = symbol(expr.op) if named else upright(expr.op)
            box = Big(operator, below, Fenced(self.box(expr.body)))
        self.letters, self.taken = letters, taken
        return box


def turned(expr: Compare, left: Box, right: Box) -> Row:
    """Return a comparison, read from the variable's side."""
    if isinstance(expr.left, Const) and expr.op in _TURNED:
        return Row((right, symbol(_TURNED[expr.op]), left), "space")
    return Row((left, symbol(expr.op), right), "space")


def raised(base: Box, exponent: Box) -> Box:
    """Return a power; an index below and the exponent above share one base."""
    if isinstance(base, Script) and base.above is None:
        return Script(base.base, base.below, exponent)
    return Script(base, above=exponent)


def _letter(name: str) -> Leaf:
    if name == BATCH:
        return symbol("...")
    if name[1:].isdigit():  # a binder beside another: i, i2, i3 are written i, i', i''
        return Leaf(name[0] + "'" * (int(name[1:]) - 1), "letter")
    return Leaf(name, "letter") if len(name) == 1 else upright(name)


def _number(value: Fraction) -> tuple[int, Box]:
    if value < 0:
        return _ADD, negative(_number(-value)[1])
    if value.denominator == 1:
        return _ATOM, number(value.numerator)
    if value.denominator <= 1000:
        return _MUL, Over(number(value.numerator), number(value.denominator))
    mantissa, _, exponent = f"{float(value):.15g}".partition("e")
    if not exponent:
        return _ATOM, number(mantissa)
    power = Script(number(10), above=number(int(exponent)))
    if mantissa == "1":
        return _ATOM, power
    return _MUL, Row((number(mantissa), symbol("times"), power), "space")


def negated(expr: Expr) -> Expr:
    """Return minus a term with a rational coefficient, in the same order of factors."""
    if isinstance(expr, Const):
        return Const(-expr.value)
    coefficient, rest = split_coefficient(expr)
    if coefficient == -1:
        return rest
    tail = rest.factors if isinstance(rest, Mul) else (rest,)
    return Mul((Const(-coefficient), *tail))


def inverse(expr: Power) -> Expr:
    """Return one over a power."""
    return expr.base if expr.exponent == -1 else Power(expr.base, -expr.exponent)


def split_fraction(factors: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
    """Return what stands above and what stands below the bar."""
    top: list[Expr] = []
    bottom: list[Expr] = []
    for factor in factors:
        if isinstance(factor, Power) and factor.exponent < 0:
            bottom.append(inverse(factor))
        elif isinstance(factor, Const) and 1 < factor.value.denominator <= 1000:
            bottom.append(Const(Fraction(factor.value.denominator)))
            top.append(Const(Fraction(factor.value.numerator)))
        else:
            top.append(factor)
    return [f for f in top if f is not ONE], bottom


def _product_strength(factors: Sequence[Expr]) -> int:
    return _SUM if any(isinstance(f, Reduce) for f in factors) else _MUL
