"""Matrix notation: right where it exists, absent where it does not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.autodiff.derive import derive
from symgrad.formula.boxes import Fenced, symbol
from symgrad.formula.latex import latex_box
from symgrad.formula.matrix import matrix_equation, matrix_system
from symgrad.formula.names import name_box
from symgrad.interpreter import evaluate
from symgrad.ir.batch import fix_batch
from symgrad.ir.equation import INTEGER_KINDS
from symgrad.ir.terms import Const
from symgrad.ir.text import parse
from symgrad.layers.registry import LAYERS, Layer
from tests.formula.boxed_values import LENGTH, value

if TYPE_CHECKING:
    from symgrad.ir.equation import System

ROWS = [
    ("Y[n, o] = sum[i](X[n, i] * W[o, i])", r"Y = X W^{\top}"),
    ("Y[n, o] = sum[i](W[o, i] * X[n, i])", r"Y = X W^{\top}"),
    ("D[o, i] = sum[n](G[n, o] * X[n, i])", r"D = G^{\top} X"),
    ("D[n, i] = sum[o](G[n, o] * W[o, i])", r"D = G W"),
    ("d[o] = sum[n](G[n, o])", r"d = G^{\top} \mathbf{1}"),
    ("d[n] = sum[o](G[n, o] * v[o])", r"d = G v"),
    ("d[n] = sum[o, i](G[n, o] * W[o, i] * v[i])", r"d = G W v"),
    ("Y[n, o] = X[n, o] * G[n, o]", r"Y = X \odot G"),
    ("Y[n, o] = X[n, o] * b[o]", r"Y = X \odot \left(\mathbf{1} b^{\top}\right)"),
    ("d[o] = sum[n](G[n, o] * H[n, o])", r"d = \left(G \odot H\right)^{\top} \mathbf{1}"),
    ("D[n] = sum[o](G[n, o] * H[o, n])", r"D = \left(G \odot H^{\top}\right) \mathbf{1}"),
    ("Y[n, o] = 2 * X[o, n]", r"Y = 2 X^{\top}"),
    ("Y[n, o] = b[o] - X[n, o]", r"Y = \mathbf{1} b^{\top} - X"),
    ("Y[n, o] = a[n] + b[o]", r"Y = a \mathbf{1}^{\top} + \mathbf{1} b^{\top}"),
    ("Y[n, o] = a[n] + X[n, o]", r"Y = a \mathbf{1}^{\top} + X"),
    ("Y[n, o] = relu(X[n, o])", r"Y = \mathrm{relu}\left(X\right)"),
    ("l = sum[n, o](u[n] * X[n, o] * v[o])", r"l = u^{\top} X v"),
    ("Y[n, o] = sum[i](X[n, i] * W[o, i] * v[i])", None),
    (
        "Y[n, o] = sum[i](X[n, i] * W[n, i]) * G[n, o]",
        r"Y = \left(\left(X \odot W\right) \mathbf{1} \mathbf{1}^{\top}\right) \odot G",
    ),
    ("Y[n, o] = (a - b) * X[n, o]", r"Y = \left(a - b\right) X"),
    ("Y[n, o] = 2 * X[n, o] - 1", r"Y = 2 X - \mathbf{1} \mathbf{1}^{\top}"),
    ("Y[n, o] = X[n, o] / Z[n, o] ** 2", r"Y = X \oslash Z^{\odot2}"),
    ("Y[n, o] = 1 / Z[n, o]", r"Y = Z^{\odot-1}"),
    (
        "s[n] = sum[d]((X[n, d] - M[n]) ** 2)",
        r"s = \left(X - M \mathbf{1}^{\top}\right)^{\odot2} \mathbf{1}",
    ),
    ("l = sqrt(sum[n](x[n] ** 2))", r"l = \sqrt{\mathbf{1}^{\top} x^{\odot2}}"),
    ("l = sum[n](x[n]) / sum[n](z[n])", r"l = \frac{\mathbf{1}^{\top} x}{\mathbf{1}^{\top} z}"),
    (
        "Y[n, o] = Z[n, o] * sum[m, j](X[m, j])",
        (
            r"Y = Z \odot \left(\left(\mathbf{1}^{\top} X \mathbf{1}\right)"
            r" \mathbf{1} \mathbf{1}^{\top}\right)"
        ),
    ),
    ("Y[n, o] = X[n, o] * (X[n, o] > 0)", r"Y = X \odot \left[X > 0\right]"),
    ("Y[n, o] = where(X[n, o] > 0, X[n, o], 0)", None),
    ("Y[n, o, p] = X[n, o, p]", None),
    ("Y[n] = X[n, n]", None),
    ("Y[n, o] = max[i](X[n, i] * W[o, i])", None),
    ("Y[..., o] = sum[i](X[..., i] * W[o, i])", r"Y = X W^{\top}"),
]


@pytest.mark.parametrize(("text", "expected"), ROWS, ids=[text for text, _ in ROWS])
def test_matrix_equation(text: str, expected: str | None) -> None:
    assert matrix_equation(parse(text).equations[0]) == expected


def as_numpy(latex: str) -> str:
    """Return a matrix equation's right-hand side as NumPy, for the small language used here."""
    text = latex.partition(" = ")[2]
    text = re.sub(r"([A-Za-z])\^\{\\top\}", r"\1.T", text)
    return re.sub(r"(?<=[A-Za-z]) (?=[A-Za-z])", " @ ", text)


