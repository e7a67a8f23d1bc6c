"""Whatever a text holds, parsing gives a System or one positioned error, and runs nothing."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from symgrad.errors import SymgradError
from symgrad.ir.serial import dump_json, load_json
from symgrad.ir.text import options_of, parse, parse_expression
from symgrad.ir.wellformed import defects
from tests.ir.fuzzing import (
    HOSTILE,
    PLACES,
    SEEDS,
    TOKEN,
    WORDS,
    attempt,
    random_mutation,
    random_tokens,
    survives,
)
from tests.ir.texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable

#: With both tests below, 20,000 texts.
ROUNDS, TEXTS_A_ROUND = 20, 500


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("make", [random_mutation, random_tokens])
def test_random_texts(make: Callable[[Random], str], seed: int) -> None:
    random = Random(seed)
    for _ in range(TEXTS_A_ROUND):
        text = make(random)
        try:
            survives(text)
        except Exception as error:
            error.add_note(f"the text: {text!r}")
            raise


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a valid text with a few tokens removed, doubled, swapped or replaced."""
    tokens = TOKEN.findall(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(tokens) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del tokens[at]
            case 1:
                tokens.insert(at, tokens[at])
            case 2:
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens[at] = draw(st.sampled_from(WORDS))
            case _:
                tokens[at] = draw(st.sampled_from(HOSTILE))
        if not tokens:
            return ""
    return "".join(tokens)


@given(mutated())
def test_mutations_of_valid_texts(text: str) -> None:
    survives(text)


@given(st.lists(st.sampled_from([*WORDS, *HOSTILE, *PLACES])).map("".join))
def test_random_tokens(text: str) -> None:
    survives(text)


@given(st.text(max_size=200))
@example("\ud800")
@example("Y = X\r\rZ = Y")
@example("\x0cY = X")
def test_random_characters(text: str) -> None:
    survives(text)


@given(
    st.sampled_from(HOSTILE),
    st.sampled_from(["Y[n] = {}", "{}", "Y = X + {}", "X: {}", "Y[{}] = 1"]),
)
def test_hostile_fragments_in_every_place(fragment: str, place: str) -> None:
    survives(place.format(fragment))


@given(mutated())
def test_options_of_and_parse_expression_fail_in_one_way(text: str) -> None:
    for read in (options_of, parse_expression):
        found = attempt(read, text)
        assert not isinstance(found, SymgradError) or found.fix


DOCUMENT = dump_json(parse(TEXTS["lstm"]))


@given(st.data())
def test_damaged_documents_end_in_one_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(DOCUMENT) - 1))
    put = data.draw(st.sampled_from(["", "0", "-1", "null", '"', "[", "]", "true", "9" * 30]))
    found = attempt(load_json, DOCUMENT[:at] + put + DOCUMENT[at + 1 :])
    assert found.code == "SG123" if isinstance(found, SymgradError) else defects(found) == []
