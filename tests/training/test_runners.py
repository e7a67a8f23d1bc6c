"""Runners complain about what they cannot run, and load torch only where it is asked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from symgrad.errors import TrainingError
from symgrad.ir.text import parse
from symgrad.layers.registry import get
from symgrad.training.model import build_model
from symgrad.training.networks import build_mlp
from symgrad.training.optimizers import Optimizer
from symgrad.training.runners import derive_objective, run_on

MODEL = build_mlp(4, 3, 2)


def test_an_objective_is_derived_once() -> None:
    first = derive_objective(MODEL.objective, MODEL.params)
    assert derive_objective(build_mlp(4, 3, 2).objective, MODEL.params) is first


POOL = """
X: real[n, y]
size[p] = 2
size[h] = (size[y] - 2) // 2 + 1
Y[n, h] = max[p](X[n, 2 * h + p], ties="first")
"""


@pytest.mark.torch
@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_a_pool_inside_a_model_learns_what_autograd_learns(target: str) -> None:
    """Its backward reads the place of the largest, an integer that the forward saves."""
    parts = (("fc", get("linear")(3, 4)), ("pool", parse(POOL)))
    model = build_model(*parts, loss=get("cross_entropy"))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), rng.integers(0, 2, 6)
    found = []
    for way in (target, "autograd"):
        runner = run_on(way, model, Optimizer("sgd"), model.initialise())
        found.append([runner.step(runner.place(x), runner.place(y)) for _ in range(3)])
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.torch
def test_an_optimizer_that_torch_lacks_cannot_be_compared() -> None:
    with pytest.raises(TrainingError, match="sgd, gradient_descent, adagrad"):
        run_on("autograd", MODEL, Optimizer("lion"), MODEL.initialise())


def test_training_on_numpy_does_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from symgrad.training.reports import train\n"
        "train('digits', epochs=1, compare_torch=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
