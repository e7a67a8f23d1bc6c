"""One point at which a System is tested: lengths, values, cotangents, layouts.

In: a System and numbers. Out: arrays ready to call a function with. Knows nothing of how points are
chosen (`strategies`), judged (`checks`) or printed as programs (`scripts`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from symgrad.ir.batch import fix_batch
from symgrad.ir.composite import letters_of
from symgrad.ir.sizes import axes_of
from symgrad.ir.sizes import length_of as value_of
from symgrad.ir.terms import BATCH, Const
from symgrad.ir.visit import elements
from symgrad.verification.layouts import with_layout

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.ir.terms import Expr

#: Letters for the axes of `...`, which no layer uses.
BATCH_LETTERS = ("b0", "b1", "b2")

#: An axis that is fixed to more entries than this is tested at other lengths.
LONGEST = 6

Arrays = dict[str, "NDArray[Any]"]


def length_of(shape: Expr, lengths: Mapping[str, int]) -> int:
    """Return the value of a length, an expression in sizes.

    Raises:
        ValueError: If it is not a whole number of at least 0.
    """
    value = value_of(shape, lengths)
    if value is None or value < 0:
        raise ValueError(f"{shape} is {value}, not a length")
    return value


def shape_of(system: System, name: str, lengths: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of a tensor of a System without `...`."""
    return tuple(length_of(s, lengths) for s in system.tensor(name).shape)


@dataclass(frozen=True)
class BatchAxes:
    """What `...` stands for.

    Attributes:
        rank: How many axes.
        own: For an input that broadcasts which of them it has, see `symgrad.ir.batch.fix_batch`.
    """

    rank: int
    own: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, eq=False)
class Instance:
    """A point at which a System is tested.

    Attributes:
        system: The System, which may have `...`.
        lengths: The length of each axis, those of `...` not included.
        batch: The lengths of the axes of `...`; empty if it has rank 0 or there is none.
        inputs: A value for each input.
        cotangents: A value `Y_bar` for each output Y.
        layouts: The layout of each of these; C where none is given.
        dtype: Of the real tensors.
        notes: How the values were chosen, in words.
        own: For an input that broadcasts which of the batch axes it has.
    """

    system: System
    lengths: Mapping[str, int]
    batch: tuple[int, ...]
    inputs: Mapping[str, NDArray[Any]]
    cotangents: Mapping[str, NDArray[Any]]
    layouts: Mapping[str, str] = field(default_factory=dict)
    dtype: str = "float64"
    notes: tuple[str, ...] = ()
    own: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def batch_axes(self) -> BatchAxes:
        """What `...` stands for."""
        return BatchAxes(self.rank, self.own)

    @property
    def rank(self) -> int:
        """The rank of `...`."""
        return len(self.batch)

    @property
    def is_empty(self) -> bool:
        """Whether some axis has length 0."""
        return 0 in self.batch or 0 in self.lengths.values()

    @property
    def fixed(self) -> System:
        """The System with its batch axes fixed."""
        return at_batch(self.system, self.batch_axes)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The length of each axis of `fixed`."""
        return sizes_of(self.system, self.lengths, self.batch, self.own)

    @cached_property
    def values(self) -> Hashable:
        """What the truth at this point depends on: all but memory layouts."""
        arrays = (*self.inputs.items(), *self.cotangents.items())
        contents = tuple((n, a.dtype.str, a.shape, a.tobytes()) for n, a in arrays)
        return (tuple(self.lengths.items()), self.batch, self.own, self.dtype, contents)

    def arrays(self) -> Arrays:
        """Return fresh inputs, in their layouts."""
        return {n: with_layout(a, self.layouts.get(n, "C")) for n, a in self.inputs.items()}

    def seeds(self) -> Arrays:
        """Return fresh cotangents, in their layouts."""
        return {n: with_layout(a, self.layouts.get(n, "C")) for n, a in self.cotangents.items()}

    def with_inputs(self, inputs: Mapping[str, NDArray[Any]]) -> Instance:
        """Return the instance with other inputs."""
        return replace(self, inputs=dict(inputs))

    def with_cotangents(self, cotangents: Mapping[str, NDArray[Any]]) -> Instance:
        """Return the instance with other cotangents."""
        return replace(self, cotangents=dict(cotangents))

    def with_layouts(self, layouts: Mapping[str, str]) -> Instance:
        """Return the instance with other layouts."""
        return replace(self, layouts=dict(layouts))

    def astype(self, dtype: str) -> Instance:
        """Return the instance with its real tensors rounded to another dtype."""

        def cast(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
            return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}

        inputs, cotangents = cast(self.inputs), cast(self.cotangents)
        return replace(self, inputs=inputs, cotangents=cotangents, dtype=dtype)

    def __str__(self) -> str:
        lengths = {**({BATCH: self.batch} if self.system.has_batch else {}), **self.lengths}
        text = ", ".join(f"{axis}={n}" for axis, n in lengths.items())
        odd = [f"{n} {layout}" for n, layout in self.layouts.items() if layout != "C"]
        return "; ".join([f"{self.system.name} at {text}", self.dtype, *self.notes, *odd])


def with_open_lengths(derivation: Derivation, longest: int) -> Derivation:
    """Return a derivation in which no axis is fixed to more than `longest` entries.

    Equations hold for every length; what is tested is tested at short and unequal ones. An axis
    along which an entry is named, `A[n, (3, k)]`, keeps its length.
    """
    systems = (derivation.system, derivation.forward, derivation.backward)
    kept = {axis for system in systems for axis in _axes_with_named_entries(system)}

    def opened(system: System) -> System:
        sizes = (
            (axis, length)
            for axis, length in system.sizes
            if axis in kept or not (isinstance(length, Const) and length.value > longest)
        )
        return replace(system, sizes=tuple(sizes))

    return replace(
        derivation,
        system=opened(derivation.system),
        forward=opened(derivation.forward),
        backward=opened(derivation.backward),
    )


def _axes_with_named_entries(system: System) -> set[str]:
    """Return the axes of which some read names an entry: neither a letter nor letters joined."""
    found: set[str] = set()
    for equation in system.equations:
        for read in elements(equation.value):
            for length, at in zip(system.tensor(read.tensor).shape, read.indices, strict=True):
                if not letters_of(at):
                    found.update(axes_of(length))
    return found


@lru_cache(maxsize=1024)
def at_batch(system: System, batch: BatchAxes) -> System:
    """Return a System with its batch axes fixed."""
    return fix_batch(system, BATCH_LETTERS[: batch.rank], dict(batch.own))


def at_rank(system: System, rank: int) -> System:
    """Return a System with the rank of `...` fixed, the same in all inputs."""
    return at_batch(system, BatchAxes(rank))


def sizes_of(
    system: System,
    lengths: Mapping[str, int],
    batch: Sequence[int] = (),
    own: tuple[tuple[str, tuple[str, ...]], ...] = (),
) -> dict[str, int]:
    """Return the length of each axis once the batch axes are fixed, those of `size[...]` too."""
    leading = [a for a in at_rank(system, len(batch)).axes if a not in system.axes]
    found = {**lengths, **dict(zip(leading, batch, strict=True))}
    for axis, length in at_batch(system, BatchAxes(len(batch), own)).sizes:
        found[axis] = length_of(length, found)
    return found
