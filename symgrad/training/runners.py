"""What carries out training steps: generated code on NumPy or torch, and torch autograd.

In: a model, an optimizer, start values. Out: objects with one interface, so that the loop and every
comparison are the same for all of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build, build_function
from symgrad.errors import TrainingError
from symgrad.lowering.names import python_name
from symgrad.training.optimizers import Updater
from symgrad.training.penalties import LEAST_RANK, Shaping
from symgrad.training.torch_optimizers import torch_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.training.initializers import Array
    from symgrad.training.model import Model
    from symgrad.training.optimizers import Optimizer

TARGETS = ("numpy", "torch")
#: The batch axis of generated code.
_BATCH = "n"


class Runner(Protocol):
    """Something that trains a model step by step.

    Attributes:
        gradients: Where the gradients come from, in words.
        norm: Length of the last gradient before it was clipped; None unless the plan needs it.
    """

    gradients: str
    norm: float | None

    def place(self, array: Any) -> Any:
        """Return an array as the runner's own kind of array."""

    def step(self, x: Any, y: Any, factor: float = 1.0) -> float:
        """Do one step on a batch at a factor of the learning rate; return the loss before it."""

    def predict(self, x: Any) -> Array:
        """Return the output of the network for some rows."""

    def evaluate(self, x: Any, y: Any) -> tuple[Array, float]:
        """Return the output of the network for some rows, and the mean loss."""

    def parameters(self) -> dict[str, Array]:
        """Return copies of the parameters as NumPy arrays."""


@cache
def derive_objective(objective: System, params: tuple[str, ...]) -> Derivation:
    """Return the derivation of an objective with respect to its parameters, made once."""
    return derive(objective, wrt=params)


def run_on(
    target: str,
    model: Model,
    optimizer: Optimizer,
    start: Mapping[str, Array],
    shaping: Shaping | None = None,
) -> Runner:
    """Return the runner for "numpy", "torch" (both generated code) or "autograd" (torch's own).

    Raises:
        TrainingError: If there is no such target.
    """
    if target == "autograd":
        return AutogradRunner(model, optimizer, start, shaping or Shaping())
    if target in TARGETS:
        return GeneratedRunner(target, model, optimizer, start, shaping or Shaping())
    raise TrainingError(
        where="the target of a training run",
        given=repr(target),
        expected="numpy, torch or autograd",
        fix="choose one of these",
    )


def cannot_go_on(gradients: str) -> TrainingError:
    """Return the error of a runner whose state is not its own to save."""
    return TrainingError(
        where="a checkpoint",
        given=gradients,
        expected="generated code, on NumPy or torch",
        fix="train without a checkpoint, or on the target numpy or torch",
    )


class _Arrays:
    """Moves arrays between NumPy and a target."""

    def __init__(self, target: str) -> None:
        self._target = target

    def place(self, array: Any) -> Any:
        """Return a copy of an array as the target's own."""
        if self._target == "numpy":
            return np.array(array)
        import torch  # noqa: PLC0415 (loaded only where it is asked for)

        return torch.from_numpy(np.array(array))

    @staticmethod
    def fetch(array: Any) -> Array:
        """Return a copy of a target's array as a NumPy array."""
        if isinstance(array, (np.ndarray, np.generic)):
            return np.array(array)
        return np.array(array.detach().numpy())


