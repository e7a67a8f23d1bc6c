"""The loop closed in what was derived from a cell: backpropagation through time.

In: what was cut, and the cotangent equations, or the derivation, of the cell. Out: those of the
whole System: forward and backward passes are recurrences, and lagged reads are reads of the saved
states.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.autodiff.recurrences import BAR, steps_of
from symgrad.derivation import Derivation
from symgrad.ir.build import add, const
from symgrad.ir.composite import letters_of
from symgrad.ir.equation import Equation, System
from symgrad.ir.order import around_loops
from symgrad.ir.terms import ZERO, Add, Element, Expr, Index
from symgrad.ir.visit import elements, replace_elements, substitute, tensors_read
from symgrad.rewriting.trace import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from symgrad.autodiff.recurrences import Cut, Edge, Lag


def tie(parts: Cut, equations: Iterable[Equation], wanted: Sequence[str]) -> tuple[Equation, ...]:
    """Return the cotangent equations of a cell with the loop closed.

    Args:
        parts: What was cut.
        equations: The cotangents of the cell, in order of evaluation.
        wanted: Names of the cotangents to keep.
    """
    rows = [tied(parts, e) for e in equations]
    present = {e.target for e in rows}
    totals, first = _totals(parts, present)
    rows = [_with_lags_of_inputs(parts, e, present) for e in rows]
    rows = [replace(e, value=replace_elements(e.value, totals)) for e in rows]
    return needed([*first, *rows, *_boundaries(parts, rows, present)], wanted)


def tied_forward(parts: Cut, equations: Iterable[Equation]) -> tuple[Equation, ...]:
    """Return equations of the cell, lagged reads, initial values and final states put back."""
    initial = {edge.name: edge for edge in parts.initial}
    rows: list[Equation] = []
    for equation in equations:
        new = tied(parts, equation)
        edge = initial.get(equation.target)
        if edge is not None and edge.equation is not None:
            new = Equation(edge.tensor, edge.equation.indices, new.value)
        rows.append(new)
    return tuple(rows)


def tied(parts: Cut, equation: Equation) -> Equation:
    """Return an equation with reads of the cell's own inputs as reads of the whole System."""
    lags = {lag.name: lag for lag in parts.lags}
    final = {edge.name: edge for edge in parts.final}
    initial = {edge.name: edge for edge in parts.initial}

    def function(read: Element) -> Expr | None:
        lag = lags.get(read.tensor)
        if lag is not None:
            outside = read.outside
            if outside is None and not lag.given:  # a condition guards the read: any value will do
                outside = ZERO
            return Element(lag.tensor, lag.shifted(read.indices, lag.steps), outside)
        edge = initial.get(read.tensor)
        if edge is not None and edge.equation is not None:
            at = edge.equation.indices[edge.slot]
            return Element(edge.tensor, _with(read.indices, edge.slot, at), read.outside)
        edge = final.get(read.tensor)
        if edge is None:
            return None
        length = parts.whole.tensor(edge.tensor).shape[edge.slot]
        ahead = any(lag.tensor == edge.tensor and lag.steps > 0 for lag in parts.lags)
        at = ZERO if ahead else add(length, const(-1))
        return Element(edge.tensor, _with(read.indices, edge.slot, at), read.outside)

    return replace(equation, value=replace_elements(equation.value, function))


def _with_lags_of_inputs(parts: Cut, row: Equation, present: set[str]) -> Equation:
    """Return the cotangent of an input with what its lagged reads add."""
    name = row.target.removesuffix(BAR)
    if name in parts.whole.defined or not any(lag.tensor == name for lag in parts.lags):
        return row
    more = _moved(
        _fed_back(parts, name, present), parts.whole.tensor(name).positions(), row.indices
    )
    return replace(row, value=add(row.value, more))


def _with(indices: Sequence[Expr], slot: int, at: Expr) -> tuple[Expr, ...]:
    return (*indices[:slot], at, *indices[slot:])


