"""What a generated function refuses at its door, and how it says so."""

from __future__ import annotations

import traceback
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from symgrad.codegen.generate import build_function
from symgrad.errors import TargetError, UnsupportedError
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from symgrad.codegen.generate import Generated

TARGETS = ("numpy", "torch")
LINEAR = "Y[n, o] = sum[i](X[n, i] * W[o, i])"
PICK = "T: index(k)[n]\nY[n] = X[n, T[n]]"


@cache
def code(text: str, target: str) -> Generated:
    return build_function(parse(text, name="linear"), target)


def array(target: str, *shape: int, dtype: str = "float64") -> Any:
    made = np.ones(shape, dtype)
    return torch.tensor(made) if target == "torch" else made


@pytest.mark.parametrize("target", TARGETS)
def test_a_wrong_length_names_the_axis_and_both_arguments(target: str) -> None:
    with pytest.raises(ValueError, match="W has length 5 along axis i, expected 3 as in X"):
        code(LINEAR, target).forward(array(target, 2, 3), array(target, 4, 5))


@pytest.mark.parametrize("target", TARGETS)
def test_a_wrong_rank_shows_the_letters(target: str) -> None:
    with pytest.raises(ValueError, match=r"X has shape \(2,\), expected \[n, i\]"):
        code(LINEAR, target).forward(array(target, 2), array(target, 4, 5))


@pytest.mark.parametrize("target", TARGETS)
def test_mixed_types_are_named(target: str) -> None:
    with pytest.raises(TypeError, match=r"mixed types: X is .*float64.* and W is .*float32"):
        code(LINEAR, target).forward(array(target, 2, 3), array(target, 4, 3, dtype="float32"))


@pytest.mark.parametrize("dtype", ["complex128", "int64"])
@pytest.mark.parametrize("target", TARGETS)
def test_only_floats_are_real(target: str, dtype: str) -> None:
    with pytest.raises(TypeError, match="expected floats"):
        code(LINEAR, target).forward(array(target, 2, 3, dtype=dtype), array(target, 4, 3))


@pytest.mark.parametrize("target", TARGETS)
def test_lists_are_no_arrays(target: str) -> None:
    with pytest.raises(TypeError, match="not list"):
        code(LINEAR, target).forward([[1.0]], array(target, 4, 1))


@pytest.mark.parametrize("index", [[0, 3], [-1, 0]])
@pytest.mark.parametrize("target", TARGETS)
def test_an_index_out_of_range_is_refused_and_never_wraps(target: str, index: list[int]) -> None:
    T = torch.tensor(index) if target == "torch" else np.array(index)
    with pytest.raises(IndexError, match=r"T holds indices from .* expected 0 to 2 \(axis k\)"):
        code(PICK, target).forward(T, array(target, 2, 3))


@pytest.mark.parametrize("target", TARGETS)
def test_indices_are_integers(target: str) -> None:
    with pytest.raises(TypeError, match=r"T has type .*float"):
        code(PICK, target).forward(array(target, 2), array(target, 2, 3))


@pytest.mark.parametrize("target", TARGETS)
def test_a_number_may_be_a_python_number_but_not_of_another_type(target: str) -> None:
    made = code("Y[n] = X[n] * c", target)
    X = array(target, 2, dtype="float32")
    assert np.asarray(made.forward(X, 2.0)).dtype == np.float32
    other = torch.tensor(2.0, dtype=torch.float64) if target == "torch" else np.float64(2)
    with pytest.raises(TypeError, match="mixed types"):
        made.forward(X, other)


@pytest.mark.parametrize("target", TARGETS)
def test_a_fixed_length_is_checked(target: str) -> None:
    made = code(f"X: real[n, i]\nW: real[o, i]\nsize[i] = 3\n{LINEAR}", target)
    with pytest.raises(ValueError, match="length 4 along axis 3, expected 3 as in the length"):
        made.forward(array(target, 2, 4), array(target, 5, 4))


def test_tracebacks_show_the_generated_line() -> None:
    try:
        code(LINEAR, "numpy").forward(np.ones((2, 3)), np.ones((4, 5)))
    except ValueError as error:
        lines = "".join(traceback.format_exception(error))
        assert '_check("linear", X=(X, "n i"), W=(W, "o i"))' in lines
    else:
        pytest.fail("the lengths clash")


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(TargetError, match="fix:      choose one of these"):
        build_function(parse(LINEAR), "cobol")


@pytest.mark.parametrize("name", ["np", "torch", "Array"])
def test_a_name_that_generated_code_uses_is_refused(name: str) -> None:
    with pytest.raises(TargetError, match="fix:      rename the tensor"):
        build_function(parse(f"Y[n] = 2 * {name}[n]"), "numpy")


@pytest.mark.parametrize(
    "text", ["A: real[i, j]\nB: real[i, k]\nsum[j](A[i, j] * Z[j, k]) == B[i, k]"]
)
def test_what_is_not_supported_yet_says_so(text: str) -> None:
    with pytest.raises(UnsupportedError, match="fix:"):
        build_function(parse(text), "numpy")
