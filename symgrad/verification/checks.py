"""The checks: each a law that every derivation obeys, tested at one instance.

In: a subject and an instance. Out: an `Outcome`. `CHECKS` is collected by the decorator `check`: a
new function is enough, and it runs on every layer. Each check must catch a planted bug (`mutants`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.recurrences import BAR
from symgrad.verification import comparing
from symgrad.verification.outcome import Outcome, cannot_tell, judge, judge_identity, worst, wrong
from symgrad.verification.proofs import modular_proof, sympy_proof
from symgrad.verification.registry import CHECKS, Check, check
from symgrad.verification.subject import tried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from symgrad.verification.instances import Arrays, Instance
    from symgrad.verification.subject import Subject

__all__ = ["CHECKS", "Check"]

_CODE = ("numpy", "torch")


@check("The forward code computes what the equations say.")
def forward_equals_the_interpreter(subject: Subject, instance: Instance) -> Outcome:
    """Compare outputs and saved tensors with 50 digits of the interpreter."""
    results = subject.forward(instance, instance.arrays())
    return comparing.judge_all(instance, results, subject.oracles.forward(instance))


@check("The backward code computes the cotangents that the raw adjoint defines.")
def vjp_equals_the_adjoint(subject: Subject, instance: Instance) -> Outcome:
    """Compare with 50 digits of the unsimplified adjoint."""
    return comparing.judge_all(instance, subject.gradient(instance), subject.oracles.vjp(instance))


@check("The closed form and the raw adjoint are one function.")
def closed_form_equals_the_adjoint(subject: Subject, instance: Instance) -> Outcome:
    """Compare both at 50 digits: 30 more than the bound, which is that of the dtype, allows for."""
    claimed = tried(subject.claims.closed_form, instance)
    return worst(
        judge_identity(
            name, comparing.letters(instance, name), claimed[name].value, exact.value, exact.bound
        )
        for name, exact in subject.oracles.vjp(instance).items()
    )


@check("The gradient is that of the function, whoever derived it.", smooth=True, layouts=False)
def vjp_equals_finite_differences(subject: Subject, instance: Instance) -> Outcome:
    """Compare with the slope of `<Y_bar, Y>` along a random direction of each input."""
    gradients = subject.gradient(instance)
    exact = subject.oracles.vjp(instance)
    noise = subject.oracles.noise(instance)
    rng = comparing.generator(instance)

    def one(name: str) -> Outcome:
        point = instance.inputs[name]
        direction = comparing.direction_at(rng, point)

        def moved(step: float) -> float:
            return subject.objective(instance, {**instance.inputs, name: point + step * direction})

        rounding = float(np.sum(exact[name + BAR].bound * np.abs(direction)))
        claimed = gradients[name + BAR] * direction
        return comparing.along(
            moved, f"the slope along {name}", claimed, noise=noise, rounding=rounding
        )

    return worst(one(name) for name in subject.derivation.wrt)


@check("Reverse mode is the transpose of forward mode: <J v, w> = <v, J^T w>.", layouts=False)
def vjp_is_the_transpose_of_jvp(subject: Subject, instance: Instance) -> Outcome:
    """Compare two inner products along a random tangent of each input in turn."""
    gradients = subject.gradient(instance)
    exact = subject.oracles.vjp(instance)
    rng = comparing.generator(instance)

    def one(name: str) -> Outcome:
        tangent = rng.normal(size=instance.inputs[name].shape)
        pushed = subject.oracles.jvp(instance, {name: tangent})
        right = sum(
            np.sum(pushed[c.removesuffix(BAR)].value * w) for c, w in instance.cotangents.items()
        )
        if not np.isfinite(float(right)):
            return cannot_tell(f"the derivative along {name} is not defined")
        products = gradients[name + BAR] * tangent
        size = float(np.sum(np.abs(products)))
        rounding = float(np.sum(exact[name + BAR].bound * np.abs(tangent)))
        return comparing.scalar(
            f"<v, J^T w> along {name}",
            float(np.sum(products)),
            float(abs(float(np.sum(products)) - right)),
            rounding + products.size * 2.0**-53 * size,
            size,
        )

    return worst(one(name) for name in subject.derivation.wrt)


@check("The VJP is linear in the cotangent: doubling is exact, and sums add up.")
def vjp_is_linear_in_the_cotangent(subject: Subject, instance: Instance) -> Outcome:
    """Compare the VJP of 2 c exactly, and that of c plus another to rounding."""
    first = subject.gradient(instance)
    doubled = subject.gradient(instance.with_cotangents(mapped(instance.cotangents, _double)))
    for name, value in first.items():
        if not np.array_equal(doubled[name], 2 * value, equal_nan=True):
            return wrong(f"{name} is not doubled when the cotangent is", "linearity")
    rng = comparing.generator(instance)
    plain = instance.with_layouts({})
    other = mapped(instance.cotangents, lambda c: rng.normal(size=c.shape).astype(c.dtype))
    both = {n: c + other[n] for n, c in instance.cotangents.items()}
    second = subject.gradient(plain.with_cotangents(other))
    added = subject.gradient(plain.with_cotangents(both))
    exact = subject.oracles.vjp(instance)
    bounds = subject.oracles.vjp(plain.with_cotangents(other))
    return worst(
        judge(
            name,
            comparing.letters(instance, name),
            added[name],
            first[name] + second[name],
            4 * (exact[name].bound + bounds[name].bound),
        )
        for name in first
    )


@check("A zero cotangent gives exactly zero: nothing is divided by zero on the way.")
def zero_cotangent_gives_zero(subject: Subject, instance: Instance) -> Outcome:
    """Compare with zero, wherever the derivative exists."""
    nothing = instance.with_cotangents(mapped(instance.cotangents, np.zeros_like))
    exact = subject.oracles.vjp(nothing)
    return worst(
        judge(name, comparing.letters(instance, name), value, exact[name].value, exact[name].bound)
        for name, value in subject.gradient(nothing).items()
    )


@check("There is one cotangent for each input, of its shape and dtype.")
def cotangents_have_shape_and_dtype(subject: Subject, instance: Instance) -> Outcome:
    """Compare shape and dtype with those of the input, in float64 and in float32."""
    for dtype in ("float64", "float32") if subject.target != "reference" else ("float64",):
        point = instance.astype(dtype)
        results, gradients = subject.call(point)
        expected = {n + BAR: point.inputs[n] for n in subject.derivation.wrt}
        if set(gradients) != set(expected):
            return wrong(f"cotangents {sorted(gradients)}, not {sorted(expected)}", "structure")
        shapes = {**expected, **{c.removesuffix(BAR): a for c, a in point.cotangents.items()}}
        for name, array in shapes.items():
            got = {**results, **gradients}[name]
            if got.shape != array.shape or got.dtype != array.dtype:
                found = f"{got.dtype}{list(got.shape)}"
                return wrong(f"{name} is {found}, not {array.dtype}{list(array.shape)}", "shape")
    return Outcome()


@check("No array of the caller is written to.")
def arguments_are_not_written_to(subject: Subject, instance: Instance) -> Outcome:
    """Compare inputs, saved tensors and cotangents before and after."""
    inputs, seeds = instance.arrays(), instance.seeds()
    results = subject.forward(instance, inputs)
    kept = {n: a.copy() for n, a in {**inputs, **results, **seeds}.items()}
    subject.vjp(instance, inputs, results, seeds)
    for name, array in {**instance.inputs, **kept, **instance.cotangents}.items():
        now = {**inputs, **results, **seeds}[name]
        if not np.array_equal(now, array, equal_nan=array.dtype.kind == "f"):
            return wrong(f"{name} was written to", "memory")
    return Outcome()


@check("The same call gives the same bits, and no later call changes an earlier result.")
def results_are_reproducible(subject: Subject, instance: Instance) -> Outcome:
    """Call twice, then with another cotangent, and look at the first result again."""
    first = subject.gradient(instance)
    kept = mapped(first, np.copy)
    again = subject.gradient(instance)
    for name, array in kept.items():
        if not np.array_equal(again[name], array, equal_nan=True):
            return wrong(f"{name} differs the second time", "determinism")
    subject.gradient(instance.with_cotangents(mapped(instance.cotangents, _double)))
    for name, array in kept.items():
        if not np.array_equal(first[name], array, equal_nan=True):
            return wrong(f"{name} was overwritten by a later call", "memory")
    return Outcome()


@check("Only values matter, not how they lie in memory.", odd=True, lengths=(2, 3, 5, 1))
def layouts_do_not_matter(subject: Subject, instance: Instance) -> Outcome:
    """Compare with the same values in plain memory, to rounding: the order of sums may differ."""
    plain = instance.with_layouts({})
    exact = subject.oracles.vjp(instance)
    got, want = subject.gradient(instance), subject.gradient(plain)
    return worst(
        judge(n, comparing.letters(instance, n), got[n], value, 2 * exact[n].bound)
        for n, value in want.items()
    )


@check("Axes of length 0 and 1 are nothing special.", lengths=(1, 0))
def short_axes_are_right(subject: Subject, instance: Instance) -> Outcome:
    """Compare with 50 digits where every axis has length 0 or 1."""
    return comparing.judge_all(instance, subject.gradient(instance), subject.oracles.vjp(instance))


@check("In single precision the error is what rounding explains.", targets=_CODE, dtype="float32")
def float32_error_is_bounded(subject: Subject, instance: Instance) -> Outcome:
    """Compare outputs and cotangents with 50 digits at the rounded inputs."""
    results, gradients = subject.call(instance)
    want = {**subject.oracles.forward(instance), **subject.oracles.vjp(instance)}
    return comparing.judge_all(instance, {**results, **gradients}, want)


@check(
    "Inputs up to 1e4 in single precision give finite numbers where the exact ones are finite.",
    targets=_CODE,
    dtype="float32",
    huge=True,
)
def large_inputs_stay_finite(subject: Subject, instance: Instance) -> Outcome:
    """Compare finiteness with 50 digits, whose exponents do not overflow."""
    results, gradients = subject.call(instance)
    outputs = {n: results[n] for n in subject.system.outputs}
    exact = {**subject.oracles.forward(instance), **subject.oracles.vjp(instance)}
    largest = float(np.finfo(instance.dtype).max)
    for name, value in {**outputs, **gradients}.items():
        truth = exact[name].value.astype(float)
        lost = (np.abs(truth) < largest / 4) & ~np.isfinite(value)
        if lost.any():
            at = tuple(int(i) for i in np.argwhere(lost)[0])
            return wrong(f"{name} at {at} is {value[at]}, not {truth[at]:.6g}", "overflow")
    return Outcome()


@check("The VJP changes from point to point as second derivatives say.", smooth=True, layouts=False)
def second_derivatives_are_right(subject: Subject, instance: Instance) -> Outcome:
    """Compare the slope of the VJP along a direction with forward mode over the raw adjoint."""
    rng = comparing.generator(instance)
    names = subject.derivation.wrt
    directions = {n: comparing.direction_at(rng, instance.inputs[n]) for n in names}
    weights = {n + BAR: rng.normal(size=instance.inputs[n].shape) for n in names}

    def moved(step: float) -> float:
        inputs = {
            n: a + step * directions[n] if n in directions else a
            for n, a in instance.inputs.items()
        }
        found = subject.gradient(instance.with_inputs(inputs))
        return float(sum(np.sum(found[n] * w) for n, w in weights.items()))

    exact = subject.oracles.vjp(instance)
    changes = subject.oracles.second(instance, directions)
    products = [(changes[n].value.astype(float) * w).ravel() for n, w in weights.items()]
    return comparing.along(
        moved,
        "the slope of the VJP",
        np.concatenate(products) if products else np.zeros(0),
        noise=float(sum(np.sum(exact[n].bound * np.abs(w)) for n, w in weights.items())),
        rounding=2.0**-52 * float(sum(np.sum(np.abs(p)) for p in products)),
    )


@check("The formulas are the transposed derivative, exactly, modulo a prime.", once=True)
def vjp_is_exact_modulo_a_prime(subject: Subject) -> Outcome:
    """Ask the exact oracle, which has no tolerance."""
    return modular_proof(subject.derivation)


@check("The formulas are what `sympy.diff` gives, entry by entry.", once=True)
def vjp_is_proved_at_small_sizes(subject: Subject) -> Outcome:
    """Spell the function out as scalars and differentiate it with SymPy."""
    return sympy_proof(subject.derivation)


@check("The backward code agrees with torch's autograd of the forward code.", targets=("torch",))
def vjp_equals_torch_autograd(subject: Subject, instance: Instance) -> Outcome:
    """Compare with the gradient that autograd finds for the generated forward."""
    exact = subject.oracles.vjp(instance)
    found = tried(subject.autograd(instance).gradient, instance.seeds())
    return worst(
        judge(n, comparing.letters(instance, n), value, found[n], 2 * exact[n].bound)
        for n, value in subject.gradient(instance).items()
    )


@check("The autograd.Function gives the derived gradients.", targets=("torch",))
def wrapper_gives_the_vjp(subject: Subject, instance: Instance) -> Outcome:
    """Compare torch's gradient of the generated autograd.Function with 50 digits."""
    found = tried(subject.autograd(instance, wrapped=True).gradient, instance.seeds())
    return comparing.judge_all(instance, found, subject.oracles.vjp(instance))


