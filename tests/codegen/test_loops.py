"""Recurrences as code: loops hold no more than they must; equal to the equations and to torch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build, build_function, generate
from symgrad.interpreter import evaluate
from symgrad.ir.terms import Const
from symgrad.ir.text import parse
from symgrad.lowering.loops import Loop, Plain, partition
from symgrad.lowering.ops import Contract
from symgrad.lowering.plan import Stage, plan
from tests.autodiff.test_recurrences import TEXTS as DERIVED
from tests.codegen.loop_texts import TEXTS
from tests.codegen.running import TARGETS, arrays_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.codegen.generate import Generated
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System

LENGTHS = {"n": 2, "k": 3, "j": 3, "i": 2, "s": 4, "d": 2, "u": 2}
EVERY = {
    **{f"derived {n}": t for n, t in DERIVED.items()},
    **{n: (t, {}) for n, t in TEXTS.items()},
}


@cache
def derivation(name: str) -> Derivation:
    text, options = EVERY[name]
    return derive(parse(text, name="case", options=options))


@cache
def code(name: str, target: str) -> Generated:
    return build(derivation(name), target)


def drawn(
    system: System, steps: int, dtype: str = "float64"
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return values for the inputs of a System, and the lengths of its axes."""
    declared = {a: int(e.value) for a, e in system.sizes if isinstance(e, Const)}
    sizes = {**LENGTHS, "t": steps, "m": min(steps, 3), **declared}
    arrays = arrays_of(system, sizes, np.random.default_rng(steps))
    assert arrays is not None
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}, sizes


def called(
    function: Callable[..., Any], names: tuple[str, ...], known: Mapping[str, Any], target: str
) -> list[Any]:
    values = [known[n] for n in names]
    if target == "torch":
        values = [torch.as_tensor(v) if isinstance(v, np.ndarray) else v for v in values]
    with np.errstate(all="raise", under="ignore"):
        found = function(*values)
    return [np.asarray(a) for a in (found if isinstance(found, tuple) else (found,))]


def check(names: tuple[str, ...], found: list[Any], wanted: Mapping[str, Any], dtype: str) -> None:
    for name, array in zip(names, found, strict=True):
        assert array.shape == wanted[name].shape, name
        assert array.dtype == dtype, name
        np.testing.assert_allclose(array, wanted[name], rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", EVERY)
def test_loops_do_what_the_equations_say(name: str, target: str) -> None:
    d, made = derivation(name), code(name, target)
    for steps in (0, 1, 2, 5):
        arrays, sizes = drawn(d.system, steps)
        forward = evaluate(d.forward, arrays, sizes=sizes)
        found = called(made.forward, made.forward_arguments, {**sizes, **arrays}, target)
        check(made.forward_results, found, forward, "float64")
        rng = np.random.default_rng(steps + 1)
        seeds = {f"{o}_bar": rng.normal(size=forward[o].shape) for o in d.system.outputs}
        known = {**arrays, **forward, **seeds}
        given = {t.name: known[t.name] for t in d.backward.inputs}
        assert made.vjp is not None
        backward = evaluate(d.backward, given, sizes=sizes)
        found = called(made.vjp, made.vjp_arguments, {**sizes, **known}, target)
        check(made.vjp_results, found, backward, "float64")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["rnn", "gru", "masked", "last_axis", "two_lags", "viterbi"])
def test_tangents_run_in_loops_too(name: str, target: str) -> None:
    system = derive_jvp(derivation(name).system)
    made = build_function(system, target)
    arrays, sizes = drawn(system, 4)
    found = called(made.forward, made.forward_arguments, {**sizes, **arrays}, target)
    check(made.forward_results, found, evaluate(system, arrays, sizes=sizes), "float64")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", TEXTS)
def test_single_precision_stays_single(name: str, target: str) -> None:
    d, made = derivation(name), code(name, target)
    for steps in (0, 3):
        arrays, sizes = drawn(d.system, steps, "float32")
        found = called(made.forward, made.forward_arguments, {**sizes, **arrays}, target)
        assert {a.dtype.name for a in found} == {"float32"}
        known = {**sizes, **arrays, **dict(zip(made.forward_results, found, strict=True))}
        known |= {f"{o}_bar": np.ones_like(known[o]) for o in d.system.outputs}
        assert made.vjp is not None
        found = called(made.vjp, made.vjp_arguments, known, target)
        assert {a.dtype.name for a in found} == {"float32"}


# --- torch's own modules --------------------------------------------------------------------------

