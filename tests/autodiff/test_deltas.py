"""Proof by exhaustion of the integer solver: every stride, dilation, kernel and padding up to 4.

The solved form is compared with the definition: an index belongs to a position if it reads there.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from symgrad.autodiff.adjoint import adjoint_system
from symgrad.autodiff.deltas import Solution, solve_deltas
from symgrad.interpreter import evaluate
from symgrad.interpreter.numbers import FLOAT64
from symgrad.interpreter.terms import Compiler
from symgrad.ir.linear import Ranges
from symgrad.ir.terms import Index
from symgrad.ir.text import parse
from symgrad.ir.visit import elements, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import System
    from symgrad.ir.terms import Element

STEPS = (1, 2, 3, 4)
WINDOWS = list(product(STEPS, STEPS, (0, 1, 2, 3, 4)))  # stride, dilation, padding


def terms(
    read: str, position: str, letters: str, sizes: str = ""
) -> tuple[Element, Element, System]:
    """Return `X[read]` and `Z[position]` as terms over their letters, each its own axis."""
    places = [x.strip(" ()") for x in position.split(",")]
    row = ", ".join(letters.split())
    axes = ", ".join(f"u{k}" for k in range(read_axes(read)))
    text = f"""
        X: real[{axes}]
        {sizes}
        R[{row}] = B[{row}] * X[{read}]
        Q[{", ".join(places)}] = C[{", ".join(places)}] * D[{position}]
        return R, Q
        """
    system = parse("\n".join(line.strip() for line in text.splitlines()))
    (there,) = [e for e in elements(system.equation("R").value) if e.tensor == "X"]
    (here,) = [e for e in elements(system.equation("Q").value) if e.tensor == "D"]
    return there, here, system


def read_axes(read: str) -> int:
    """Return how many positions a read has, composite ones counted once."""
    depth = commas = 0
    for letter in read:
        depth += (letter == "(") - (letter == ")")
        commas += letter == "," and depth == 0
    return commas + 1


def solve(read: str, position: str, unknown: str, sizes: str = "") -> Solution:
    """Solve `position = read` for the letters of `unknown`; letters are their own axes."""
    reads, here, system = terms(read, position, unknown, sizes)
    letters = [Index(x, x) for x in unknown.split()]
    return solve_deltas(here.indices, reads.indices, letters, Ranges(dict(system.sizes)))


def compiler(sizes: Mapping[str, int]) -> Compiler:
    def read(tensor: str, position: tuple[int, ...]) -> Any:
        raise AssertionError(f"{tensor}{position}: positions read no tensor")

    def error(element: Element, _position: tuple[int, ...]) -> Exception:
        return AssertionError(str(element))

    return Compiler(FLOAT64, sizes, {}, read, error)


def reached(found: Solution, unknown: str, at: dict[str, int], sizes: dict[str, int]) -> set[Any]:
    """Return the values of the letters that a solution gives for a position."""
    run = compiler(sizes)
    letters = [Index(x, x) for x in unknown.split()]
    free = [i for i in letters if i not in found.values]
    here = {Index(x, x): n for x, n in at.items()}
    out = set()
    for values in product(*(range(sizes[i.axis]) for i in free)):
        env = {**here, **dict(zip(free, values, strict=True))}
        if all(run.value(c)(env) for c in (*found.conditions, *found.deltas)):
            out.add(tuple(int(run.exact(found.values.get(i, i))(env)) for i in letters))
    return out


@pytest.mark.parametrize("stride", STEPS)
def test_every_window_in_one_dimension(stride: int) -> None:
    for dilation, padding in product(STEPS, (0, 1, 2, 3, 4)):
        found = solve(f"{stride} * h + {dilation} * p - {padding}", "y", "h p")
        assert len(found.values) == 1  # one index is solved for, the other stays
        for kernel, outputs in product(STEPS, (0, 1, 2, 5)):
            length = 6
            sizes = {"h": outputs, "p": kernel, "y": length}
            for y in range(length):
                wanted = {
                    (h, p)
                    for h, p in product(range(outputs), range(kernel))
                    if stride * h + dilation * p - padding == y
                }
                assert reached(found, "h p", {"y": y}, sizes) == wanted


PLACES: list[tuple[str, str, str, dict[str, int], dict[str, int], dict[str, int]]] = [
    # read, position, unknown, sizes, axes
    ("h + p, 2 * p - h", "a, b", "h p", {}, {"h": 3, "p": 2}, {"a": 4, "b": 5}),
    ("2 * h + 4 * p", "a", "h p", {}, {"h": 3, "p": 2}, {"a": 9}),
    ("6 * h + 4 * p + 9 * q", "a", "h p q", {}, {"h": 2, "p": 2, "q": 2}, {"a": 20}),
    ("(g, c)", "k", "g c", {}, {"g": 2, "c": 3}, {"k": 6}),
    ("(g, c)", "(g2, c2)", "g c", {}, {"g": 2, "c": 3}, {"g2": 3, "c2": 2}),
    ("(g, c, d)", "k", "g c d", {}, {"g": 2, "c": 3, "d": 2}, {"k": 12}),
    ("2 * (g * size[c] + c) + p", "k", "g c p", {}, {"g": 2, "c": 2, "p": 2}, {"k": 9}),
    ("(1, c)", "k", "c", {}, {"c": 3}, {"k": 6}),
    ("size[k] - 1 - h", "k", "h", {}, {"h": 4}, {"k": 4}),
    ("(h + p - 1) % size[h]", "k", "h p", {}, {"h": 4, "p": 3}, {"k": 4}),
    ("(p - 2 - h) % size[h]", "k", "h p", {}, {"h": 4, "p": 3}, {"k": 4}),
    ("(2 * h + p) % size[k]", "k", "h p", {}, {"h": 4, "p": 3}, {"k": 5}),
    ("clip(h + p - 1, 0, size[k] - 1)", "k", "h p", {}, {"h": 4, "p": 3}, {"k": 4}),
    ("h // 2", "k", "h", {}, {"h": 5}, {"k": 3}),
]


@pytest.mark.parametrize(
    "place", PLACES, ids=[f"{read} at {position}" for read, position, *_ in PLACES]
)
def test_an_index_belongs_where_it_reads(
    place: tuple[str, str, str, dict[str, int], dict[str, int], dict[str, int]],
) -> None:
    read, position, unknown, extra, inner, outer = place
    found = solve(read, position, unknown)
    sizes = {**inner, **outer, **extra}
    run = compiler(sizes)
    reads, here, _ = terms(read, position, unknown)
    places = [i.name for i in sorted(here.free, key=lambda i: i.key)]
    for at in product(*(range(sizes[x]) for x in places)):
        env = {Index(x, x): n for x, n in zip(places, at, strict=True)}
        wanted = set()
        for values in product(*(range(sizes[x]) for x in unknown.split())):
            inside = {Index(x, x): n for x, n in zip(unknown.split(), values, strict=True)}
            there = [run.exact(i)({**inside, **env}) for i in reads.children]
            if there == [run.exact(i)(env) for i in here.children]:
                wanted.add(values)
        assert reached(found, unknown, dict(zip(places, at, strict=True)), sizes) == wanted


def test_composite_reads_are_solved_by_digits() -> None:
    backward = adjoint_system(parse("Y[n, g, c] = X[n, (g, c)] * Z[n, g, c]"))
    assert str(backward.equation("X_bar")) == "X_bar[n, (g, c)] = Y_bar[n, g, c] * Z[n, g, c]"


def test_the_whole_range_gives_no_condition() -> None:
    flipped = solve("size[k] - 1 - h", "k", "h", "size[k] = size[h]")
    assert not flipped.conditions
    shifted = solve("h + 1", "k", "h", "size[k] = size[h] + 1")
    assert [str(c) for c in shifted.conditions] == ["k - 1 >= 0"]


def test_what_is_data_stays() -> None:
    backward = adjoint_system(parse("T: index(v)[n]\nY[n, d] = E[T[n], d] + 0 * sum[v](E[v, d])"))
    assert str(backward.equation("E_bar").value) == "sum[n](Y_bar[n, d] * (T[n] == v))"


CONVOLUTION = """
X: real[y]
K: real[p]
size[h] = (size[y] + 2 * {padding} - {dilation} * (size[p] - 1) - 1) // {stride} + 1
Y[h] = sum[p](read(X[{stride} * h + {dilation} * p - {padding}], outside=0) * K[p])
"""


@pytest.mark.parametrize("window", WINDOWS[:: len(WINDOWS) // 16], ids=str)
def test_convolutions_are_adjoint_to_themselves(window: tuple[int, int, int]) -> None:
    stride, dilation, padding = window
    text = CONVOLUTION.format(stride=stride, dilation=dilation, padding=padding)
    system = parse(text)
    backward = adjoint_system(system)
    rng = np.random.default_rng(3)
    for kernel, length in product((1, 2, 4), (1, 4, 7)):
        X, K, V = rng.normal(size=length), rng.normal(size=kernel), rng.normal(size=length)
        if (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 < 0:
            continue
        Y = evaluate(system, {"X": X, "K": K})["Y"]
        W = rng.normal(size=Y.shape)
        found = evaluate(backward, {"X": X, "K": K, "Y_bar": W})
        moved = evaluate(system, {"X": V, "K": K})["Y"]
        assert moved @ W == pytest.approx(found["X_bar"] @ V, rel=1e-11, abs=1e-11)
        assert pytest.approx(found["K_bar"] @ K, rel=1e-11, abs=1e-11) == Y @ W


def test_no_sum_runs_over_what_its_range_rules_out() -> None:
    """A window's cotangent sums over one of its two indices, as the window itself does."""
    for stride, dilation, padding in WINDOWS:
        text = CONVOLUTION.format(stride=stride, dilation=dilation, padding=padding)
        backward = adjoint_system(parse(text)).equation("X_bar").value
        bound = [n for n in walk(backward) if isinstance(n, Index) and n.serial > 0]
        assert len(bound) == 1


def test_a_branch_that_is_never_or_always_taken_leaves_no_condition() -> None:
    text = "A: real[a]\nB: real[b]\nsize[m] = size[a] + size[b]\n"
    joined = adjoint_system(parse(text + "Y[m] = where(m < size[a], A[m], B[m - size[a]])"))
    assert str(joined.equation("A_bar").value) == "Y_bar[a]"
    assert str(joined.equation("B_bar").value) == "Y_bar[size[a] + b]"
    never = adjoint_system(parse("Y[n] = where(n < 0, X[n], W[n])"))
    assert str(never.equation("X_bar").value) == "0"
    assert str(never.equation("W_bar").value) == "Y_bar[n]"
