"""What can be proved about positions, and what is not claimed."""

from __future__ import annotations

import pytest

from symgrad.ir.build import add, const
from symgrad.ir.terms import Element, Size
from symgrad.ir.text import parse
from symgrad.lowering.affine import Facts, expanded, linear, normal, written

LENGTHS = """
X: real[y]
T: index(y)[n]
N: int[n]
K: real[p]
size[h] = (size[y] + 2 - size[p]) // 2 + 1
size[e] = size[y] // 3
size[m] = size[y] - size[p] + 1
size[k] = 4
V: real[k]
W: real[h, e, m]
"""


def position(text: str, letters: str = "hemnypk") -> tuple[Facts, Element]:
    declared = f"{LENGTHS}\nu: real[{', '.join(letters)}]\n"
    system = parse(f"{declared}Z[{', '.join(letters)}] = {text} * u[{', '.join(letters)}]")
    value = system.equations[-1].value
    found = next(c for c in value.children if isinstance(c, Element) and c.tensor != "u")
    return Facts(system), found


@pytest.mark.parametrize(
    ("read", "proved"),
    [
        ("X[y]", True),
        ("X[m + p]", True),
        ("X[m + p - 1]", False),
        ("X[m + p + 1]", False),
        ("X[3 * e + 2]", True),
        ("X[3 * e + 3]", False),
        ("X[3 * e - 1]", False),
        ("X[2 * h + p - 1]", False),
        ("X[2 * h + p - 2]", False),
        ("X[size[y] - 1 - y]", True),
        ("X[size[y] - y]", False),
        ("X[size[y] - 1 - 3 * e]", True),
        ("X[(y + n) % size[y]]", True),
        ("X[n % size[y]]", False),
        ("X[clip(y - 5, 0, size[y] - 1)]", True),
        ("X[clip(n - 5, 0, size[y] - 1)]", False),
        ("X[y // 2]", True),
        ("X[y // 2 + 1]", False),
        ("X[y - y // 2]", False),
        ("X[T[n]]", True),
        ("X[T[n] + 1]", False),
        ("X[size[y] - 1 - T[n]]", True),
        ("X[N[n]]", False),
        ("V[3]", True),
        ("V[4]", False),
        ("V[k // 2 + 2]", True),
        ("V[3 - k]", True),
        ("V[n % 4]", True),
        ("V[minimum(k + 2, 3)]", True),
        ("V[maximum(k - 2, 0)]", True),
        ("V[maximum(k, 5)]", False),
    ],
)
def test_a_position_is_proved_in_range_or_not(read: str, proved: bool) -> None:
    facts, element = position(read)
    axis = "k" if element.tensor == "V" else "y"
    assert facts.within(element.indices[0], Size(axis)) is proved


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("X[(6 * h + 4) // 2]", "3 * h + 2"),
        ("X[(6 * h + 5) // 3]", "2 * h + 1"),
        ("X[(6 * h + 5) % 3]", "2"),
        ("X[2 * (h + p) - 2 * h]", "2 * p"),
        ("X[(3 * h + p) % 3]", "p % 3"),
    ],
)
def test_positions_have_a_normal_form(text: str, worth: str) -> None:
    _, element = position(text)
    assert str(normal(element.indices[0])) == worth


def test_a_linear_form_keeps_the_order_of_its_letters() -> None:
    _, element = position("X[p + 2 * h - size[p] + 1]")
    form = linear(element.indices[0])
    assert form is not None
    assert [i.name for i in form.indices] == ["p", "h"]
    assert str(written(form)) == "p + 2 * h + (1 - size[p])"
    assert len(expanded(element.indices[0])) == 4
    assert linear(position("X[T[n]]")[1].indices[0]) is None


def test_lengths_are_equal_up_to_what_fixes_them() -> None:
    facts, _ = position("X[y]")
    system = parse("A: real[i]\nsize[j] = size[i] + 1\nB: real[j]\nL = sum[i](A[i]) + sum[j](B[j])")
    known = Facts(system)
    assert known.same(Size("j"), add(Size("i"), const(1)))
    assert not known.same(Size("j"), Size("i"))
    assert not facts.nonnegative(add(Size("y"), const(-1)))
    assert facts.nonnegative(Size("e"))
