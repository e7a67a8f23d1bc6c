"""Terms, equations and Systems as LaTeX, in index notation.

In: IR. Out: LaTeX that amsmath typesets (and matplotlib, where no cases occur). A sum binds as a
textbook reads it: everything multiplied to its right belongs to it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.formula.names import latex_function, latex_name, upright
from symgrad.ir.build import split_coefficient
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
    from collections.abc import Iterable

    from symgrad.ir.equation import Equation, System

# Binding strengths; a subterm weaker than its context gets parentheses.
_ADD, _SUM, _MUL, _ATOM = range(4)

_REDUCTIONS = {
    "sum": r"\sum",
    "prod": r"\prod",
    "max": r"\max",
    "min": r"\min",
    "logsumexp": r"\mathrm{logsumexp}",
    "argmax": r"\mathrm{argmax}",
    "argmin": r"\mathrm{argmin}",
    "any": r"\bigvee",
    "all": r"\bigwedge",
}
_RELATIONS = {"<": "<", "<=": r"\leq", "==": "=", "!=": r"\neq"}
_TURNED = {"<": ">", "<=": r"\geq"}
_NAMED = {"pi": r"\pi", "inf": r"\infty"}


def latex(expr: Expr, scope: Iterable[Index] = ()) -> str:
    """Return a term in LaTeX.

    Args:
        expr: The term.
        scope: Indices visible around it, whose letters no binder may use.
    """
    return _Printer({i.name for i in (*expr.free, *scope)}).text(expr)


def latex_equation(equation: Equation, *, relation: str = "=") -> str:
    r"""Return an equation in LaTeX.

    >>> from symgrad.ir.text import parse
    >>> print(latex_equation(parse("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]").equation("Y")))
    Y_{no} = \sum_{i} X_{ni} W_{oi} + b_{o}
    """
    right = latex(equation.value, equation.letters)
    return f"{latex(equation.element)} {relation} {right}"


def latex_system(system: System) -> str:
    """Return the equations of a System as an `aligned` block."""
    return latex_equations(system.equations)


def latex_equations(equations: Iterable[Equation]) -> str:
    """Return equations as an `aligned` block."""
    rows = [latex_equation(e, relation="&=") for e in equations]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


class _Printer:
    """Prints one term; knows the letters that are taken."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = set(taken)
        self.letters: dict[Index, str] = {}

    def text(self, expr: Expr, context: int = _ADD) -> str:
        strength, text = self._node(expr)
        return f"\\left({text}\\right)" if strength < context else text

    def _node(self, expr: Expr) -> tuple[int, str]:  # noqa: C901 (one case per node type)
        match expr:
            case Const():
                return _number(expr.value)
            case Named():
                return _ATOM, _NAMED[expr.name]
            case Size():
                return _ATOM, f"|{_letter(expr.axis)}|"
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
                return _ATOM, self._logic(expr)
            case Where():
                return _ATOM, self._where(expr)
            case Reduce():
                return _SUM, self._reduce(expr)
            case _:
                raise AssertionError(f"a node type without LaTeX: {type(expr).__name__}")

    def _element(self, expr: Element) -> str:
        name = latex_name(expr.tensor)
        if not expr.indices:
            return name
        indices = [self.text(i) for i in expr.indices]
        plain = all(len(i.rstrip("'")) == 1 for i in indices)
        if name.endswith("}") and "_{" in name.rpartition("^")[2]:
            name = f"{{{name}}}"  # a name that has a subscript already
        return f"{name}_{{{('' if plain else ',').join(indices)}}}"

    def _add(self, expr: Add) -> str:
        first, *rest = by_position(expr.terms)
        text = self.text(first, _SUM if isinstance(first, Add) else _ADD)
        for term in rest:
            coefficient, _ = split_coefficient(term)
            sign, positive = ("-", _negated(term)) if coefficient < 0 else ("+", term)
            text += f" {sign} {self.text(positive, _SUM)}"
        return text

    def _mul(self, expr: Mul) -> tuple[int, str]:
        coefficient, _ = split_coefficient(expr)
        if coefficient < 0:
            return _ADD, f"-{self.text(_negated(expr), _SUM)}"
        top, bottom = _split_fraction(pin_first(expr))
        if not bottom:
            return _product_strength(top), self._product(top)
        # Sums stand to the right of the fraction, as in the mean 1/|d| sum_d X_d.
        outer: list[Expr] = [f for f in top if isinstance(f, Reduce)]
        inner = [f for f in top if not isinstance(f, Reduce)]
        text = f"\\frac{{{self._product(inner) or '1'}}}{{{self._product(bottom)}}}"
        if outer:
            text = f"{text} {self._product(outer)}"
        return _product_strength(outer), text

    def _product(self, factors: list[Expr]) -> str:
        """Return factors side by side, reductions last: what follows a sum would belong to it."""
        ordered = sorted(factors, key=lambda f: isinstance(f, Reduce))
        if len(ordered) == 1:
            return self.text(ordered[0])
        texts = [self.text(f, _MUL) for f in ordered[:-1]]
        return " ".join([*texts, self.text(ordered[-1], _SUM)]) if ordered else ""

    def _power(self, expr: Power) -> tuple[int, str]:
        if expr.exponent < 0:
            positive = _inverse(expr)
            return _MUL, f"\\frac{{1}}{{{self.text(positive)}}}"
        if expr.exponent == Fraction(1, 2):
            return _ATOM, f"\\sqrt{{{self.text(expr.base)}}}"
        base = self.text(expr.base, _ATOM)
        named = isinstance(expr.base, Element) and "^" in base
        if named or isinstance(expr.base, (Call, Power)):
            base = f"\\left({base}\\right)"
        return _ATOM, f"{base}^{{{expr.exponent}}}"

    def _call(self, expr: Call) -> tuple[int, str]:
        args = [self.text(a) for a in expr.args]
        match expr.function:
            case "abs":
                return _ATOM, f"\\left|{args[0]}\\right|"
            case "floor":
                return _ATOM, f"\\left\\lfloor {args[0]} \\right\\rfloor"
            case "pow":
                return _ATOM, f"{{{self.text(expr.args[0], _ATOM)}}}^{{{args[1]}}}"
            case name:
                return _ATOM, f"{latex_function(name)}\\left({', '.join(args)}\\right)"

    def _relation(self, expr: Expr) -> str:
        """Return a truth value without the bracket that makes it a number."""
        if isinstance(expr, Compare):
            left, right = self.text(expr.left), self.text(expr.right)
            if isinstance(expr.left, Const) and expr.op in _TURNED:
                return f"{right} {_TURNED[expr.op]} {left}"  # read from the variable's side
            return f"{left} {_RELATIONS[expr.op]} {right}"
        if isinstance(expr, Logic):
            if expr.op == "not":
                return f"\\neg\\left({self._relation(expr.args[0])}\\right)"
            word = r" \wedge " if expr.op == "and" else r" \vee "
            return word.join(self._relation(a) for a in expr.args)
        return self.text(expr)

    def _compare(self, expr: Compare) -> str:
        if expr.op == "==" and isinstance(expr.left, Index) and isinstance(expr.right, Index):
            return f"\\delta_{{{self.text(expr.left)}{self.text(expr.right)}}}"
        return f"\\left[{self._relation(expr)}\\right]"

    def _logic(self, expr: Logic) -> str:
        return f"\\left[{self._relation(expr)}\\right]"

    def _where(self, expr: Where) -> str:
        rows = (
            f"{self.text(expr.then)} & {self._relation(expr.condition)} \\\\ ",
            f"{self.text(expr.otherwise)} & \\text{{otherwise}}",
        )
        return f"\\begin{{cases}} {''.join(rows)} \\end{{cases}}"

    def _reduce(self, expr: Reduce) -> str:
        letters, taken = dict(self.letters), set(self.taken)
        below = []
        for index in expr.bound:
            name = index.name if index.axis == BATCH else unused(index.name, self.taken)
            self.letters[index] = name
            self.taken.add(name)
            below.append(_letter(name))
        under = ",".join(below)
        if expr.condition is not None:
            under += f" : {self._relation(expr.condition)}"
        op = _REDUCTIONS[expr.op]
        if expr.op in ("sum", "prod"):
            text = f"{op}_{{{under}}} {self.text(expr.body, _SUM)}"
        else:
            text = f"{op}_{{{under}}}\\left({self.text(expr.body)}\\right)"
        self.letters, self.taken = letters, taken
        return text


