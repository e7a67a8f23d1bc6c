"""Rules of sums: towards flat sums of connected products, with the deltas gone.

In: terms. Out: terms in which every sum is over one monomial, binds the indices that hold the
monomial together, and binds them in canonical order.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

from symgrad.ir.build import add, collect, mul
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
    Size,
)
from symgrad.ir.visit import arguments, close_reduce, fresh, open_reduce, rebuild, substitute
from symgrad.rewriting.rule import rule

if TYPE_CHECKING:
    from symgrad.rewriting.facts import Facts


@rule(
    law="sum[j](f(j) + g(j)) = sum[j](f(j)) + sum[j](g(j))",
    shrinks="sums inside sums",
    before="Y[i] = sum[j](A[i, j] + B[j])",
    after="Y[i] = sum[j](A[i, j]) + sum[j](B[j])",
    nodes=(Reduce,),
)
def split_sum(expr: Expr, _facts: Facts) -> Expr | None:
    """Distribute a sum over the terms of its body."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum" or not isinstance(expr.body, Add):
        return None
    bound, body, condition = open_reduce(expr)
    return add(*(close_reduce("sum", bound, t, condition) for t in body.children))


@rule(
    law="sum[i](c * f(i)) = c * sum[i](f(i))",
    when="c does not mention i",
    shrinks="operations inside sums",
    before="Y[n] = sum[i](a[n] * X[n, i])",
    after="Y[n] = a[n] * sum[i](X[n, i])",
    nodes=(Reduce,),
)
def pull_out_constant(expr: Expr, _facts: Facts) -> Expr | None:
    """Move the factors that mention no bound index in front of the sum."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum" or expr.body is ONE:
        return None
    bound, body, condition = open_reduce(expr)
    factors = arguments(body, Mul)
    outside = [f for f in factors if f.free.isdisjoint(bound)]
    if not outside:
        return None
    inside = [f for f in factors if f not in outside]
    return mul(*outside, close_reduce("sum", bound, mul(*inside), condition))


@rule(
    law="sum[i](c) = size[i] * c",
    when="c does not mention i, and the range is whole",
    shrinks="number of bound indices",
    before="Y[n] = sum[i](a[n] + X[n, i])",
    after="Y[n] = size[i] * a[n] + sum[i](X[n, i])",
    nodes=(Reduce,),
)
def count_constant(expr: Expr, _facts: Facts) -> Expr | None:
    """Replace the sum over an index that nothing mentions by a length."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum" or expr.condition is not None:
        return None
    bound, body, _ = open_reduce(expr)
    idle = [i for i in bound if i not in body.free]
    if body is ZERO:
        return ZERO
    if not idle:
        return None
    kept = tuple(i for i in bound if i not in idle)
    inner = close_reduce("sum", kept, body) if kept else body
    return mul(*(Size(i.axis) for i in idle), inner)


@rule(
    law="sum[j](delta(i, j) * f(j)) = f(i)",
    when="i is in the range of j",
    shrinks="number of bound indices",
    before="T: index(j)[n]; Y[n] = sum[j]((T[n] == j) * A[n, j])",
    after="T: index(j)[n]; Y[n] = A[n, T[n]]",
    nodes=(Reduce,),
)
def sift_delta(expr: Expr, facts: Facts) -> Expr | None:
    """Sift a delta through the sum that binds one of its sides."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum":
        return None
    bound, body, condition = open_reduce(expr)
    for factor in arguments(body, Mul):
        if not isinstance(factor, Compare) or factor.op != "==":
            continue
        for index, value in ((factor.left, factor.right), (factor.right, factor.left)):
            if index in bound and _in_range(index, value, facts):
                assert isinstance(index, Index)
                kept = tuple(i for i in bound if i is not index)
                rest = mul(*(f for f in arguments(body, Mul) if f is not factor))
                if condition is not None:
                    rest = mul(rest, condition)
                rest = substitute(rest, {index: value})
                return close_reduce("sum", kept, rest) if kept else rest
    return None


def _in_range(index: Expr, value: Expr, facts: Facts) -> bool:
    """Return whether a value is known to be in the range of an index.

    That is another index over its axis, data, which is checked, or a number below a known length.
    """
    if not isinstance(index, Index) or index in value.free:
        return False
    if isinstance(value, Const):
        return value.value.denominator == 1 and 0 <= value.value < _length(index, facts)
    return isinstance(value, Element) or (isinstance(value, Index) and value.axis == index.axis)


def _length(index: Index, facts: Facts) -> int:
    """Return the length of an axis if it is known, else 0."""
    return dict(facts.lengths).get(index.axis, 0)


@rule(
    law="delta(a, i) * f(a) = delta(a, i) * f(i)",
    shrinks="positions that are data, or come later in the order of letters",
    before="T: index(c)[n]; Y[n, c] = (T[n] == c) * X[n, T[n]]",
    after="T: index(c)[n]; Y[n, c] = (T[n] == c) * X[n, c]",
    nodes=(Mul,),
)
def use_delta(expr: Expr, _facts: Facts) -> Expr | None:
    """Write the factors beside a delta with its plain side."""
    factors = arguments(expr, Mul)
    for factor in factors:
        if not isinstance(factor, Compare) or factor.op != "==":
            continue
        data, index = factor.left, factor.right
        if not isinstance(data, (Element, Index)) or not isinstance(index, Index):
            continue
        rest = [f for f in factors if f is not factor]
        new = [replace_term(f, data, index) for f in rest]
        if new != rest:
            return mul(factor, *new)
    return None


def replace_term(expr: Expr, old: Expr, new: Expr) -> Expr:
    """Return a term in which a subterm is replaced wherever it occurs.

    Indices of `old` and `new` that are opened belong to a binder around the term: those that
    binders inside of it have are others.
    """
    if expr is old:
        return new
    if not old.free <= expr.free:
        return expr
    if isinstance(expr, Reduce):
        bound, body, condition = open_reduce(expr, avoid=new.free)
        inside = None if condition is None else replace_term(condition, old, new)
        return close_reduce(expr.op, bound, replace_term(body, old, new), inside, expr.ties)
    return rebuild(expr, lambda child: replace_term(child, old, new))


@rule(
    law="sum[i](f(i) * sum[j](g(i, j))) = sum[i, j](f(i) * g(i, j))",
    shrinks="sums inside sums",
    before="Y[k] = sum[i](a[i] * sum[j](B[i, j] * c[j, k]))",
    after="Y[k] = sum[i, j](B[i, j] * a[i] * c[j, k])",
    nodes=(Reduce,),
)
def join_sums(expr: Expr, _facts: Facts) -> Expr | None:
    """Merge the binder of a sum with that of a sum among the factors of its body."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum" or expr.condition is not None:
        return None
    bound, body, _ = open_reduce(expr)
    factors = arguments(body, Mul)
    for k, factor in enumerate(factors):
        if isinstance(factor, Reduce) and factor.op == "sum" and factor.condition is None:
            inner, inner_body, _ = open_reduce(factor, avoid=[*bound, *body.free])
            rest = (*factors[:k], *factors[k + 1 :])
            return close_reduce("sum", (*bound, *inner), mul(*rest, inner_body))
    return None