@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.tuples(*[st.integers(1, 4)] * 4),
    flips=st.tuples(*[st.booleans()] * 3),
    backwards=st.booleans(),
)
def test_chain_of_matrices_is_the_sum(
    seed: int, lengths: tuple[int, ...], flips: tuple[bool, ...], backwards: bool
) -> None:
    letters = "ijkl"
    pairs = [letters[k : k + 2] for k in range(3)]
    slots = [pair[::-1] if flip else pair for pair, flip in zip(pairs, flips, strict=True)]
    factors = [f"{name}[{', '.join(slot)}]" for name, slot in zip("ABC", slots, strict=True)]
    if backwards:
        factors.reverse()
    system = parse(f"Y[i, l] = sum[j, k]({' * '.join(factors)})")
    rng = np.random.default_rng(seed)
    sizes = dict(zip(letters, lengths, strict=True))
    arrays = {
        name: rng.normal(size=[sizes[letter] for letter in slot])
        for name, slot in zip("ABC", slots, strict=True)
    }
    found = matrix_equation(system.equations[0])
    assert found is not None
    value = eval(as_numpy(found), {}, arrays)
    np.testing.assert_allclose(value, evaluate(system, arrays)["Y"], atol=1e-12)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: str(layer.name))
def test_matrix_notation_says_what_the_equations_say(layer: Layer) -> None:
    derivation = derive(layer.system())
    for system in (derivation.system, derivation.backward):
        sides, alone = matrix_system(system)
        fixed = fix_batch(with_free_lengths(system), () if alone else ("n",))
        arrays = instance(fixed)
        everything = replace(fixed, outputs=fixed.defined)
        sizes = dict.fromkeys(fixed.axes, LENGTH)
        found = {**arrays, **evaluate(everything, arrays, sizes=sizes)}
        boxes = {name_box(name): as_matrix(array) for name, array in found.items()}
        if alone:
            boxes[Fenced(symbol("..."), "size")] = 1.0
        for equation, pair in zip(system.equations, sides, strict=True):
            if pair is not None:
                left = as_matrix(found[equation.target])
                right = value(pair[1], boxes)
                assert np.shape(right) == np.shape(left), equation
                np.testing.assert_allclose(
                    right, left, rtol=1e-10, atol=1e-12, err_msg=str(equation)
                )


def with_free_lengths(system: System) -> System:
    """Return a System in which no axis has a length of its own: matrix notation needs none."""
    kept = tuple((a, e) for a, e in system.sizes if not isinstance(e, Const))
    return replace(system, sizes=kept)


def instance(system: System) -> dict[str, np.ndarray]:
    """Return random inputs of a System, every axis of one length."""
    rng = np.random.default_rng(7)
    arrays = {}
    for tensor in system.inputs:
        shape = (LENGTH,) * len(tensor.shape)
        whole = tensor.kind in INTEGER_KINDS
        drawn = rng.integers(1, LENGTH, shape) if whole else rng.uniform(0.1, 0.9, shape)
        arrays[tensor.name] = drawn
    return arrays


def as_matrix(array: np.ndarray) -> Any:
    """Return a number as itself, a vector as a column."""
    array = np.asarray(array, dtype=float)
    return array.item() if array.ndim == 0 else array.reshape(len(array), -1)


def test_most_of_the_looked_up_layers_have_matrix_notation() -> None:
    names = ["linear", "softmax", "log_softmax", "layer_norm", "rms_norm", "attention", "tanh"]
    for name in names:
        sides, _ = matrix_system(derive(LAYERS[name].system()).backward)
        assert None not in sides, name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Y[..., q, k] = sum[d](Q[..., q, d] * K[..., k, d])", r"Q K^{\top}"),
        ("Y[..., q, k] = sum[d](Q[..., q, d] * W[k, d])", r"Q W^{\top}"),
        ("Y[..., q, k] = Q[..., q, k] + b[k]", r"Q + \mathbf{1} b^{\top}"),
        ("Y[q, k] = sum[...](Q[..., q, k])", None),
        ("Y[q, k] = sum[...](Q[..., q, k] * (G[..., q, k] + 1))", None),
        ("Y[..., q, k] = Q[..., q, k] / size[...]", r"\frac{1}{|\ldots|} Q"),
    ],
)
def test_matrix_notation_of_a_batch_entry(text: str, expected: str | None) -> None:
    sides, alone = matrix_system(parse(text))
    assert alone
    assert (None if sides[0] is None else latex_box(sides[0][1])) == expected


def test_a_position_of_the_batch_ties_its_entries() -> None:
    system = parse("X: real[n, q, k]\nY[n, q, k] = X[n, q, k] * (n > q)")
    assert matrix_system(system, "n") == ((None,), True)
