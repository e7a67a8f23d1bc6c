"""Stable spellings: what overflows is replaced by what does not, for forward and backward alike.

In: a System that may exponentiate large numbers. Out: an equal System in stable spellings. However
a softmax was spelled, it ends in the same term, because its equations are brought to normal form
before `symgrad.rewriting.folding` names what is stable. Equations without a hazard stay as they
were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.build import collect, evidently_nonnegative, split_coefficient
from symgrad.ir.composite import recomposed
from symgrad.ir.terms import Add, Call, Element, Expr, Mul, Power, Reduce
from symgrad.ir.visit import (
    arguments,
    rebuild,
    replace_elements,
    substitute,
    tensors_read,
    walk,
)
from symgrad.rewriting.engine import Rewriter
from symgrad.rewriting.factoring import factored
from symgrad.rewriting.facts import Facts, facts_of
from symgrad.rewriting.folding import FOLDING
from symgrad.rewriting.normal import normaliser

if TYPE_CHECKING:
    from collections.abc import Collection

    from symgrad.ir.equation import Equation, System


def stabilise(system: System) -> System:
    """Return an equal System in stable spellings, as they are written; outputs keep their names.

    An intermediate that can overflow and is no output is inserted where it is read, and one that is
    read inside a logarithm is inserted there, so that log meets exp.
    """
    folded, hazardous = _folded(system, keep=system.outputs)
    kept = [
        replace(e, value=recomposed(e.value))
        for e in folded
        if e.target not in hazardous or e.target in system.outputs
    ]
    return prune(replace(system, equations=tuple(kept)), system.outputs)


def respelled(system: System) -> System:
    """Return an equal System, each right-hand side in its stable spelling, nothing inserted.

    `1 / (1 + exp(-x))` is `sigmoid(x)` from the start: one function has one derivation. A row of
    exponentials divided by its sum stays as it is: its quotient is what gradients are written in.
    """
    facts = facts_of(system)

    def respell(value: Expr) -> Expr:
        new = fold_hazards(value, facts)
        return value if any(map(_normalises, walk(new))) else new

    return system.map_values(respell)


def _normalises(node: Expr) -> bool:
    """Return whether a term is an exponential of a difference from a logsumexp."""
    if not isinstance(node, Call) or node.function != "exp":
        return False
    return any(isinstance(n, Reduce) and n.op == "logsumexp" for n in walk(node.args[0]))


def hazardous_tensors(system: System) -> set[str]:
    """Return the intermediates whose values can overflow where the outputs do not."""
    return _folded(system, keep=system.outputs)[1] - set(system.outputs)


def _folded(system: System, keep: Collection[str]) -> tuple[list[Equation], set[str]]:
    """Return the equations with hazards folded, and the tensors that can overflow all the same."""
    facts = facts_of(system)
    inserted: dict[str, Equation] = {}
    folded: dict[str, Equation] = {}
    hazardous: set[str] = set()
    for equation in system.equations:
        value = _insert(equation.value, inserted, folded)
        new = replace(equation, value=fold_hazards(value, facts))
        if _overflows(new.value):
            hazardous.add(equation.target)
        if equation.target in hazardous and equation.target not in keep:
            inserted[equation.target] = new
        else:
            folded[equation.target] = new
    everything = {**inserted, **folded}
    return [everything[e.target] for e in system.equations], hazardous


def fold_hazards(expr: Expr, facts: Facts) -> Expr:
    """Return a term whose logarithms and unbounded exponentials are in stable spelling.

    Only they and the products they stand in are brought to normal form; the rest keeps its shape.
    """
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            found = rebuild(node, visit)
            found = node if found is node else collect(found)
            if _hazards(found) and (isinstance(found, Call) or _overflows(found)):
                found = node if isinstance(node, (Add, Reduce)) else fold(found, facts)
            memo[node] = found
        return found

    return visit(expr)


def fold(expr: Expr, facts: Facts) -> Expr:
    """Return a term in stable spelling."""
    plain = normaliser(facts)(expr)
    return factored(Rewriter(FOLDING, facts)(plain), facts)


def _hazards(expr: Expr) -> bool:
    """Return whether a term exponentiates or takes the logarithm of more than an element."""
    return any(
        isinstance(n, Call)
        and (n.function == "exp" or (n.function == "log" and not isinstance(n.args[0], Element)))
        for n in walk(expr)
    )


def folded_definitions(system: System) -> dict[str, Equation]:
    """Return the equation of each intermediate with its hazards folded, in terms of the inputs."""
    found: dict[str, Equation] = {}
    for equation in _folded(system, keep=system.outputs)[0]:
        found[equation.target] = replace(equation, value=_insert(equation.value, found, {}))
    return found


def exponentiates(expr: Expr, definitions: dict[str, Equation]) -> bool:
    """Return whether a term takes an exponential that nothing bounds, its definitions known."""
    for node in walk(expr):
        if isinstance(node, Call) and node.function == "exp" and _overflows(node):
            inner = _insert(node, definitions, {})
            if _overflows(collect(rebuild(inner, collect))):
                return True
    return False


def _overflows(expr: Expr) -> bool:
    """Return whether a value is an exponential, or a sum of such, that nothing bounds."""
    if isinstance(expr, Reduce):
        return expr.op == "sum" and _overflows(expr.body)
    if isinstance(expr, (Add, Mul)):
        return any(_overflows(c) for c in expr.children)
    if isinstance(expr, Power):
        return _overflows(expr.base)
    if not isinstance(expr, Call) or expr.function != "exp":
        return False
    shifts = [split_coefficient(t) for t in arguments(expr.args[0], Add)]
    if all(c < 0 and evidently_nonnegative(r) for c, r in shifts):
        return False
    return not any(c < 0 and isinstance(r, Reduce) and r.op == "logsumexp" for c, r in shifts)


def _insert(expr: Expr, inserted: dict[str, Equation], folded: dict[str, Equation]) -> Expr:
    def definition(element: Element, table: dict[str, Equation]) -> Expr | None:
        equation = table.get(element.tensor)
        if equation is None or len(equation.letters) != len(element.indices):
            return None
        return substitute(equation.value, dict(zip(equation.letters, element.indices, strict=True)))

    def into_log(node: Expr) -> Expr:
        if isinstance(node, Call) and node.function == "log":
            return replace_elements(
                node, lambda e: d if (d := definition(e, folded)) and _hazards(d) else None
            )
        return node

    expr = replace_elements(expr, lambda e: definition(e, inserted))
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            memo[node] = found = into_log(rebuild(node, visit))
        return found

    return visit(expr)


def prune(system: System, wanted: Collection[str]) -> System:
    """Return the System without the equations that no wanted tensor needs."""
    needed = set(wanted)
    kept: list[Equation] = []
    for equation in reversed(system.equations):
        if equation.target in needed:
            kept.append(equation)
            needed.update(tensors_read(equation.value))
            needed.update(t for i in equation.indices for t in tensors_read(i))
    return system.with_equations(reversed(kept))
