"""What holds of every System: the invariants that passes keep.

In: a System. Out: its defects in words, none if it is legal.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from symgrad.ir.terms import Compare, Element, Expr, Index, Size
from symgrad.ir.visit import tensors_read, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from symgrad.ir.equation import Equation, System


def defects(system: System) -> list[str]:
    """Return what is wrong with a System.

    >>> from symgrad.ir.text import parse
    >>> defects(parse("Y[n] = sum[i](X[n, i])"))
    []
    """
    return [*_names(system), *_equations(system)]


def _names(system: System) -> Iterator[str]:
    counts = Counter(t.name for t in system.inputs)
    counts.update(set(system.defined))
    counts.update(e.target for e in system.equations if e.is_main)
    counts.subtract(system.defined)
    for name in dict.fromkeys(e.target for e in system.equations):
        if name not in counts:
            yield f"{name} has initial values and no definition"
    yield from (f"{name} is defined twice" for name, count in counts.items() if count > 1)
    known = {t.name for t in system.inputs}
    yield from (f"parameter {name} is no input" for name in system.params if name not in known)
    known.update(system.defined)
    yield from (f"output {name} does not exist" for name in system.outputs if name not in known)
    if not system.outputs:
        yield "it has no output"


def _equations(system: System) -> Iterator[str]:
    ranks = {t.name: len(t.shape) for t in system.inputs}
    ranks |= {e.target: len(e.indices) for e in system.equations}
    for equation in system.equations:
        if len(equation.indices) != ranks[equation.target]:
            yield f"{equation.element} has another rank than {equation.target} elsewhere"
        if len(set(equation.letters)) < len(equation.letters):
            yield f"{equation.element} has a letter twice"
        if equation.implicit and not is_implicit(equation):
            yield f"{equation.element} solves what is no equation of it"
        yield from _term(equation, equation.value, ranks)
    for _, length in system.sizes:
        if not any(isinstance(n, Size) for n in walk(length)) and length.free:
            yield f"a length that mentions an index: {length}"


def _term(equation: Equation, value: Expr, ranks: dict[str, int]) -> Iterator[str]:
    letters = set(equation.letters)
    if equation.implicit:
        letters.update(i for i in value.free if i.serial == 0)
    for index in sorted(value.free - letters, key=lambda i: i.key):
        yield f"{_name(index)} is free on the right of {equation.element} only"
    for node in walk(value):
        if isinstance(node, Element) and ranks.get(node.tensor) != len(node.indices):
            yield f"{equation.target} reads {node.tensor} with {len(node.indices)} index(es)"


def is_implicit(equation: Equation) -> bool:
    """Return whether the value of an equation is a comparison that mentions the target."""
    value = equation.value
    solvable = isinstance(value, Compare) and value.op == "=="
    return solvable and equation.is_main and equation.target in tensors_read(value)


def _name(index: Index) -> str:
    return index.name if index.serial == 0 else f"{index.name} (opened)"
