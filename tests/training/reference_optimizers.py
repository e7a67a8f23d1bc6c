"""The optimizers of torch by our names and settings, and those of papers that torch lacks.

The papers' are written in torch's own operations, tensor by tensor, apart from our equations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CLASSES = {
    "sgd": "SGD",
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
    "adafactor": "Adafactor",
    "muon": "Muon",
}

#: Pairs that torch takes as one, with their defaults there.
_PAIRS: dict[str, dict[str, float | None]] = {
    "betas": {"beta1": 0.9, "beta2": 0.999},
    "etas": {"eta_minus": 0.5, "eta_plus": 1.2},
    "step_sizes": {"step_min": 1e-6, "step_max": 50},
    "eps": {"eps1": None, "eps2": 1e-3},
}


def reference(name: str, tensors: list[torch.Tensor], settings: dict[str, Any]) -> Any:
    """Return an object whose `step()` moves the tensors by their `.grad`."""
    if name in _PAPERS:
        return FromPaper(tensors, _PAPERS[name], settings)
    given = dict(settings)
    if name == "muon":
        return _muon(tensors, given)
    if not given.pop("factored", True):  # torch factors all but vectors
        return FromVectors(tensors, given)
    return _of_torch(name, tensors, given)


def _of_torch(name: str, tensors: list[torch.Tensor], given: dict[str, Any]) -> Any:
    if "initial" in given:
        given["initial_accumulator_value"] = given.pop("initial")
    for pair, defaults in _PAIRS.items():
        if given.keys() & defaults:
            given[pair] = tuple(given.pop(key, default) for key, default in defaults.items())
    return getattr(torch.optim, _CLASSES[name])(tensors, **given)


class FromVectors:
    """Adafactor that sees each tensor as a vector, so that nothing is factored."""

    def __init__(self, tensors: list[torch.Tensor], settings: dict[str, Any]) -> None:
        self._tensors = tensors
        self._flat = [t.detach().reshape(-1).requires_grad_() for t in tensors]  # the same memory
        self._optimizer = _of_torch("adafactor", self._flat, settings)

    def step(self) -> None:
        for flat, tensor in zip(self._flat, self._tensors, strict=True):
            assert tensor.grad is not None
            flat.grad = tensor.grad.reshape(-1)
        self._optimizer.step()


class Exactly:
    """torch's optimizer without its rounding to bfloat16."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer

    def step(self) -> None:
        with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):
            self._optimizer.step()


def _muon(tensors: list[torch.Tensor], given: dict[str, Any]) -> Exactly:
    if "adjust_lr" in given:
        given["adjust_lr_fn"] = given.pop("adjust_lr")
    return Exactly(torch.optim.Muon(tensors, **given))


class FromPaper:
    """Applies a function of parameter, gradient, state and step number from 1 in place."""

    def __init__(
        self,
        tensors: Iterable[torch.Tensor],
        update: Callable[..., None],
        settings: dict[str, Any],
    ) -> None:
        self._tensors = [(t, {"m": torch.zeros_like(t), "v": torch.zeros_like(t)}) for t in tensors]
        self._update = update
        self._settings = settings
        self._count = 0

    @torch.no_grad()
    def step(self) -> None:
        self._count += 1
        for tensor, state in self._tensors:
            self._update(tensor, tensor.grad, state, self._count, **self._settings)


def _lion(  # Chen et al. 2023, Algorithm 2
    p: torch.Tensor,
    g: torch.Tensor,
    state: dict[str, torch.Tensor],
    count: int,  # noqa: ARG001
    *,
    lr: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> None:
    m = state["m"]
    update = torch.sign(m * beta1 + g * (1 - beta1)) + weight_decay * p
    m.mul_(beta2).add_(g, alpha=1 - beta2)
    p.sub_(lr * update)


def _lamb(  # You et al. 2020, Algorithm 2
    p: torch.Tensor,
    g: torch.Tensor,
    state: dict[str, torch.Tensor],
    count: int,
    *,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
) -> None:
    m, v = state["m"], state["v"]
    m.lerp_(g, 1 - beta1)
    v.lerp_(g.square(), 1 - beta2)
    ratio = (m / (1 - beta1**count)) / ((v / (1 - beta2**count)).sqrt() + eps)
    update = ratio + weight_decay * p
    top, bottom = float(torch.linalg.norm(p)), float(torch.linalg.norm(update))
    p.sub_(lr * (top / bottom if top > 0 and bottom > 0 else 1.0) * update)


def _lars(  # You, Gitman & Ginsburg 2017, Algorithm 1
    p: torch.Tensor,
    g: torch.Tensor,
    state: dict[str, torch.Tensor],
    count: int,  # noqa: ARG001
    *,
    lr: float = 0.1,
    trust: float = 0.001,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
) -> None:
    w_norm, g_norm = float(torch.linalg.norm(p)), float(torch.linalg.norm(g))
    local = 1.0
    if w_norm > 0 and g_norm > 0:
        local = trust * w_norm / (g_norm + weight_decay * w_norm)
    state["m"].mul_(momentum).add_(g + weight_decay * p, alpha=lr * local)
    p.sub_(state["m"])


_PAPERS: dict[str, Callable[..., None]] = {"lion": _lion, "lamb": _lamb, "lars": _lars}
