"""The trainer ends where mathematics says: known minima, known rates, whatever the data."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import ceil, log
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.text import parse
from symgrad.layers.registry import LAYERS
from symgrad.training.datasets import Dataset
from symgrad.training.loop import fit
from symgrad.training.networks import build_linear
from symgrad.training.optimizers import Updater, make_optimizer
from symgrad.training.plan import Plan, Stop
from symgrad.training.schedules import at, read_schedule

if TYPE_CHECKING:
    from collections.abc import Callable
Array = np.ndarray[Any, np.dtype[np.floating[Any]]]
SEEDS = st.integers(0, 2**32 - 1)
ROWS, FEATURES = 24, 3
REGRESSION = build_linear(FEATURES, 1, loss="mse")


# Quadratics.


@cache
def quadratic() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the quadratic W A W / 2 - B W and its gradient."""
    return built("L = sum[i, j](W[i] * A[i, j] * W[j]) / 2 - sum[i](B[i] * W[i])", "W", "A", "B")


def built(text: str, wrt: str, *others: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a function of tensors in an order, and its gradient by the first."""
    code = build(derive(parse(text), wrt=(wrt,)), "numpy")
    vjp = code.vjp
    assert vjp is not None, "a derivation has a backward function"

    def value(*arrays: Array) -> float:
        given = dict(zip((wrt, *others), arrays, strict=True))
        return float(code.forward(*(given[n] for n in code.forward_arguments)))

    def gradient(*arrays: Array) -> Any:
        given = dict(zip((wrt, *others), arrays, strict=True)) | {"L_bar": np.float64(1)}
        return vjp(*(given[n] for n in code.vjp_arguments))

    return value, gradient


@given(SEEDS, st.floats(0.05, 1.95), st.integers(1, 5))
def test_descent_on_a_quadratic_follows_its_eigenvalues_and_never_climbs(
    seed: int, share: float, size: int
) -> None:
    """At a rate below 2/L each eigenvector's part of the error shrinks by 1 - rate * eigenvalue."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.standard_normal((size, size)))
    eigenvalues = rng.uniform(0.1, 4.0, size)
    fixed = (basis * eigenvalues @ basis.T, rng.standard_normal(size))
    minimum = np.linalg.solve(*fixed)
    values = {"W": rng.standard_normal(size)}
    error = basis.T @ (values["W"] - minimum)
    rate = share / eigenvalues.max()
    updater = Updater(make_optimizer("gradient_descent", lr=rate), "numpy")
    value, gradient = quadratic()
    losses = []
    for _ in range(30):
        losses.append(value(values["W"], *fixed))
        values = updater.apply(values, {"W": gradient(values["W"], *fixed)})
    assert np.diff(losses).max(initial=0.0) <= 1e-12 * np.abs(losses).max()
    found = basis.T @ (values["W"] - minimum)
    expected = error * (1 - rate * eigenvalues) ** 30
    np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(error).max())


# Least squares.


