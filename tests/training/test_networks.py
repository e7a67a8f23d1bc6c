"""Networks and plans by name: every optimizer can train every network."""

from __future__ import annotations

import pytest

from symgrad.errors import TrainingError
from symgrad.layers.registry import LAYERS
from symgrad.training.datasets import load
from symgrad.training.loop import fit
from symgrad.training.networks import NETWORKS, SETTINGS, network_for, plan_for
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Stop
from tests.training.runs import MODEL, clusters

STEPS = [name for name, entry in LAYERS.items() if entry.step]


@pytest.mark.parametrize("name", STEPS)
def test_every_optimizer_trains_parameters_of_all_ranks(name: str) -> None:
    """In full batches, which Rprop needs."""
    plan = plan_for(SETTINGS["digits"], name, seed=0, epochs=40, batch_size=100)
    run = fit(MODEL, clusters(), plan)
    assert run.last.loss < 0.999 * run.history[0].loss


def test_what_an_optimizer_of_matrices_leaves_is_for_adamw() -> None:
    plan = plan_for(SETTINGS["digits"], "muon(lr=0.02)", seed=0)
    assert str(plan.optimizer) == "muon(lr=0.02), else adamw(lr=0.001)"


def test_settings_of_a_data_set_give_way_to_those_of_the_user() -> None:
    plan = plan_for(
        SETTINGS["digits"], "sgd(lr=0.3, nesterov=True)", 5, epochs=3, stop=Stop(loss=1)
    )
    assert str(plan.optimizer) == "sgd(lr=0.3, momentum=0.9, nesterov=True)"
    assert (plan.seed, plan.epochs, plan.batch_size, plan.stop.loss) == (5, 3, 16, 1)


@pytest.mark.parametrize(
    ("optimizer", "given"),
    [("sgdm", "sgdm"), ("linear", "linear"), ("adam(beta3=1)", "beta3=1"), ("adam(", "adam")],
)
def test_an_optimizer_that_does_not_exist_is_an_error(optimizer: str, given: str) -> None:
    with pytest.raises(TrainingError, match=given):
        plan_for(SETTINGS["digits"], optimizer, seed=0)


def test_a_layer_is_no_optimizer() -> None:
    with pytest.raises(TrainingError, match="one of sgd"):
        make_optimizer("softmax")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("data", ["digits", "diabetes"])
def test_the_loss_of_a_network_is_that_of_the_data(name: str, data: str) -> None:
    dataset = load(data)
    model = network_for(dataset, name)
    assert model.classifies is bool(dataset.classes)
    assert model.features == dataset.features
