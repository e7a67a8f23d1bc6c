"""Planted bugs: a derivation in, the same derivation with one mistake in a backward equation out.

A mutation is a function that is given a place in an equation and yields what a hurried author might
have written there. `MUTATIONS` is collected: a new function is enough. Whether the checks notice is
measured by `scoring`; a mutation that changes nothing is found there by the exact oracle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from symgrad.autodiff.recurrences import BAR
from symgrad.ir.build import add, call, collect, compare, const, mul, power
from symgrad.ir.terms import (
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
    Power,
    Reduce,
    Size,
    Where,
)
from symgrad.ir.visit import arguments, close_reduce, fresh, open_reduce, substitute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import Equation, System

    Mutation = Callable[[Expr, "Place"], Iterator[Expr]]


@dataclass(frozen=True)
class Place:
    """Where a mutation acts.

    Attributes:
        system: The System in which bugs are planted.
        equation: The equation.
        top: Whether the term is the whole right-hand side.
    """

    system: System
    equation: Equation
    top: bool


@dataclass(frozen=True, eq=False)
class Mutant:
    """A derivation with one planted bug.

    Attributes:
        kind: The mutation.
        name: The mutation, the equation and a number.
        derivation: What the bug was planted in, and with it.
    """

    kind: str
    name: str
    derivation: Derivation


#: Every kind of planted bug, by name.
MUTATIONS: dict[str, Mutation] = {}


def mutation(function: Mutation) -> Mutation:
    """Collect a kind of planted bug, named after its function."""
    MUTATIONS[function.__name__.replace("_", " ")] = function
    return function


def mutants(
    derivation: Derivation, per_kind: int = 4, side: Literal["forward", "backward"] = "backward"
) -> Iterator[Mutant]:
    """Yield derivations with one bug each in one of their Systems.

    Args:
        derivation: A right one.
        per_kind: How many bugs of one kind at most; they are spread over the equations.
        side: The System in which to plant them.
    """
    system = derivation.backward if side == "backward" else derivation.forward
    seen = {system.equations}
    for kind, function in MUTATIONS.items():
        sites: list[tuple[str, System]] = []
        for k, equation in enumerate(system.equations):
            for value in _variants(equation.value, function, Place(system, equation, top=True)):
                equations = list(system.equations)
                equations[k] = replace(equation, value=value)
                changed = replace(system, equations=tuple(equations))
                if changed.equations not in seen:
                    seen.add(changed.equations)
                    sites.append((equation.target, changed))
        step = max(1, -(-len(sites) // per_kind))
        count: Counter[str] = Counter()
        for target, changed in sites[::step]:
            count[target] += 1
            name = f"{kind} in {target} ({count[target]})"
            mutated = (
                replace(derivation, backward=changed)
                if side == "backward"
                else replace(derivation, forward=changed)
            )
            yield Mutant(kind, name, mutated)


def _variants(expr: Expr, function: Mutation, place: Place) -> Iterator[Expr]:
    """Yield the term with the mutation applied at one node, for every node."""
    yield from (v for v in function(expr, place) if v is not expr)
    inner = replace(place, top=False)
    match expr:
        case Reduce():
            bound, body, condition = open_reduce(expr)
            for new in _variants(body, function, inner):
                yield close_reduce(expr.op, bound, new, condition, expr.ties)
            if condition is not None:
                for new in _variants(condition, function, inner):
                    yield close_reduce(expr.op, bound, body, new, expr.ties)
        case Element():
            return
        case _:
            for k, child in enumerate(expr.children):
                for new in _variants(child, function, inner):
                    children = (*expr.children[:k], new, *expr.children[k + 1 :])
                    yield collect(expr.with_children(children))


@mutation
def wrong_sign(expr: Expr, place: Place) -> Iterator[Expr]:
    """Negate the whole, or one term of a sum."""
    if place.top:
        yield mul(const(-1), expr)
    if isinstance(expr, Add):
        for k, term in enumerate(expr.terms):
            yield add(*expr.terms[:k], mul(const(-1), term), *expr.terms[k + 1 :])


@mutation
def factor_two(expr: Expr, place: Place) -> Iterator[Expr]:
    """Double the whole."""
    if place.top:
        yield mul(const(2), expr)


@mutation
def factor_slightly_off(expr: Expr, place: Place) -> Iterator[Expr]:
    """Scale the whole by 1 + 2**-26, which single precision cannot see."""
    if place.top:
        yield mul(const(1 + Fraction(1, 2**26)), expr)


@mutation
def dropped_term(expr: Expr, _: Place) -> Iterator[Expr]:
    """Leave out a term of a sum."""
    if isinstance(expr, Add):
        for k in range(len(expr.terms)):
            yield add(*expr.terms[:k], *expr.terms[k + 1 :])


@mutation
def doubled_term(expr: Expr, _: Place) -> Iterator[Expr]:
    """Count a term of a sum twice."""
    if isinstance(expr, Add):
        for term in expr.terms:
            yield add(*expr.terms, term)


@mutation
def dropped_factor(expr: Expr, _: Place) -> Iterator[Expr]:
    """Leave out a factor of a product: a scale, a mask, a mean's 1/n."""
    if isinstance(expr, Mul):
        for k in range(len(expr.factors)):
            yield mul(*expr.factors[:k], *expr.factors[k + 1 :])


