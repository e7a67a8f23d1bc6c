"""What equations become: which operations, how many, on which arrays."""

from __future__ import annotations

import pytest

from symgrad.errors import UnsupportedError
from symgrad.ir.text import parse
from symgrad.lowering.lower import lower
from symgrad.lowering.ops import Contract, Gather, Map, Op, Reduce, Scatter, labels
from symgrad.lowering.schedule import schedule
from symgrad.lowering.window_ops import Flatten, Fold, Keep, Scan, Stack, Window


def ops_of(text: str) -> tuple[Op, ...]:
    return schedule(lower(parse(text))).ops


def kinds_of(text: str) -> list[str]:
    return [type(op).__name__ for op in ops_of(text)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Y[n, o] = sum[i](X[n, i] * W[o, i])", ["Contract"]),
        ("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]", ["Contract", "Map"]),
        ("Y[n] = sum[k](X[n, k])", ["Reduce"]),
        ("Y[n] = sum[k](X[n, k] + W[n, k])", ["Map", "Reduce"]),
        ("Y[n] = sum[k](tanh(X[n, k]) * W[n, k])", ["Map", "Contract"]),
        ("Y[i, l] = sum[j, k](A[i, j] * B[j, k] * C[k, l])", ["Contract", "Contract"]),
        ("T: index(k)[n]\nY[n] = X[n, T[n]]", ["Gather"]),
        ("T: index(k)[n]\nY[n] = sum[k](X[n, k] * (T[n] == k))", ["Gather"]),
        ("T: index(v)[n]\nw: real[v]\nZ[v] = w[v]\nY[v] = sum[n]((T[n] == v) * G[n])", ["Scatter"]),
        ("Y[n, k] = tanh(X[n, k]) * (1 - tanh(X[n, k]))", ["Map", "Map"]),
        ("Z[n] = exp(X[n])\nY[n] = 2 * X[n]", ["Map"]),
    ],
)
def test_an_equation_becomes_the_fewest_operations(text: str, kinds: list[str]) -> None:
    assert kinds_of(text) == kinds


def test_a_softmax_is_one_maximum_one_map_one_sum_one_map() -> None:
    text = "Y[n, k] = exp(X[n, k] - logsumexp[j](X[n, j]))"
    assert kinds_of(text) == ["Reduce", "Map", "Reduce", "Map"]


def test_probabilities_and_their_logarithms_share_their_parts() -> None:
    text = """
    P[n, k] = exp(X[n, k] - logsumexp[j](X[n, j]))
    Y[n, k] = P[n, k] + X[n, k] - logsumexp[i](X[n, i])
    """
    ops = ops_of(text)
    reduced = [op.op for op in ops if isinstance(op, Reduce)]
    assert reduced == ["shift", "sum"]


def test_the_same_sum_under_other_letters_is_computed_once() -> None:
    text = "Y[n] = sum[k](X[n, k]) * sum[j](X[n, j])\nZ[m] = sum[k](X[m, k]) + 1"
    system = parse(f"X: real[n, k]\n{text}\nreturn Y, Z")
    assert [type(op) for op in schedule(lower(system)).ops].count(Reduce) == 1


def test_the_cheap_order_of_three_factors_is_taken() -> None:
    """A vector in a chain makes every product one with a vector."""
    products = [
        op
        for op in ops_of("Y[i] = sum[j, k](A[i, j] * B[j, k] * c[k])")
        if isinstance(op, Contract)
    ]
    assert all(min(len(labels(op.left)), len(labels(op.right))) == 1 for op in products)


def test_fixed_lengths_decide_the_order_of_products() -> None:
    text = "size[i] = 1000\nsize[k] = 2\nY[i, l] = sum[j, k](A[i, j] * B[j, k] * C[k, l])"
    first = next(op for op in ops_of(text) if isinstance(op, Contract))
    assert {first.left.tensor, first.right.tensor} == {"A", "B"}


def test_every_array_is_defined_once_and_before_it_is_read() -> None:
    text = "Y[n, o] = sum[i](tanh(X[n, i]) * W[o, i] * s[i]) / (1 + sum[j](X[n, j]**2))"
    program = schedule(lower(parse(text)))
    known = {t.name for t in program.system.inputs}
    for op in program.ops:
        assert known.issuperset(op.reads)
        assert op.out.tensor not in known
        known.add(op.out.tensor)
    assert known.issuperset(program.system.outputs)


def test_a_contraction_covers_all_labels_of_its_operands() -> None:
    text = "Y[b, h, o] = sum[i, j](A[b, i, h] * W[o, i, j] * B[b, j])"
    for op in ops_of(text):
        if isinstance(op, Contract):
            both = {*labels(op.left), *labels(op.right)}
            assert both == {*labels(op.out), *op.summed}


def test_ops_are_values() -> None:
    assert ops_of("Y[n] = sum[k](X[n, k])") == ops_of("Y[n] = sum[k](X[n, k])")
    moving = {Window, Fold, Flatten, Scan, Keep, Stack}
    assert {Contract, Gather, Map, Reduce, Scatter} | moving == set(Op.__args__)


@pytest.mark.parametrize(
    "text",
    [
        "H[t] = H[t-1] * X[t]\nH[-1] = h0",
        "A: real[i, j]\nB: real[i, k]\nsum[j](A[i, j] * Z[j, k]) == B[i, k]",
    ],
)
def test_a_form_without_operations_yet_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedError, match="fix:"):
        lower(parse(text))
