"""Files of arrays are safetensors files: its own library reads ours, and we read its."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from safetensors import numpy as theirs
from safetensors import safe_open

from symgrad.training.tensorfile import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9)
DTYPES = ["<f8", "<f4", "<i8", "<i4", "|u1", "|b1"]


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    shapes = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    names = draw(st.lists(NAMES.filter(lambda n: n != "__metadata__"), unique=True, max_size=4))
    kinds = st.sampled_from(DTYPES)
    return {n: draw(arrays_of.arrays(np.dtype(draw(kinds)), draw(shapes))) for n in names}


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@given(contents(), st.dictionaries(NAMES, NAMES, max_size=3))
def test_arrays_and_texts_come_back(arrays: dict[str, Any], texts: dict[str, str]) -> None:
    found, notes = unpack(pack(arrays, texts))
    assert_equal(found, arrays)
    assert notes == texts


@given(contents())
def test_the_library_reads_ours_and_we_read_the_library_s(arrays: dict[str, Any]) -> None:
    assert_equal(theirs.load(pack(arrays, {})), arrays)
    assert_equal(unpack(theirs.save(arrays))[0], arrays)


def test_the_library_reads_our_texts(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(pack({"W": np.eye(2)}, {"note": "two"}))
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"note": "two"}


def packed(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


ENTRY = {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (b"", "no safetensors header"),
        (b"\xff" * 8, "no safetensors header"),
        (packed({})[:-1], "header ends at"),
        (packed(b"\xff\xfe"), "not JSON"),
        (packed(b"[" * 100_000), "not JSON"),
        (packed([1]), "not a table"),
        (packed(b"{}\t"), "around its table"),
        (packed(b" {}"), "around its table"),
        (packed({"W": 1}), "header with W"),
        (packed({"W": ENTRY | {"dtype": "F8"}}), "header with W"),
        (packed({"W": ENTRY | {"shape": [-2]}}), "header with W"),
        (packed({"W": ENTRY | {"shape": [2.0]}}), "header with W"),
        (packed({"W": ENTRY | {"data_offsets": [0]}}), "header with W"),
        (packed({"W": ENTRY | {"data_offsets": [0, 8]}}, bytes(16)), "W at bytes 0 to 8"),
        (packed({"W": ENTRY | {"data_offsets": [8, 24]}}, bytes(24)), "W at bytes 8 to 24"),
        (packed({"W": ENTRY}, bytes(15)), "15 bytes of arrays"),
        (packed({"W": ENTRY}, bytes(17)), "17 bytes of arrays"),
        (packed({"__metadata__": {"a": 1}}), "not strings"),
        (packed({"__metadata__": "a"}), "not strings"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(content: bytes, given: str) -> None:
    with pytest.raises(ValueError, match=given):
        unpack(content)
