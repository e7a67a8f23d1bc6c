"""Matrix notation: right where it exists, absent where it does not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.formula.matrix import matrix_equation
from symgrad.interpreter import evaluate
from symgrad.ir.text import parse

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
    ("Y[n, o] = sum[i](X[n, i] * W[n, i]) * G[n, o]", None),
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