@check("The autograd.Function has a forward mode.", targets=("torch",), layouts=False)
def wrapper_pushes_tangents_forward(subject: Subject, instance: Instance) -> Outcome:
    """Compare torch's forward mode of the generated autograd.Function with 50 digits."""
    rng = comparing.generator(instance)
    names = subject.derivation.wrt
    tangents = {n: rng.normal(size=instance.inputs[n].shape) for n in names}
    found = tried(subject.autograd(instance, wrapped=True).pushed, tangents)
    exact = subject.oracles.jvp(instance, tangents, bounds=True)
    return comparing.judge_all(instance, found, exact)


@check("The autograd.Function can be differentiated twice.", targets=("torch",), smooth=True)
def wrapper_is_differentiable_twice(subject: Subject, instance: Instance) -> Outcome:
    """Compare torch's double backward with forward mode over the raw adjoint, at 50 digits."""
    rng = comparing.generator(instance)
    names = subject.derivation.wrt
    directions = {n: comparing.direction_at(rng, instance.inputs[n]) for n in names}
    weights = {n + BAR: rng.normal(size=instance.inputs[n].shape) for n in names}
    exact = subject.oracles.second(instance, directions, bounds=True)
    twice = subject.autograd(instance, wrapped=True).second
    found = tried(twice, instance.seeds(), weights)
    products = [(found[n + BAR] * v).ravel() for n, v in directions.items()]
    total = float(sum(np.sum(p) for p in products))
    truth = sum(np.sum(exact[n].value * w) for n, w in weights.items())
    if not np.isfinite(float(truth)):
        return cannot_tell("the second derivative is not defined")
    return comparing.scalar(
        "<V, dX_bar>",
        total,
        float(abs(truth - total)),
        float(sum(np.sum(exact[n].bound * np.abs(w)) for n, w in weights.items())),
        float(sum(np.sum(np.abs(p)) for p in products)),
    )


def mapped(arrays: Mapping[str, NDArray[Any]], function: Callable[[Any], Any]) -> Arrays:
    """Return arrays by name, each mapped by a function."""
    return {name: function(array) for name, array in arrays.items()}


def _double(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array * 2)
