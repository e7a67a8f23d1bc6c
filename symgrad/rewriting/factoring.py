"""From the normal form back to what one would write: common factors out, sums merged and nested.

In: a term in normal form (a sum of products with flat sums). Out: an equal term that costs less and
reads better. Every move is kept only if it lowers the cost.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from symgrad.ir.build import add, call, mul, neg, power, split_coefficient, split_power
from symgrad.ir.packed import pieces
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
    Index,
    Mul,
    Reduce,
    Where,
)
from symgrad.ir.visit import arguments, close_reduce, open_reduce, rebuild, substitute
from symgrad.rewriting.algebra import monomial_content
from symgrad.rewriting.contraction import replace_term
from symgrad.rewriting.cost import cost_of_one
from symgrad.rewriting.engine import apply_everywhere
from symgrad.rewriting.rule import Rule, rule

if TYPE_CHECKING:
    from collections.abc import Callable
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

    new = visit(expr)
    for rewrite in (turn_constant, complement_sigmoid):
        acted = apply_everywhere(new, partial(_tried, rewrite, facts))
        new = acted if cost_of_one(acted, facts.lengths) <= cost_of_one(new, facts.lengths) else new
    return _positive(new)


def _tried(rewrite: Rule, facts: Facts, node: Expr) -> Expr | None:
    """Return what a rule makes of a node, or None."""
    return rewrite.apply(node, facts) if isinstance(node, rewrite.nodes) else None


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
    packed = pieces(expr.terms)
    if packed is not None:
        return _piece_by_piece(expr, packed, facts)
    aligned = _aligned(expr)
    if not isinstance(aligned, Add):
        return aligned
    if aligned is not expr:
        return factor_common.apply(aligned, facts) or aligned
    content = monomial_content(expr, clear=False)
    coefficient, rest = split_coefficient(content)
    if rest is not ONE or _shared_coefficient(expr, coefficient):
        inner = add(*(mul(t, power(content, -1)) for t in expr.terms))
        inner = factor_common.apply(inner, facts) or inner if isinstance(inner, Add) else inner
        return mul(content, inner) if inner is not expr else None
    return _group(expr, facts)


def _piece_by_piece(expr: Expr, packed: dict[Compare, Expr], facts: Facts) -> Expr | None:
    """Return a sum with the terms of each position of an index together, and factored."""
    values = {
        pin: (factor_common.apply(value, facts) or value) if isinstance(value, Add) else value
        for pin, value in packed.items()
    }
    new = add(*(mul(pin, value) for pin, value in values.items()))
    return None if new is expr else new


def _aligned(expr: Add) -> Expr:
    """Return a sum whose factors `x - y` and `y - x` are the same, up to a sign in front."""
    seen: set[Expr] = set()
    new: list[Expr] = []
    for term in expr.terms:
        factors = list(arguments(term, Mul))
        for k, factor in enumerate(factors):
            if isinstance(factor, Add):
                minus = add(*(neg(t) for t in factor.terms))
                if minus in seen:
                    factors[k] = mul(MINUS_ONE, minus)
                seen.add(factor)
        new.append(mul(*factors))
    return add(*new)


def _shared_coefficient(expr: Add, coefficient: Fraction) -> bool:
    """Return whether every term has the same rational factor, other than 1 and -1, up to sign."""
    values = [abs(split_coefficient(t)[0]) for t in expr.terms]
    return abs(coefficient) != 1 and all(v == abs(coefficient) for v in values)


@lru_cache(maxsize=4096)
def _group(expr: Add, facts: Facts) -> Expr | None:
    """Take a factor out of the terms that have it, if that is no dearer; cached."""
    best, best_cost = None, cost_of_one(expr, facts.lengths)
    for base in _shared_bases(expr)[: _MOST_GROUPS if len(expr.terms) < _MANY_TERMS else 1]:
        with_base = [t for t in expr.terms if base in _bases(t)]
        rest = [t for t in expr.terms if t not in with_base]
        group = factor_common.apply(add(*with_base), facts) if rest else None
        if group is None:
            continue
        remainder = add(*rest)
        if isinstance(remainder, Add):
            remainder = factor_common.apply(remainder, facts) or remainder
        candidate = _same_sum(group, remainder) or add(group, remainder)
        if isinstance(candidate, Add) and _shares_sum(candidate):
            candidate = factor_common.apply(candidate, facts) or candidate
        cost = cost_of_one(candidate, facts.lengths)
        if cost < best_cost or (cost == best_cost and best is None):
            best, best_cost = candidate, cost
    return best


def _same_sum(group: Expr, remainder: Expr) -> Expr | None:
    """Return `(x + 1) * y` for `x * y` and y, where y is a sum, up to its sign; else None."""
    for factor in arguments(group, Mul):
        if isinstance(factor, Add):
            for sign in (ONE, MINUS_ONE):
                if add(*(mul(sign, t) for t in factor.terms)) is remainder:
                    return mul(add(mul(group, power(factor, -1)), sign), factor)
    return None


def _shares_sum(expr: Add) -> bool:
    """Return whether two terms have a factor in common that is a sum, up to its sign."""
    sums = [f for t in expr.terms for f in arguments(t, Mul) if isinstance(f, Add)]
    signed = [s for f in sums for s in {f, add(*(neg(t) for t in f.terms))}]
    return len(set(signed)) < len(signed)


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
    return (
        candidate
        if cost_of_one(candidate, facts.lengths) < cost_of_one(plain, facts.lengths)
        else None
    )


def _read_at_data(term: Expr) -> Expr:
    factors = arguments(term, Mul)
    for factor in factors:
        if isinstance(factor, Compare) and factor.op == "==":
            data, index = factor.left, factor.right
            if isinstance(data, Element) and isinstance(index, Index):
                return mul(
                    factor, *(replace_term(f, index, data) for f in factors if f is not factor)
                )
    return term


@rule(
    law="x * (y - 1) = -x * (1 - y)",
    shrinks="negative constants in factors",
    before="Y[i] = X[i] * (s - 1)",
    after="Y[i] = -X[i] * (1 - s)",
    nodes=(Mul,),
)
def turn_constant(expr: Expr, _facts: Facts) -> Expr | None:
    """Write factors that subtract a constant from one term the other way round."""
    return _turned(arguments(expr, Mul), _subtracts_constant)


def _turned(factors: tuple[Expr, ...], wanted: Callable[[Add], bool]) -> Expr | None:
    """Return a product with the wanted two-term factors negated, and so the whole."""
    new: list[Expr] = []
    for factor in factors:
        if isinstance(factor, Add) and len(factor.terms) == 2 and wanted(factor):
            new += [MINUS_ONE, add(*(neg(t) for t in factor.terms))]
        else:
            new.append(factor)
    return None if len(new) == len(factors) else mul(*new)


def _subtracts_constant(expr: Add) -> bool:
    first, last = expr.terms
    return isinstance(last, Const) and last.value < 0 < split_coefficient(first)[0]


def _positive(expr: Expr) -> Expr:
    """Return a negative product with its minus sign inside a difference, if it has one."""
    coefficient, _ = split_coefficient(expr)
    if coefficient >= 0 or not isinstance(expr, Mul):
        return expr
    chosen = next((f for f in expr.factors if isinstance(f, Add) and _is_difference(f)), None)
    return _turned(expr.factors, lambda f: f is chosen) or expr


def _is_difference(expr: Add) -> bool:
    if len(expr.terms) != 2:
        return False
    first, last = (split_coefficient(t) for t in expr.terms)
    return last[0] < 0 < first[0] and ONE not in (first[1], last[1])


@rule(
    law="1 - sigmoid(x) = sigmoid(-x)",
    when="sigmoid(x) itself is not needed",
    shrinks="operations; and nothing cancels where x is large",
    before="Y[i] = 1 - sigmoid(X[i])",
    after="Y[i] = sigmoid(-X[i])",
    nodes=(Add,),
)
def complement_sigmoid(expr: Expr, _facts: Facts) -> Expr | None:
    """Write one minus a sigmoid as a sigmoid."""
    assert isinstance(expr, Add)
    if len(expr.terms) == 2 and ONE in expr.terms:
        other = next(t for t in expr.terms if t is not ONE)
        coefficient, rest = split_coefficient(other)
        if coefficient == -1 and isinstance(rest, Call) and rest.function == "sigmoid":
            return call("sigmoid", neg(rest.args[0]))
    return None


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
    before = cost_of_one(expr, facts.lengths)
    for k, left in enumerate(expr.terms):
        for right in expr.terms[k + 1 :]:
            merged = _merged(left, right, facts)
            if merged is not None:
                rest = [t for t in expr.terms if t is not left and t is not right]
                candidate = add(merged, *rest)
                if cost_of_one(candidate, facts.lengths) < before:
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
    best, best_cost = None, cost_of_one(expr, facts.lengths)
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
        cost = cost_of_one(candidate, facts.lengths)
        if cost < best_cost:
            best, best_cost = candidate, cost
    return best