@mutation
def wrong_length(expr: Expr, place: Place) -> Iterator[Expr]:
    """Divide by the length of another axis."""
    if isinstance(expr, Size):
        yield from (Size(axis) for axis in place.system.axes if axis != expr.axis)


@mutation
def swapped_axes(expr: Expr, _: Place) -> Iterator[Expr]:
    """Read a tensor transposed."""
    if isinstance(expr, Element):
        at = expr.indices
        for k in range(len(at) - 1):
            yield Element(expr.tensor, (*at[:k], at[k + 1], at[k], *at[k + 2 :]), expr.outside)


@mutation
def missing_sum(expr: Expr, _: Place) -> Iterator[Expr]:
    """Take the first term where a sum is meant."""
    if isinstance(expr, Reduce):
        bound, body, _condition = open_reduce(expr)
        if all(i.axis != "..." for i in bound):
            yield substitute(body, dict.fromkeys(bound, ZERO))


@mutation
def sum_over_too_much(expr: Expr, _: Place) -> Iterator[Expr]:
    """Sum over an axis that stays, and broadcast the result."""
    if isinstance(expr, Reduce):
        bound, body, condition = open_reduce(expr)
        for letter in sorted((i for i in body.free if i not in bound), key=lambda i: i.key):
            extra = fresh([letter], [*body.free, *bound])
            mapping: dict[Index, Expr] = {letter: extra[0]}
            moved = None if condition is None else substitute(condition, mapping)
            yield close_reduce(expr.op, (*bound, *extra), substitute(body, mapping), moved)


@mutation
def stale_value(expr: Expr, place: Place) -> Iterator[Expr]:
    """Read another tensor of the same axes: the input where the output is meant."""
    if isinstance(expr, Element) and expr.indices:
        axes = place.system.tensor(expr.tensor).axes
        for tensor in place.system.inputs:
            if tensor.axes == axes and tensor.is_real and tensor.name != expr.tensor:
                yield Element(tensor.name, expr.indices, expr.outside)


@mutation
def dropped_delta(expr: Expr, _: Place) -> Iterator[Expr]:
    """Forget which entry was chosen."""
    if isinstance(expr, Compare) and expr.op in ("==", "!="):
        yield ONE


@mutation
def wrong_branch(expr: Expr, _: Place) -> Iterator[Expr]:
    """Exchange the branches, or turn a comparison round."""
    if isinstance(expr, Where):
        yield Where(expr.condition, expr.otherwise, expr.then)
    if isinstance(expr, Compare) and expr.op in ("<", "<="):
        yield Compare(expr.op, expr.right, expr.left)