#: For each text its torch module and, in torch's order, the letters of its gates.
MODULES = {
    "rnn": ("RNN", [""]),
    "lstm": ("LSTM", list("ifgo")),
    "gru": ("GRU", list("rzn")),
    "lstm_packed": ("LSTM", [""]),
    "gru_packed": ("GRU", [""]),
}


def from_module(name: str, module: torch.nn.RNNBase) -> dict[str, Any]:
    """Return the weights of a module of one layer as the text names them."""
    gates = MODULES[name][1]
    row = [p.detach().double() for p in module.parameters()]
    if name.endswith("packed"):
        return dict(zip("UWbc", (p.numpy() for p in row), strict=True))
    U, W, b, c = ([q.numpy() for q in p.chunk(len(gates))] for p in row)
    found: dict[str, Any] = {}
    for k, gate in enumerate(gates):
        split = name == "gru" and gate == "n"  # its second bias is inside of the reset
        found |= {f"U{gate}": U[k], f"W{gate}": W[k], f"b{gate}": b[k] if split else b[k] + c[k]}
        found |= {f"c{gate}": c[k]} if split else {}
    return found


@pytest.mark.parametrize("steps", [1, 50])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", MODULES)
def test_torch_s_recurrent_modules_are_these_equations(name: str, target: str, steps: int) -> None:
    torch.manual_seed(steps)
    module = getattr(torch.nn, MODULES[name][0])(2, 3).double()
    rng = np.random.default_rng(steps)
    arrays: dict[str, Any] = {"X": rng.normal(size=(steps, 4, 2)), "H0": rng.normal(size=(4, 3))}
    has_cell = name.startswith("lstm")
    arrays |= {"C0": rng.normal(size=(4, 3))} if has_cell else {}
    arrays |= from_module(name, module)
    X, *states = (
        torch.tensor(arrays[n], requires_grad=True) for n in ("X", "H0", "C0") if n in arrays
    )
    held = [s[None] for s in states]
    Y, last = module(X, tuple(held) if has_cell else held[0])
    outputs = [Y, *(s[0] for s in (last if has_cell else [last]))]

    made = code(name, target)
    found = called(made.forward, made.forward_arguments, arrays, target)
    known = {**arrays, **dict(zip(made.forward_results, found, strict=True))}
    names = derivation(name).system.outputs
    for output, theirs in zip(names, outputs, strict=True):
        np.testing.assert_allclose(known[output], theirs.detach(), rtol=1e-12, atol=1e-12)

    seeds = [rng.normal(size=y.shape) for y in outputs]
    known |= {f"{o}_bar": s for o, s in zip(names, seeds, strict=True)}
    wrt = [X, *states, *module.parameters()]
    theirs = torch.autograd.grad(outputs, wrt, [torch.tensor(s) for s in seeds])
    assert made.vjp is not None
    ours = dict(
        zip(made.vjp_results, called(made.vjp, made.vjp_arguments, known, target), strict=True)
    )
    gates = MODULES[name][1]
    pairs = [("X_bar", 0), ("H0_bar", 1)] + ([("C0_bar", 2)] if has_cell else [])
    for mine, at in pairs:
        np.testing.assert_allclose(ours[mine], theirs[at], rtol=1e-11, atol=1e-12)
    for letter, at in (("U", -4), ("W", -3), ("b", -2)):
        joined = np.concatenate([ours[f"{letter}{g}_bar"] for g in gates])
        np.testing.assert_allclose(joined, theirs[at], rtol=1e-11, atol=1e-12, err_msg=letter)


def gru_of_the_paper(t: Mapping[str, Any]) -> Any:
    h, found = t["H0"], []
    for x in t["X"]:
        r = torch.sigmoid(x @ t["Ur"].T + h @ t["Wr"].T + t["br"])
        z = torch.sigmoid(x @ t["Uz"].T + h @ t["Wz"].T + t["bz"])
        n = torch.tanh(x @ t["Un"].T + t["bn"] + (r * h) @ t["Wn"].T)
        h = z * h + (1 - z) * n
        found.append(h)
    return torch.stack(found) if found else h[None][:0]


def state_space(t: Mapping[str, Any]) -> Any:
    state, found = torch.zeros(2, 2, 4, dtype=torch.float64), []
    for d, b, x, c in zip(t["D"], t["B"], t["X"], t["C"], strict=True):
        decay = torch.exp(d[..., None] * t["A"])
        state = decay * state + d[..., None] * b[:, None] * x[..., None]
        found.append((state * c[:, None]).sum(-1))
    return torch.stack(found) if found else t["X"][:0]


