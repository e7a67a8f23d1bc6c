"""From the normal form back to what one would write: common factors out, sums merged and nested.

In: a term in normal form (a sum of products with flat sums). Out: an equal term that costs less and
reads better. Every move is kept only if it lowers the cost.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from symgrad.ir.build import add, mul, power, split_coefficient, split_power
from symgrad.ir.terms import (
    ONE,
    ZERO,
    Add,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Mul,
    Reduce,
    Where,
)
from symgrad.ir.visit import arguments, close_reduce, open_reduce, rebuild, substitute
from symgrad.rewriting.algebra import monomial_content
from symgrad.rewriting.contraction import replace_term
from symgrad.rewriting.cost import cost_of
from symgrad.rewriting.rule import rule

if TYPE_CHECKING:
    from fractions import Fraction

    from symgrad.rewriting.facts import Facts

#: How many factors are tried for grouping. Sums of many terms try one, and merge no sums.
_MOST_GROUPS = 4
_MANY_TERMS = 7


def factored(expr: Expr, facts: Facts) -> Expr:
    """Return a normal form factored for cost, inside out."""
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            new = rebuild(node, visit)
            for step in (nest_sums, merge_sums, read_at_delta, factor_common, factor_where):
                better = step.apply(new, facts) if isinstance(new, step.nodes) else None
                while better is not None:
                    new = better
                    better = step.apply(new, facts) if isinstance(new, step.nodes) else None
            memo[node] = found = new
        return found

    return visit(expr)


@rule(
    law="x*y + x*z = x * (y + z)",
    shrinks="operations, weighted with lengths",
    before="Y[n, d] = R[n] * G[n, d] - R[n] * M[n]",
    after="Y[n, d] = R[n] * (G[n, d] - M[n])",
    nodes=(Add,),
)
def factor_common(expr: Expr, facts: Facts) -> Expr | None:
    """Take out what all terms share; else group the terms that share the most wanted factor."""
    assert isinstance(expr, Add)
    content = monomial_content(expr, clear=False)
    coefficient, rest = split_coefficient(content)
    if rest is not ONE or _shared_coefficient(expr, coefficient):
        inner = add(*(mul(t, power(content, -1)) for t in expr.terms))
        inner = factor_common.apply(inner, facts) or inner if isinstance(inner, Add) else inner
        return mul(content, inner) if inner is not expr else None
    return _group(expr, facts)


def _shared_coefficient(expr: Add, coefficient: Fraction) -> bool:
    """Return whether every term has the same rational factor, other than 1 and -1, up to sign."""
    values = [abs(split_coefficient(t)[0]) for t in expr.terms]
    return abs(coefficient) != 1 and all(v == abs(coefficient) for v in values)


@lru_cache(maxsize=4096)
def _group(expr: Add, facts: Facts) -> Expr | None:
    """Take a factor out of the terms that have it, if that is no dearer; cached."""
    best, best_cost = None, cost_of([expr])
    for base in _shared_bases(expr)[: _MOST_GROUPS if len(expr.terms) < _MANY_TERMS else 1]:
        with_base = [t for t in expr.terms if base in _bases(t)]
        rest = [t for t in expr.terms if t not in with_base]
        group = factor_common.apply(add(*with_base), facts) if rest else None
        if group is None:
            continue
        remainder = add(*rest)
        if isinstance(remainder, Add):
            remainder = factor_common.apply(remainder, facts) or remainder
        candidate = add(group, remainder)
        cost = cost_of([candidate])
        if cost < best_cost or (cost == best_cost and best is None):
            best, best_cost = candidate, cost
    return best


def _bases(term: Expr) -> list[Expr]:
    _, rest = split_coefficient(term)
    return [split_power(f)[0] for f in arguments(rest, Mul) if f is not ONE]


def _shared_bases(expr: Add) -> list[Expr]:
    counts: dict[Expr, int] = {}
    for term in expr.terms:
        for base in _bases(term):
            counts[base] = counts.get(base, 0) + 1
    return sorted((b for b, c in counts.items() if c > 1), key=lambda b: (-counts[b], b.key))


@rule(
    law="delta(a, i) * f(i) = delta(a, i) * f(a)",
    when="a is data, and the whole is cheaper so",
    shrinks="operations, weighted with lengths",
    before="T: index(c)[n]; Y[n, c] = P[n, c] * w[T[n]] - (T[n] == c) * w[c]",
    after="T: index(c)[n]; Y[n, c] = w[T[n]] * (P[n, c] - (T[n] == c))",
    nodes=(Add, Mul),
)
def read_at_delta(expr: Expr, facts: Facts) -> Expr | None:
    """Write the factors beside a delta with the data that it compares, and factor."""
    terms = arguments(expr, Add)
    new = [_read_at_data(t) for t in terms]
    if all(a is b for a, b in zip(terms, new, strict=True)):
        return None
    candidate, plain = add(*new), expr
    if isinstance(candidate, Add):
        candidate = factor_common.apply(candidate, facts) or candidate
    if isinstance(plain, Add):
        plain = factor_common.apply(plain, facts) or plain
    return candidate if cost_of([candidate]) < cost_of([plain]) else None


def _read_at_data(term: Expr) -> Expr:
    factors = arguments(term, Mul)
    for factor in factors:
        if isinstance(factor, Compare) and factor.op == "==":
            data, index = factor.left, factor.right
            if isinstance(data, Element) and isinstance(index, Index):
                return mul(factor, *(replace_term(f, index, data) for f in factors if f is not factor))
    return term


@rule(
    law="where(c, x*y, x*z) = x * where(c, y, z)",
    shrinks="operations inside choices",
    before="Y[i] = where(a[i] > 0, X[i] * b[i], X[i])",
    after="Y[i] = X[i] * where(a[i] > 0, b[i], 1)",
    nodes=(Where,),
)
def factor_where(expr: Expr, _facts: Facts) -> Expr | None:
    """Take out of a choice what both branches are multiples of."""
    assert isinstance(expr, Where)
    if expr.then is ZERO or expr.otherwise is ZERO:
        return None
    other = arguments(expr.otherwise, Mul)
    common = [f for f in arguments(expr.then, Mul) if f in other and not isinstance(f, Const)]
    if not common:
        return None
    inverse = [power(f, -1) for f in common]
    then, otherwise = mul(expr.then, *inverse), mul(expr.otherwise, *inverse)
    return mul(*common, Where(expr.condition, then, otherwise))


@rule(
    law="sum[j](f(j) * x(j)) + sum[j](f(j) * y(j)) = sum[j](f(j) * (x(j) + y(j)))",
    shrinks="operations, weighted with lengths",
    before="Y[n] = sum[j](A[n, j] * X[j]) - sum[j](A[n, j] * Z[j])",
    after="Y[n] = sum[j](A[n, j] * (X[j] - Z[j]))",
    nodes=(Add,),
)
def merge_sums(expr: Expr, facts: Facts) -> Expr | None:
    """Merge two sums over the same axes if one sum of a factored body costs less."""
    assert isinstance(expr, Add)
    if len(expr.terms) > _MANY_TERMS:
        return None
    before = cost_of([expr])
    for k, left in enumerate(expr.terms):
        for right in expr.terms[k + 1 :]:
            merged = _merged(left, right, facts)
            if merged is not None:
                rest = [t for t in expr.terms if t is not left and t is not right]
                candidate = add(merged, *rest)
                if cost_of([candidate]) < before:
                    return candidate
    return None


def _merged(left: Expr, right: Expr, facts: Facts) -> Expr | None:
    first, second = _one_sum(left), _one_sum(right)
    if first is None or second is None:
        return None
    (outer, a), (other, b) = first, second
    if tuple(i.axis for i in a.bound) != tuple(i.axis for i in b.bound):
        return None
    common = [f for f in outer if f in other]
    bound, body, _ = open_reduce(a, avoid=[*b.free, *left.free, *right.free])
    theirs, body_b, _ = open_reduce(b, avoid=[*bound, *body.free])
    aligned: dict[Index, Expr] = dict(zip(theirs, bound, strict=True))
    one = mul(*(f for f in outer if f not in common), body)
    two = mul(*(f for f in other if f not in common), substitute(body_b, aligned))
    total = add(one, two)
    inner = (factor_common.apply(total, facts) or total) if isinstance(total, Add) else total
    return mul(*common, close_reduce("sum", bound, inner))


def _one_sum(term: Expr) -> tuple[list[Expr], Reduce] | None:
    """Return the factors outside the single plain sum of a product, and that sum."""
    factors = list(arguments(term, Mul))
    sums = [f for f in factors if isinstance(f, Reduce) and f.op == "sum" and f.condition is None]
    if len(sums) != 1:
        return None
    factors.remove(sums[0])
    return factors, sums[0]


@rule(
    law="sum[i, j](f(i) * g(i, j)) = sum[i](f(i) * sum[j](g(i, j)))",
    shrinks="operations, weighted with lengths",
    before="Y[n] = sum[i, j](A[n, i] * B[i, j] * c[j])",
    after="Y[n] = sum[i](A[n, i] * sum[j](B[i, j] * c[j]))",
    nodes=(Reduce,),
)
def nest_sums(expr: Expr, facts: Facts) -> Expr | None:
    """Sum over one index first, over the factors that mention it alone."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum" or len(expr.bound) < 2 or expr.condition is not None:
        return None
    bound, body, _ = open_reduce(expr)
    factors = arguments(body, Mul)
    best, best_cost = None, cost_of([expr])
    for index in bound:
        inside = [f for f in factors if index in f.free]
        outside = [f for f in factors if index not in f.free]
        if not outside:
            continue
        inner = close_reduce("sum", (index,), mul(*inside))
        kept = tuple(i for i in bound if i is not index)
        candidate = close_reduce("sum", kept, mul(*outside, inner))
        if isinstance(candidate, Reduce):
            candidate = nest_sums.apply(candidate, facts) or candidate
        cost = cost_of([candidate])
        if cost < best_cost:
            best, best_cost = candidate, cost
    return best
