"""Hypothesis strategies: every legal way to call what a System describes.

In: a System. Out: a strategy of `Instance`. Lengths, the rank of `...`, values, cotangents and
layouts are drawn from what the System declares. Simple choices come first, so that Hypothesis
shrinks to the smallest shape, the fewest non-zero entries and plain memory. This is the only module
of the package that imports Hypothesis; import it late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, reject, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

from symgrad.autodiff.recurrences import BAR
from symgrad.ir.equation import INTEGER_KINDS
from symgrad.ir.terms import BATCH, Reduce, Size
from symgrad.ir.visit import walk
from symgrad.verification.instances import (
    BATCH_LETTERS,
    Arrays,
    BatchAxes,
    Instance,
    at_batch,
    shape_of,
    sizes_of,
)
from symgrad.verification.kinks import distance_from_kinks, kink_system
from symgrad.verification.layouts import EXPANDED, LAYOUTS
from symgrad.verification.values import COTANGENTS, DENSE, GENERIC, HUGE, PATTERNS, WIDE, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hypothesis.strategies import DrawFn
    from numpy.typing import NDArray

    from symgrad.ir.equation import System, Tensor
    from symgrad.verification.values import Pattern

Choice = TypeVar("Choice")

#: Lengths in the order in which a counterexample is simplified; those that show most, twice.
LENGTHS = (1, 2, 3, 5, 2, 3, 0)

#: The largest number of elements of a drawn tensor.
MOST_ELEMENTS = 60

#: How far a smooth point keeps from kinks.
KINK_DISTANCE = 1e-2

_EMPTY_IS_AN_ERROR = ("max", "min", "argmax", "argmin")


def axes_that_are_not_empty(system: System) -> frozenset[str]:
    """Return the axes whose length is at least 1 in every legal call.

    The maximum of nothing, an index into nothing and a row of probabilities without an entry are
    errors.
    """
    found = {t.limit for t in system.inputs if t.limit is not None}
    for tensor in system.inputs:
        if tensor.kind == "simplex" and isinstance(tensor.shape[-1], Size):
            found.add(tensor.shape[-1].axis)
    for equation in system.equations:
        for node in walk(equation.value):
            if isinstance(node, Reduce) and node.op in _EMPTY_IS_AN_ERROR:
                found.update(i.axis for i in node.bound)
    return frozenset(found)


@st.composite
def draw_lengths(
    draw: DrawFn, system: System, choices: tuple[int, ...], least_rank: int = 0
) -> tuple[dict[str, int], tuple[int, ...]]:
    """Draw a length for each axis and the lengths of the axes of `...`; unequal by default.

    Args:
        draw: Given by Hypothesis.
        system: The System.
        choices: Lengths to choose from.
        least_rank: The smallest rank of `...`.
    """
    given_lengths = dict(system.sizes)
    not_empty = axes_that_are_not_empty(system)
    unequal = draw(st.sampled_from((True, True, True, False)))
    # An empty axis empties most of an instance: few of them are enough.
    allow_empty = max(choices) == 1 or draw(st.sampled_from((False, False, False, True)))
    filled = tuple(n for n in choices if n)
    used: set[int] = set()

    def one(axis: str) -> int:
        length = draw(st.sampled_from(choices if allow_empty and axis not in not_empty else filled))
        while unequal and length > 1 and length in used:
            length += 1
        used.add(length)
        return length

    found = {a: one(a) for a in system.axes if a not in given_lengths and a != BATCH}
    rank = draw(st.integers(least_rank, len(BATCH_LETTERS))) if system.has_batch else 0
    batch = tuple(one(BATCH) for _ in range(rank))
    return found, batch


def _broadcasts(system: System, rank: int) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]:
    """Return ways in which inputs may lack batch axes; most often none does.

    One input has all of them, for a result has the axes that some input has. At other ranks than 2
    the inputs are alike: code is built for each way.
    """
    names = [t.name for t in system.inputs if t.axes[:1] == (BATCH,)]
    if rank != 2 or len(names) < 2:
        return ((),)
    first, last = BATCH_LETTERS[:2]
    fewer = tuple((n, (last,)) for n in names[1:])
    short = tuple((n, (first, "1")) for n in names[:-1])
    return ((), (), fewer, short)


def _choose(draw: DrawFn, names: Iterable[Choice]) -> Choice:
    return draw(st.sampled_from(tuple(names)))


class _Drawing:
    """The arrays of an instance while they are drawn."""

    def __init__(self, draw: DrawFn, *, layouts: bool, odd: bool) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        varied = (*LAYOUTS[1 if odd else 0 :], EXPANDED)
        self.choices = varied if layouts else LAYOUTS[:1]
        self.layouts: dict[str, str] = {}
        self.notes: list[str] = []

    def _stored(self, name: str, array: NDArray[Any], kind: str = "real") -> NDArray[Any]:
        """Draw a layout; `expanded` repeats the first entry of the first axis."""
        if array.ndim:
            repeats = kind not in ("symmetric", "spd")
            layout = _choose(self.draw, self.choices if repeats else self.choices[:-1])
            self.layouts[name] = layout
            if layout == EXPANDED and array.shape[0]:
                array = np.broadcast_to(array[:1], array.shape).copy()
        return array

    def input(
        self, tensor: Tensor, shape: tuple[int, ...], limit: int | None, patterns: Iterable[str]
    ) -> NDArray[Any]:
        """Draw the value of an input; a run-time scalar often has its default."""
        if tensor.default is not None and self.draw(st.sampled_from((True, False))):
            kind = "int64" if tensor.kind in INTEGER_KINDS else "float64"
            return np.asarray(float(tensor.default)).astype(kind)
        pattern = _choose(self.draw, patterns) if tensor.is_real or limit else "dense"
        if tensor.is_real:
            self.notes.append(f"{tensor.name} {pattern}")
        return self._stored(
            tensor.name, values(self.rng, tensor.kind, shape, pattern, limit), tensor.kind
        )

    def cotangent(
        self, name: str, shape: tuple[int, ...], patterns: Mapping[str, Pattern]
    ) -> NDArray[Any]:
        """Draw a cotangent."""
        pattern = _choose(self.draw, patterns)
        self.notes.append(f"{name} {pattern}")
        return self._stored(name, np.asarray(patterns[pattern](self.rng, shape)))


def drawn(system: System, count: int, seed: int = 0, **how: Any) -> tuple[Instance, ...]:
    """Return instances of a System, the same for the same seed.

    Args:
        system: The System.
        count: How many.
        seed: Where randomness starts.
        how: Arguments of `instances`.
    """
    found: list[Instance] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @hypothesis_seed(seed)
    @given(instances(system, **how))
    def collect(instance: Instance) -> None:
        found.append(instance)

    collect()
    return tuple(found)


@st.composite
def instances(  # noqa: PLR0913 (each is a way in which points differ)
    draw: DrawFn,
    system: System,
    *,
    smooth: bool = False,
    huge: bool = False,
    wide: bool = False,
    layouts: bool = True,
    odd: bool = False,
    lengths: tuple[int, ...] = LENGTHS,
    dtype: str = "float64",
) -> Instance:
    """Draw a point at which to test a System.

    Args:
        draw: Given by Hypothesis.
        system: The System; it may have `...`.
        smooth: Whether to keep away from kinks and ties.
        huge: Whether values go up to 1e4.
        wide: Whether all values, cotangents included, are log-uniform.
        layouts: Whether memory layouts vary.
        odd: Whether no array with axes lies in memory as a fresh one does; all are dense then, and
            `...` has two axes at least.
        lengths: Those to choose from.
        dtype: Of the real tensors.
    """
    found, batch = draw(draw_lengths(system, lengths, 2 if odd else 0))
    own = _choose(draw, _broadcasts(system, len(batch)))
    fixed = at_batch(system, BatchAxes(len(batch), own))
    names = [t.name for t in fixed.inputs] + list(fixed.outputs)
    try:
        sizes = sizes_of(system, found, batch, own)
        shapes = {name: shape_of(fixed, name, sizes) for name in names}
    except ValueError:  # a window is longer than what it slides over
        reject()
    assume(all(np.prod(s, dtype=int) <= MOST_ELEMENTS for s in shapes.values()))
    drawing = _Drawing(draw, layouts=layouts, odd=odd)
    kinks = kink_system(fixed) if smooth else None
    patterns = GENERIC if kinks is not None else (*PATTERNS, *(HUGE if huge else ()), *GENERIC)
    seeds = COTANGENTS
    if wide or odd:  # where values lie shows only if they differ
        patterns, seeds = tuple(WIDE if wide else DENSE), WIDE if wide else DENSE
    inputs: Arrays = {
        t.name: drawing.input(t, shapes[t.name], sizes.get(t.limit or ""), patterns)
        for t in fixed.inputs
    }
    cotangents = {o + BAR: drawing.cotangent(o + BAR, shapes[o], seeds) for o in fixed.outputs}
    instance = Instance(
        system,
        found,
        batch,
        inputs,
        cotangents,
        drawing.layouts,
        notes=tuple(drawing.notes),
        own=own,
    ).astype(dtype)
    if kinks is not None:
        assume(distance_from_kinks(kinks, instance.inputs, sizes) > KINK_DISTANCE)
    return instance
