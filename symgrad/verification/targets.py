"""Running a derivation: in the interpreter, as generated NumPy, as generated torch.

In: a derivation and named NumPy arrays. Out: named NumPy arrays. Arrays are handed on without a
copy wherever the target can hold their layout, so that writing into them shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symgrad.codegen.generate import build
from symgrad.interpreter import evaluate
from symgrad.verification.instances import BATCH_LETTERS, at_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from symgrad.codegen.generate import Generated as Code
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.verification.instances import Arrays, BatchAxes


class Target(Protocol):
    """Something that runs a derivation on named arrays."""

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return outputs and saved results."""

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return the cotangents of the inputs, from saved tensors and cotangents."""


class Reference:
    """The Systems of a derivation, interpreted: slow, obvious, and needs no code."""

    def __init__(self, derivation: Derivation) -> None:
        self._forward, self._backward = derivation.forward, derivation.backward

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return outputs and saved results."""
        return _interpret(self._forward, arrays, batch, sizes)

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return the cotangents of the inputs."""
        return _interpret(self._backward, arrays, batch, sizes)


def _interpret(
    system: System, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
) -> Arrays:
    fixed = at_batch(system, batch)
    given = {t.name: arrays[t.name] for t in fixed.inputs if t.name in arrays}
    return evaluate(fixed, given, sizes=sizes)


class Generated:
    """Generated code, built once for all batch axes that are alike."""

    def __init__(self, derivation: Derivation, target: str = "numpy") -> None:
        self.derivation, self._target = derivation, target
        self._built: dict[BatchAxes, Code] = {}

    def code(self, batch: BatchAxes) -> Code:
        """Return the generated module for batch axes."""
        if batch not in self._built:
            self._built[batch] = build(
                self.derivation, self._target, BATCH_LETTERS[: batch.rank], dict(batch.own)
            )
        return self._built[batch]

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return outputs and saved results."""
        code = self.code(batch)
        given = {**sizes, **{n: self.converted(a) for n, a in arrays.items()}}
        found = code.forward(*(given[n] for n in code.forward_arguments))
        return self._returned(code.forward_results, found)

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], batch: BatchAxes, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return the cotangents of the inputs."""
        code = self.code(batch)
        assert code.vjp is not None, "a derivation has a VJP"
        given = {**sizes, **{n: self.converted(a) for n, a in arrays.items()}}
        found = code.vjp(*(given[n] for n in code.vjp_arguments))
        return self._returned(code.vjp_results, found)

    def converted(self, array: NDArray[Any]) -> Any:
        """Return an array as the target takes it."""
        return array

    def back(self, value: Any) -> NDArray[Any]:
        """Return what the target returned as an array."""
        return np.asarray(value)

    def _returned(self, names: Sequence[str], found: Any) -> Arrays:
        return {n: self.back(v) for n, v in zip(names, as_tuple(found), strict=True)}


def as_tuple(found: Any) -> tuple[Any, ...]:
    """Return the results of a generated function, which returns a single one bare."""
    return found if isinstance(found, tuple) else (found,)


def as_tensor(array: Any) -> Any:
    """Return a torch tensor over the memory of an array, if torch can hold its layout."""
    import torch  # noqa: PLC0415 (heavy, and not everyone has it)

    if np.ndim(array) == 0:  # arithmetic on arrays without axes gives NumPy scalars
        return torch.tensor(np.asarray(array)[()])
    # Torch has no negative strides.
    return torch.from_numpy(array.copy() if any(s < 0 for s in array.strides) else array)


class Torch(Generated):
    """Generated torch code."""

    def __init__(self, derivation: Derivation) -> None:
        super().__init__(derivation, "torch")

    def converted(self, array: NDArray[Any]) -> Any:
        """Return a tensor over the same memory."""
        return as_tensor(array)

    def back(self, value: Any) -> NDArray[Any]:
        """Return the memory of a tensor as an array."""
        return np.asarray(value.detach())


#: Where a derivation can be run, by name.
TARGETS: dict[str, Callable[[Derivation], Target]] = {
    "reference": Reference,
    "numpy": Generated,
    "torch": Torch,
}
