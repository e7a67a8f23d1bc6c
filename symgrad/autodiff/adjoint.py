"""Reverse mode by occurrence: a System in, the System of its cotangents out.

Walking an equation `Y[f] = e` with cotangent `Y_bar[f]` carries a *seed* (at first `Y_bar[f]`) and
a *scope*: the free indices f and every bound index met on the way. At an element `X[a(s)]` the
walk ends in one contribution

    X_bar[m] += sum over scope of seed * prod_j delta(m_j, a_j(s))

and the deltas are solved at once: an index of the scope that stands alone at position j *is* m_j,
so its sum disappears. There is no rule for any layer; linear maps, broadcasting and sharing come
out of the scope. Nothing is simplified here.

Source: the rule for `sum` and for elements is the adjoint of a tensor expression with index maps;
Urban and van der Smagt 2018 (arXiv:1811.02573), section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.autodiff.deltas import solve_deltas
from symgrad.autodiff.orders import set_apart
from symgrad.autodiff.partials import partial_derivatives, reduction_partial
from symgrad.autodiff.recurrences import BAR, Cut, cut
from symgrad.autodiff.tying import tie
from symgrad.errors import NotDifferentiableError
from symgrad.ir.build import add, mul, power
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.implicit import no_implicit
from symgrad.ir.linear import Ranges
from symgrad.ir.terms import (
    ONE,
    ZERO,
    Add,
    Call,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Power,
    Reduce,
    Where,
)
from symgrad.ir.visit import close_reduce, fresh, open_reduce, substitute, tensors_read

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Contribution:
    """What one occurrence of an element adds to the cotangent of its tensor.

    Attributes:
        tensor: The tensor that is read.
        value: The term over the letters of `tensor`.
    """

    tensor: str
    value: Expr


@dataclass(frozen=True)
class _Scope:
    """The indices summed over at a point of the walk, and the conditions met on the way.

    Those of reductions restrict the sum. Those of `where` say which branch was taken: what the
    other branch reads has no value, so they stand around everything.
    """

    indices: tuple[Index, ...]
    conditions: tuple[Expr, ...] = ()
    branches: tuple[tuple[Expr, bool], ...] = ()


def default_wrt(system: System) -> tuple[str, ...]:
    """Return what is differentiated unless asked: the real inputs, but scalars with a default."""
    return tuple(t.name for t in system.inputs if t.is_real and t.default is None)


def check_wrt(system: System, wrt: Sequence[str]) -> tuple[str, ...]:
    """Return the inputs to differentiate, after checking that each is a real input.

    Raises:
        NotDifferentiableError: If a name is no input of the System, or not real-valued.
        UnsupportedError: If the System has an implicit equation; its adjoint is not derived yet.
    """
    kinds = {t.name: t.kind for t in system.inputs}
    real = [t.name for t in system.inputs if t.is_real]
    for name in wrt:
        if name not in real:
            given = f"{name}, which is of kind {kinds[name]}" if name in kinds else f"{name!r}"
            raise NotDifferentiableError(
                where=f"the inputs to differentiate of {system.name!r}",
                given=given,
                expected=f"real inputs: {', '.join(real) or 'there are none'}",
                fix="name inputs of the System that are real-valued",
            )
    for equation in system.equations:
        if equation.implicit:
            raise no_implicit(equation)
    return tuple(wrt)


def active_tensors(system: System, wrt: Sequence[str]) -> set[str]:
    """Return the tensors that depend on `wrt`, `wrt` included."""
    active = set(wrt)
    before = -1
    while before < len(active):  # again where a recurrence reads what is defined below
        before = len(active)
        for equation in system.equations:
            if active.intersection(tensors_read(equation.value)):
                active.add(equation.target)
    return active


def adjoint_system(system: System, wrt: Sequence[str] | None = None) -> System:
    """Return the primal equations followed by those of the cotangents, unsimplified.

    Args:
        system: The primal System.
        wrt: The inputs to differentiate; every real input by default.

    Returns:
        A System whose inputs are those of `system` and a cotangent `Y_bar[f]` for each real output
        `Y[f]`, and whose outputs are `X_bar` for each X in `wrt`. Law: `<Y_bar, J v> = <X_bar, v>`.
        Where the System has cotangents itself, those of this order end in `_bar2`.
    """
    names = check_wrt(system, default_wrt(system) if wrt is None else wrt)
    apart = set_apart(system)
    if apart is not None:
        return apart.renamed(adjoint_system(apart.system, [apart.names[n] for n in names]))
    parts = cut(system)
    if parts is None:
        equations = adjoint_equations(system, names)
    else:
        rows = adjoint_equations(parts.cell, cell_wrt(parts, names))
        equations = tie(parts, rows, [name + BAR for name in names])
    cotangents = tuple(cotangent_input(system, o) for o in system.outputs)
    return System(
        f"{system.name}_vjp",
        (*system.inputs, *cotangents),
        (*system.equations, *equations),
        tuple(name + BAR for name in names),
        (),
        system.sizes,
    )


def cell_wrt(parts: Cut, wrt: Sequence[str]) -> tuple[str, ...]:
    """Return what to differentiate a cell by: what is fed to it first, then `wrt`."""
    active = active_tensors(parts.whole, wrt)
    fed = [g.name for g in parts.lags if g.tensor in active and parts.cell.tensor(g.name).is_real]
    return (*fed, *(edge.name for edge in parts.final if edge.tensor in active), *wrt)


def cotangent_input(system: System, output: str) -> Tensor:
    """Return the declaration of the cotangent of an output."""
    return replace(
        system.tensor(output), name=output + BAR, kind="real", default=None, optional=False
    )


def adjoint_equations(system: System, wrt: Sequence[str]) -> tuple[Equation, ...]:
    """Return the cotangent equations in order of evaluation."""
    active = active_tensors(system, wrt)
    pending: dict[str, list[Expr]] = {name: [] for name in (*system.defined, *wrt)}
    equations: list[Equation] = []
    for equation in reversed(system.equations):
        if equation.target not in active:
            continue
        seed = _total_cotangent(system, equation, pending[equation.target], equations)
        if seed is None:
            continue
        for contribution in contributions_of(system, equation, seed, active):
            pending[contribution.tensor].append(contribution.value)
    for name in wrt:
        tensor = system.tensor(name)
        terms = list(pending[name])
        if name in system.outputs:
            terms.insert(0, Element(name + BAR, tensor.positions()))
        equations.append(Equation(name + BAR, tensor.positions(), add(*terms)))
    return tuple(equations)


def _total_cotangent(
    system: System, equation: Equation, terms: list[Expr], equations: list[Equation]
) -> str | None:
    """Return the name of the whole cotangent of a tensor; define it unless it is an input."""
    name = equation.target + BAR
    letters = system.tensor(equation.target).positions()
    if equation.target in system.outputs:
        if not terms:
            return name
        terms = [Element(name, letters), *terms]
        name = f"{equation.target}_total{BAR}"
    if not terms:
        return None
    equations.append(Equation(name, letters, add(*terms)))
    return name


def contributions_of(
    system: System, equation: Equation, seed: str, active: set[str]
) -> list[Contribution]:
    """Return the contribution of each active element that an equation reads."""
    opened = fresh(equation.letters, equation.letters)
    mapping: dict[Index, Expr] = dict(zip(equation.letters, opened, strict=True))
    walk = _Walk(system, active)
    start = substitute(Element(seed, equation.indices), mapping)
    walk.visit(substitute(equation.value, mapping), start, _Scope(opened))
    return walk.found


class _Walk:
    """The walk over one equation; collects a contribution at each active element."""

    def __init__(self, system: System, active: set[str]) -> None:
        self.system = system
        self.active = active
        self.ranges = Ranges(dict(system.sizes))
        self.found: list[Contribution] = []

    def visit(self, node: Expr, seed: Expr, scope: _Scope) -> None:
        """Go on with the subterms, each with its seed. What is not listed has derivative zero."""
        if seed is ZERO:
            return
        match node:
            case Element():
                self._arrive(node, seed, scope)
            case Reduce():
                self._open(node, seed, scope)
            case _:
                for child, partial in _slopes(node):
                    self.visit(child, mul(seed, partial), scope)
                if isinstance(node, Where):
                    for branch, taken in ((node.then, True), (node.otherwise, False)):
                        taking = (*scope.branches, (node.condition, taken))
                        self.visit(branch, seed, replace(scope, branches=taking))

    def _arrive(self, node: Element, seed: Expr, scope: _Scope) -> None:
        if node.tensor in self.active:
            letters = self.system.tensor(node.tensor).positions()
            value = _contribution(node, seed, scope, letters, self.ranges)
            self.found.append(Contribution(node.tensor, value))

    def _open(self, node: Reduce, seed: Expr, scope: _Scope) -> None:
        bound, body, condition = open_reduce(node, avoid=[*scope.indices, *seed.free])
        partial = reduction_partial(node, bound, body, condition)
        more = () if condition is None else (condition,)
        inner = _Scope((*scope.indices, *bound), (*scope.conditions, *more), scope.branches)
        self.visit(body, mul(seed, partial), inner)


def _slopes(node: Expr) -> list[tuple[Expr, Expr]]:
    """Return the subterms of a node that have a derivative, each with its partial derivative."""
    match node:
        case Add():
            return [(term, ONE) for term in node.terms]
        case Mul():
            rest = [node.factors[:k] + node.factors[k + 1 :] for k in range(len(node.factors))]
            return [(f, mul(*others)) for f, others in zip(node.factors, rest, strict=True)]
        case Power():
            return [(node.base, mul(Const(node.exponent), power(node.base, node.exponent - 1)))]
        case Call():
            return list(zip(node.args, partial_derivatives(node), strict=True))
        case _:
            return []


def _contribution(
    occurrence: Element,
    seed: Expr,
    scope: _Scope,
    position: tuple[Expr, ...],
    ranges: Ranges,
) -> Expr:
    """Return `sum over scope of seed * prod_j delta(position_j, a_j)`, the deltas solved."""
    found = solve_deltas(position, occurrence.indices, scope.indices, ranges)
    value = substitute(mul(seed, *found.deltas), found.values)
    for condition, taken in reversed(scope.branches):
        value = _where_taken(substitute(condition, found.values), value, ranges, taken=taken)
    remaining = tuple(i for i in scope.indices if i not in found.values)
    conditions = (*(substitute(c, found.values) for c in scope.conditions), *found.conditions)
    inner = tuple(c for c in conditions if not c.free.isdisjoint(remaining))
    outer = tuple(c for c in conditions if c not in inner)
    if remaining:
        value = close_reduce("sum", remaining, value, _conjunction(inner))
    guard = _conjunction(outer)
    return value if guard is None else Where(guard, value, ZERO)


def _where_taken(condition: Expr, value: Expr, ranges: Ranges, *, taken: bool) -> Expr:
    """Return a value where a branch is taken and 0 elsewhere; itself where it always is."""
    known = ranges.decided(condition)
    if known is not None:
        return value if known is taken else ZERO
    return Where(condition, value, ZERO) if taken else Where(condition, ZERO, value)


def _conjunction(conditions: tuple[Expr, ...]) -> Expr | None:
    """Return the conjunction of conditions, each once; None if there are none."""
    parts = tuple(dict.fromkeys(p for c in conditions for p in _conjuncts(c)))
    return None if not parts else parts[0] if len(parts) == 1 else Logic("and", parts)


def _conjuncts(condition: Expr) -> tuple[Expr, ...]:
    if isinstance(condition, Logic) and condition.op == "and":
        return condition.args
    return (condition,)
