"""torch's optimizers by our names and settings, for the comparison with autograd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symgrad.errors import TrainingError
from symgrad.training.optimizers import STEP

if TYPE_CHECKING:
    from symgrad.training.optimizers import Optimizer

_CLASSES = {
    "sgd": "SGD",
    "gradient_descent": "SGD",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "adamax": "Adamax",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rprop": "Rprop",
    "asgd": "ASGD",
}
#: Pairs that torch takes as one, with our names of the two.
_PAIRS = {
    "betas": ("beta1", "beta2"),
    "etas": ("eta_minus", "eta_plus"),
    "step_sizes": ("step_min", "step_max"),
}
#: Other names that torch has.
_RENAMED = {"initial": "initial_accumulator_value"}


def torch_optimizer(optimizer: Optimizer, tensors: list[Any]) -> Any:
    """Return torch's optimizer with the settings of ours.

    Raises:
        TrainingError: If torch has none that is the same.
    """
    import torch  # noqa: PLC0415 (loaded only where it is asked for)

    found = _CLASSES.get(optimizer.name)
    if found is None:
        raise TrainingError(
            where="the comparison with torch",
            given=optimizer.name,
            expected=f"one of {', '.join(_CLASSES)}",
            fix="train without the comparison",
        )
    system = optimizer.system
    given: dict[str, Any] = {
        t.name: float(t.default) for t in system.inputs if t.default is not None and t.name != STEP
    }
    given |= optimizer.settings
    for pair, names in _PAIRS.items():
        if names[0] in given:
            given[pair] = tuple(given.pop(n) for n in names)
    given = {_RENAMED.get(n, n): v for n, v in given.items()} | optimizer.options
    return getattr(torch.optim, found)(tensors, **given)
