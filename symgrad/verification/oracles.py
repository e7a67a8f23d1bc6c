"""What is true of a derivation at an instance: values, gradients and their rounding bounds.

In: a derivation and instances. Out: 50-digit values of the outputs, of the raw adjoint and of
forward mode, with the error that rounding explains in the dtype of the instance. The closed forms
and the generated code, which are on trial, contribute nothing to a value.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.adjoint import adjoint_system
from symgrad.autodiff.recurrences import BAR
from symgrad.autodiff.tangent import DOT, derive_jvp
from symgrad.interpreter import evaluate
from symgrad.interpreter.numbers import DIGITS
from symgrad.interpreter.tilted import slopes, tilted
from symgrad.verification.hoisting import hoist_reductions
from symgrad.verification.instances import at_batch
from symgrad.verification.rounding import ERROR, ROUNDOFF, error_system

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from numpy.typing import NDArray

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.verification.instances import Arrays, BatchAxes, Instance

#: Digits beyond which an entry counts as unknown: an exponential of a thousand has 434.
MOST_DIGITS = 1600

#: How many answers are kept.
MOST_REMEMBERED = 400


@dataclass(frozen=True)
class Exact:
    """A 50-digit value, and a bound of the error of a computation in the dtype of the instance."""

    value: NDArray[Any]
    bound: NDArray[Any]


@dataclass(frozen=True)
class _AtBatch:
    """The Systems of one derivation once the batch axes are fixed."""

    system: System
    forward: System
    backward: System
    wrt: tuple[str, ...]

    @cached_property
    def adjoint(self) -> System:
        return adjoint_system(self.system, self.wrt)

    @cached_property
    def exact_errors(self) -> tuple[System, System]:
        """The definitions themselves, with the errors that computing them makes."""
        return error_system(self.system), error_system(self.adjoint)

    @cached_property
    def tangent(self) -> System:
        return derive_jvp(self.system, self.wrt)

    @cached_property
    def tangent_errors(self) -> System:
        return error_system(hoist_reductions(self.tangent))

    @cached_property
    def second(self) -> System:
        return derive_jvp(self.adjoint, self.wrt)

    @cached_property
    def second_errors(self) -> System:
        """The closed form's own second derivative: the way in which code computes it."""
        closed = replace(
            self.adjoint,
            equations=(*self.forward.equations, *self.backward.equations),
            outputs=self.backward.outputs,
        )
        return error_system(hoist_reductions(derive_jvp(closed, self.wrt)))

    @cached_property
    def forward_errors(self) -> System:
        return error_system(self.forward)

    @cached_property
    def backward_errors(self) -> System:
        inexact = [t.name for t in self.backward.inputs if t.name in self.forward.defined]
        return error_system(self.backward, inexact)


