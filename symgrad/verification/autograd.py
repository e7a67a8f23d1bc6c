"""Torch's own differentiation of generated code: first and second order, reverse and forward.

In: a generated torch module and named NumPy arrays. Out: named NumPy arrays. `forward` is the plain
generated function, which torch differentiates by itself; `wrapped` is the generated
`autograd.Function`, whose derivatives are ours.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.recurrences import BAR
from symgrad.lowering.names import python_name
from symgrad.verification.targets import as_tensor, as_tuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from symgrad.codegen.generate import Generated
    from symgrad.verification.instances import Arrays


class Autograd:
    """A generated torch module at a point, ready to be differentiated by torch.

    Args:
        code: The module.
        wrt: The inputs that are differentiated.
        given: Inputs by name, and lengths by axis.
        wrapped: Whether to differentiate the `autograd.Function` or the plain forward function.
    """

    def __init__(
        self,
        code: Generated,
        wrt: tuple[str, ...],
        given: Mapping[str, Any],
        *,
        wrapped: bool,
    ) -> None:
        self._names = code.forward_arguments
        self._results = code.forward_results
        self._function = code.namespace[python_name(code.name)] if wrapped else code.forward
        self._wrt = wrt
        self._given = {
            n: as_tensor(v) if isinstance(v, np.ndarray) else v for n, v in given.items()
        }

    def _call(self, leaves: Mapping[str, Any]) -> dict[str, Any]:
        given = {**self._given, **leaves}
        found = as_tuple(self._function(*(given[n] for n in self._names)))
        return dict(zip(self._results, found, strict=False))

    def _leaves(self) -> dict[str, Any]:
        return {n: self._given[n].detach().clone().requires_grad_() for n in self._wrt}

    def gradient(self, seeds: Mapping[str, NDArray[Any]]) -> Arrays:
        """Return the gradients of `<Y_bar, Y>` by the inputs."""
        leaves = self._leaves()
        found = self._backward(leaves, {n: as_tensor(c) for n, c in seeds.items()})
        return {n + BAR: np.asarray(g.detach()) for n, g in found.items()}

    def _backward(
        self, leaves: Mapping[str, Any], seeds: Mapping[str, Any], *, again: bool = False
    ) -> dict[str, Any]:
        import torch  # noqa: PLC0415 (heavy, and not everyone has it)

        results = self._call(leaves)
        pairs = [(results[n.removesuffix(BAR)], c) for n, c in seeds.items()]
        reached = [(y, c) for y, c in pairs if y.requires_grad]
        if not reached:
            return {n: torch.zeros_like(leaf) for n, leaf in leaves.items()}
        gradients = torch.autograd.grad(
            [y for y, _ in reached],
            list(leaves.values()),
            [c for _, c in reached],
            create_graph=again,
            allow_unused=True,
            materialize_grads=True,
        )
        return dict(zip(leaves, gradients, strict=True))

    def second(
        self, seeds: Mapping[str, NDArray[Any]], weights: Mapping[str, NDArray[Any]]
    ) -> Arrays:
        """Return the gradients of `<V, X_bar>` by the inputs: the backward pass run backward.

        Args:
            seeds: A cotangent Y_bar for each output.
            weights: V, for each cotangent of an input.
        """
        import torch  # noqa: PLC0415 (see above)

        leaves = self._leaves()
        first = self._backward(leaves, {n: as_tensor(c) for n, c in seeds.items()}, again=True)
        total = sum((first[n] * as_tensor(weights[n + BAR])).sum() for n in self._wrt)
        if not torch.is_tensor(total) or not total.requires_grad:
            return {n + BAR: np.zeros(tuple(leaf.shape)) for n, leaf in leaves.items()}
        found = torch.autograd.grad(
            total, list(leaves.values()), allow_unused=True, materialize_grads=True
        )
        return {n + BAR: np.asarray(g.detach()) for n, g in zip(leaves, found, strict=True)}

    def pushed(self, tangents: Mapping[str, NDArray[Any]]) -> Arrays:
        """Return the tangents of the outputs along a direction of all inputs, in forward mode."""
        import torch  # noqa: PLC0415 (see above)
        from torch.autograd import forward_ad  # noqa: PLC0415 (see above)

        make_dual: Any = forward_ad.make_dual
        unpack_dual: Any = forward_ad.unpack_dual

        # Its first use compiles what torch itself has deprecated.
        with warnings.catch_warnings(), forward_ad.dual_level():
            warnings.simplefilter("ignore", DeprecationWarning)
            duals = {
                n: make_dual(self._given[n].detach().clone(), as_tensor(v))
                for n, v in tangents.items()
            }
            found: Arrays = {}
            for name, value in self._call(duals).items():
                primal, tangent = unpack_dual(value)
                shown = torch.zeros_like(primal) if tangent is None else tangent
                found[name] = np.asarray(shown)
        return found