def regression(seed: int) -> tuple[Dataset, Array, Array]:
    """Return random rows and targets, and the rows with a column of ones, and the curvatures."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((ROWS, FEATURES)), rng.standard_normal((ROWS, 1))
    design = np.column_stack((x, np.ones(ROWS)))
    curvatures = np.linalg.eigvalsh(2 * design.T @ design / ROWS)
    assume(curvatures[-1] < 25 * curvatures[0])
    return Dataset("random", x, y, x, y, classes=0), design, curvatures


@given(SEEDS)
def test_linear_regression_reaches_the_least_squares_solution(seed: int) -> None:
    data, design, curvatures = regression(seed)
    rate = 1 / curvatures[-1]
    steps = ceil(log(1e-9) / log(1 - curvatures[0] / curvatures[-1]))
    optimizer = make_optimizer("gradient_descent", lr=rate)
    run = fit(REGRESSION, data, Plan(optimizer, steps, batch_size=ROWS))
    losses = [epoch.loss for epoch in run.history]
    assert max(np.diff(losses)) <= 1e-14
    found = np.append(run.parameters["fc.W"], run.parameters["fc.b"])
    expected = np.linalg.lstsq(design, data.y_train[:, 0])[0]
    np.testing.assert_allclose(found, expected, atol=1e-7)


@given(SEEDS, st.floats(2.05, 3.0))
def test_descent_climbs_at_a_rate_above_two_over_the_curvature(seed: int, share: float) -> None:
    data, _, curvatures = regression(seed)
    optimizer = make_optimizer("gradient_descent", lr=share / curvatures[-1])
    plan = Plan(optimizer, 400, batch_size=ROWS, stop=Stop(gradient_norm=1e-12))
    losses = [epoch.loss for epoch in fit(REGRESSION, data, plan).history]
    assert losses[-1] > losses[0]


@given(SEEDS, st.floats(0.01, 1.0))
def test_the_l2_penalty_is_ridge_regression(seed: int, l2: float) -> None:
    data, design, curvatures = regression(seed)
    rate = 1 / (curvatures[-1] + l2)
    steps = ceil(log(1e-9) / log(1 - rate * curvatures[0]))
    plan = Plan(make_optimizer("gradient_descent", lr=rate), steps, batch_size=ROWS, l2=l2)
    run = fit(REGRESSION, data, plan)
    weights = np.diag([*[l2] * FEATURES, 0.0])  # the bias is not penalised
    normal = 2 * design.T @ design / ROWS + weights
    expected = np.linalg.solve(normal, 2 * design.T @ data.y_train[:, 0] / ROWS)
    found = np.append(run.parameters["fc.W"], run.parameters["fc.b"])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@given(SEEDS)
def test_the_l1_penalty_leaves_no_better_neighbour(seed: int) -> None:
    """The lasso is convex: where no small step lowers loss and penalty, neither does a large one.

    A rate that falls to 0 brings the steps of |W| at its kink to rest.
    """
    data, design, curvatures = regression(seed)
    optimizer = make_optimizer("gradient_descent", lr=1 / curvatures[-1])
    plan = Plan(optimizer, 600, batch_size=ROWS, l1=0.3, schedule="linear")
    run = fit(REGRESSION, data, plan)

    def whole(weights: Array) -> float:
        missed = design @ weights - data.y_train[:, 0]
        return float((missed**2).mean() + 0.3 * np.abs(weights[:FEATURES]).sum())

    found = np.append(run.parameters["fc.W"], run.parameters["fc.b"])
    for k in range(FEATURES + 1):
        for step in (1e-2, -1e-2):
            moved = found.copy()
            moved[k] += step
            assert whole(moved) >= whole(found) - 1e-6


# Logistic regression.


@given(SEEDS, st.floats(0.02, 0.5), st.integers(2, 3))
def test_logistic_regression_is_that_of_scikit_learn(seed: int, l2: float, classes: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.arange(30) % classes
    x = rng.standard_normal((classes, FEATURES))[y] + rng.standard_normal((30, FEATURES))
    data = Dataset("random", x, y, x, y, classes)
    optimizer = make_optimizer("sgd", lr=0.5, momentum=0.9, nesterov=True)
    stop = Stop(gradient_norm=1e-9)
    plan = Plan(optimizer, 3000, batch_size=30, l2=l2, stop=stop)
    run = fit(build_linear(FEATURES, classes, loss="cross_entropy"), data, plan)
    assert run.stopped
    # Of two classes scikit-learn has the difference of the rows: half of its penalty is ours.
    weight = 1 / (30 * l2) if classes > 2 else 2 / (30 * l2)
    theirs = LogisticRegression(C=weight, tol=1e-10, max_iter=10_000).fit(x, y)
    scores = x @ run.parameters["fc.W"].T + run.parameters["fc.b"]
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances, theirs.predict_proba(x), atol=1e-5)
    if classes > 2:
        np.testing.assert_allclose(run.parameters["fc.W"], theirs.coef_, atol=1e-5)


# Rosenbrock's valley.

#: For each optimizer settings and a schedule, with which 4000 steps are enough.
VALLEY: dict[str, tuple[dict[str, Any], str]] = {
    "sgd": ({"lr": 1e-3, "momentum": 0.9}, "linear"),
    "gradient_descent": ({"lr": 2e-3}, "constant"),
    "asgd": ({"lr": 2e-3, "lambd": 0}, "constant"),
    "rprop": ({}, "constant"),
    "lion": ({"lr": 0.01}, "linear"),
    "lars": ({"lr": 1, "trust": 0.01}, "linear"),
    "adagrad": ({"lr": 0.5}, "constant"),
    "adadelta": ({"rho": 0.99, "eps": 1e-4}, "polynomial(power=2)"),
    "rmsprop": ({"lr": 0.01}, "linear"),
    "adam": ({"lr": 0.1}, "linear"),
    "adamw": ({"lr": 0.1, "weight_decay": 0}, "linear"),
    "adamax": ({"lr": 0.1}, "constant"),
    "nadam": ({"lr": 0.1}, "linear"),
    "radam": ({"lr": 0.1}, "warmup(steps=50, start=1e-4) + linear"),  # its first steps are long
    "lamb": ({"lr": 0.02}, "linear"),
    "adafactor": ({"lr": 0.03}, "linear"),
    "muon": ({"lr": 0.02, "weight_decay": 0}, "linear"),
}
STEPS = 4000


@cache
def valley() -> tuple[Callable[..., Any], Callable[..., Any]]:
    text = """
    P: real[n, c]
    L = sum[n]((1 - P[n, 0])**2 + 100 * (P[n, 1] - P[n, 0]**2)**2)
    """
    return built(text, "P")


def test_every_optimizer_is_sent_into_the_valley() -> None:
    assert set(VALLEY) == {name for name, entry in LAYERS.items() if entry.step}


@pytest.mark.parametrize("name", VALLEY)
def test_every_optimizer_minimises_rosenbrock(name: str) -> None:
    """From the usual start, and from one on the other side of the parabola."""
    settings, text = VALLEY[name]
    (value, gradient), schedule = valley(), read_schedule(text)
    updater = Updater(make_optimizer(name, None, **settings), "numpy")
    values = {"P": np.array([[-1.2, 1.0], [0.0, -1.0]])}
    assert value(values["P"]) == pytest.approx(125.2, abs=0.01)
    for k in range(STEPS):
        factor = at(schedule, k, 1, STEPS)
        values = updater.apply(values, {"P": gradient(values["P"])}, factor)
    assert value(values["P"]) < 1e-3
    np.testing.assert_allclose(values["P"], 1, atol=0.06)


# What does not matter.


@pytest.mark.torch
@given(SEEDS, st.sampled_from(["sgd", "adam", "rmsprop"]))
def test_neither_the_order_of_full_batches_nor_the_target_matters(seed: int, name: str) -> None:
    data, _, _ = regression(seed)
    plan = Plan(make_optimizer(name, lr=0.01), 5, batch_size=ROWS, seed=seed)
    start = REGRESSION.initialise(seed)
    run: Callable[..., Any] = lambda plan, target: fit(  # noqa: E731 (three calls)
        REGRESSION, data, plan, target=target, start=start
    )
    runs = [run(plan, "numpy"), run(replace(plan, seed=seed + 1), "numpy"), run(plan, "torch")]
    for other in runs[1:]:
        for found, expected in zip(
            other.parameters.values(), runs[0].parameters.values(), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