@pytest.mark.parametrize("steps", [0, 1, 50])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "theirs"), [("gru_paper", gru_of_the_paper), ("scan", state_space)]
)
def test_other_recurrences_are_loops_of_torch(
    name: str, theirs: Callable[[Mapping[str, Any]], Any], target: str, steps: int
) -> None:
    d, made = derivation(name), code(name, target)
    arrays, sizes = drawn(d.system, steps)
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in arrays.items()}
    value = theirs(leaves)
    weight = np.random.default_rng(1).normal(size=tuple(value.shape))
    wanted = torch.autograd.grad(value, list(leaves.values()), torch.tensor(weight),
                                 allow_unused=True, materialize_grads=True)  # fmt: skip
    known: dict[str, Any] = {**sizes, **arrays}
    found = called(made.forward, made.forward_arguments, known, target)
    known |= dict(zip(made.forward_results, found, strict=True))
    output = d.system.outputs[0]
    np.testing.assert_allclose(known[output], value.detach(), rtol=1e-12, atol=1e-12)
    known[f"{output}_bar"] = weight
    assert made.vjp is not None
    bars = dict(
        zip(made.vjp_results, called(made.vjp, made.vjp_arguments, known, target), strict=True)
    )
    for tensor, gradient in zip(leaves, wanted, strict=True):
        np.testing.assert_allclose(bars[f"{tensor}_bar"], gradient, rtol=1e-11, atol=1e-12)


# --- what a loop holds ----------------------------------------------------------------------------


def contractions(system: System) -> dict[bool, int]:
    """Return how many contractions a System has inside of loops, and outside."""
    counts = {True: 0, False: 0}
    for stage in plan(system):
        if isinstance(stage, Stage):
            inside = isinstance(stage.part, Loop)
            counts[inside] += sum(isinstance(op, Contract) for op in stage.program.ops)
    return counts


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        # inside and outside: only what multiplies the state stays in the loop
        ("rnn", (1, 1), (1, 3)),
        ("lstm", (4, 4), (4, 12)),
        ("gru", (3, 3), (3, 9)),
        ("lstm_packed", (1, 1), (1, 3)),  # all gates in one product, as in torch
        ("gru_packed", (1, 1), (1, 3)),
        ("sum", (0, 0), (0, 0)),
        ("scan", (0, 1), (0, 5)),
        ("masked", (1, 0), (1, 1)),
    ],
)
def test_what_does_not_depend_on_the_state_is_outside(
    name: str, forward: tuple[int, int], backward: tuple[int, int]
) -> None:
    for system, (inside, outside) in (
        (derivation(name).forward, forward),
        (derivation(name).backward, backward),
    ):
        assert contractions(system) == {True: inside, False: outside}, str(system)


def test_a_loop_keeps_only_what_is_read_after_it() -> None:
    (loop,) = (p for p in partition(derivation("rnn").system) if isinstance(p, Loop))
    assert [s.tensor.name for s in loop.stores] == ["H"]
    last = parse("H[t] = a * H[t-1] + X[t]\nH[-1] = 0\nY = H[size[t] - 1]\nreturn Y")
    (loop,) = (p for p in partition(last) if isinstance(p, Loop))
    assert not loop.stores
    assert [c.name for c in loop.carries] == ["H_prev"]


def test_nothing_of_a_wide_product_is_written_out_before_a_loop() -> None:
    text = "H[t, k] = tanh(sum[j](W[k, j] * X[t, j] * H[t-1, j]))\nH[-1, k] = 1"
    before, loop = partition(parse(text))
    assert isinstance(before, Plain)
    assert isinstance(loop, Loop)
    assert [str(e) for e in before.system.equations] == ["H_prev[k] = 1"]


def test_a_product_that_is_larger_than_its_factors_stays_in_the_loop() -> None:
    text = "H[t, n, k] = a[t, n] * exp(b[t, k]) * H[t-1, n, k]\nH[-1, n, k] = 1"
    before, _ = partition(parse(text))
    assert isinstance(before, Plain)
    assert [str(e) for e in before.system.equations] == [
        "H_part[t, k] = exp(b[t, k])",
        "H_prev[n, k] = 1",
    ]


def test_results_are_no_arguments() -> None:
    made = code("rnn", "numpy")
    arrays, _ = drawn(derivation("rnn").system, 0)
    _, HN = made.forward(*(arrays[n] for n in made.forward_arguments))
    assert not np.shares_memory(HN, arrays["H0"])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "name", ["rnn", "lstm", "gru", "lstm_packed", "gru_packed", "scan", "masked", "two_lags"]
)
def test_the_text_of_loops_is_the_reviewed_one(
    name: str, target: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"{target}/loops/{name}.py", generate(derivation(name), target))
