"""Running a derivation: in the interpreter, as generated NumPy, as generated torch.

In: a derivation and named NumPy arrays. Out: named NumPy arrays. Arrays are handed on without a
copy wherever the target can hold their layout, so that writing into them shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symgrad.autodiff.adjoint import BAR
from symgrad.codegen.generate import build
from symgrad.interpreter import evaluate
from symgrad.ir.batch import fix_batch
from symgrad.verification.instances import BATCH_LETTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from symgrad.codegen.generate import Generated as Code
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System, Tensor
    from symgrad.verification.instances import Arrays


class Target(Protocol):
    """Something that runs a derivation on named arrays."""

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return outputs and saved results."""

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return the cotangents of the inputs, from saved tensors and cotangents."""


class Reference:
    """The Systems of a derivation, interpreted: slow, obvious, and needs no code."""

    def __init__(self, derivation: Derivation) -> None:
        self._forward, self._backward = derivation.forward, derivation.backward

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return outputs and saved results."""
        return _interpret(self._forward, arrays, rank, sizes)

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return the cotangents of the inputs."""
        return _interpret(self._backward, arrays, rank, sizes)


def _interpret(
    system: System, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
) -> Arrays:
    fixed = fix_batch(system, BATCH_LETTERS[:rank])
    given = {t.name: arrays[t.name] for t in fixed.inputs if t.name in arrays}
    return evaluate(fixed, given, sizes=sizes)


class Generated:
    """Generated code, built once for each rank of `...`."""

    def __init__(self, derivation: Derivation, target: str = "numpy") -> None:
        self.derivation, self._target = derivation, target
        self._built: dict[int, Code] = {}

    def code(self, rank: int) -> Code:
        """Return the generated functions for a rank of `...`."""
        if rank not in self._built:
            self._built[rank] = build(self.derivation, self._target, BATCH_LETTERS[:rank])
        return self._built[rank]

    def forward(
        self, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return outputs and saved results."""
        del sizes  # the code infers them
        found = self.code(rank).forward(*self.given(self.derivation.system.inputs, arrays))
        return self._arrays(self.results, found)

    def vjp(
        self, arrays: Mapping[str, NDArray[Any]], rank: int, sizes: Mapping[str, int]
    ) -> Arrays:
        """Return the cotangents of the inputs."""
        del sizes
        found = self.code(rank).vjp(*self.given(self.derivation.backward.inputs, arrays))
        return self._arrays(tuple(n + BAR for n in self.derivation.wrt), found)

    @property
    def results(self) -> tuple[str, ...]:
        """What the forward function returns, in order."""
        return (*self.derivation.system.outputs, *self.derivation.saved_results)

    def given(self, inputs: tuple[Tensor, ...], arrays: Mapping[str, NDArray[Any]]) -> list[Any]:
        """Return the arguments of a generated function: those with a default stand last."""
        ordered = sorted(inputs, key=lambda t: t.default is not None)
        return [self.converted(arrays[t.name], t) for t in ordered]

    def converted(self, array: NDArray[Any], tensor: Tensor) -> Any:
        """Return an array as the target takes it; a run-time scalar is a Python number."""
        return array if tensor.default is None else array.item()

    def returned(self, value: Any) -> NDArray[Any]:
        """Return what the target returned as an array."""
        return np.asarray(value)

    def _arrays(self, names: tuple[str, ...], found: Any) -> Arrays:
        values = found if isinstance(found, tuple) else (found,)
        if len(values) != len(names):
            raise ValueError(f"{len(values)} results, not {len(names)}: {', '.join(names)}")
        return {n: self.returned(v) for n, v in zip(names, values, strict=True)}


class Torch(Generated):
    """Generated torch code."""

    def __init__(self, derivation: Derivation) -> None:
        super().__init__(derivation, "torch")

    def converted(self, array: NDArray[Any], tensor: Tensor) -> Any:
        """Return a tensor over the same memory; torch has no negative strides."""
        import torch  # noqa: PLC0415 (heavy, and not everyone has it)

        if tensor.default is not None:
            return array.item()
        held = array.copy() if any(s < 0 for s in array.strides) else array
        return torch.from_numpy(held) if held.ndim else torch.tensor(held[()])

    def returned(self, value: Any) -> NDArray[Any]:
        """Return the memory of a tensor as an array."""
        found: NDArray[Any] = value.detach().numpy()
        return found

    def autograd(
        self,
        arrays: Mapping[str, NDArray[Any]],
        seeds: Mapping[str, NDArray[Any]],
        rank: int,
    ) -> Arrays:
        """Return the gradients that torch finds for the generated forward function.

        Args:
            arrays: The inputs.
            seeds: A cotangent for each output.
            rank: The rank of `...`.
        """
        import torch  # noqa: PLC0415 (see above)

        derivation = self.derivation
        inputs = sorted(derivation.system.inputs, key=lambda t: t.default is not None)
        given = dict(zip((t.name for t in inputs), self.given(tuple(inputs), arrays), strict=True))
        leaves = [given[name].clone().requires_grad_() for name in derivation.wrt]
        given.update(zip(derivation.wrt, leaves, strict=True))
        found = self.code(rank).forward(*given.values())
        values = found if isinstance(found, tuple) else (found,)
        results = dict(zip(self.results, values, strict=True))
        outputs = [results[c.removesuffix(BAR)] for c in seeds]
        cotangents = [torch.tensor(c.copy()) for c in seeds.values()]
        gradients = torch.autograd.grad(
            outputs, leaves, cotangents, allow_unused=True, materialize_grads=True
        )
        names = (n + BAR for n in derivation.wrt)
        return {n: self.returned(g) for n, g in zip(names, gradients, strict=True)}


#: Where a derivation can be run, by name.
TARGETS: dict[str, Callable[[Derivation], Target]] = {
    "reference": Reference,
    "numpy": Generated,
    "torch": Torch,
}
