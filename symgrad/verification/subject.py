"""What is on trial: a derivation, run on a target.

In: a derivation and the name of a target. Out: its forward and VJP as functions of named arrays,
the same for every target. `reference` runs the Systems in the interpreter; `numpy` and `torch` run
generated code.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from symgrad.autodiff.recurrences import BAR
from symgrad.errors import SymgradError, TargetError, UnsupportedError
from symgrad.verification.autograd import Autograd
from symgrad.verification.oracles import Oracles
from symgrad.verification.targets import TARGETS, Target, Torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.verification.instances import Arrays, Instance


#: What code on trial may raise; anything else is an accident of the verifier.
_RAISED = (ArithmeticError, AttributeError, LookupError, RuntimeError, SymgradError, TypeError,
           ValueError)  # fmt: skip


Found = TypeVar("Found")


class DefectError(Exception):
    """What is on trial raised an exception at a legal instance."""


class Subject:
    """A derivation on trial, with what is known to be true.

    Args:
        derivation: What is run.
        target: Where it is run, one of TARGETS.
        oracles: What is true; by default of `derivation`. A planted bug is judged by those of the
            derivation it was planted in.
        fault: A function that spoils what runs it, to test the checks.
        name: What it is called in reports; by default as its System.

    Raises:
        TargetError: If there is no such target.
    """

    def __init__(
        self,
        derivation: Derivation,
        target: str = "numpy",
        oracles: Oracles | None = None,
        *,
        fault: Callable[[Target], Target] | None = None,
        name: str | None = None,
    ) -> None:
        if target not in TARGETS:
            raise TargetError(
                where="a target to verify on",
                given=repr(target),
                expected=f"one of {', '.join(TARGETS)}",
                fix=f"target={next(iter(TARGETS))!r}",
            )
        self.derivation = derivation
        self.target = target
        self.oracles = oracles or Oracles(derivation)
        self.name = name or derivation.system.name
        self._fault = fault

    @property
    def system(self) -> System:
        """The System that says what is right."""
        return self.oracles.derivation.system

    @cached_property
    def claims(self) -> Oracles:
        """What the derivation on trial says, whether it is true or not."""
        mine = self.oracles.derivation is self.derivation
        return self.oracles if mine else Oracles(self.derivation)

    @cached_property
    def _run(self) -> Target:
        made = TARGETS[self.target](self.derivation)
        return made if self._fault is None else self._fault(made)

    @cached_property
    def _torch(self) -> Torch:
        return self._run if isinstance(self._run, Torch) else Torch(self.derivation)

    def call(self, instance: Instance) -> tuple[Arrays, Arrays]:
        """Return outputs and saved tensors, and the cotangents of the inputs."""
        inputs = instance.arrays()
        results = self.forward(instance, inputs)
        return results, self.vjp(instance, inputs, results, instance.seeds())

    def forward(self, instance: Instance, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """Return the outputs and the saved tensors by name, for inputs that may differ."""
        return tried(self._run.forward, inputs, instance.batch_axes, instance.sizes)

    def vjp(
        self,
        instance: Instance,
        inputs: Mapping[str, NDArray[Any]],
        results: Mapping[str, NDArray[Any]],
        seeds: Mapping[str, NDArray[Any]],
    ) -> Arrays:
        """Return the cotangents of the inputs by name."""
        given = {**inputs, **results, **seeds}
        found = tried(self._run.vjp, given, instance.batch_axes, instance.sizes)
        self._check_shapes(instance, found)
        return found

    def _check_shapes(self, instance: Instance, gradients: Arrays) -> None:
        """Raise unless there is a cotangent of the right shape for each input."""
        shapes = {n + BAR: instance.inputs[n].shape for n in self.derivation.wrt}
        if set(gradients) != set(shapes):
            raise DefectError(f"cotangents {sorted(gradients)}, not {sorted(shapes)}")
        for name, array in gradients.items():
            if array.shape != shapes[name]:
                raise DefectError(f"{name} has shape {array.shape}, not {shapes[name]}")

    def gradient(self, instance: Instance) -> Arrays:
        """Return the cotangents of the inputs, forward pass included."""
        return self.call(instance)[1]

    def autograd(self, instance: Instance, *, wrapped: bool = False) -> Autograd:
        """Return the generated torch code at a point, to be differentiated by torch.

        Args:
            instance: The point.
            wrapped: Whether by way of the generated `autograd.Function`.
        """
        given = {**instance.sizes, **instance.arrays()}
        code = self._torch.code(instance.batch_axes)
        return Autograd(code, self.derivation.wrt, given, wrapped=wrapped)

    def objective(self, instance: Instance, inputs: Mapping[str, NDArray[Any]]) -> float:
        """Return `<Y_bar, Y>`, whose gradient the VJP is."""
        results = self.forward(instance, inputs)
        return float(
            sum(np.sum(results[n.removesuffix(BAR)] * c) for n, c in instance.cotangents.items())
        )


def tried(function: Callable[..., Found], *args: Any) -> Found:
    """Return what a function returns.

    Raises:
        DefectError: If it raises.
        UnsupportedError: If no code can be generated.
    """
    try:
        with np.errstate(all="ignore"):
            return function(*args)
    except UnsupportedError:
        raise  # no code can be generated: nothing is on trial
    except _RAISED as error:
        raise DefectError(f"{type(error).__name__}: {error}") from error