@rule(
    law="sum[i, j](f(i) * g(j)) = sum[i](f(i)) * sum[j](g(j))",
    when="no factor mentions both i and j, each mentions one",
    shrinks="number of indices bound together",
    before="Y[n] = sum[i, j](A[n, i] * B[n, j])",
    after="Y[n] = sum[i](A[n, i]) * sum[j](B[n, j])",
    nodes=(Reduce,),
)
def separate_sums(expr: Expr, _facts: Facts) -> Expr | None:
    """Split a sum over a product whose factors fall into unconnected groups."""
    assert isinstance(expr, Reduce)
    if expr.op != "sum" or len(expr.bound) < 2 or expr.condition is not None:
        return None
    bound, body, _ = open_reduce(expr)
    factors = arguments(body, Mul)
    if any(f.free.isdisjoint(bound) for f in factors):
        return None  # constants leave first: they belong to no group
    groups = _connected(bound, factors)
    if len(groups) < 2:
        return None
    return mul(*(close_reduce("sum", indices, mul(*factors)) for indices, factors in groups))


def _connected(
    bound: tuple[Index, ...], factors: tuple[Expr, ...]
) -> list[tuple[tuple[Index, ...], list[Expr]]]:
    """Group bound indices and the factors that mention them by connection."""
    groups: list[tuple[set[Index], list[Expr]]] = [({i}, []) for i in bound]
    for factor in factors:
        first, *others = [g for g in groups if not factor.free.isdisjoint(g[0])]
        for other in others:
            first[0].update(other[0])
            first[1].extend(other[1])
            groups.remove(other)
        first[1].append(factor)
    return [(tuple(i for i in bound if i in indices), group) for indices, group in groups]


@rule(
    law="sum[i, j](f(i, j)) = sum[j, i](f(i, j))",
    shrinks="position in the canonical order of binders and letters",
    before="Y[n] = sum[j, i](A[n, i, j])",
    after="Y[n] = sum[i, j](A[n, i, j])",
    nodes=(Reduce,),
)
def order_binders(expr: Expr, _facts: Facts) -> Expr | None:
    """Bind indices in canonical order, each under the letter of its axis."""
    assert isinstance(expr, Reduce)
    named = all(i.name == i.axis for i in expr.bound)
    if named and len(expr.bound) == 1:
        return None
    bound, body, condition = open_reduce(expr)
    candidates = [_closed(expr, order, body, condition) for order in _orders(bound)]
    best = min(candidates, key=lambda c: c.key)
    return None if best is expr else best


def _orders(bound: tuple[Index, ...]) -> list[tuple[Index, ...]]:
    """Return the orders of binders sorted by axis, all permutations within an axis."""
    by_axis: dict[str, list[Index]] = {}
    for index in sorted(bound, key=lambda i: i.axis):
        by_axis.setdefault(index.axis, []).append(index)
    choices = [list(permutations(group)) for group in by_axis.values()]
    return [tuple(i for group in choice for i in group) for choice in product(*choices)]


def _closed(expr: Reduce, order: tuple[Index, ...], body: Expr, condition: Expr | None) -> Expr:
    """Close a binder in the given order, its body sorted as when it is opened again."""
    lettered = tuple(Index(i.axis, i.axis) for i in order)
    opened = fresh(lettered, expr.free)
    mapping: dict[Index, Expr] = dict(zip(order, opened, strict=True))
    new_body = resort(substitute(body, mapping))
    new_condition = None if condition is None else resort(substitute(condition, mapping))
    return close_reduce(expr.op, opened, new_body, new_condition, expr.ties)


def resort(expr: Expr) -> Expr:
    """Return a term whose commutative nodes are sorted again, after indices were renamed."""
    return collect(rebuild(expr, resort))


NORMAL_SUMS = (
    split_sum,
    pull_out_constant,
    sift_delta,
    use_delta,
    count_constant,
    join_sums,
    separate_sums,
    order_binders,
)
