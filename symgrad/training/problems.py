"""What is wrong with a run, before it starts and when its loss stops being finite.

In: a model, data, a plan. Out: errors that name the place and the likely cause.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.codegen.generate import build_function
from symgrad.errors import TrainingError
from symgrad.lowering.names import python_name
from symgrad.training.initializers import SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from symgrad.training.datasets import Dataset
    from symgrad.training.initializers import Array
    from symgrad.training.model import Model
    from symgrad.training.plan import Plan


def check(model: Model, dataset: Dataset, plan: Plan) -> None:
    """Raise if a plan makes no sense, or the data do not fit it or the model.

    Raises:
        TrainingError: With the first problem.
    """
    for given, expected in (*_of_plan(plan), *_of_data(model, dataset, plan)):
        raise TrainingError(
            where="a training run", given=given, expected=expected, fix="correct it"
        )


def _of_plan(plan: Plan) -> Iterator[tuple[str, str]]:
    stop = plan.stop
    limits = [
        ("epochs", plan.epochs, plan.epochs >= 1, "at least 1"),
        ("batch_size", plan.batch_size, plan.batch_size >= 1, "at least 1"),
        ("dtype", plan.dtype, plan.dtype in ("float32", "float64"), "float32 or float64"),
        ("init", plan.init, plan.init in SCHEMES, ", ".join(SCHEMES)),
        ("l1", plan.l1, plan.l1 >= 0, "at least 0"),
        ("l2", plan.l2, plan.l2 >= 0, "at least 0"),
        ("validation", plan.validation, 0 <= plan.validation < 1, "at least 0 and below 1"),
        ("clip_norm", plan.clip_norm, _is_positive(plan.clip_norm), "above 0"),
        ("clip_value", plan.clip_value, _is_positive(plan.clip_value), "above 0"),
        ("patience", stop.patience, _is_positive(stop.patience), "at least 1"),
        ("gradient_norm", stop.gradient_norm, _is_positive(stop.gradient_norm), "above 0"),
        ("seconds", stop.seconds, _is_positive(stop.seconds), "above 0"),
    ]
    for name, value, legal, expected in limits:
        if not legal:
            yield f"{name}={value!r}", expected


def _is_positive(value: float | None) -> bool:
    return value is None or value > 0


def _of_data(model: Model, dataset: Dataset, plan: Plan) -> Iterator[tuple[str, str]]:
    parts = {
        "training": (dataset.x_train, dataset.y_train),
        "test": (dataset.x_test, dataset.y_test),
    }
    for name, (x, y) in parts.items():
        if not len(y):
            yield f"no {name} rows", "at least 1"
        elif len(x) != len(y):
            yield f"{len(x)} {name} rows with {len(y)} targets", "as many of both"
        else:
            yield from _of_rows(model, dataset.classes, name, x, y)
    if plan.batch_size > len(dataset.y_train):
        yield f"batch_size={plan.batch_size}", f"at most {len(dataset.y_train)}, all training rows"


def _of_rows(model: Model, classes: int, name: str, x: Array, y: Any) -> Iterator[tuple[str, str]]:
    features = model.features
    if features is not None and x.shape[1:] != (features,):
        yield (
            f"{name} rows of shape {list(x.shape[1:])}",
            f"shape [{features}], as the network reads",
        )
    if (row := _bad_row(x)) is not None:
        yield f"{name} row {row} with {_first_bad(x[row])}", "finite numbers"
    if model.classifies and y.dtype.kind not in "iu":
        yield f"{name} labels of type {y.dtype}", "whole numbers, for a loss with index targets"
    elif model.classifies and not 0 <= y.min() <= y.max() < classes:
        at = int(np.flatnonzero((y < 0) | (y >= classes))[0])
        yield f"{name} label {y[at]} in row {at}", f"labels in 0..{classes - 1}"
    elif not model.classifies and y.dtype.kind != "f":
        yield f"{name} targets of type {y.dtype}", "floats, for a loss without index targets"
    elif not model.classifies and (row := _bad_row(y)) is not None:
        yield f"{name} target {_first_bad(y[row])} in row {row}", "finite numbers"


def _bad_row(x: Array) -> int | None:
    finite = np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    return None if finite.all() else int(np.flatnonzero(~finite)[0])


def _first_bad(row: Array) -> float:
    return float(row[~np.isfinite(row)].flat[0])


def diverged(
    model: Model, plan: Plan, values: Mapping[str, Array], loss: float, place: str
) -> TrainingError:
    """Return the error of a loss that is not finite.

    Args:
        model: What is trained.
        plan: How.
        values: Parameters and batch by name, from which the loss came.
        loss: What it is.
        place: The epoch and step, in words.
    """
    sizes = {name: float(np.abs(values[name]).max(initial=0.0)) for name in model.params}
    largest = max(sizes, key=lambda name: sizes[name])
    return TrainingError(
        where=place,
        given=f"loss {loss}; the first that is not finite is {first_infinite(model, values)};"
        f" the largest parameter is {largest}, {sizes[largest]:.3g}",
        expected="a finite loss",
        fix=f"lower the learning rate of {plan.optimizer}, set clip_norm, or scale the data",
    )


def first_infinite(model: Model, values: Mapping[str, Array]) -> str:
    """Return the first tensor that is not finite: parameters, then the equations in order."""
    for name in model.params:
        if not np.isfinite(values[name]).all():
            return name
    named = tuple(dict.fromkeys(e.target for e in model.objective.equations))
    built = build_function(replace(model.objective, outputs=named), "numpy")
    given = {python_name(n): values[n] for n in built.forward_arguments if n in values}
    found = built.forward(**given)
    rows = found if isinstance(found, tuple) else (found,)
    for name, value in zip(built.forward_results, rows, strict=True):
        if not np.isfinite(value).all():
            return name
    return model.objective.outputs[0]