@mutation
def missing_mask(expr: Expr, _: Place) -> Iterator[Expr]:
    """Ignore a condition."""
    if isinstance(expr, Where):
        yield expr.then
    if isinstance(expr, Compare) and expr.op in ("<", "<="):
        yield ONE


@mutation
def wrong_tie(expr: Expr, _: Place) -> Iterator[Expr]:
    """Put the boundary of a comparison on the other side."""
    if isinstance(expr, Compare) and expr.op in ("<", "<="):
        yield compare("<" if expr.op == "<=" else "<=", expr.left, expr.right)


@mutation
def bound_off_by_one(expr: Expr, _: Place) -> Iterator[Expr]:
    """Leave out the first or the last term of a sum."""
    if isinstance(expr, Reduce) and expr.condition is None:
        bound, body, _condition = open_reduce(expr)
        for letter in (i for i in bound if i.axis != "..."):
            last = add(Size(letter.axis), const(-1))
            for condition in (Compare("<=", ONE, letter), Compare("<", letter, last)):
                yield close_reduce(expr.op, bound, body, condition)


@mutation
def index_off_by_one(expr: Expr, _: Place) -> Iterator[Expr]:
    """Read the next entry, and zero past the end."""
    if isinstance(expr, Element):
        for k, at in enumerate(expr.indices):
            if isinstance(at, Index) and at.axis != "...":
                moved = (*expr.indices[:k], add(at, ONE), *expr.indices[k + 1 :])
                yield Element(expr.tensor, moved, ZERO)


@mutation
def frozen_index(expr: Expr, _: Place) -> Iterator[Expr]:
    """Read the first entry only: right where the entries are equal."""
    if isinstance(expr, Element):
        for k, at in enumerate(expr.indices):
            if isinstance(at, Index) and at.axis != "...":
                yield Element(
                    expr.tensor, (*expr.indices[:k], ZERO, *expr.indices[k + 1 :]), expr.outside
                )


@mutation
def wrong_exponent(expr: Expr, _: Place) -> Iterator[Expr]:
    """Forget a power, or take it twice."""
    if isinstance(expr, Power):
        yield expr.base
        yield power(expr.base, 2 * expr.exponent)


@mutation
def wrong_function(expr: Expr, _: Place) -> Iterator[Expr]:
    """Apply another function, or none."""
    if isinstance(expr, Call):
        yield expr.args[0]
        if len(expr.args) == 1 and expr.function != "tanh":
            yield call("tanh", expr.args[0])


@mutation
def wrong_constant(expr: Expr, _: Place) -> Iterator[Expr]:
    """Change a constant of a sum by 1/2."""
    if isinstance(expr, Add):
        for k, term in enumerate(expr.terms):
            if isinstance(term, Const):
                yield add(*expr.terms[:k], const(term.value + Fraction(1, 2)), *expr.terms[k + 1 :])


@mutation
def not_zero_at_zero(expr: Expr, place: Place) -> Iterator[Expr]:
    """Add 1 to the whole."""
    if place.top:
        yield add(expr, ONE)


@mutation
def not_linear(expr: Expr, _: Place) -> Iterator[Expr]:
    """Square a cotangent: right where it is 0 or 1."""
    if isinstance(expr, Element) and expr.tensor.endswith(BAR):
        yield power(expr, 2)


@mutation
def missing_gradient(_expr: Expr, place: Place) -> Iterator[Expr]:
    """Return zero."""
    if place.top:
        yield ZERO


@mutation
def wrong_reduction(expr: Expr, _: Place) -> Iterator[Expr]:
    """Multiply where a sum is meant."""
    if isinstance(expr, Reduce) and expr.op == "sum":
        yield Reduce("prod", expr.bound, expr.body, expr.condition)


@mutation
def unused_operand(expr: Expr, _: Place) -> Iterator[Expr]:
    """Read one operand of a product twice and another not at all."""
    if isinstance(expr, Mul) and len(expr.factors) == 2:
        first, second = arguments(expr, Mul)
        yield power(first, 2)
        yield power(second, 2)
