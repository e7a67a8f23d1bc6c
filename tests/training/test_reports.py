"""The runs that commands start: as accurate as promised, and as right as torch autograd."""

from __future__ import annotations

import json
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from symgrad.errors import TrainingError
from symgrad.training.reports import TrainingReport, train

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch


def train_one(data: str, **options: Any) -> TrainingReport:
    [report] = train(data, **options)
    return report


@pytest.fixture(scope="module")
def report() -> TrainingReport:
    return train_one("mnist5k", seed=0)


def test_mnist_is_learned_and_torch_autograd_gets_as_many_right(report: TrainingReport) -> None:
    assert report.torch is not None
    assert report.ours.last.correct == report.torch.last.correct
    assert report.plan.dtype == "float64"
    for name, value in report.torch.parameters.items():
        assert np.linalg.norm(report.ours.parameters[name] - value) < 1e-10 * np.linalg.norm(value)


def test_every_seed_learns_mnist(report: TrainingReport) -> None:
    runs = [train_one("mnist5k", seed=seed, compare_torch=False) for seed in range(1, 5)]
    found = [r.ours.last.accuracy for r in (report, *runs)]
    assert mean(found) >= 0.93
    assert min(found) >= 0.92


def test_the_torch_target_gets_as_many_right_too(report: TrainingReport) -> None:
    torch = train_one("mnist5k", seed=0, target="torch", compare_torch=False)
    assert torch.ours.last.correct == report.ours.last.correct
    assert torch.torch is None


def test_the_report_is_one_line_and_plain_data(report: TrainingReport) -> None:
    percent = f"{100 * report.ours.last.accuracy:.1f} %"
    assert report.line == f"test accuracy: {percent} (torch autograd: {percent})"
    data = json.loads(json.dumps(report.as_dict()))
    assert data["parameters"] == 784 * 128 + 128 + 128 * 10 + 10
    assert data["ours"]["test"]["correct"] == report.ours.last.correct
    assert len(data["ours"]["history"]) == report.plan.epochs


def test_digits_are_learned_from_another_seed() -> None:
    found = train_one("digits", seed=1)
    assert found.torch is not None
    assert found.ours.last.accuracy > 0.95
    assert found.ours.last.correct == found.torch.last.correct


def test_epochs_can_be_given_and_comparing_is_optional() -> None:
    found = train_one("digits", epochs=2, compare_torch=False)
    assert len(found.ours.history) == 2
    assert "torch" not in found.line


def test_gradient_descent_is_an_optimizer_too() -> None:
    found = train_one("digits", optimizer="gradient_descent", epochs=5)
    assert found.torch is not None
    assert found.ours.last.correct == found.torch.last.correct
    assert found.ours.last.accuracy > 0.8


def test_optimizers_are_compared_and_each_walks_the_path_of_torch() -> None:
    reports = train("digits", optimizer="sgd, rmsprop(lr=0.002), adam", epochs=1)
    names = ["sgd(lr=0.1, momentum=0.9)", "rmsprop(lr=0.002)"]
    assert [str(r.plan.optimizer) for r in reports][:2] == names
    for report in reports:
        assert report.distance is not None
        assert report.distance < 1e-10, report.plan.optimizer
        assert report.as_dict()["distance"] == report.distance
    losses = [r.ours.history[0].loss for r in reports]
    assert len(set(losses)) == 3


def test_targets_are_fitted_beside_classes() -> None:
    report = train_one("diabetes", network="linear", optimizer="sgd, ")
    assert report.line.startswith("test R squared: 0.52")
    assert report.torch is not None
    assert report.ours.last.test.explained == pytest.approx(report.torch.last.test.explained)
    test = report.as_dict()["ours"]["test"]
    assert set(test) == {"loss", "rows", "explained"}


@pytest.mark.parametrize("data", ["breast-cancer", "diabetes"])
def test_perceptrons_learn_the_tables(data: str) -> None:
    report = train_one(data, compare_torch=False)
    least = {"breast-cancer": 0.95, "diabetes": 0.4}[data]
    assert report.ours.last.test.value > least
    assert report.distance is None


def test_what_a_plan_has_can_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    changes = {"epochs": 2, "schedule": "step", "l2": 0.01, "checkpoint": path}
    report = train_one("digits", compare_torch=False, **changes)
    assert path.exists()
    assert (report.plan.schedule, report.plan.l2) == ("step", 0.01)


def test_one_file_is_for_one_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="2 optimizers"):
        train("digits", optimizer="sgd, adam", checkpoint=tmp_path / "run")
