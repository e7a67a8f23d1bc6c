"""From a System to its derivation: the whole flow on one screen.

In: a System and what to differentiate. Out: a `Derivation`. A composed System is derived part by
part; equal parts are derived once, so the time for a network is linear in its depth and mostly in
renaming.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from symgrad.autodiff.adjoint import (
    active_tensors,
    adjoint_equations,
    cell_wrt,
    check_wrt,
    cotangent_input,
    default_wrt,
)
from symgrad.autodiff.conventions import with_convention
from symgrad.autodiff.orders import set_apart
from symgrad.autodiff.parts import Part, split_parts
from symgrad.autodiff.recurrences import BAR, cut
from symgrad.autodiff.tying import tie_derivation
from symgrad.derivation import Derivation
from symgrad.ir.build import add
from symgrad.ir.composite import recomposed
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.order import as_given, by_name, in_order
from symgrad.ir.rename import rename_expr, rename_system
from symgrad.ir.terms import ZERO, Element
from symgrad.ir.visit import tensors_read
from symgrad.rewriting.checked import Cell
from symgrad.rewriting.closed_form import closed_form
from symgrad.rewriting.naming import name_intermediates
from symgrad.rewriting.stability import prune, respelled, stabilise
from symgrad.rewriting.trace import Step, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.terms import Expr


def derive(
    system: System, wrt: Sequence[str] | None = None, *, conventions: str = "torch"
) -> Derivation:
    """Return a System with its vector-Jacobian product in closed form.

    Args:
        system: The primal System.
        wrt: The inputs to differentiate; by default every real input that is not a scalar with a
            default value.
        conventions: What holds at kinks and ties: "torch", "jax" or "share".

    Returns:
        The derivation: forward and backward Systems, saved tensors, steps. Law: `<Y_bar, J v> =
        <X_bar, v>` for every tangent v.

    Raises:
        NotDifferentiableError: If a name in `wrt` is no real input.
        OptionError: If there is no such convention.
        UnsupportedError: If the System has an implicit equation.

    Example:
        >>> from symgrad.ir.text import parse
        >>> print(derive(parse("Y[n] = tanh(X[n])")).backward.equations[0])
        X_bar[n] = Y_bar[n] * (1 - Y[n]**2)
    """
    system = with_convention(system, conventions)
    names = check_wrt(system, default_wrt(system) if wrt is None else wrt)
    apart = set_apart(system)
    if apart is not None:
        return apart.derivation(derive(apart.system, [apart.names[n] for n in names]), system)
    loop = cut(system)
    if loop is None:
        return _derive_cell(system, names)
    return tie_derivation(loop, _derive_cell(loop.cell, cell_wrt(loop, names)), names)


def _derive_cell(system: System, wrt: tuple[str, ...]) -> Derivation:
    """Return the derivation of a System without recurrences."""
    parts = split_parts(system)
    if len(parts) == 1:
        return _derive_part(parts[0].system, wrt, system)
    return _Chain(system, parts, wrt).derivation()


def _derive_part(part: System, wrt: tuple[str, ...], system: System) -> Derivation:
    closed = derive_closed(replace(part, name="part"), wrt)
    return replace(
        closed,
        system=system,
        forward=replace(closed.forward, name=f"{system.name}_forward", sizes=system.sizes),
        backward=replace(closed.backward, name=f"{system.name}_vjp", sizes=system.sizes),
    )


@lru_cache(maxsize=512)
def derive_closed(system: System, wrt: tuple[str, ...]) -> Derivation:
    """Derive one part as a whole; cached, since Systems are values."""
    trace = Trace()
    stable = respelled(replace(system, equations=in_order(system.equations, by_name)))
    named = name_intermediates(stable)
    reachable = [w for w in wrt if _reaches(named, w)]
    equations = adjoint_equations(named, reachable)
    hidden = set(named.defined) - set(system.defined)
    form = closed_form(named, equations, [w + BAR for w in reachable], trace, hidden)
    as_written = replace(named, equations=as_given(named.equations, system.defined))
    shown = [e.target for e in adjoint_equations(as_written, reachable)]
    found = {e.target: e for e in sorted(form.equations, key=lambda e: shown.index(e.target))}
    unreached = [w for w in wrt if w not in reachable]
    zeros = [Equation(w + BAR, named.tensor(w).positions(), ZERO) for w in unreached]
    saved = tuple(n for n in (*(t.name for t in named.inputs), *as_written.defined)
                  if n in form.saved)  # fmt: skip
    backward = System(
        f"{system.name}_vjp",
        (*(named.tensor(s) for s in saved), *(cotangent_input(named, o) for o in named.outputs)),
        (*found.values(), *zeros),
        tuple(w + BAR for w in wrt),
        (),
        system.sizes,
    )
    results = tuple(s for s in saved if s in named.defined and s not in system.outputs)
    outputs = (*system.outputs, *results)
    forward = prune(replace(name_intermediates(stable, only=results), outputs=outputs), outputs)
    forward = stabilise(forward)
    steps = tuple(map(_as_written, sorted(trace.steps, key=lambda s: _place(s, shown))))
    return Derivation(
        system=system,
        forward=replace(forward, equations=as_given(forward.equations, system.defined)),
        backward=stabilise(backward),
        wrt=wrt,
        saved=saved,
        steps=steps,
        cells=(Cell(named, equations, steps),),
    )


def _as_written(step: Step) -> Step:
    """Return a step with composite positions as they are written."""
    return step.renamed(str, recomposed, lambda e: replace(e, value=recomposed(e.value)))


def _place(step: Step, shown: Sequence[str]) -> tuple[bool, int]:
    """Return where a step is shown: the chain rule first, each equation where it stands."""
    return step.rule != "chain_rule", shown.index(step.after.target)


def _reaches(system: System, name: str) -> bool:
    """Return whether some output depends on an input."""
    return not active_tensors(system, [name]).isdisjoint(system.outputs)


@dataclass
class _Pending:
    """The cotangents that have been computed for one tensor, by name."""

    names: list[str]


class _Chain:
    """The chain rule over parts: the backward passes of the parts, last first, joined by names."""

    def __init__(self, system: System, parts: list[Part], wrt: tuple[str, ...]) -> None:
        self.system = system
        self.parts = parts
        self.wrt = wrt
        self.active = active_tensors(system, wrt)
        self.consumers = self._count_consumers()
        self.pending: dict[str, _Pending] = {}
        self.forward: list[Equation] = []
        self.backward: list[Equation] = []
        self.saved: set[str] = set()
        self.tensors: dict[str, Tensor] = {t.name: t for t in system.inputs}
        self.steps: list[Step] = []
        self.cells: list[Cell] = []

    def _count_consumers(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for part in self.parts:
            for tensor in part.system.inputs:
                name = part.outer(tensor.name)
                counts[name] = counts.get(name, 0) + 1
        return counts

    def derivation(self) -> Derivation:
        """Derive the parts, last first, and join them."""
        for output in self.system.outputs:
            if output in self.active:
                self.pending[output] = _Pending([output + BAR])
        forwards = [self._add(part) for part in reversed(self.parts)]
        equations = [e for run in reversed(forwards) for e in run]
        for name in self.wrt:
            self._total(name)
        order = (*(t.name for t in self.system.inputs), *(e.target for e in equations))
        saved = tuple(dict.fromkeys(n for n in order if n in self.saved))
        results = tuple(
            s for s in saved if s not in self.tensors_in() and s not in self.system.outputs
        )
        forward = replace(
            self.system,
            name=f"{self.system.name}_forward",
            equations=tuple(equations),
            outputs=(*self.system.outputs, *results),
        )
        forward = prune(forward, forward.outputs)
        backward = System(
            f"{self.system.name}_vjp",
            (
                *(forward.tensor(s) for s in saved),
                *(cotangent_input(self.system, o) for o in self.system.outputs),
            ),
            tuple(self.backward),
            tuple(w + BAR for w in self.wrt),
            (),
            self.system.sizes,
        )
        steps, cells = tuple(self.steps), tuple(self.cells)
        return Derivation(self.system, forward, backward, self.wrt, saved, steps, cells=cells)

    def tensors_in(self) -> set[str]:
        """Return the names of the inputs of the whole System."""
        return {t.name for t in self.system.inputs}

    def _add(self, part: Part) -> list[Equation]:
        """Append the backward pass of a part; return its forward equations."""
        wrt = tuple(
            t.name for t in part.system.inputs if part.outer(t.name) in self.active and t.is_real
        )
        outputs = [o for o in part.system.outputs if part.outer(o) in self.pending]
        if not wrt or not outputs:
            return self._outer_equations(part, stabilise(part.system))
        local = replace(part.system, outputs=tuple(outputs))
        derivation = derive_closed(local, wrt)
        totals = {o + BAR: self._total(part.outer(o)) for o in outputs}
        names = {**totals, **self._cotangent_names(part, wrt)}
        backward = self._renamed(part, derivation.backward, names)
        self.backward.extend(backward.equations)
        self.saved.update(part.outer(s) for s in derivation.saved)
        self.cells.extend(derivation.cells)
        self.steps.extend(self._outer_step(part, step, names) for step in derivation.steps)
        everything = (*part.system.outputs, *derivation.saved_results)
        if set(outputs) == set(part.system.outputs):
            return self._outer_equations(part, derivation.forward)
        named = name_intermediates(part.system, only=derivation.saved_results)
        return self._outer_equations(part, stabilise(replace(named, outputs=everything)))

    def _cotangent_names(self, part: Part, wrt: tuple[str, ...]) -> dict[str, str]:
        """Name the cotangents a part returns: by tensor, or by part where several contribute."""
        names = {}
        for name in wrt:
            outer = part.outer(name)
            alone = self.consumers[outer] == 1 and outer not in self.system.outputs
            names[name + BAR] = outer + BAR if alone else f"{part.prefix or 'main'}.{name}{BAR}"
            self.pending.setdefault(outer, _Pending([])).names.append(names[name + BAR])
        return names

    def _total(self, name: str) -> str:
        """Return the name of the whole cotangent of a tensor, adding its contributions up."""
        names = self.pending.get(name, _Pending([])).names
        if len(names) == 1 and (name not in self.wrt or names[0] == name + BAR):
            return names[0]
        letters = self.system.tensor(name).positions()
        total = name + BAR if name not in self.system.outputs else f"{name}_total{BAR}"
        value = add(*(Element(n, letters) for n in names))
        self.backward.append(Equation(total, letters, value))
        self.pending[name] = _Pending([total])
        return total

    def _renamed(self, part: Part, system: System, names: dict[str, str]) -> System:
        mentioned = {*system.defined, *(t.name for t in system.inputs)}
        mentioned |= {t for e in system.equations for t in tensors_read(e.value)}
        table = {n: names.get(n) or part.outer(n) for n in mentioned}
        return rename_system(system, table, part.axes)

    def _outer_equations(self, part: Part, system: System) -> list[Equation]:
        return list(self._renamed(part, system, {}).equations)

    def _outer_step(self, part: Part, step: Step, names: dict[str, str]) -> Step:
        """Return a step of a part in the names and letters of the whole System."""

        def term(expr: Expr) -> Expr:
            table = {n: names.get(n) or part.outer(n) for n in tensors_read(expr)}
            return rename_expr(expr, table, part.axes)

        def outer(equation: Equation) -> Equation:
            target = names.get(equation.target) or part.outer(equation.target)
            return Equation(target, tuple(map(term, equation.indices)), term(equation.value))

        def name(tensor: str) -> str:
            return names.get(tensor) or part.outer(tensor)

        return step.renamed(name, term, outer)
