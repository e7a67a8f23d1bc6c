"""Logarithms of sums of exponentials, and what is subtracted from them, in shifted form.

In: terms with `logsumexp`. Out: flat terms that share one maximum, one array of exponentials and
one sum, and that are finite wherever the exact value is:

* `logsumexp[k](u)` becomes `m + log(z)` with `m = max[k](u)`, `z = sum[k](exp(u - m))`;
* `exp(u - logsumexp[k](u))` becomes `exp(u - m) / z`;
* `u - logsumexp[k](u)` becomes `(u - m) - log(z)`, exact where u is large.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const, mul, neg, split_coefficient
from symgrad.ir.terms import (
    INF,
    MINUS_ONE,
    Add,
    Call,
    Element,
    Expr,
    Index,
    Mul,
    Power,
    Reduce,
    Where,
)
from symgrad.ir.visit import arguments, open_reduce, substitute
from symgrad.lowering.labels import match
from symgrad.lowering.names import python_name
from symgrad.lowering.ops import SHIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.lowering.lower import Lowering


@dataclass(frozen=True)
class Shifted:
    """The arrays behind one logsumexp."""

    maximum: Element
    shifted: Element
    exponential: Element
    total: Element


def shifted_parts(low: Lowering, bound: Sequence[Index], body: Expr) -> Shifted:
    """Make the maximum, the shifted values, their exponentials and the sum of these."""
    source = low.build.array(low.flatten(body), needed=bound, real=True)
    maximum = low.build.reduction(SHIFT, source, bound)
    name = python_name(source.tensor)
    difference = Add((source, Mul((MINUS_ONE, maximum))))
    shifted = low.build.array(difference, name=f"{name}_shifted")
    exponential = low.build.array(Call("exp", (shifted,)), name=f"{name}_exp")
    total = low.build.reduction("sum", exponential, bound)
    return Shifted(maximum, shifted, exponential, total)


def open_logsumexp(node: Reduce) -> tuple[tuple[Index, ...], Expr]:
    """Return the bound indices and the body; a condition becomes minus infinity outside it."""
    bound, body, condition = open_reduce(node)
    if condition is not None:
        body = Where(condition, body, neg(INF))
    return bound, body


def flatten_logsumexp(low: Lowering, node: Reduce) -> Expr:
    """Return `m + log(z)`."""
    parts = shifted_parts(low, *open_logsumexp(node))
    return Add((Call("log", (parts.total,)), parts.maximum))


def flatten_exp(low: Lowering, expr: Call) -> Expr | None:
    """Return `exp(u - m) / z` for `exp(u - logsumexp(u))`, None for another exponential."""
    terms = arguments(expr.args[0], Add)
    for position, term in enumerate(terms):
        coefficient, rest = split_coefficient(term)
        node = _logsumexp(low, rest) if coefficient == -1 else None
        if node is None:
            continue
        bound, body = open_logsumexp(node)
        others = terms[:position] + terms[position + 1 :]
        if not others:
            continue
        holes = _holes(body, others[0] if len(others) == 1 else Add(others), bound)
        if holes is not None:
            parts = shifted_parts(low, bound, body)
            top = low.flatten(substitute(parts.exponential, holes))
            return Mul((top, Power(parts.total, Fraction(-1))))
    return None


def flatten_sum(low: Lowering, expr: Add) -> Expr | None:
    """Return a sum with each `c*logsumexp(u) - c*u` in it shifted, None if there is none."""
    terms = list(expr.terms)
    for term in expr.terms:
        coefficient, rest = split_coefficient(term)
        node = _logsumexp(low, rest)
        if node is None:
            continue
        found = _partner(terms, term, coefficient, node)
        if found is None:
            continue
        bound, body, holes, used = found
        parts = shifted_parts(low, bound, body)
        value = low.flatten(substitute(parts.shifted, holes))
        kept = [low.flatten(t) for t in terms if t is not term and t not in used]
        log_total = Call("log", (parts.total,))
        return Add((*kept, mul(const(-coefficient), value), mul(const(coefficient), log_total)))
    return None


def _logsumexp(low: Lowering, expr: Expr) -> Reduce | None:
    """Return a term as a logsumexp, looking through the name that an equation has given it."""
    if isinstance(expr, Element):
        expr = low.definition(expr) or expr
    return expr if isinstance(expr, Reduce) and expr.op == "logsumexp" else None


def _partner(
    terms: Sequence[Expr], term: Expr, coefficient: Fraction, node: Reduce
) -> tuple[tuple[Index, ...], Expr, dict[Index, Expr], list[Expr]] | None:
    """Find the terms that `node` is subtracted from: one of them, or all of them together."""
    bound, body = open_logsumexp(node)
    others = [t for t in terms if t is not term]
    scale = const(-1 / coefficient)
    choices = [[t] for t in others] + ([others] if len(others) > 1 else [])
    for used in choices:
        holes = _holes(body, add(*(mul(scale, t) for t in used)), bound)
        if holes is not None:
            return bound, body, holes, used
    return None


def _holes(body: Expr, expr: Expr, bound: Sequence[Index]) -> dict[Index, Expr] | None:
    """Return what stands in `expr` for the bound indices of `body`, None if they differ."""
    found: dict[Index, Expr] = {}
    same = match(body, expr, frozenset(bound), found)
    return found if same and len(found) == len(bound) else None