class Oracles:
    """Everything that is known about a derivation, computed when asked and once per instance."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self._at_batch: dict[BatchAxes, _AtBatch] = {}
        self._known: OrderedDict[tuple[str, Hashable], Any] = OrderedDict()

    def at_batch(self, batch: BatchAxes) -> _AtBatch:
        """Return the Systems over batch axes."""
        found = self._at_batch.get(batch)
        if found is None:
            mine = self.derivation
            found = _AtBatch(
                at_batch(mine.system, batch),
                hoist_reductions(at_batch(mine.forward, batch)),
                hoist_reductions(at_batch(mine.backward, batch)),
                mine.wrt,
            )
            self._at_batch[batch] = found
        return found

    def remembered(self, key: str, instance: Instance, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns, computed once for each key and values."""
        # Checks draw the same points, each its own copy of them.
        full = (key, instance.values)
        if full not in self._known:
            self._known[full] = compute()
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return self._known[full]

    def forward(self, instance: Instance) -> dict[str, Exact]:
        """Return the outputs and the tensors saved for the backward pass."""

        def compute() -> dict[str, Exact]:
            here = self.at_batch(instance.batch_axes)
            found = self._forward_with_errors(instance)
            defined = _evaluate(here.system, instance.inputs, instance)
            values = {name: defined.get(name, found[name]) for name in here.forward.outputs}
            return {n: Exact(v, _bound(n, v, found)) for n, v in values.items()}

        return self.remembered("forward", instance, compute)

    def vjp(self, instance: Instance) -> dict[str, Exact]:
        """Return the cotangents of the inputs: the raw adjoint's, the closed form's bounds."""

        def compute() -> dict[str, Exact]:
            here = self.at_batch(instance.batch_axes)
            values = _evaluate(here.adjoint, {**instance.inputs, **instance.cotangents}, instance)
            closed = self.closed_form(instance)
            if self._is_undefined(instance):
                values = {n: np.full(v.shape, np.nan, dtype=object) for n, v in values.items()}
            return {n: Exact(v, closed[n].bound) for n, v in values.items()}

        return self.remembered("vjp", instance, compute)

    def _is_undefined(self, instance: Instance) -> bool:
        """Return whether an output is not a number anywhere, such as the mean of nothing.

        It has no derivative, even if what is added up to get one has no terms.
        """
        outputs = (self.forward(instance)[n].value for n in self.derivation.system.outputs)
        return any(y.size and all(np.isnan(float(v)) for v in y.flat) for y in outputs)

    def closed_form(self, instance: Instance) -> dict[str, Exact]:
        """Return the cotangents of the inputs as the derived backward System computes them."""

        def compute() -> dict[str, Exact]:
            here = self.at_batch(instance.batch_axes)
            given = {**_with_roundoff(instance), **self._forward_with_errors(instance)}
            found = _evaluate(here.backward_errors, given, instance)
            names = here.backward.outputs
            return {n: Exact(found[n], _bound(n, found[n], found)) for n in names}

        return self.remembered("closed form", instance, compute)

    def _forward_with_errors(self, instance: Instance) -> Arrays:
        def compute() -> Arrays:
            here = self.at_batch(instance.batch_axes)
            return _evaluate(here.forward_errors, _with_roundoff(instance), instance)

        return self.remembered("forward with errors", instance, compute)

    def jvp(
        self, instance: Instance, tangents: Mapping[str, NDArray[Any]], *, bounds: bool = False
    ) -> dict[str, Exact]:
        """Return the tangents of the outputs, by forward mode.

        Args:
            instance: The point.
            tangents: A direction for some inputs; the others do not move.
            bounds: Whether to bound rounding errors too; else bounds are 0.
        """
        here = self.at_batch(instance.batch_axes)
        system = here.tangent_errors if bounds else here.tangent
        return _forward_mode(system, instance, here.wrt, tangents)

    def complex_step(self, instance: Instance, tangents: Mapping[str, NDArray[Any]]) -> Arrays:
        """Return the tangents of the outputs by a complex step, which knows no derivative rule."""
        here = self.at_batch(instance.batch_axes)
        moving = {n: tilted(instance.inputs[n], v) for n, v in tangents.items()}
        given = {**instance.inputs, **moving}
        found = evaluate(here.system, given, sizes=instance.sizes, numbers="tilted")
        return {n: slopes(v) for n, v in found.items()}

    def second(
        self, instance: Instance, tangents: Mapping[str, NDArray[Any]], *, bounds: bool = False
    ) -> dict[str, Exact]:
        """Return how the cotangents of the inputs change along a direction; see `jvp`.

        Values are those of the raw adjoint, bounds those of the closed form.
        """
        here = self.at_batch(instance.batch_axes)
        values = _forward_mode(here.second, instance, here.wrt, tangents)
        if not bounds:
            return values
        closed = _forward_mode(here.second_errors, instance, here.wrt, tangents)
        return {n: Exact(exact.value, closed[n].bound) for n, exact in values.items()}

    def rounded(self, instance: Instance) -> Arrays:
        """Return outputs and cotangents rounded once, to the dtype of the instance.

        Digits are added until the error that they leave does not show; an entry that takes too many
        of them is nan.
        """
        here = self.at_batch(instance.batch_axes)
        found: Arrays = {}
        digits = DIGITS
        while True:
            ends = [self._ends(s, instance, digits) for s in here.exact_errors]
            low, high = ({n: v for e in ends for n, v in e[k].items()} for k in (0, 1))
            found = {n: np.where(v == high[n], v, np.nan).astype(v.dtype) for n, v in low.items()}
            if digits >= MOST_DIGITS or not any(np.isnan(v).any() for v in found.values()):
                return found
            digits *= 2

    def _ends(self, system: System, instance: Instance, digits: int) -> tuple[Arrays, Arrays]:
        """Return what the outputs are at least and at most, each rounded to the dtype."""
        import mpmath  # noqa: PLC0415 (heavy)

        roundoff = np.array(mpmath.mpf(f"1e{1 - digits}"), dtype=object)
        given = {**instance.inputs, **instance.cotangents, ROUNDOFF: roundoff}
        values = _evaluate(system, given, instance, digits)
        names = [n for n in system.outputs if not n.endswith(ERROR)]
        errors = {n: values.get(n + ERROR, np.zeros(values[n].shape)) for n in names}

        def rounded(exact: NDArray[Any]) -> NDArray[Any]:
            with np.errstate(all="ignore"):
                return np.asarray(exact, dtype=object).astype(float).astype(instance.dtype)

        low = {n: rounded(values[n] - errors[n]) for n in names}
        return low, {n: rounded(values[n] + errors[n]) for n in names}

    def noise(self, instance: Instance) -> float:
        """Return a bound of the rounding error of `<Y_bar, Y>` in float64."""
        exact = self.forward(instance)
        total = 0.0
        for name, cotangent in instance.cotangents.items():
            output = exact[name.removesuffix(BAR)]
            size = output.bound + cotangent.size * 2.0**-52 * np.abs(output.value.astype(float))
            total += float(np.sum(np.abs(cotangent) * size))
        return total


def _forward_mode(
    system: System,
    instance: Instance,
    wrt: tuple[str, ...],
    tangents: Mapping[str, NDArray[Any]],
) -> dict[str, Exact]:
    still = {n + DOT: np.zeros(instance.inputs[n].shape) for n in wrt}
    moving = {n + DOT: v for n, v in tangents.items()}
    found = _evaluate(system, {**_with_roundoff(instance), **still, **moving}, instance)
    values = {n: v for n, v in found.items() if n.endswith(DOT)}
    return {n.removesuffix(DOT): Exact(v, _bound(n, v, found)) for n, v in values.items()}


def _with_roundoff(instance: Instance) -> Arrays:
    unit = float(np.finfo(instance.dtype).eps) / 2
    return {**instance.inputs, **instance.cotangents, ROUNDOFF: np.asarray(unit)}


def _evaluate(
    system: System,
    arrays: Mapping[str, NDArray[Any]],
    instance: Instance,
    digits: int = DIGITS,
) -> dict[str, NDArray[Any]]:
    names = {t.name for t in system.inputs}
    # A number of single precision is one of double precision too, so nothing is rounded here.
    given = {
        n: a.astype(np.float64) if a.dtype.kind == "f" else a
        for n, a in arrays.items()
        if n in names
    }
    return evaluate(system, given, sizes=instance.sizes, numbers="mpmath", digits=digits)


def _bound(name: str, value: NDArray[Any], found: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the bound of an output; an output that is an input is exact."""
    bound = found.get(name + ERROR)
    return np.zeros(value.shape) if bound is None else np.asarray(bound).astype(float)
