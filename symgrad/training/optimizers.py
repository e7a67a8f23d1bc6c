"""Optimizers at run time: update equations as generated functions, one for each rank.

In: the name of a registered optimizer and its settings. Out: new parameters and states. This module
knows no update rule; the order of a System's inputs and outputs says what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.codegen.generate import build_function
from symgrad.errors import TrainingError
from symgrad.ir.text import options_of
from symgrad.layers.registry import get

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.ir.equation import System

#: The run-time scalars that count the steps from 0 and set the learning rate.
STEP, RATE = "t", "lr"
_LETTERS = "ijkpqrs"


@dataclass(frozen=True)
class Optimizer:
    """A registered optimizer with its settings.

    Attributes:
        name: Its name in the table of layers.
        settings: Run-time scalars that differ from their default.
        options: Static options that differ from their default.
    """

    name: str
    settings: dict[str, float] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)

    @property
    def system(self) -> System:
        """The update equations."""
        return get(self.name).system(**self.options)

    @property
    def rate(self) -> float:
        """The learning rate that schedules scale."""
        default = self.system.tensor(RATE).default
        return self.settings.get(RATE, float(default or 0))

    @property
    def states(self) -> dict[str, bool]:
        """The states, what the equations read after parameter and gradient, by name.

        True is one as large as the parameter, False a single number.
        """
        read = [t for t in self.system.inputs if t.default is None][2:]
        return {t.name: bool(t.shape) for t in read}

    def __str__(self) -> str:
        given = {**self.settings, **self.options}
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in given.items())})"


def make_optimizer(name: str, **settings: Any) -> Optimizer:
    """Return an optimizer with settings by name.

    Raises:
        TrainingError: If it has no setting of that name.
        UnknownLayerError: If there is no optimizer of that name.

    >>> print(make_optimizer("sgd", lr=0.1, momentum=0.9))
    sgd(lr=0.1, momentum=0.9)
    """
    entry = get(name)
    legal = options_of(entry.text)
    scalars = {t.name for t in entry.system().inputs if t.default is not None} - {STEP}
    for key, value in settings.items():
        if key not in scalars and key not in legal:
            raise TrainingError(
                where=f"the settings of {name}",
                given=f"{key}={value!r}",
                expected=f"one of {', '.join(sorted(scalars.union(legal)))}",
                fix="correct the name, or leave it out for the default",
            )
    numbers = {k: float(v) for k, v in settings.items() if k in scalars}
    return Optimizer(name, numbers, {k: v for k, v in settings.items() if k in legal})


class Updater:
    """Applies an optimizer's generated update to named parameters and keeps their states.

    Args:
        optimizer: What to apply.
        target: "numpy" or "torch".
    """

    def __init__(self, optimizer: Optimizer, target: str) -> None:
        self._optimizer = optimizer
        self._target = target
        self._functions: dict[int, Callable[..., Any]] = {}
        self._states: dict[str, tuple[Any, ...]] = {}
        self._counts = STEP in (t.name for t in optimizer.system.inputs)
        self.steps = 0

    def apply(
        self, parameters: dict[str, Any], gradients: dict[str, Any], factor: float = 1.0
    ) -> dict[str, Any]:
        """Return the parameters after one step; the states move on.

        Args:
            parameters: The present values by name.
            gradients: Their gradients.
            factor: Of the learning rate, as a schedule gives it.
        """
        settings = {**self._optimizer.settings, RATE: factor * self._optimizer.rate}
        if self._counts:
            settings[STEP] = self.steps
        new: dict[str, Any] = {}
        for name, value in parameters.items():
            states = self._states.get(name)
            if states is None:
                states = self._zeros(value)
            function = self._function(value.ndim)
            result = function(value, gradients[name], *states, **settings)
            new[name], *rest = result if isinstance(result, tuple) else (result,)
            self._states[name] = tuple(rest)
        self.steps += 1
        return new

    def _zeros(self, value: Any) -> tuple[Any, ...]:
        shapes = [value.shape if large else () for large in self._optimizer.states.values()]
        if self._target == "torch":
            return tuple(value.new_zeros(shape) for shape in shapes)
        return tuple(np.zeros(shape, value.dtype) for shape in shapes)

    def _function(self, rank: int) -> Callable[..., Any]:
        if rank not in self._functions:
            built = build_function(self._optimizer.system, self._target, _LETTERS[:rank])
            self._functions[rank] = built.forward
        return self._functions[rank]