def _totals(
    parts: Cut, present: set[str]
) -> tuple[Callable[[Element], Expr | None], list[Equation]]:
    """Return how cotangents of the cell's outputs are read, and equations that name sums."""
    system = parts.whole
    values: dict[str, tuple[tuple[Expr, ...], Expr]] = {}
    named: list[Equation] = []
    for name in dict.fromkeys(lag.tensor for lag in parts.lags if lag.tensor in system.defined):
        position = system.tensor(name).positions()
        value = _fed_back(parts, name, present)
        if name in system.outputs:
            value = add(Element(name + BAR, position), value)
        total = f"{name}_total{BAR}" if name in system.outputs else name + BAR
        if isinstance(value, Add) and total not in present:
            named.append(Equation(total, position, value))
            value = Element(total, position)
        values[name + BAR] = position, value
    for edge in parts.initial:
        values[edge.name + BAR] = _first_cotangent(parts, edge, present)

    def function(read: Element) -> Expr | None:
        found = values.get(read.tensor)
        return None if found is None else _moved(found[1], found[0], read.indices)

    return function, named


def _fed_back(parts: Cut, name: str, present: set[str]) -> Expr:
    """Return what lagged reads of a tensor add to its cotangent."""
    position = parts.whole.tensor(name).positions()
    outside = None if name in parts.whole.defined else ZERO
    return add(
        *(
            Element(lag.name + BAR, lag.shifted(position, -lag.steps), outside)
            for lag in parts.lags
            if lag.tensor == name and lag.name + BAR in present
        )
    )


def _moved(value: Expr, position: Sequence[Expr], indices: Sequence[Expr]) -> Expr:
    """Return a term over the letters of a position at other indices."""
    letters: dict[Index, Expr] = {}
    for here, there in zip(position, indices, strict=True):
        mine, theirs = letters_of(here), letters_of(there)
        letters.update(zip(mine, theirs, strict=True) if len(mine) > 1 else [(mine[0], there)])
    return substitute(value, letters)


def _first_cotangent(parts: Cut, edge: Edge, present: set[str]) -> tuple[tuple[Expr, ...], Expr]:
    """Return the cotangent of an initial value: what arrives at its position."""
    tensor = parts.whole.tensor(edge.tensor)
    position = tensor.positions()
    rest = (*position[: edge.slot], *position[edge.slot + 1 :])
    outside = None if edge.tensor in parts.whole.defined else ZERO
    terms: list[Expr] = []
    for lag in parts.lags:
        distance = abs(lag.steps) - edge.beyond
        if lag.tensor != edge.tensor or distance < 0 or lag.name + BAR not in present:
            continue
        length = tensor.shape[edge.slot]
        at = const(distance) if lag.steps < 0 else add(length, const(-1 - distance))
        terms.append(Element(lag.name + BAR, _with(rest, edge.slot, at), outside))
    return rest, add(*terms)


def _boundaries(parts: Cut, rows: Sequence[Equation], present: set[str]) -> list[Equation]:
    """Return where the cotangents of lagged reads start: at the final states', or at 0."""
    found: list[Equation] = []
    for lag in parts.lags:
        if lag.name + BAR not in present or lag.tensor not in parts.whole.defined:
            continue
        tensor = parts.whole.tensor(lag.tensor)
        position = tensor.positions()
        rest = (*position[: lag.slot], *position[lag.slot + 1 :])
        for number in range(abs(lag.steps)):
            at: Expr = const(-1 - number)
            if lag.steps < 0:
                at = add(tensor.shape[lag.slot], const(number))
            is_last = number == abs(lag.steps) - 1
            value = _final_cotangent(parts, lag, rows, rest) if is_last else ZERO
            found.append(Equation(lag.name + BAR, _with(rest, lag.slot, at), value))
    return found


def _final_cotangent(
    parts: Cut, lag: Lag, rows: Sequence[Equation], rest: tuple[Expr, ...]
) -> Expr:
    """Return the cotangent of the final state of a tensor: its first lag carries it back."""
    first = next(other for other in parts.lags if other.tensor == lag.tensor)
    edge = next((e for e in parts.final if e.tensor == lag.tensor), None)
    row = next((e for e in rows if edge is not None and e.target == edge.name + BAR), None)
    return ZERO if row is None or lag is not first else _moved(row.value, row.indices, rest)


