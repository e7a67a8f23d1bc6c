"""What carries out training steps: generated code on NumPy or torch, and torch autograd.

In: a model, an optimizer, start values. Out: objects with one interface, so that the loop and every
comparison are the same for all of them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build, build_function
from symgrad.errors import TrainingError
from symgrad.ir.batch import fix_batch
from symgrad.training.optimizers import Updater

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.training.initializers import Array
    from symgrad.training.model import Model
    from symgrad.training.optimizers import Optimizer

TARGETS = ("numpy", "torch")
#: torch's optimizers, by our names, for the comparison with autograd.
_TORCH_OPTIMIZERS = {"sgd": "SGD", "gradient_descent": "SGD"}


class Runner(Protocol):
    """Something that trains a model step by step.

    Attributes:
        gradients: Where the gradients come from, in words.
    """

    gradients: str

    def place(self, array: Any) -> Any:
        """Return an array as the runner's own kind of array."""

    def step(self, x: Any, y: Any, factor: float = 1.0) -> float:
        """Do one step on a batch at a factor of the learning rate; return the loss before it."""

    def predict(self, x: Any) -> Array:
        """Return the output of the network for some rows."""

    def parameters(self) -> dict[str, Array]:
        """Return copies of the parameters as NumPy arrays."""


@cache
def derive_objective(objective: System, params: tuple[str, ...]) -> Derivation:
    """Return the derivation of an objective with respect to its parameters, made once."""
    return derive(objective, wrt=params)


def run_on(target: str, model: Model, optimizer: Optimizer, start: Mapping[str, Array]) -> Runner:
    """Return the runner for "numpy", "torch" (both generated code) or "autograd" (torch's own).

    Raises:
        TrainingError: If there is no such target.
    """
    if target == "autograd":
        return AutogradRunner(model, optimizer, start)
    if target in TARGETS:
        return GeneratedRunner(target, model, optimizer, start)
    raise TrainingError(
        where="the target of a training run",
        given=repr(target),
        expected="numpy, torch or autograd",
        fix="choose one of these",
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
        return np.array(array if isinstance(array, np.ndarray) else array.detach())


class GeneratedRunner:
    """Trains with the generated forward, backward and update functions.

    Args:
        target: "numpy" or "torch".
        model: What is trained.
        optimizer: What makes the steps.
        start: Start values of the parameters.
    """

    def __init__(
        self, target: str, model: Model, optimizer: Optimizer, start: Mapping[str, Array]
    ) -> None:
        self._arrays = _Arrays(target)
        self._model = model
        self._derivation = derive_objective(model.objective, model.params)
        self._built = build(self._derivation, target)
        self._network = build_function(fix_batch(model.network, ("n",)), target)
        self._updater = Updater(optimizer, target)
        self._values = {name: self.place(start[name]) for name in model.params}
        self.gradients = f"generated {target} code, derived from the equations"

    def place(self, array: Any) -> Any:
        """Return a copy of an array as the target's own."""
        return self._arrays.place(array)

    def step(self, x: Any, y: Any, factor: float = 1.0) -> float:
        """Do one step on a batch at a factor of the learning rate; return the loss before it."""
        derivation = self._derivation
        values = {**self._values, self._model.data: x, self._model.target: y}
        results = _tuple(self._built.forward(*_arguments(derivation.system, values)))
        names = (*derivation.system.outputs, *derivation.saved_results)
        values.update(zip(names, results, strict=True))
        loss = results[0]
        found = self._built.vjp(*(values[name] for name in derivation.saved), loss * 0 + 1)
        gradients = dict(zip(derivation.wrt, _tuple(found), strict=True))
        self._values = self._updater.apply(self._values, gradients, factor)
        return float(loss)

    def predict(self, x: Any) -> Array:
        """Return the output of the network for some rows."""
        values = {**self._values, self._model.data: x}
        result = _tuple(self._network(*_arguments(self._model.network, values)))
        return self._arrays.fetch(result[0])

    def parameters(self) -> dict[str, Array]:
        """Return copies of the parameters as NumPy arrays."""
        return {name: self._arrays.fetch(value) for name, value in self._values.items()}


class AutogradRunner:
    """Trains the same equations with torch's autograd and optimizer: the second opinion.

    Args:
        model: What is trained.
        optimizer: What makes the steps; torch has to have it too.
        start: Start values of the parameters.
    """

    gradients = "torch autograd"

    def __init__(self, model: Model, optimizer: Optimizer, start: Mapping[str, Array]) -> None:
        import torch  # noqa: PLC0415 (loaded only where it is asked for)

        self._arrays = _Arrays("torch")
        self._model = model
        self._forward: Callable[..., Any] = build_function(
            fix_batch(model.objective, ("n",)), "torch"
        )
        self._network: Callable[..., Any] = build_function(
            fix_batch(model.network, ("n",)), "torch"
        )
        self._values = {n: self.place(start[n]).requires_grad_() for n in model.params}
        found = _TORCH_OPTIMIZERS.get(optimizer.name)
        if found is None:
            raise TrainingError(
                where="the comparison with torch",
                given=optimizer.name,
                expected=f"one of {', '.join(_TORCH_OPTIMIZERS)}",
                fix="train without the comparison",
            )
        settings = {**optimizer.settings, **optimizer.options}
        self._rate = optimizer.rate
        self._optimizer = getattr(torch.optim, found)(self._values.values(), **settings)

    def place(self, array: Any) -> Any:
        """Return a copy of an array as a tensor."""
        return self._arrays.place(array)

    def step(self, x: Any, y: Any, factor: float = 1.0) -> float:
        """Do one step on a batch at a factor of the learning rate; return the loss before it."""
        values = {**self._values, self._model.data: x, self._model.target: y}
        loss = _tuple(self._forward(*_arguments(self._model.objective, values)))[0]
        for group in self._optimizer.param_groups:
            group["lr"] = factor * self._rate
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def predict(self, x: Any) -> Array:
        """Return the output of the network for some rows."""
        values = {**self._values, self._model.data: x}
        result = _tuple(self._network(*_arguments(self._model.network, values)))
        return self._arrays.fetch(result[0])

    def parameters(self) -> dict[str, Array]:
        """Return copies of the parameters as NumPy arrays."""
        return {name: self._arrays.fetch(value) for name, value in self._values.items()}


def _arguments(system: System, values: Mapping[str, Any]) -> list[Any]:
    """Return the inputs of a System in order; optional scalars keep their default."""
    return [values[t.name] for t in system.inputs if t.default is None]


def _tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)
