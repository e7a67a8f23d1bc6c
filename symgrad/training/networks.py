"""The networks that commands train, and how they are trained on a data set unless told otherwise.

In: the name of a network, a data set, optimizers as text. Out: models and plans. The networks are
composed from registered layers, as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from symgrad.errors import TrainingError
from symgrad.layers.registry import LAYERS, get
from symgrad.training.calls import NamedCall, read_calls
from symgrad.training.model import Model, build_model
from symgrad.training.optimizers import Optimizer, make_optimizer
from symgrad.training.plan import Plan

if TYPE_CHECKING:
    from symgrad.training.datasets import Dataset


@dataclass(frozen=True)
class Settings:
    """How a data set is trained on unless told otherwise.

    Those of SGD on mnist5k and digits are the best of `python -m tests.benchmarks settings`, the
    rates of the others of `python -m tests.benchmarks rates`; both judge by held-out training rows;
    no test row was looked at; those of fashion-mnist are not searched for. For digits the rate 0.2
    of SGD was half a percent better, and passed over: at the edge of stability, rounding decides
    where a run ends.

    Attributes:
        optimizer: Settings by name of the optimizer; of others the defaults are taken.
        epochs: Number of epochs.
        batch_size: Rows in a step.
        hidden: Length of the hidden layer.
        dtype: "float64" or "float32".
        schedule: Of the learning rate.
    """

    optimizer: dict[str, dict[str, float]]
    epochs: int
    batch_size: int
    hidden: int = 128
    dtype: str = "float64"
    schedule: str = "cosine"


def _rates(
    sgd: float, *, rmsprop: float = 0.001, adam: float = 0.001
) -> dict[str, dict[str, float]]:
    """Return settings: SGD has momentum, and descent without it bears a higher rate."""
    return {
        "sgd": {"lr": sgd, "momentum": 0.9},
        "gradient_descent": {"lr": 5 * sgd},
        "rmsprop": {"lr": rmsprop},
        **{name: {"lr": adam} for name in ("adam", "adamw", "nadam", "radam", "adamax")},
    }


SETTINGS = {
    "mnist5k": Settings(_rates(0.1, rmsprop=0.01, adam=0.01), epochs=20, batch_size=32),
    "digits": Settings(_rates(0.1, rmsprop=0.03, adam=0.03), epochs=20, batch_size=16),
    "fashion-mnist": Settings(_rates(0.1), epochs=15, batch_size=128, dtype="float32"),
    "breast-cancer": Settings(_rates(0.02, adam=0.003), epochs=20, batch_size=16, hidden=16),
    "diabetes": Settings(_rates(0.002, adam=0.003), epochs=20, batch_size=16, hidden=16),
}


def build_mlp(features: int, hidden: int, classes: int) -> Model:
    """Return a perceptron with one hidden layer and softmax cross-entropy.

    >>> build_mlp(784, 128, 10).counts()
    {'fc1.W': 100352, 'fc1.b': 128, 'fc2.W': 1280, 'fc2.b': 10}
    """
    return _perceptron(features, hidden, classes, loss="cross_entropy")


def _perceptron(features: int, hidden: int, outputs: int, *, loss: str) -> Model:
    linear, relu = get("linear"), get("relu")
    parts = (
        ("fc1", linear(features, hidden)),
        ("act", relu.system()),
        ("fc2", linear(hidden, outputs)),
    )
    return build_model(*parts, loss=get(loss), name="mlp")


def build_linear(features: int, outputs: int, *, loss: str) -> Model:
    """Return one linear layer: softmax regression, or linear regression, by the loss.

    >>> build_linear(10, 1, loss="mse").counts()
    {'fc.W': 10, 'fc.b': 1}
    """
    return build_model(("fc", get("linear")(features, outputs)), loss=get(loss), name="linear")


#: The networks by name.
NETWORKS = ("mlp", "linear")


def network_for(dataset: Dataset, name: str = "mlp") -> Model:
    """Return a network for a data set: cross-entropy for classes, squared error for targets.

    >>> from symgrad.training.datasets import load
    >>> network_for(load("diabetes"), "linear").objective.outputs
    ('loss.L',)
    """
    loss = "cross_entropy" if dataset.classes else "mse"
    outputs = dataset.classes or int(dataset.y_train.shape[1])
    if name == "linear":
        return build_linear(dataset.features, outputs, loss=loss)
    return _perceptron(dataset.features, SETTINGS[dataset.name].hidden, outputs, loss=loss)


def plan_for(settings: Settings, optimizer: str | NamedCall, seed: int, **changes: Any) -> Plan:
    """Return the plan that the settings of a data set make with an optimizer.

    Args:
        settings: Of a data set.
        optimizer: Its name, or a name with settings of its own.
        seed: Of start values and batches.
        changes: What the plan has in place of the settings.

    Raises:
        TrainingError: If there is no such optimizer, or it has no such setting.
    """
    call = read_calls(optimizer, "an optimizer")[0] if isinstance(optimizer, str) else optimizer
    plan = Plan(
        _optimizer_for(settings, call),
        settings.epochs,
        settings.batch_size,
        seed,
        settings.dtype,
        settings.schedule,
    )
    return replace(plan, **changes)


def _optimizer_for(settings: Settings, call: NamedCall) -> Optimizer:
    """Return an optimizer for parameters of all ranks: what it leaves is for AdamW."""
    steps = [name for name, entry in LAYERS.items() if entry.step]
    if call.name not in steps:
        raise TrainingError(
            where="the optimizer of a training run",
            given=repr(call.name),
            expected=f"one of {', '.join(steps)}",
            fix="choose one of these",
        )
    given = settings.optimizer.get(call.name, {}) | call.settings
    optimizer = make_optimizer(call.name, None, **given)
    if all(optimizer.system_for(rank) is not None for rank in (0, 1, 2)):
        return optimizer
    return replace(optimizer, rest=_optimizer_for(settings, NamedCall("adamw")))