def needed(equations: Sequence[Equation], wanted: Iterable[str]) -> tuple[Equation, ...]:
    """Return the equations that wanted tensors depend on, also around loops, in their order."""
    below: dict[str, set[str]] = {}
    for equation in equations:
        names = below.setdefault(equation.target, set())
        names.update(tensors_read(equation.value))
    kept: set[str] = set()
    stack = list(wanted)
    while stack:
        name = stack.pop()
        if name not in kept:
            kept.add(name)
            stack.extend(below.get(name, ()))
    return tuple(e for e in equations if e.target in kept)


def initial_values(parts: Cut, equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """Return the initial values of the tensors of the primal System that are read at a lag."""
    given: dict[str, list[Equation]] = {}
    for edge in parts.initial:
        assert edge.equation is not None, "an initial value has an equation"
        given.setdefault(edge.tensor, []).append(edge.equation)
    read: set[str] = set()
    for equation in equations:
        for element in elements(equation.value):
            lag = next((g for g in parts.lags if g.tensor == element.tensor), None)
            if lag is not None and steps_of(element.indices[lag.slot]) != 0:
                read.add(element.tensor)
    return tuple(e for name, found in given.items() if name in read for e in found)


def tie_derivation(parts: Cut, cell: Derivation, wrt: tuple[str, ...]) -> Derivation:
    """Return the derivation of the System that was cut, with respect to `wrt`."""
    whole = parts.whole
    outputs = [name + BAR for name in wrt]
    rows = around_loops(tie(parts, cell.backward.equations, outputs))
    edges = initial_values(parts, rows)
    rows = (*edges, *rows)
    read = {t for e in rows for t in tensors_read(e.value)} - {e.target for e in rows}
    read |= {e.target for e in edges}
    forward = tied_forward(parts, cell.forward.equations)
    order = (*(t.name for t in whole.inputs), *(e.target for e in forward))
    saved = tuple(n for n in dict.fromkeys(order) if n in read)
    given = {t.name for t in whole.inputs}
    results = tuple(s for s in saved if s not in given and s not in whole.outputs)
    forward = needed(forward, (*whole.outputs, *results))
    first = replace(
        whole,
        name=f"{whole.name}_forward",
        equations=forward,
        outputs=(*whole.outputs, *results),
    )
    cotangents = [t for t in cell.backward.inputs if t.name.removesuffix(BAR) in whole.outputs]
    backward = System(
        f"{whole.name}_vjp",
        (*(first.tensor(s) for s in saved), *(t for t in cotangents if t.name.endswith(BAR))),
        rows,
        tuple(outputs),
        (),
        whole.sizes,
    )
    steps = (*(_tied_step(parts, step) for step in cell.steps), *_closing_steps(parts, cell, rows))
    return Derivation(whole, first, backward, wrt, saved, steps, cells=cell.cells)


def _closing_steps(parts: Cut, cell: Derivation, rows: Sequence[Equation]) -> list[Step]:
    """Return a step for each cotangent equation that closing the loop makes another."""
    last = {s.after.element: tied(parts, s.after) for s in cell.steps}
    known = set(parts.whole.equations)
    time = Index("t", "t")
    laws = [
        f"{Element(lag.name, (time,))} is {Element(lag.tensor, (add(time, const(lag.steps)),))}"
        for lag in parts.lags
    ]
    law = f"{', '.join(laws)}: their cotangents are one"
    return [
        Step("close_loop", law, last.get(e.element), e)
        for e in rows
        if e not in known and last.get(e.element) != e
    ]


def _tied_step(parts: Cut, step: Step) -> Step:
    """Return a step of the cell with lagged reads put back."""
    before = None if step.before is None else tied(parts, step.before)
    return replace(step, before=before, after=tied(parts, step.after))
