"""Variance by subtraction is respelled: it loses all digits where the mean is large.

In: a System. Out: an equal System in which `mean(x**2) - mean(x)**2` is the mean of squared
differences from the mean. Both spellings are one, then: the same closed form, the same code.

Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance", The American
Statistician 37(3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const, mul, neg, power, split_coefficient, sub
from symgrad.ir.equation import parts_at
from symgrad.ir.terms import Add, Element, Expr, Mul, Power, Reduce, Size
from symgrad.ir.visit import (
    arguments,
    close_reduce,
    open_reduce,
    replace_elements,
    substitute,
    walk,
)
from symgrad.rewriting.facts import Facts, collected, facts_of
from symgrad.rewriting.normal import normal
from symgrad.rewriting.rule import rule

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System


@rule(
    law="mean[k](x(k)**2) - mean[k](x(k))**2 = mean[k]((x(k) - mean[k](x(k)))**2)",
    shrinks="squares of means that are subtracted",
    before="Y[n] = mean[k](X[n, k]**2) - mean[k](X[n, k])**2",
    after="Y[n] = mean[k]((X[n, k] - mean[j](X[n, j]))**2)",
    nodes=(Add,),
)
def centre_variance(expr: Expr, facts: Facts) -> Expr | None:
    """Write a mean of squares less a squared mean as the mean of squared differences."""
    expr = normal(expr, facts)
    for term in arguments(expr, Add):
        found = _squared_mean(term)
        if found is None:
            continue
        total, length = found
        bound, body, _ = open_reduce(total)
        squares = normal(mul(close_reduce("sum", bound, power(body, 2)), power(length, -1)), facts)
        if squares in arguments(expr, Add):
            rest = [t for t in arguments(expr, Add) if t not in (term, squares)]
            mean = mul(total, power(length, -1))
            bound, body, _ = open_reduce(total, avoid=total.free)
            centred = close_reduce("sum", bound, power(sub(body, mean), 2))
            return add(*rest, mul(centred, power(length, -1)))
    return None


def _squared_mean(term: Expr) -> tuple[Reduce, Expr] | None:
    """Return the sum and the length where a term is `-(sum / length)**2`, else None."""
    squared = [
        f.base
        for f in arguments(term, Mul)
        if isinstance(f, Power) and f.exponent == 2 and isinstance(f.base, Reduce)
    ]
    if len(squared) != 1 or not isinstance(squared[0], Reduce):
        return None
    total = squared[0]
    length = mul(*(Size(i.axis) for i in total.bound))
    plain = total.op == "sum" and total.condition is None
    return (
        (total, length) if plain and term is neg(power(mul(total, power(length, -1)), 2)) else None
    )


def centred(system: System) -> System:
    """Return a System whose variances are computed from differences from the mean."""
    facts = facts_of(system)
    means: dict[str, Equation] = {}
    equations: list[Equation] = []
    for equation in system.equations:
        squares = replace(equation, value=collected(equation.value))
        new = _respelled(squares, means, facts) if _subtracts_square(squares.value) else None
        equations.append(new or equation)
        if _is_mean(equation):
            means[equation.target] = equation
    return replace(system, equations=tuple(equations))


def _respelled(equation: Equation, means: dict[str, Equation], facts: Facts) -> Equation | None:
    def definition(element: Element) -> Expr | None:
        mean = means.get(element.tensor)
        if mean is None:
            return None
        places = parts_at(mean, element)
        return None if places is None else substitute(mean.value, places)

    plain = normal(replace_elements(equation.value, definition), facts)
    new = centre_variance.apply(plain, facts)
    if new is None:
        return None
    for mean in means.values():  # a mean that has a name is not computed again
        new = _with_name(new, mean, facts)
    return replace(equation, value=new)


def _with_name(expr: Expr, mean: Equation, facts: Facts) -> Expr:
    value = normal(mean.value, facts)

    def visit(node: Expr) -> Expr:
        if isinstance(node, Reduce):
            bound, body, condition = open_reduce(node)
            return close_reduce(node.op, bound, visit(body), condition, node.ties)
        coefficient, rest = split_coefficient(node)
        if isinstance(node, Mul) and normal(node, facts) is value:
            return mean.element
        if isinstance(rest, Mul) and normal(rest, facts) is value:
            return mul(const(coefficient), mean.element)
        children = node.children
        new = tuple(map(visit, children))
        return node if new == children else node.with_children(new)

    return visit(expr)


def _is_mean(equation: Equation) -> bool:
    factors = arguments(equation.value, Mul)
    return any(isinstance(f, Reduce) and f.op == "sum" for f in factors) and all(
        isinstance(f, Reduce) or not any(isinstance(n, Element) for n in walk(f)) for f in factors
    )


def _subtracts_square(expr: Expr) -> bool:
    """Return whether a sum has a square among its terms: worth a closer look."""
    terms = arguments(expr, Add)
    factors = (f for t in terms for f in arguments(t, Mul))
    return len(terms) > 1 and any(isinstance(f, Power) and f.exponent == 2 for f in factors)
