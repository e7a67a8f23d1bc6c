"""Lengths in a generated function: how each is spelled, and where it comes from.

In: the arguments of a function and the lengths that its text uses. Out: the assignments that find
them, the checks of those that an equation fixes too, and the lengths that have to be arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.sizes import axes_of
from symgrad.ir.terms import Const, Expr, Mul, Size
from symgrad.lowering.affine import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from symgrad.codegen.signature import Argument
    from symgrad.ir.equation import System


class Lengths(dict[str, str]):
    """The spelling of the length of each axis; remembers which were read."""

    def __init__(self, spelling: Mapping[str, str]) -> None:
        super().__init__(spelling)
        self.used: dict[str, None] = {}

    def __getitem__(self, axis: str) -> str:
        self.used[axis] = None
        return super().__getitem__(axis)


@dataclass(frozen=True)
class Rule:
    """One way to find a length.

    Attributes:
        axis: Whose length it is.
        needs: The axes whose lengths the text uses.
        text: The right-hand side of an assignment.
        checked: Whether the text may give a negative number; for a check, whether the length is
            that of an argument too.
    """

    axis: str
    needs: tuple[str, ...]
    text: str
    checked: bool = False


@dataclass(frozen=True)
class Plan:
    """Where the lengths of a function come from.

    Attributes:
        rules: How to find each length that no argument shows alone, in order.
        checks: Equations of lengths that the arguments must satisfy.
        extra: Axes whose lengths have to be arguments.
        needed: Every axis whose length is used, those that the rules use included.
    """

    rules: tuple[Rule, ...]
    checks: tuple[Rule, ...]
    extra: tuple[str, ...]
    needed: tuple[str, ...]


def plan_lengths(
    system: System,
    arguments: Sequence[Argument],
    spelled: Mapping[str, str],
    used: Iterable[str],
    text: Callable[[Expr], str],
) -> Plan:
    """Return where the lengths come from that a function uses.

    Args:
        system: What the function computes.
        arguments: Its tensors.
        spelled: The spelling of each length.
        used: The axes whose lengths the body uses. The limits of index arguments must be known too.
        text: Spells an expression in sizes.
    """
    shown = {a for a, name in spelled.items() if name.isdigit()}
    shown |= {s.axis for a in arguments for s in a.tensor.shape if isinstance(s, Size)}
    rules = [*_equations(system, spelled, text), *_parts(arguments, text)]
    known, found, extra = set(shown), list[Rule](), list[str]()
    limits = [a.tensor.limit for a in arguments if a.tensor.limit]
    used = list(used)
    for axis in (*used, *limits):
        if axis in known:
            continue
        path = _path(axis, known, rules)
        if path is None:
            extra.append(axis)
            known.add(axis)
        elif axis in used:
            found += path
            known |= {r.axis for r in path}
    checks = _checks(system, known, found, spelled, text)
    needed = dict.fromkeys(used)
    for rule in (*found, *checks):
        needed.update(dict.fromkeys(rule.needs))
    needed.update(dict.fromkeys(r.axis for r in checks if r.checked))
    return Plan(tuple(found), tuple(checks), tuple(extra), tuple(needed))


def _path(axis: str, known: set[str], rules: Sequence[Rule]) -> list[Rule] | None:
    """Return the rules that find a length from those that are known, in order."""
    have, taken = set(known), list[Rule]()
    while axis not in have:
        step = next((r for r in rules if r.axis not in have and have.issuperset(r.needs)), None)
        if step is None:
            return None
        taken.append(step)
        have.add(step.axis)
    wanted, path = {axis}, list[Rule]()
    for rule in reversed(taken):
        if rule.axis in wanted:
            path.insert(0, rule)
            wanted.update(rule.needs)
    return path


def _equations(
    system: System, spelled: Mapping[str, str], text: Callable[[Expr], str]
) -> list[Rule]:
    """Return the rules that equations of lengths give, read from either side."""
    facts = Facts(system)
    found = []
    for axis, length in system.sizes:
        if isinstance(length, Const):
            continue
        checked = not facts.nonnegative(length)
        found.append(Rule(axis, tuple(axes_of(length)), text(length), checked))
        found += _divided(length, Size(axis), spelled[axis], (axis,), text)
    return found


def _parts(arguments: Sequence[Argument], text: Callable[[Expr], str]) -> list[Rule]:
    """Return the rules that axes of composite length give."""
    found = []
    for argument in arguments:
        for k, length in enumerate(argument.tensor.shape):
            if not isinstance(length, Size):
                whole = f"{argument.name}.shape[{k}]"
                found += _divided(length, None, whole, (), text)
    return found


def _divided(
    length: Expr,
    own: Expr | None,
    whole: str,
    needs: tuple[str, ...],
    text: Callable[[Expr], str],
) -> list[Rule]:
    """Return for each factor of a length the rule that finds it from the others."""
    factors = length.factors if isinstance(length, Mul) else ()
    found = []
    for factor in factors:
        others = [f for f in factors if f is not factor]
        plain = isinstance(factor, Size) and factor is not own and factor not in others
        if plain and isinstance(factor, Size):
            rest = others[0] if len(others) == 1 else Mul(tuple(others))
            below = text(rest)
            below = below if len(others) == 1 else f"({below})"
            names = (*needs, *(a for f in others for a in axes_of(f)))
            quotient = whole if below == "1" else f"{whole} // {below}"
            found.append(Rule(factor.axis, tuple(dict.fromkeys(names)), quotient))
    return found


def _checks(
    system: System,
    known: set[str],
    found: Sequence[Rule],
    spelled: Mapping[str, str],
    text: Callable[[Expr], str],
) -> list[Rule]:
    """Return the equations of lengths that the arguments might not satisfy."""
    facts = Facts(system)
    checks = []
    for axis, length in system.sizes:
        needs = axes_of(length)
        direct = any(r.axis == axis and r.needs == tuple(needs) for r in found)
        if direct or spelled[axis].isdigit() or not known.issuperset(needs):
            continue
        rule = Rule(axis, tuple(needs), text(length), checked=axis in known)
        if rule.checked or not facts.nonnegative(length):
            checks.append(rule)
    return checks