class GeneratedRunner:
    """Trains with the generated forward, backward and update functions.

    Args:
        target: "numpy" or "torch".
        model: What is trained.
        optimizer: What makes the steps.
        start: Start values of the parameters.
        shaping: What is done to gradients before the step.
    """

    def __init__(
        self,
        target: str,
        model: Model,
        optimizer: Optimizer,
        start: Mapping[str, Array],
        shaping: Shaping,
    ) -> None:
        self._arrays = _Arrays(target)
        self._target = target
        self._model = model
        self._shaping = shaping
        self.norm: float | None = None
        derivation = derive_objective(model.objective, model.params)
        built = build(derivation, target)
        assert built.vjp is not None, "a derivation has a backward function"
        self._forward = _Call(built.forward, built.forward_arguments, built.forward_results)
        self._vjp = _Call(built.vjp, built.vjp_arguments, derivation.wrt)
        self._network = _network(model, target)
        self._scored = _scored(model, target)
        self._updater = Updater(optimizer, target)
        self._values = {name: self.place(start[name]) for name in model.params}
        self.gradients = f"generated {target} code, derived from the equations"

    def place(self, array: Any) -> Any:
        """Return a copy of an array as the target's own."""
        return self._arrays.place(array)

    def step(self, x: Any, y: Any, factor: float = 1.0) -> float:
        """Do one step on a batch at a factor of the learning rate; return the loss before it."""
        values = self._values | _batch(self._model, x) | {self._model.target: y}
        values |= self._forward(values)
        loss = self._model.objective.outputs[0]
        if not isfinite(values[loss]):
            return float(values[loss])  # the parameters stay, to be looked at
        gradients = self._vjp(values | {f"{loss}_bar": 1.0})
        gradients = self._shaping.penalised(self._target, self._values, gradients)
        gradients, self.norm = self._shaping.clipped(gradients)
        self._values = self._updater.apply(self._values, gradients, factor)
        return float(values[loss])

    def predict(self, x: Any) -> Array:
        """Return the output of the network for some rows."""
        found = self._network(self._values | _batch(self._model, x))
        return self._arrays.fetch(found[self._model.network.outputs[0]])

    def evaluate(self, x: Any, y: Any) -> tuple[Array, float]:
        """Return the output of the network for some rows, and the mean loss."""
        found = self._scored(self._values | _batch(self._model, x) | {self._model.target: y})
        prediction = self._arrays.fetch(found[self._model.network.outputs[0]])
        return prediction, float(self._arrays.fetch(found[self._model.objective.outputs[0]]))

    def parameters(self) -> dict[str, Array]:
        """Return copies of the parameters as NumPy arrays."""
        return {name: self._arrays.fetch(value) for name, value in self._values.items()}

    def state(self) -> dict[str, Array]:
        """Return copies of the states of the optimizer as NumPy arrays, by name."""
        return {name: self._arrays.fetch(v) for name, v in self._updater.state().items()}

    def restore(
        self, parameters: Mapping[str, Array], state: Mapping[str, Array], steps: int
    ) -> None:
        """Go back to where `parameters()` and `state()` were taken, after some steps.

        Raises:
            ValueError: If an array is missing or has another shape or dtype; it says which.
        """
        placed = fitting("parameter", parameters, self._values)
        self._values = {name: self.place(value) for name, value in placed.items()}
        fresh = self._updater.zeros(self._values) if steps else {}
        placed = fitting("state", state, fresh)
        self._updater.restore({n: self.place(v) for n, v in placed.items()}, steps)


def fitting(
    what: str, given: Mapping[str, Array], wanted: Mapping[str, Any]
) -> Mapping[str, Array]:
    """Return arrays whose names, shapes and dtypes are the wanted ones.

    Raises:
        ValueError: If one is missing, one too many, or of another shape or dtype.
    """
    for name in [*wanted, *given]:
        found = _described(given.get(name)), _described(wanted.get(name))
        if found[0] != found[1]:
            raise ValueError(f"{what} {name}: {found[0]} in place of {found[1]}")
    return given


def _described(array: Any) -> str:
    if array is None:
        return "nothing"
    return f"{str(array.dtype).removeprefix('torch.')}{list(array.shape)}"


