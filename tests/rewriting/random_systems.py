"""Random small Systems as texts, for property tests: sums, products, functions, deltas, gathers.

Values stay tame (arguments of exponentials are bounded, denominators are at least 1), so that two
equal Systems agree to rounding and two different ones differ by far more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from symgrad.ir.equation import System

LETTERS = ("n", "k", "d")
INPUTS = {
    "X": ("n", "k"),
    "V": ("k", "d"),
    "W": ("d", "k"),
    "a": ("n",),
    "c": ("k",),
    "e": ("d",),
    "s": (),
}
#: Reads at data, by the letters that they need.
GATHERS = {"c[T[n]]": {"n"}, "X[n, T[n]]": {"n"}, "V[T[n], d]": {"n", "d"}}
UNARY = (
    "tanh({})",
    "sigmoid({})",
    "exp(tanh({}))",
    "1 / (1 + ({})**2)",
    "({})**2",
    "sqrt(1 + ({})**2)",
    "log(2 + tanh({}))",
    "-({})",
    "0.5 * ({})",
)
BINARY = ("({}) + ({})", "({}) - ({})", "({}) * ({})", "({}) / (1 + ({})**2)")


def _element(name: str, letters: tuple[str, ...]) -> str:
    return f"{name}[{', '.join(letters)}]" if letters else name


@st.composite
def expressions(
    draw: st.DrawFn, known: dict[str, tuple[str, ...]], scope: tuple[str, ...], depth: int
) -> str:
    """Draw a term over the known tensors whose letters are in scope, or bound by a sum."""
    readable = [n for n, letters in known.items() if set(letters) <= set(scope)]
    bindable = [letter for letter in LETTERS if letter not in scope]
    choices = ["leaf"] if readable else []
    if depth > 0:
        choices += ["unary", "binary"] if readable or bindable else []
        choices += ["sum", "mean"] if bindable else []
        choices += ["delta"] if {"n", "k"} <= set(scope) else []
    gathers = [text for text, letters in GATHERS.items() if letters <= set(scope)]
    choices += ["gather"] if gathers else []
    if not choices:
        return "2"
    match draw(st.sampled_from(choices)):
        case "leaf":
            name = draw(st.sampled_from(readable))
            return _element(name, known[name])
        case "gather":
            return draw(st.sampled_from(gathers))
        case "delta":
            return f"({draw(expressions(known, scope, depth - 1))}) * (T[n] == k)"
        case "unary":
            inner = draw(expressions(known, scope, depth - 1))
            return draw(st.sampled_from(UNARY)).format(inner)
        case "binary":
            left = draw(expressions(known, scope, depth - 1))
            right = draw(expressions(known, scope, depth - 1))
            return draw(st.sampled_from(BINARY)).format(left, right)
        case reduction:
            letter = draw(st.sampled_from(bindable))
            inner = draw(expressions(known, (*scope, letter), depth - 1))
            if letter not in _letters_of(inner, known):
                inner = f"({inner}) * {_with_letter(letter)}"
            return f"{reduction}[{letter}]({inner})"


def _with_letter(letter: str) -> str:
    return {"n": "a[n]", "k": "c[k]", "d": "e[d]"}[letter]


def _letters_of(text: str, known: dict[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    for name, letters in known.items():
        if letters and f"{name}[{', '.join(letters)}]" in text:
            found.update(letters)
    return found


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw the text of a System of one to three equations."""
    known = dict(INPUTS)
    lines = [f"{n}: real[{', '.join(letters)}]" if letters else f"{n}: real"
             for n, letters in INPUTS.items()]  # fmt: skip
    lines.append("T: index(k)[n]")
    count = draw(st.integers(1, 3))
    for number in range(1, count + 1):
        letters = draw(st.sampled_from([("n", "k"), ("n",), ("k", "d"), ("n", "d"), ()]))
        body = draw(expressions(known, letters, 3))
        missing = [letter for letter in letters if letter not in _letters_of(body, known)]
        body += "".join(f" + {_with_letter(letter)}" for letter in missing)
        name = f"T{number}"
        lines.append(f"{_element(name, letters)} = {body}")
        known[name] = letters
    return "\n".join(lines)


def random_inputs(system: System, seed: int) -> dict[str, NDArray[Any]]:
    """Return values for the inputs at lengths n=2, k=3, d=2, with repeated and zero entries."""
    rng = np.random.default_rng(seed)
    lengths = {"n": 2, "k": 3, "d": 2}
    arrays: dict[str, NDArray[Any]] = {}
    for tensor in system.inputs:
        if tensor.kind == "index":
            arrays[tensor.name] = rng.integers(0, 3, 2)
            continue
        values = rng.uniform(-1.5, 1.5, tuple(lengths[a] for a in tensor.axes))
        arrays[tensor.name] = np.where(rng.random(values.shape) < 0.1, 0.0, values)
    return arrays
