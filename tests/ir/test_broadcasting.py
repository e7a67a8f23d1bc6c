"""Inputs with fewer batch axes broadcast as in NumPy, and their cotangents are summed back."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build, build_function
from symgrad.errors import RankError
from symgrad.interpreter import evaluate
from symgrad.ir.batch import fix_batch
from symgrad.ir.text import parse
from symgrad.rewriting.equality import vjp_is_exact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.derivation import Derivation

LENGTHS = {"m": 3, "n": 4, "i": 2, "o": 5}
#: A text and what it is in torch; `t` has the inputs by name.
CASES: dict[str, tuple[str, Callable[[Mapping[str, Any]], Any]]] = {
    "linear": (
        "Y[..., o] = sum[i](X[..., i] * W[o, i]) * g[..., o] + c[...]",
        lambda t: t["X"] @ t["W"].T * t["g"] + t["c"][..., None],
    ),
    "softmax": (
        "E[..., i] = exp(X[..., i] + B[..., i])\nP[..., i] = E[..., i] / sum[j](E[..., j])",
        lambda t: torch.softmax(t["X"] + t["B"], dim=-1),
    ),
    "nonlinear": (
        "S[...] = sum[i](X[..., i] * tanh(Z[..., i]))\nL[...] = S[...] ** 2 * S[...] + a[...]",
        lambda t: (t["X"] * torch.tanh(t["Z"])).sum(-1) ** 3 + t["a"],
    ),
    "mean over all": (
        "L = mean[..., i]((X[..., i] - T[..., i]) ** 2)",
        lambda t: ((t["X"] - t["T"]) ** 2).mean(),
    ),
    "kinks": (
        "Y[..., i] = maximum(X[..., i], T[..., i]) * where(X[..., i] > 0, T[..., i], 1)",
        lambda t: torch.maximum(t["X"], t["T"]) * torch.where(t["X"] > 0, t["T"], 1.0),
    ),
}
#: What the inputs after the first, or those before the last, have of the batch axes m and n.
OWN: dict[str, Callable[[list[str]], dict[str, list[str]]]] = {
    "all": lambda _names: {},
    "the last": lambda names: {n: ["n"] for n in names[1:]},
    "none": lambda names: {n: [] for n in names[1:]},
    "length 1": lambda names: {n: ["m", "1"] for n in names[:-1]},
    "both": lambda names: {names[0]: ["m", "1"], names[-1]: ["1", "n"]},
}


@cache
def derivation(name: str) -> Derivation:
    return derive(parse(CASES[name][0], name="case"))


def drawn(name: str, how: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    system = derivation(name).system
    own = OWN[how]([t.name for t in system.inputs if t.axes[:1] == ("...",)])
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {}
    for tensor in system.inputs:
        batch = own.get(tensor.name, ["m", "n"]) if tensor.axes[:1] == ("...",) else []
        letters = [*batch, *(a for a in tensor.axes if a != "...")]
        arrays[tensor.name] = rng.normal(size=[LENGTHS.get(a, 1) for a in letters])
    return arrays, own


def wanted(name: str, arrays: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Return torch's result, a weight for each entry of it, and torch's gradients."""
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in arrays.items()}
    result = CASES[name][1](leaves)
    weight = torch.tensor(np.random.default_rng(6).normal(size=tuple(result.shape)))
    found = torch.autograd.grad(result, list(leaves.values()), weight)
    return result.detach().numpy(), weight.numpy(), dict(zip(leaves, found, strict=True))


