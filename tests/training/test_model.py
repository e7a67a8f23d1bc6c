"""A model is composed parts with a loss that leaves one target open."""

from __future__ import annotations

import pytest

from symgrad.errors import TrainingError
from symgrad.layers.registry import get
from symgrad.training.model import build_model

LINEAR = get("linear")


def test_a_model_knows_shapes_counts_and_its_two_open_inputs() -> None:
    model = build_model(("fc", LINEAR(4, 3)), get("tanh"), loss=get("mse"), name="small")
    assert (model.data, model.target) == ("X", "T")
    assert model.params == ("fc.W", "fc.b")
    assert model.counts() == {"fc.W": 12, "fc.b": 3}
    assert model.network.outputs == ("tanh.Y",)
    assert model.objective.name == "small_loss"
    assert not model.classifies


def test_a_loss_with_index_targets_classifies() -> None:
    assert build_model(LINEAR(4, 3), loss=get("cross_entropy")).classifies


def test_a_missing_length_is_named() -> None:
    model = build_model(("fc", LINEAR(4)), loss=get("mse"))
    with pytest.raises(TrainingError, match="axis o") as caught:
        model.initialise()
    assert "linear(784, 128)" in str(caught.value.as_dict()["fix"])
    assert build_model(("fc", LINEAR(4)), loss=get("mse"), sizes={"o": 2}).shape("fc.W") == (2, 4)


@pytest.mark.parametrize("loss", ["relu", "logsumexp"])
def test_a_loss_has_to_be_a_scalar_with_a_target(loss: str) -> None:
    with pytest.raises(TrainingError, match="cross_entropy or mse"):
        build_model(LINEAR(4, 3), loss=get(loss))
