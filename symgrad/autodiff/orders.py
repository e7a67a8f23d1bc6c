"""Names of a second order: the cotangents of a System that has cotangents itself.

In: a System. Out: the suffix of what is derived from it, `_bar` or `_dot` unless names of the
System take those: then `_bar2`, `_bar3`. The System is derived under names that nothing meets, and
what comes out is named again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.autodiff.recurrences import BAR
from symgrad.ir.rename import rename_expr, rename_system
from symgrad.ir.visit import tensors_read

if TYPE_CHECKING:
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Expr
    from symgrad.rewriting.trace import Step

_APART = "_primal"


def names_of(system: System) -> tuple[str, ...]:
    """Return the names of all tensors of a System."""
    return (*(t.name for t in system.inputs), *dict.fromkeys(system.defined))


def suffix_for(system: System, suffix: str = BAR) -> str:
    """Return the suffix for what is derived from a System: one that its names leave free.

    >>> from symgrad.autodiff.adjoint import adjoint_system
    >>> from symgrad.ir.text import parse
    >>> once = adjoint_system(parse("Y[n] = exp(X[n])"))
    >>> suffix_for(once), adjoint_system(once).outputs
    ('_bar2', ('X_bar2', 'Y_bar_bar2'))
    """
    names = set(names_of(system))
    if not any(n + s in names for n in names for s in (suffix, f"_total{suffix}")):
        return suffix
    order = 2
    while any(n.endswith(f"{suffix}{order}") for n in names):
        order += 1
    return f"{suffix}{order}"


@dataclass(frozen=True)
class Apart:
    """A System under names that what is derived from it does not meet.

    Attributes:
        system: The System, renamed.
        names: Each name to the one it has in `system`.
        suffix: What the derived names will end in.
        plain: What they end in before they are named again.
    """

    system: System
    names: dict[str, str]
    suffix: str
    plain: str

    def back(self, name: str) -> str:
        """Return what a tensor is called outside."""
        own = {v: k for k, v in self.names.items()}
        for ending in (f"_total{self.plain}", self.plain):
            stem = name.removesuffix(ending)
            if name.endswith(ending):
                outer = own.get(stem, stem.replace(_APART, ""))
                return outer + ending.removesuffix(self.plain) + self.suffix
        return own.get(name, name.replace(_APART, ""))

    def renamed(self, system: System) -> System:
        """Return a System that was derived under the names outside."""
        mentioned = {*names_of(system), *system.outputs}
        mentioned |= {t for e in system.equations for t in tensors_read(e.value)}
        return rename_system(system, {n: self.back(n) for n in mentioned}, {})

    def derivation(self, found: Derivation, system: System) -> Derivation:
        """Return a derivation under the names outside."""
        return replace(
            found,
            system=system,
            forward=self.renamed(found.forward),
            backward=self.renamed(found.backward),
            wrt=tuple(map(self.back, found.wrt)),
            saved=tuple(map(self.back, found.saved)),
            steps=tuple(map(self._step, found.steps)),
            suffix=self.suffix,
        )

    def _step(self, step: Step) -> Step:
        return step.renamed(self.back, self._term, self._equation)

    def _term(self, expr: Expr) -> Expr:
        return rename_expr(expr, {n: self.back(n) for n in tensors_read(expr)}, {})

    def _equation(self, equation: Equation) -> Equation:
        return replace(
            equation, target=self.back(equation.target), value=self._term(equation.value)
        )


def set_apart(system: System, plain: str = BAR) -> Apart | None:
    """Return a System under other names where its own would meet those that are derived."""
    suffix = suffix_for(system, plain)
    if suffix == plain:
        return None
    names = {n: n + _APART for n in names_of(system)}
    return Apart(rename_system(system, names, {}), names, suffix, plain)
