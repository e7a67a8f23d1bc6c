"""The runs that commands start: as accurate as promised, and as right as torch autograd."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from symgrad.errors import TrainingError
from symgrad.training.classifier import SETTINGS, TrainingReport, plan_for, train_classifier

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def report() -> TrainingReport:
    return train_classifier("mnist5k", seed=0)


def test_mnist_is_learned_and_torch_autograd_gets_as_many_right(report: TrainingReport) -> None:
    assert report.torch is not None
    assert report.ours.last.correct == report.torch.last.correct
    assert report.plan.dtype == "float64"
    for name, value in report.torch.parameters.items():
        assert np.linalg.norm(report.ours.parameters[name] - value) < 1e-10 * np.linalg.norm(value)


def test_every_seed_learns_mnist(report: TrainingReport) -> None:
    runs = [train_classifier("mnist5k", seed=seed, compare_torch=False) for seed in range(1, 5)]
    found = [r.ours.last.accuracy for r in (report, *runs)]
    assert mean(found) >= 0.93
    assert min(found) >= 0.92


def test_the_torch_target_gets_as_many_right_too(report: TrainingReport) -> None:
    torch = train_classifier("mnist5k", seed=0, target="torch", compare_torch=False)
    assert torch.ours.last.correct == report.ours.last.correct
    assert torch.torch is None


def test_the_report_is_one_line_and_plain_data(report: TrainingReport) -> None:
    percent = f"{100 * report.ours.last.accuracy:.1f} %"
    assert report.line == f"test accuracy: {percent} (torch autograd: {percent})"
    data = json.loads(json.dumps(report.as_dict()))
    assert data["parameters"] == 784 * 128 + 128 + 128 * 10 + 10
    assert data["ours"]["correct"] == report.ours.last.correct
    assert len(data["ours"]["history"]) == report.plan.epochs


def test_digits_are_learned_from_another_seed() -> None:
    found = train_classifier("digits", seed=1)
    assert found.torch is not None
    assert found.ours.last.accuracy > 0.95
    assert found.ours.last.correct == found.torch.last.correct


def test_epochs_can_be_given_and_comparing_is_optional() -> None:
    found = train_classifier("digits", epochs=2, compare_torch=False)
    assert len(found.ours.history) == 2
    assert "torch" not in found.line


def test_gradient_descent_is_an_optimizer_too() -> None:
    found = train_classifier("digits", optimizer="gradient_descent", epochs=5)
    assert found.torch is not None
    assert found.ours.last.correct == found.torch.last.correct
    assert found.ours.last.accuracy > 0.8


def test_an_optimizer_without_settings_is_an_error() -> None:
    with pytest.raises(TrainingError, match="sgd, gradient_descent"):
        plan_for(replace(SETTINGS["digits"]), "adam", seed=0)
