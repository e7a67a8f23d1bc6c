"""Random reads and sums at affine positions: code does what the interpreter does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.codegen.running import agree

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = st.integers(-3, 3)
OUTSIDE = ("0", "-inf", "2", "w[h]")


def affine(steps: Sequence[int], letters: Sequence[str], start: int) -> str:
    terms = [f"{s} * {i}" for s, i in zip(steps, letters, strict=True) if s]
    return " + ".join([*terms, str(start)])


@st.composite
def reads(draw: st.DrawFn) -> str:
    """Return a System that reads X at two random positions."""
    letters = draw(st.lists(st.sampled_from("hpq"), min_size=1, max_size=3, unique=True))
    first, second = (
        affine([draw(STEPS) for _ in letters], letters, draw(st.integers(-3, 5))) for _ in range(2)
    )
    free = "".join(sorted(letters))
    weights = ", ".join(free)
    outside = draw(st.sampled_from(OUTSIDE if "h" in letters else OUTSIDE[:3]))
    read = f"read(X[{first}, {second}], outside={outside})"
    if outside == "-inf":
        read = f"exp({read})"
    fixed = draw(st.sampled_from(["", "size[p] = 2", "size[x] = size[y]", "size[y] = 4"]))
    sizes = fixed if fixed[5:6] in "yx" or "p" in letters else ""
    declared = f"X: real[y, x]\nA: real[{weights}]\nw: real[h]\n{sizes}"
    kept = draw(st.sampled_from(["", *letters]))
    if kept and len(letters) > 1:
        left = ", ".join(i for i in letters if i != kept)
        return f"{declared}\nY[{left}] = sum[{kept}]({read} * A[{weights}])"
    return f"{declared}\nY[{weights}] = {read} * A[{weights}]"


@st.composite
def sums(draw: st.DrawFn) -> str:
    """Return a System that sums where a random position is in range: a fold, window or mask."""
    sign, step = draw(st.sampled_from([1, -1, 2])), draw(STEPS)
    start, divisor = draw(st.integers(-3, 3)), draw(st.integers(1, 3))
    position = affine([sign, step], ["y", "h"], start)
    at = f"({position}) // {divisor}" if divisor > 1 else position
    guard = f"({position}) % {divisor} == 0, " if divisor > 1 else ""
    body = draw(st.sampled_from(["A[h, o] * K[o, {at}]", "A[h, o] * (T[h] == {at})"]))
    more = draw(st.sampled_from(["", ", h <= y", ", h != 1"]))
    lengths = draw(st.sampled_from(["", "size[h] = size[y] + 1", "size[p] = 3"]))
    return (
        f"T: int[h]\nA: real[h, o]\nK: real[o, p]\nw: real[y]\n{lengths}\n"
        f"Y[y] = w[y] + sum[o, h, {guard}0 <= {at}, {at} < size[p]{more}]({body.format(at=at)}"
        " * K[o, 0])"
    )


@st.composite
def deltas(draw: st.DrawFn) -> str:
    """Return a System that sums into a random position."""
    steps, start = [draw(STEPS), draw(STEPS)], draw(st.integers(-3, 3))
    position = affine(steps, ["h", "p"], start)
    form = draw(st.sampled_from(["{}", "({}) // 2", "({}) % 3", "clip({}, 0, 2)", "{} + T[h]"]))
    return (
        f"T: int[h]\nw: real[m]\nY[m] = w[m] * sum[h, p](({form.format(position)} == m) * A[h, p])"
    )


@given(text=st.one_of(reads(), sums(), deltas()))
def test_random_positions(text: str) -> None:
    agree(text, most=6)
