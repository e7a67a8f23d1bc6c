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
from symgrad.ir.terms import BATCH
from symgrad.ir.text import options_of
from symgrad.layers.registry import LAYERS, get

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.ir.equation import System, Tensor

#: The run-time scalars that count the steps from 0 and set the learning rate.
STEP, RATE = "t", "lr"
_LETTERS = "ijkpqrsmnabcdefgh"


@dataclass(frozen=True)
class Optimizer:
    """A registered optimizer with its settings.

    Attributes:
        name: Its name in the table of layers.
        settings: Run-time scalars that differ from their default.
        options: Static options that differ from their default.
        rest: What moves the parameters of a rank that the equations do not have.
    """

    name: str
    settings: dict[str, float] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    rest: Optimizer | None = None

    @property
    def system(self) -> System:
        """The update equations."""
        return get(self.name).system(**self.options)

    @property
    def rate(self) -> float:
        """The learning rate that schedules scale."""
        default = self.system.tensor(RATE).default
        return self.settings.get(RATE, float(default or 0))

    def system_for(self, rank: int) -> System | None:
        """Return the update equations for parameters of a rank; None if they have another.

        A flag that is left open is set the other way where only then the rank is right, as for the
        vectors among the matrices of adafactor.
        """
        legal = options_of(get(self.name).text)
        flags = [k for k, v in legal.items() if set(v) == {False, True} and k not in self.options]
        choices = [{}, *({flag: value} for flag in flags for value in (False, True))]
        for choice in choices:
            system = get(self.name).system(**self.options, **choice)
            named = [axis for axis in _tensors(system)[0].axes if axis != BATCH]
            if len(named) == rank or (system.has_batch and len(named) < rank):
                return system
        return None

    def __str__(self) -> str:
        given = {**self.settings, **self.options}
        text = f"{self.name}({', '.join(f'{k}={v}' for k, v in given.items())})"
        return text if self.rest is None else f"{text}, else {self.rest}"


def _tensors(system: System) -> list[Tensor]:
    """Return the inputs without a default: the parameter, its gradient, the states."""
    return [t for t in system.inputs if t.default is None]


def make_optimizer(name: str, rest: Optimizer | None = None, **settings: Any) -> Optimizer:
    """Return an optimizer with settings by name.

    Args:
        name: A registered optimizer.
        rest: What moves the parameters of a rank that its equations do not have.
        settings: Run-time scalars and static options that differ from their default.

    Raises:
        TrainingError: If it has no setting of that name.
        UnknownLayerError: If there is no optimizer of that name.

    >>> print(make_optimizer("sgd", lr=0.1, momentum=0.9))
    sgd(lr=0.1, momentum=0.9)
    """
    entry = get(name)
    if not entry.step:
        raise TrainingError(
            where="an optimizer",
            given=name,
            expected="a layer that is the step of an optimizer",
            fix=f"one of {', '.join(n for n, e in LAYERS.items() if e.step)}",
        )
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
    return Optimizer(name, numbers, {k: v for k, v in settings.items() if k in legal}, rest)


class Updater:
    """Applies an optimizer's generated update to named parameters and keeps their states.

    Args:
        optimizer: What to apply.
        target: "numpy" or "torch".
    """

    def __init__(self, optimizer: Optimizer, target: str) -> None:
        self._optimizer = optimizer
        self._target = target
        self._moves: dict[int, _Move] = {}
        self._states: dict[str, tuple[Any, ...]] = {}
        self.steps = 0

    def apply(
        self, parameters: dict[str, Any], gradients: dict[str, Any], factor: float = 1.0
    ) -> dict[str, Any]:
        """Return the parameters after one step; the states move on.

        Args:
            parameters: The present values by name.
            gradients: Their gradients.
            factor: Of the learning rate, as a schedule gives it.

        Raises:
            TrainingError: If nothing moves parameters of some rank.
        """
        new: dict[str, Any] = {}
        for name, value in parameters.items():
            move = self._move(name, value.ndim)
            states = self._states.get(name)
            if states is None:
                states = self._zeros(value, move)
            settings = {**move.optimizer.settings, RATE: factor * move.optimizer.rate}
            if move.counts:
                settings[STEP] = self.steps
            result = move.function(value, gradients[name], *states, **settings)
            new[name], *rest = result if isinstance(result, tuple) else (result,)
            self._states[name] = tuple(rest)
        self.steps += 1
        return new

    def state(self) -> dict[str, Any]:
        """Return the states, as `parameter/0`, `parameter/1`, ..."""
        return {f"{n}/{k}": s for n, states in self._states.items() for k, s in enumerate(states)}

    def zeros(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the states before the first step, named as by `state`."""
        found = {n: self._zeros(v, self._move(n, v.ndim)) for n, v in parameters.items()}
        return {f"{n}/{k}": s for n, states in found.items() for k, s in enumerate(states)}

    def restore(self, state: dict[str, Any], steps: int) -> None:
        """Take over what `state` returned after some steps."""
        names = dict.fromkeys(key.rpartition("/")[0] for key in state)
        counts = {n: sum(key.rpartition("/")[0] == n for key in state) for n in names}
        self._states = {n: tuple(state[f"{n}/{k}"] for k in range(counts[n])) for n in names}
        self.steps = steps

    def _zeros(self, value: Any, move: _Move) -> tuple[Any, ...]:
        shapes = [tuple(value.shape[k] for k in axes) for axes in move.states]
        if self._target == "torch":
            return tuple(value.new_zeros(shape) for shape in shapes)
        return tuple(np.zeros(shape, value.dtype) for shape in shapes)

    def _move(self, name: str, rank: int) -> _Move:
        """Return what moves parameters of a rank; the name is for the error."""
        if rank not in self._moves:
            self._moves[rank] = _move(self._optimizer, self._target, name, rank)
        return self._moves[rank]


@dataclass(frozen=True)
class _Move:
    """The generated update of parameters of one rank.

    Attributes:
        optimizer: Whose settings it takes.
        function: From parameter, gradient and states to the new parameter and states.
        states: For each state the axes of the parameter that it has, by position.
        counts: Whether it takes the number of the step.
    """

    optimizer: Optimizer
    function: Callable[..., Any]
    states: tuple[tuple[int, ...], ...]
    counts: bool


def _move(optimizer: Optimizer, target: str, name: str, rank: int) -> _Move:
    system = optimizer.system_for(rank)
    if system is None and optimizer.rest is not None:
        return _move(optimizer.rest, target, name, rank)
    if system is None:
        axes = ", ".join(_tensors(optimizer.system)[0].axes)
        raise TrainingError(
            where=f"the step of {optimizer} on {name}",
            given=f"a parameter of rank {rank}",
            expected=f"[{axes}], as in the equations of {optimizer.name}",
            fix=f'move the others otherwise: make_optimizer("{optimizer.name}", rest=...)',
        )
    letters = [c for c in _LETTERS if c not in system.axes]
    parameter, _, *states = _tensors(system)
    named = [axis for axis in parameter.axes if axis != BATCH]
    batch = letters[: rank - len(named)]
    places = {BATCH: tuple(range(len(batch)))}
    places |= {axis: (len(batch) + k,) for k, axis in enumerate(named)}
    built = build_function(system, target, batch)
    return _Move(
        optimizer,
        built.forward,
        tuple(tuple(k for axis in state.axes for k in places[axis]) for state in states),
        any(t.name == STEP for t in system.inputs),
    )
