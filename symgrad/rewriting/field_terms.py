"""What exact evaluation needs to know of terms: expansions, levels of the tower, degrees.

In: terms. Out: terms in exp, log and powers; the range of levels that an evaluation visits; a
bound on the degree of what is computed. Nothing is evaluated here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Mul,
    Power,
    Reduce,
    Where,
)  # fmt: skip
from symgrad.ir.text import parse_expression
from symgrad.ir.visit import replace_elements, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

    from symgrad.ir.equation import Equation

_ARGUMENTS = ("x", "z")


def _instantiate(text: str, node: Call) -> Expr:
    values: dict[str, Expr] = dict(zip(_ARGUMENTS, node.args, strict=False))
    values["y"] = node
    return replace_elements(parse_expression(text), lambda e: values.get(e.tensor))


@lru_cache(maxsize=4096)
def partials(node: Call) -> tuple[Expr, ...]:
    """Return the derivative rows of a function at its arguments, as they are written."""
    return tuple(_instantiate(text, node) for text in FUNCTIONS[node.function].derivatives)


@lru_cache(maxsize=4096)
def expanded(node: Expr) -> Expr | None:
    """Return a function or reduction in simpler ones, or None if the field knows it itself."""
    if isinstance(node, Reduce) and node.op == "logsumexp":
        total = Reduce("sum", node.bound, Call("exp", (node.body,)), node.condition)
        return Call("log", (total,))
    return _expanded_call(node) if isinstance(node, Call) else None


def _expanded_call(node: Call) -> Expr | None:
    match node.function:
        case "pow":
            base, exponent = node.args
            if isinstance(exponent, Const):
                return whole_power(base, exponent.value)
            return Call("exp", (Mul((exponent, Call("log", (base,)))),))
        case "maximum":
            return Where(Compare("<", *node.args), node.args[1], node.args[0])
        case "minimum":
            return Where(Compare("<", *node.args), node.args[0], node.args[1])
        case "abs":
            x = node.args[0]
            return Where(Compare("<", x, ZERO), Mul((MINUS_ONE, x)), x)
        case "sign":
            x = node.args[0]
            return Add((Compare("<", ZERO, x), Mul((MINUS_ONE, Compare("<", x, ZERO)))))
        case "stop" | "straight_through":
            return node.args[0]
        case name if name in FUNCTIONS and (text := FUNCTIONS[name].definition) is not None:
            return _instantiate(text, node)
        case _:
            return None


def whole_power(base: Expr, exponent: Fraction) -> Expr:
    """Return a power; exponents 0 and 1 leave none."""
    if exponent == 0:
        return ONE
    return base if exponent == 1 else Power(base, exponent)


Span = tuple[int, int]


class Survey:
    """Looks over the terms of Systems before they are evaluated.

    Args:
        definitions: The equation of each defined tensor.
        sizes: Length of each axis.
        dual: Whether tangents are evaluated too.
    """

    def __init__(
        self, definitions: Mapping[str, Equation], sizes: Mapping[str, int], *, dual: bool = False
    ) -> None:
        self._definitions = definitions
        self._sizes = sizes
        self._values = Survey(definitions, sizes) if dual else None
        self._spans: dict[object, Span] = {}
        self._degrees: dict[object, Span] = {}

    def span(self, node: Expr) -> Span:
        """Return the lowest and highest level visited, relative to that of the node."""
        return self._visit(node, self._spans, self._span, (0, 0))

    def degree(self, node: Expr) -> Span:
        """Return bounds on the degrees of numerator and denominator, exponentials as variables."""
        return self._visit(node, self._degrees, self._degree, (1, 0))

    def _visit(
        self, node: Expr, memo: dict[object, Span], rule: Callable[[Expr], Span], start: Span
    ) -> Span:
        name: object = node.tensor if isinstance(node, Element) else node
        if name not in memo:
            memo[name] = start  # a recurrence meets itself here
            memo[name] = rule(node)
        return memo[name]

    def _span(self, node: Expr) -> Span:
        if isinstance(node, Element):
            equation = self._definitions.get(node.tensor)
            inner = [*node.indices] if equation is None else [*node.indices, equation.value]
            return _hull(map(self.span, inner))
        simpler = expanded(node)
        parts = [self.span(c) for c in (node.children if simpler is None else (simpler,))]
        spans = list(parts)
        if isinstance(node, Call):
            shift = {"exp": -1, "log": 1}.get(node.function, 0)
            spans += [(lo + shift, hi + shift) for lo, hi in parts]
            if self._values is not None:
                spans += [self._values.span(p) for p in partials(node)]
        return _hull(spans)

    def _degree(self, node: Expr) -> Span:
        match node:
            case Element():
                equation = self._definitions.get(node.tensor)
                return (1, 0) if equation is None else self.degree(equation.value)
            case Add():
                return _sum_degree([self.degree(t) for t in node.terms])
            case Mul():
                degrees = [self.degree(f) for f in node.factors]
                return sum(d[0] for d in degrees), sum(d[1] for d in degrees)
            case Power():
                top, bottom = self.degree(node.base)
                k = abs(node.exponent.numerator)
                top, bottom = (top, bottom) if node.exponent > 0 else (bottom, top)
                return k * top, k * bottom
            case Reduce(op="sum"):
                count = 1
                for i in node.bound:
                    count *= self._sizes[i.axis]
                return _sum_degree([self.degree(node.body)] * max(count, 1))
            case _:
                return self._other_degree(node)

    def _other_degree(self, node: Expr) -> Span:
        simpler = expanded(node)
        if simpler is not None:
            return self.degree(simpler)
        if isinstance(node, Call):
            return (1, 0)
        degrees = [self.degree(c) for c in node.children]
        return max((d[0] for d in degrees), default=0), max((d[1] for d in degrees), default=0)


def _sum_degree(degrees: list[Span]) -> Span:
    bottom = sum(d[1] for d in degrees)
    return max(d[0] + bottom - d[1] for d in degrees), bottom


def _hull(spans: object) -> Span:
    rows = [(0, 0), *spans]  # type: ignore[misc]
    return min(lo for lo, _ in rows), max(hi for _, hi in rows)


def uses_signs(expr: Expr) -> bool:
    """Return whether a term takes logarithms or even roots, so that signs meet squares."""
    return any(
        (isinstance(n, Power) and n.exponent.denominator % 2 == 0)
        or (isinstance(n, Call) and n.function in ("log", "log1p", "softplus", "pow"))
        or (isinstance(n, Reduce) and n.op == "logsumexp")
        for n in walk(expr)
    )


def mentions_infinity(expr: Expr) -> bool:
    """Return whether a term mentions `inf`."""
    return any(getattr(n, "name", None) == "inf" for n in walk(expr))