@pytest.mark.parametrize("how", OWN)
@pytest.mark.parametrize("name", CASES)
def test_the_interpreter_sums_cotangents_back(name: str, how: str) -> None:
    d = derivation(name)
    arrays, _ = drawn(name, how)
    result, weight, gradients = wanted(name, arrays)
    forward = evaluate(d.forward, arrays, everything=True)
    np.testing.assert_allclose(forward[d.system.outputs[0]], result, rtol=1e-12)
    known = {**forward, f"{d.system.outputs[0]}_bar": weight}
    batch = {t.name: arrays[t.name].shape[: arrays[t.name].ndim - len(t.shape) + 1]
             for t in d.system.inputs if t.axes[:1] == ("...",)}  # fmt: skip
    given = {t.name: known[t.name] for t in d.backward.inputs}
    found = evaluate(d.backward, given, batch=batch)
    for tensor, gradient in gradients.items():
        np.testing.assert_allclose(found[f"{tensor}_bar"], gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("how", OWN)
@pytest.mark.parametrize("name", CASES)
def test_code_sums_cotangents_back(name: str, how: str, target: str) -> None:
    d = derivation(name)
    arrays, own = drawn(name, how)
    result, weight, gradients = wanted(name, arrays)
    made = build(d, target, ("m", "n"), own)
    as_array = torch.tensor if target == "torch" else np.asarray
    known: dict[str, Any] = {n: as_array(a) for n, a in arrays.items()}
    known = {**LENGTHS, **known, f"{d.system.outputs[0]}_bar": as_array(weight)}
    found = made.forward(*(known[n] for n in made.forward_arguments))
    results = found if isinstance(found, tuple) else (found,)
    known |= dict(zip(made.forward_results, results, strict=True))
    np.testing.assert_allclose(known[d.system.outputs[0]], result, rtol=1e-12)
    assert made.vjp is not None
    bars = made.vjp(*(known[n] for n in made.vjp_arguments))
    pairs = dict(zip(made.vjp_results, bars if isinstance(bars, tuple) else (bars,), strict=True))
    for tensor, gradient in gradients.items():
        assert pairs[f"{tensor}_bar"].shape == gradient.shape
        np.testing.assert_allclose(pairs[f"{tensor}_bar"], gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("how", OWN)
@pytest.mark.parametrize("name", ["linear", "softmax", "nonlinear"])
def test_the_wrapped_function_is_differentiable_twice(name: str, how: str) -> None:
    arrays, own = drawn(name, how)
    made = build(derivation(name), "torch", ("m", "n"), own)
    leaves = tuple(torch.tensor(a, requires_grad=True) for a in arrays.values())
    assert torch.autograd.gradcheck(made.namespace["case"], leaves, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(made.namespace["case"], leaves)


@pytest.mark.parametrize("how", OWN)
def test_tangents_have_the_shape_of_their_inputs(how: str) -> None:
    system = derive_jvp(derivation("linear").system)
    arrays, own = drawn("linear", how)
    dots = {f"{n}_dot": np.cos(a) for n, a in arrays.items()}
    made = build_function(system, "numpy", ("m", "n"), own)
    known = {**arrays, **dots}
    found = made.forward(*(known[n] for n in made.forward_arguments))
    step = 1e-6
    moved = {n: a + step * dots[f"{n}_dot"] for n, a in arrays.items()}
    back = {n: a - step * dots[f"{n}_dot"] for n, a in arrays.items()}
    plain = derivation("linear").system
    slope = (evaluate(plain, moved)["Y"] - evaluate(plain, back)["Y"]) / (2 * step)
    assert made.forward_results == ("Y_dot",)
    np.testing.assert_allclose(found, slope, rtol=1e-6)


def test_what_is_fixed_is_a_system_like_any_other() -> None:
    d = derivation("linear")
    own = {"g": ["n"], "c": ["m", "1"]}
    system = fix_batch(d.system, ("m", "n"), own)
    assert [str(t.axes) for t in system.inputs[2:]] == ["('n', 'o')", "('m', 'one')"]
    backward = fix_batch(d.backward, ("m", "n"), own)
    assert vjp_is_exact(system, backward, forward=fix_batch(d.forward, ("m", "n"), own))
    wrong = fix_batch(d.backward, ("m", "n"), {"g": ["n"]})
    assert vjp_is_exact(fix_batch(d.system, ("m", "n"), {"g": ["n"]}), wrong)


def test_a_cotangent_that_others_read_stays_whole_for_them() -> None:
    text = "X_bar[..., i] = Y_bar[..., i] * Z[..., i]\nZ_bar[..., i] = X_bar[..., i] * 2\n"
    system = parse(f"{text}return X_bar, Z_bar", internal=True)
    assert [str(e) for e in fix_batch(system, "mn", {"X": "n"}).equations] == [
        "X_bar_all[m, n, i] = Y_bar[m, n, i] * Z[m, n, i]",
        "X_bar[n, i] = sum[m](X_bar_all[m, n, i])",
        "Z_bar[m, n, i] = 2 * X_bar_all[m, n, i]",
    ]


@pytest.mark.parametrize("row", [["m"], ["k"], ["n", "m"], ["m", "n", "n"]])
def test_only_the_last_axes_can_be_there(row: list[str]) -> None:
    with pytest.raises(RankError, match="the last of m, n"):
        fix_batch(derivation("linear").system, ("m", "n"), {"g": row})
