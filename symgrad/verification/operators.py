"""Torch's own operators on trial, at any order, in forward and reverse mode as they come.

In: a System, a torch function that is said to compute it, and a *path*: the transformations that
are applied one after the other, F for forward mode and R for reverse mode. Out: an `Outcome`. The
truth is the System itself, transformed along the same path by the raw rules of forward and reverse
mode and evaluated at 50 digits; torch transforms its function by `torch.func.jvp` and `vjp`.

`""` is the value, `R` the gradient, `F` the tangent; `FR` is the gradient of a tangent, `RF` the
tangent of a gradient, `FF` nested forward mode and `RRR` a third derivative in reverse mode alone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.adjoint import adjoint_system, default_wrt
from symgrad.autodiff.tangent import derive_jvp
from symgrad.interpreter import evaluate
from symgrad.verification.comparing import generator
from symgrad.verification.hoisting import hoist_reductions
from symgrad.verification.instances import at_batch, shape_of
from symgrad.verification.outcome import Outcome, judge, worst
from symgrad.verification.rounding import ERROR, ROUNDOFF, error_system
from symgrad.verification.targets import as_tensor, as_tuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from symgrad.ir.equation import System
    from symgrad.verification.instances import Arrays, Instance

    #: A torch function over named tensors, and over Python numbers where an input has a default.
    Named = Callable[[Mapping[str, Any]], dict[str, Any]]

#: What is compared by default: first and second order, in every mode.
PATHS = ("", "R", "F", "RR", "RF", "FR", "FF")


@dataclass(frozen=True)
class Operator:
    """A torch function, and the System that it is said to compute.

    Attributes:
        system: The System; it may have `...`.
        function: Takes the inputs in order, those with a default as Python numbers, and returns the
            outputs in order.
    """

    system: System
    function: Callable[..., Any]

    def compare(self, instance: Instance, path: str) -> Outcome:
        """Return whether torch's derivative along a path is the exact one, at one instance.

        Args:
            instance: The point; its cotangents are not used.
            path: Transformations to apply, in order: letters F and R.
        """
        steps = _steps(at_batch(self.system, instance.batch_axes), path)
        last = steps[-1]
        given = _with_directions(instance, last.system)
        exact = evaluate(
            last.errors,
            {**given, ROUNDOFF: np.asarray(np.finfo(instance.dtype).eps / 2)},
            sizes=instance.sizes,
            numbers="mpmath",
        )
        found = self._run(instance, steps, given)
        names = last.system.outputs
        return worst(
            judge(
                name,
                last.system.tensor(name).axes,
                found[name],
                exact[name],
                np.asarray(exact.get(name + ERROR, np.zeros(exact[name].shape))).astype(float),
            )
            for name in names
        )

    def _run(self, instance: Instance, steps: list[_Step], given: Arrays) -> Arrays:
        function = self._plain(steps[0].system)
        for before, step in pairwise(steps):
            function = _TRANSFORMED[step.letter](function, before, step)
        named = {n: as_tensor(a.astype(instance.dtype)) if a.dtype.kind == "f" else as_tensor(a)
                 for n, a in given.items()}  # fmt: skip
        # The first use of forward mode compiles what torch itself has deprecated.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = function(named)
        return {n: t.detach().numpy(force=True) for n, t in found.items()}

    def _plain(self, system: System) -> Named:
        numbers = {t.name for t in system.inputs if t.default is not None}

        def function(named: Mapping[str, Any]) -> dict[str, Any]:
            given = [named[t.name] for t in system.inputs]
            plain = [v.item() if t.name in numbers else v
                     for t, v in zip(system.inputs, given, strict=True)]  # fmt: skip
            return dict(zip(system.outputs, as_tuple(self.function(*plain)), strict=True))

        return function


@dataclass(frozen=True)
class _Step:
    """A System on the way, and the letter of what was done last."""

    letter: str
    system: System
    wrt: tuple[str, ...]

    @cached_property
    def errors(self) -> System:
        return error_system(hoist_reductions(self.system))

    def new_inputs(self, before: _Step) -> list[str]:
        """Return the tangents or cotangents that this step takes, in order."""
        known = {t.name for t in before.system.inputs}
        return [t.name for t in self.system.inputs if t.name not in known]


def _steps(system: System, path: str) -> list[_Step]:
    """Return the System after each transformation of a path, itself first."""
    wrt = tuple(default_wrt(system))
    steps = [_Step("", system, wrt)]
    for letter in path:
        derived = {"F": derive_jvp, "R": adjoint_system}[letter](steps[-1].system, wrt)
        steps.append(_Step(letter, derived, wrt))
    return steps


def _with_directions(instance: Instance, system: System) -> Arrays:
    """Return the inputs of an instance with random tangents and cotangents beside them."""
    rng = generator(instance)
    given = {n: np.asarray(a) for n, a in instance.inputs.items()}
    for tensor in system.inputs:
        if tensor.name not in given:
            shape = shape_of(system, tensor.name, instance.sizes)
            given[tensor.name] = np.asarray(rng.normal(size=shape).astype(instance.dtype))
    return given


def _pushed(function: Named, before: _Step, step: _Step) -> Named:
    def pushed(named: Mapping[str, Any]) -> dict[str, Any]:
        from torch import func  # noqa: PLC0415 (heavy, and not everyone has it)

        of, primals = _of_wrt(function, named, step.wrt)
        tangents = tuple(named[n] for n in step.new_inputs(before))
        moved: Any = func.jvp(of, primals, tangents)[1]
        names = before.system.outputs
        return dict(zip(step.system.outputs, (moved[n] for n in names), strict=True))

    return pushed


def _pulled(function: Named, before: _Step, step: _Step) -> Named:
    def pulled(named: Mapping[str, Any]) -> dict[str, Any]:
        from torch import func  # noqa: PLC0415 (see above)

        of, primals = _of_wrt(function, named, step.wrt)
        pull: Any = func.vjp(of, *primals)[1]
        given = zip(before.system.outputs, step.new_inputs(before), strict=True)
        found = pull({output: named[n] for output, n in given})
        return dict(zip(step.system.outputs, found, strict=True))

    return pulled


def _of_wrt(
    function: Named, named: Mapping[str, Any], wrt: tuple[str, ...]
) -> tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]:
    """Return a function of the inputs that are differentiated, and their values."""

    def of(*values: Any) -> dict[str, Any]:
        return function({**named, **dict(zip(wrt, values, strict=True))})

    return of, tuple(named[n] for n in wrt)


_TRANSFORMED = {"F": _pushed, "R": _pulled}


def with_defaults(instance: Instance) -> Instance:
    """Return an instance in which run-time scalars have their defaults."""
    tensors = {t.name: t.default for t in instance.system.inputs}
    inputs: dict[str, NDArray[Any]] = {}
    for name, array in instance.inputs.items():
        default = tensors[name]
        inputs[name] = array if default is None else np.asarray(float(default)).astype(array.dtype)
    return instance.with_inputs(inputs)
