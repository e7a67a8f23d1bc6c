"""Runners complain about what they cannot run, and load torch only where it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from symgrad.errors import TrainingError
from symgrad.training.classifier import build_mlp
from symgrad.training.optimizers import Optimizer
from symgrad.training.runners import derive_objective, run_on

MODEL = build_mlp(4, 3, 2)


def test_an_objective_is_derived_once() -> None:
    first = derive_objective(MODEL.objective, MODEL.params)
    assert derive_objective(build_mlp(4, 3, 2).objective, MODEL.params) is first


@pytest.mark.torch
def test_an_optimizer_that_torch_lacks_cannot_be_compared() -> None:
    with pytest.raises(TrainingError, match="sgd, gradient_descent"):
        run_on("autograd", MODEL, Optimizer("adamw"), MODEL.initialise())


def test_training_on_numpy_does_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from symgrad.training.classifier import train_classifier\n"
        "train_classifier('digits', epochs=1, compare_torch=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
