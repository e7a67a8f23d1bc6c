"""Planted bugs of code rather than of formulas: memory, dtypes, layouts, repetition.

In: something that runs a derivation. Out: the same with a fault that no equation shows. `FAULTS` is
collected: a new function is enough. Each must be noticed by the checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.recurrences import BAR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from symgrad.derivation import Derivation
    from symgrad.verification.instances import Arrays, BatchAxes
    from symgrad.verification.targets import Target

    Spoil = Callable[["Faulty", "_Call"], Arrays]


class Faulty:
    """A target whose VJP is spoiled.

    Attributes:
        calls: How often the VJP was called, this call included.
        buffers: Arrays that a fault keeps between calls.
    """

    def __init__(self, target: Target, spoil: Callable[[Faulty, _Call], Arrays]) -> None:
        self.target, self._spoil = target, spoil
        self.calls = 0
        self.buffers: Arrays = {}

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return what the target returns."""
        return self.target.forward(arrays, batch, sizes)

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return what the target returns, spoiled."""
        self.calls += 1
        return self._spoil(self, _Call(self.target, arrays, batch, sizes))


class _Call:
    """The arguments of one call of a VJP."""

    def __init__(
        self,
        target: Target,
        arrays: Mapping[str, NDArray[Any]],
        batch: BatchAxes,
        sizes: Mapping[str, int],
    ) -> None:
        self.arrays = arrays
        self._target, self._batch, self._sizes = target, batch, sizes

    def right(self, arrays: Mapping[str, NDArray[Any]] | None = None) -> Arrays:
        """Return the right answer, for these arguments or others."""
        given = self.arrays if arrays is None else arrays
        return self._target.vjp(given, self._batch, self._sizes)

    def each(self, function: Callable[[NDArray[Any]], Any]) -> Arrays:
        """Return the right answer with every array spoiled."""
        return {name: function(array) for name, array in self.right().items()}

    def floats(self, *, seeds: bool) -> list[NDArray[Any]]:
        """Return the real arguments: the cotangents, or the others."""
        found = [a for n, a in self.arrays.items() if n.endswith(BAR) == seeds]
        return [a for a in found if a.dtype.kind == "f"]


#: Every fault, by name: a function that makes a faulty target of a right one.
FAULTS: dict[str, Callable[[Target], Target]] = {}


#: For some faults, when there is nothing that they could spoil.
HARMLESS: dict[str, Callable[[Derivation], bool]] = {}


def fault(spoil: Spoil) -> Spoil:
    """Collect a fault, named after its function."""
    FAULTS[spoil.__name__.replace("_", " ")] = lambda target: Faulty(target, spoil)
    return spoil


def harmless_if(nothing: Callable[[Derivation], bool]) -> Callable[[Spoil], Spoil]:
    """Note when a fault finds nothing to spoil, and so is none."""

    def note(spoil: Spoil) -> Spoil:
        HARMLESS[spoil.__name__.replace("_", " ")] = nothing
        return spoil

    return note


def _has_single_cotangents(derivation: Derivation) -> bool:
    """Return whether every incoming cotangent is one number, which lies in memory in one way."""
    return not any(derivation.system.tensor(o).axes for o in derivation.system.outputs)


def _has_no_axes(derivation: Derivation) -> bool:
    """Return whether no cotangent of an input has an axis."""
    return not any(derivation.system.tensor(n).axes for n in derivation.wrt)


@fault
def writes_to_the_cotangent(_: Faulty, call: _Call) -> Arrays:
    """Use the incoming cotangent as scratch memory."""
    found = call.right()
    for array in call.floats(seeds=True):
        array[...] = 0.5 * array + 1.0
    return found


@fault
def writes_to_a_saved_tensor(_: Faulty, call: _Call) -> Arrays:
    """Use what was saved as scratch memory."""
    found = call.right()
    for array in call.floats(seeds=False):
        array[...] = 0.5 * array + 1.0
    return found


@fault
def reuses_its_result(faulty: Faulty, call: _Call) -> Arrays:
    """Return the same memory from every call of the same shape."""
    found = call.right()
    for name, array in found.items():
        kept = faulty.buffers.get(name)
        if kept is not None and kept.shape == array.shape and kept.dtype == array.dtype:
            kept[...] = array
            found[name] = kept
    faulty.buffers = found
    return found


@fault
def differs_the_second_time(faulty: Faulty, call: _Call) -> Arrays:
    """Add to what is there already, as an accumulator that is never cleared."""
    return call.each(lambda a: a * (1 + faulty.calls % 2))


@fault
@harmless_if(_has_single_cotangents)
def assumes_a_layout(_: Faulty, call: _Call) -> Arrays:
    """Read the cotangents in the order in which they lie in memory."""

    def as_it_lies(array: NDArray[Any]) -> NDArray[Any]:
        return array.ravel(order="K").reshape(array.shape)

    seeds = {n: as_it_lies(a) for n, a in call.arrays.items() if n.endswith(BAR)}
    return call.right({**call.arrays, **seeds})


@fault
def widens_the_dtype(_: Faulty, call: _Call) -> Arrays:
    """Return double precision whatever came in, and half for double."""
    return call.each(lambda a: a.astype("float32" if a.dtype == np.float64 else "float64"))


@fault
def computes_in_half_precision(_: Faulty, call: _Call) -> Arrays:
    """Lose half of the digits on the way."""
    half = {"float64": "float32", "float32": "float16"}
    with np.errstate(all="ignore"):
        return call.each(lambda a: a.astype(half[a.dtype.name]).astype(a.dtype))


@fault
def keeps_reduced_axes(_: Faulty, call: _Call) -> Arrays:
    """Return an axis of length 1 too many."""
    return call.each(lambda a: a[None])


@fault
@harmless_if(_has_no_axes)
def loses_the_axes_of_length_one(_: Faulty, call: _Call) -> Arrays:
    """Squeeze the results."""
    return call.each(np.squeeze)


@fault
def forgets_a_cotangent(_: Faulty, call: _Call) -> Arrays:
    """Return nothing for the first input."""
    return dict(list(call.right().items())[1:])


@fault
def divides_by_the_cotangent(_: Faulty, call: _Call) -> Arrays:
    """Normalise by the size of the cotangent: 0 / 0 where it is zero."""
    sizes = [np.abs(a).max() for a in call.floats(seeds=True) if a.size]
    scale = max(sizes, default=1.0)
    with np.errstate(all="ignore"):
        return call.each(lambda a: a * (scale / scale))


@fault
def overflows(_: Faulty, call: _Call) -> Arrays:
    """Add an exponential that cancels, unless it is infinite."""
    sizes = [np.abs(a).max() for a in call.floats(seeds=False) if a.size]
    with np.errstate(all="ignore"):
        large = np.exp(np.float32(max(sizes, default=0.0)))
        return call.each(lambda a: a + (a.dtype.type(0) * a.dtype.type(large)))


@fault
def fails_for_short_axes(_: Faulty, call: _Call) -> Arrays:
    """Refuse an axis of length 0 or 1."""
    if any(n < 2 for a in call.arrays.values() for n in a.shape):
        raise ValueError("axes must be longer than 1")
    return call.right()
