"""Layers are found by name, fixed by lengths, and registered once."""

from __future__ import annotations

import pytest

import symgrad.layers
from symgrad.errors import CompositionError, UnknownLayerError
from symgrad.layers.registry import LAYERS, Layer, get, layer


@pytest.mark.parametrize("entry", LAYERS.values(), ids=LAYERS)
def test_every_declaration_is_a_system_with_a_source(entry: Layer) -> None:
    system = entry.system()
    assert system.name == entry.name
    assert system.params == entry.params
    assert entry.source


def test_a_system_is_parsed_once() -> None:
    assert get("linear").system() is get("linear").system()


def test_a_layer_is_an_attribute_of_the_package() -> None:
    assert symgrad.layers.linear is get("linear")
    with pytest.raises(AttributeError, match="SG301"):
        _ = symgrad.layers.linaer


def test_an_unknown_name_offers_near_ones() -> None:
    with pytest.raises(UnknownLayerError) as caught:
        get("sofmax")
    assert "did you mean softmax" in caught.value.as_dict()["fix"]  # type: ignore[operator]


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="already"):
        layer("linear", "Y[...] = X[...]")


@pytest.mark.parametrize("lengths", [(1, 2, 3), (-1,), (2.5,), (True,)])
def test_lengths_that_make_no_sense_are_an_error(lengths: tuple[int, ...]) -> None:
    with pytest.raises(CompositionError) as caught:
        get("linear")(*lengths)
    assert caught.value.as_dict()["fix"] == "linear(size of i, size of o)"
