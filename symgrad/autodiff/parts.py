"""A composed System seen as its parts: the unit of derivation.

In: a System whose names carry the prefixes that composition gave. Out: one small System for each
part, in names of its own, so that equal parts are equal values and are derived once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation, System
from symgrad.ir.rename import rename_system
from symgrad.ir.show import unused
from symgrad.ir.sizes import axes_of
from symgrad.ir.terms import BATCH, Const, Expr, Index, Size
from symgrad.ir.visit import elements, tensors_read, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Sizes = tuple[tuple[str, Expr], ...]

_LETTERS = "ijklmnopqrstuvwxyzabcdefgh"


@dataclass(frozen=True)
class Part:
    """A contiguous run of equations of a System, under names of its own.

    Attributes:
        prefix: The dotted prefix of its names in the whole System; empty if it has none.
        system: The equations, with canonical tensor and axis names.
        names: Canonical tensor name to the name in the whole System.
        axes: Canonical axis to the axis in the whole System.
    """

    prefix: str
    system: System
    names: dict[str, str]
    axes: dict[str, str]

    def outer(self, name: str) -> str:
        """Return a canonical name, a cotangent's too, as it is called in the whole System."""
        for suffix in ("_total_bar", "_bar", ""):
            stem = name.removesuffix(suffix) if suffix else name
            if name.endswith(suffix) and stem in self.names:
                return self.names[stem] + suffix
        return f"{self.prefix}.{name}" if self.prefix else name


def prefix_of(name: str) -> str:
    """Return what stands before the last dot of a name; empty if there is none."""
    return name.rpartition(".")[0]


def split_parts(system: System) -> list[Part]:
    """Return the parts of a System, in order. Equations without a dot form parts of their own."""
    runs = [
        (prefix, tuple(run))
        for prefix, run in groupby(system.equations, key=lambda e: prefix_of(e.target))
    ]
    if len(runs) == 1:
        own = {n: n for n in (*(t.name for t in system.inputs), *system.defined)}
        axes = {a: a for a in system.axes}
        return [Part("", replace(system, sizes=_structural(system)), own, axes)]
    read_later = _read_later(runs, system.outputs)
    return [_part(system, p, run, read_later[k]) for k, (p, run) in enumerate(runs)]


def _read_later(
    runs: Sequence[tuple[str, tuple[Equation, ...]]], outputs: Sequence[str]
) -> list[set[str]]:
    """Return for each run the names that later runs read or the System returns."""
    later = set(outputs)
    found: list[set[str]] = []
    for _, run in reversed(runs):
        found.append(set(later))
        later.update(t for e in run for t in tensors_read(e.value))
    return found[::-1]


def _part(system: System, prefix: str, run: tuple[Equation, ...], wanted: set[str]) -> Part:
    defined = tuple(dict.fromkeys(e.target for e in run))
    read = dict.fromkeys(t for e in run for t in tensors_read(e.value) if t not in defined)
    inputs = tuple(system.tensor(t) for t in read)
    part = System(
        "part",
        inputs,
        run,
        tuple(d for d in defined if d in wanted),
        tuple(p for p in system.params if p in read),
    )
    part = replace(part, sizes=_relevant(part.axes, system.sizes))
    part = replace(part, sizes=_structural(part))
    inner = _canonical_names(part, prefix)
    axes = _canonical_axes(part)
    local = rename_system(part, inner, axes)
    return Part(prefix, local, {v: k for k, v in inner.items()}, {v: k for k, v in axes.items()})


def _structural(system: System) -> Sizes:
    """Return the lengths that change a formula: terms in other lengths, and those of packed axes.

    A packed axis is read at positions that are numbers, as the gates in `Z[n, 3, k]`.
    """
    packed = _packed(system)
    return tuple((a, e) for a, e in system.sizes if not isinstance(e, Const) or a in packed)


def _packed(system: System) -> set[str]:
    """Return the axes that are read at positions that are numbers."""
    return {
        length.axis
        for equation in system.equations
        for read in elements(equation.value)
        for position, length in zip(read.indices, system.tensor(read.tensor).shape, strict=False)
        if isinstance(position, Const) and isinstance(length, Size)
    }


def _relevant(axes: Iterable[str], sizes: Sizes) -> Sizes:
    """Return the lengths of some axes, and those of the axes that these are terms in."""
    known = set(axes)
    while more := {b for a, e in sizes if a in known for b in axes_of(e)} - known:
        known |= more
    return tuple((a, e) for a, e in sizes if a in known)


def _canonical_names(part: System, prefix: str) -> dict[str, str]:
    """Strip the prefix of own names; what comes from elsewhere is called X, X2, ..."""
    everything = (*(t.name for t in part.inputs), *part.defined)
    own = {n: n.rpartition(".")[2] for n in everything if prefix_of(n) == prefix}
    used = set(own.values())
    names = dict(own)
    for name in everything:
        if name not in own:
            names[name] = unused("X", used)
            used.add(names[name])
    return names


def _canonical_axes(part: System) -> dict[str, str]:
    """Call axes i, j, k, ... in order: parts that differ in letters alone are equal."""
    lengths = (b for a, e in part.sizes for b in (a, *axes_of(e)))
    named = [axis for axis in dict.fromkeys((*part.axes, *lengths)) if axis != BATCH]
    nodes = (node for e in part.equations for node in walk(e.value))
    second = {n.name for n in nodes if isinstance(n, Index) and n.name != n.axis}
    free = [c for c in _LETTERS if c not in second]
    free += [f"axis{k}" for k in range(len(named) - len(free))]
    return dict(zip(named, free, strict=False))