def _letter(name: str) -> str:
    if name == BATCH:
        return r"\ldots"
    if name[1:].isdigit():  # a binder beside another: i, i2, i3 are written i, i', i''
        return name[0] + "'" * (int(name[1:]) - 1)
    return name if len(name) == 1 else upright(name)


def _number(value: Fraction) -> tuple[int, str]:
    if value < 0:
        return _ADD, f"-{_number(-value)[1]}"
    if value.denominator == 1:
        return _ATOM, str(value.numerator)
    if value.denominator <= 1000:
        return _MUL, f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    mantissa, _, exponent = f"{float(value):.15g}".partition("e")
    if not exponent:
        return _ATOM, mantissa
    power = f"10^{{{int(exponent)}}}"
    return (_ATOM, power) if mantissa == "1" else (_MUL, f"{mantissa} \\cdot {power}")


def _negated(expr: Expr) -> Expr:
    """Return minus a term with a rational coefficient, in the same order of factors."""
    if isinstance(expr, Const):
        return Const(-expr.value)
    coefficient, rest = split_coefficient(expr)
    if coefficient == -1:
        return rest
    tail = rest.factors if isinstance(rest, Mul) else (rest,)
    return Mul((Const(-coefficient), *tail))


def _inverse(expr: Power) -> Expr:
    return expr.base if expr.exponent == -1 else Power(expr.base, -expr.exponent)


def _split_fraction(factors: tuple[Expr, ...]) -> tuple[list[Expr], list[Expr]]:
    """Return what stands above and what stands below the bar."""
    top: list[Expr] = []
    bottom: list[Expr] = []
    for factor in factors:
        if isinstance(factor, Power) and factor.exponent < 0:
            bottom.append(_inverse(factor))
        elif isinstance(factor, Const) and 1 < factor.value.denominator <= 1000:
            bottom.append(Const(Fraction(factor.value.denominator)))
            top.append(Const(Fraction(factor.value.numerator)))
        else:
            top.append(factor)
    return [f for f in top if f is not ONE], bottom


def _product_strength(factors: list[Expr]) -> int:
    return _SUM if any(isinstance(f, Reduce) for f in factors) else _MUL
