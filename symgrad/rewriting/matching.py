"""Matching a pattern with index variables against a term, up to order of terms and factors.

In: a pattern whose free letters are variables, and a term. Out: what the variables stand for. Sums
match inside larger sums: `sum[k](P[n, k])` is found in `sum[m, k](G[m] * P[m, k])`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.build import mul
from symgrad.ir.terms import Add, Expr, Index, Mul, Reduce
from symgrad.ir.visit import arguments, close_reduce, open_reduce, substitute

if TYPE_CHECKING:
    from collections.abc import Iterator

Binding = dict[Index, Expr]


def match(pattern: Expr, term: Expr, variables: frozenset[Index]) -> Binding | None:
    """Return the binding under which the pattern is the term, or None."""
    return next(_match(pattern, term, variables, {}), None)


def _match(pattern: Expr, term: Expr, free: frozenset[Index], env: Binding) -> Iterator[Binding]:
    if isinstance(pattern, Index) and pattern in free:
        yield from _bind(pattern, term, env)
    elif pattern.free.isdisjoint(free) and pattern is term:
        yield env
    elif type(pattern) is not type(term) or pattern.key[1] != term.key[1]:
        return
    elif isinstance(pattern, Reduce) and isinstance(term, Reduce):
        yield from _match_reduce(pattern, term, free, env)
    elif isinstance(pattern, (Add, Mul)):
        if len(pattern.children) == len(term.children):
            yield from _match_some(list(pattern.children), list(term.children), free, env)
    elif len(pattern.children) == len(term.children):
        yield from _match_all(pattern.children, term.children, free, env)


def _bind(variable: Index, term: Expr, env: Binding) -> Iterator[Binding]:
    if variable in env:
        if env[variable] is term:
            yield env
    elif not isinstance(term, Index) or term.axis == variable.axis:
        yield {**env, variable: term}


def _match_all(
    patterns: tuple[Expr, ...], terms: tuple[Expr, ...], free: frozenset[Index], env: Binding
) -> Iterator[Binding]:
    """Match children in order."""
    if not patterns:
        yield env
        return
    for inner in _match(patterns[0], terms[0], free, env):
        yield from _match_all(patterns[1:], terms[1:], free, inner)


def _match_some(
    patterns: list[Expr], terms: list[Expr], free: frozenset[Index], env: Binding
) -> Iterator[Binding]:
    """Match each pattern with a different term, in any order."""
    if not patterns:
        yield env
        return
    for k, term in enumerate(terms):
        for inner in _match(patterns[0], term, free, env):
            yield from _match_some(patterns[1:], terms[:k] + terms[k + 1 :], free, inner)


def _match_reduce(
    pattern: Reduce, term: Reduce, free: frozenset[Index], env: Binding
) -> Iterator[Binding]:
    """Match whole reductions: binders in order, conditions and bodies."""
    if (pattern.condition is None) != (term.condition is None):
        return
    if tuple(i.axis for i in pattern.bound) != tuple(i.axis for i in term.bound):
        return
    used = [i for e in env.values() for i in e.free]
    theirs, body, condition = open_reduce(term, avoid=[*free, *pattern.free, *used])
    mine, own_body, own_condition = open_reduce(pattern, avoid=[*theirs, *body.free, *free])
    inner_free = free | frozenset(mine)
    inner: Binding = {**env, **dict(zip(mine, theirs, strict=True))}
    pairs = [(own_body, body)]
    if own_condition is not None and condition is not None:
        pairs.append((own_condition, condition))
    wholes = tuple(p for p, _ in pairs), tuple(t for _, t in pairs)
    for found in _match_all(*wholes, inner_free, inner):
        outer = {i: e for i, e in found.items() if i not in mine}
        if all(e.free.isdisjoint(theirs) for e in outer.values()):
            yield outer


def replace_in_sum(
    pattern: Reduce, replacement: Expr, term: Reduce, variables: frozenset[Index]
) -> Expr | None:
    """Return a sum in which a smaller sum, found among its factors, is replaced; None if not found.

    Law: `sum[i, j](f(i) * g(i, j)) = sum[i](f(i) * r(i))` where `sum[j](g(i, j)) = r(i)`.
    """
    if term.op != "sum" or pattern.op != "sum":
        return None
    if term.condition is not None or pattern.condition is not None:
        return None
    bound, body, _ = open_reduce(term, avoid=variables)
    mine, own_body, _ = open_reduce(pattern, avoid=[*bound, *body.free, *variables])
    if len(mine) > len(bound):
        return None
    factors = list(arguments(body, Mul))
    free = variables | frozenset(mine)
    for binding in _match_some(list(arguments(own_body, Mul)), factors, free, {}):
        images = [binding.get(i) for i in mine]
        if len(set(images)) < len(mine) or not all(i in bound for i in images):
            continue
        matched = [substitute(f, binding) for f in arguments(own_body, Mul)]
        rest = list(factors)
        if not _remove_all(rest, matched):
            continue
        outer = {i: e for i, e in binding.items() if i in variables}
        if any(not f.free.isdisjoint(set(images)) for f in rest):
            continue
        if any(not e.free.isdisjoint(set(images)) for e in outer.values()):
            continue
        kept = tuple(i for i in bound if i not in images)
        new = mul(*rest, substitute(replacement, outer))
        return close_reduce("sum", kept, new) if kept else new
    return None


def _remove_all(factors: list[Expr], matched: list[Expr]) -> bool:
    for factor in matched:
        if factor not in factors:
            return False
        factors.remove(factor)
    return True