class AutogradRunner:
    """Trains the same equations with torch's autograd and optimizer: the second opinion.

    Args:
        model: What is trained.
        optimizer: What makes the steps; torch has to have it too.
        start: Start values of the parameters.
        shaping: What is done to gradients before the step.
    """

    gradients = "torch autograd"

    def __init__(
        self,
        model: Model,
        optimizer: Optimizer,
        start: Mapping[str, Array],
        shaping: Shaping,
    ) -> None:
        self._shaping = shaping
        self.norm: float | None = None
        self._arrays = _Arrays("torch")
        self._model = model
        objective = build_function(model.objective, "torch")
        self._forward = _Call(
            objective.forward, objective.forward_arguments, objective.forward_results
        )
        self._network = _network(model, "torch")
        self._values = {n: self.place(start[n]).requires_grad_() for n in model.params}
        self._rate = optimizer.rate
        self._optimizer = torch_optimizer(optimizer, list(self._values.values()))
        self._scored = _scored(model, "torch")

    def place(self, array: Any) -> Any:
        """Return a copy of an array as a tensor."""
        return self._arrays.place(array)

    def step(self, x: Any, y: Any, factor: float = 1.0) -> float:
        """Do one step on a batch at a factor of the learning rate; return the loss before it."""
        values = self._values | _batch(self._model, x) | {self._model.target: y}
        loss = self._forward(values)[self._model.objective.outputs[0]]
        if not isfinite(loss.detach()):
            return float(loss.detach())
        for group in self._optimizer.param_groups:
            group["lr"] = factor * self._rate
        self._optimizer.zero_grad()
        (loss + self._penalty()).backward()
        self._clip()
        self._optimizer.step()
        return float(loss.detach())

    def predict(self, x: Any) -> Array:
        """Return the output of the network for some rows."""
        found = self._network(self._values | _batch(self._model, x))
        return self._arrays.fetch(found[self._model.network.outputs[0]])

    def evaluate(self, x: Any, y: Any) -> tuple[Array, float]:
        """Return the output of the network for some rows, and the mean loss."""
        found = self._scored(self._values | _batch(self._model, x) | {self._model.target: y})
        prediction = self._arrays.fetch(found[self._model.network.outputs[0]])
        return prediction, float(self._arrays.fetch(found[self._model.objective.outputs[0]]))

    def parameters(self) -> dict[str, Array]:
        """Return copies of the parameters as NumPy arrays."""
        return {name: self._arrays.fetch(value) for name, value in self._values.items()}

    def _penalty(self) -> Any:
        """Return the penalty in torch's own operations: a second opinion on it too."""
        weights = [v for v in self._values.values() if v.ndim >= LEAST_RANK]
        l1, l2 = self._shaping.l1, self._shaping.l2
        return sum(l1 * w.abs().sum() + l2 / 2 * w.square().sum() for w in weights)

    def _clip(self) -> None:
        from torch.nn.utils import (  # noqa: PLC0415 (loaded only where it is asked for)
            clip_grad_norm_,
            clip_grad_value_,
            get_total_norm,
        )

        tensors = list(self._values.values())
        self.norm = None
        if self._shaping.measured:
            self.norm = float(get_total_norm([t.grad for t in tensors]))
        if self._shaping.clip_value is not None:
            clip_grad_value_(tensors, self._shaping.clip_value)
        if self._shaping.clip_norm is not None:
            clip_grad_norm_(tensors, self._shaping.clip_norm)


class _Call:
    """A generated function that takes and returns values by the names in the equations."""

    def __init__(
        self, function: Callable[..., Any], arguments: Sequence[str], results: Sequence[str]
    ) -> None:
        self._function = function
        self._arguments = {name: python_name(name) for name in arguments}
        self._results = tuple(results)

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        given = {p: values[name] for name, p in self._arguments.items() if name in values}
        found = self._function(**given)
        return dict(
            zip(self._results, found if isinstance(found, tuple) else (found,), strict=True)
        )


def _network(model: Model, target: str) -> _Call:
    """Return the prediction of a model as generated code."""
    built = build_function(model.network, target)
    return _Call(built.forward, built.forward_arguments, built.forward_results)


def _scored(model: Model, target: str) -> _Call:
    """Return prediction and loss of a model as generated code."""
    outputs = (model.network.outputs[0], model.objective.outputs[0])
    built = build_function(replace(model.objective, outputs=outputs), target)
    return _Call(built.forward, built.forward_arguments, built.forward_results)


def _batch(model: Model, x: Any) -> dict[str, Any]:
    """Return the rows of a batch, and the lengths that a function may ask for, by name."""
    return {model.data: x, _BATCH: len(x), **model.sizes}
