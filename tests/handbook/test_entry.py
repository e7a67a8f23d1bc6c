"""What a page says is what the derivation says."""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import generate
from symgrad.handbook.entry import TARGETS, Entry, entry_of
from symgrad.handbook.families import families
from symgrad.ir.batch import fix_batch
from symgrad.layers.registry import LAYERS, Layer, layer

if TYPE_CHECKING:
    from collections.abc import Iterator


def entry(name: str) -> Entry:
    return entry_of(LAYERS[name], "family", plots=False)


def test_steps_are_all_steps_numbered_from_1() -> None:
    found = entry("softmax").steps
    derivation = derive(fix_batch(LAYERS["softmax"].system(), ("n",)))
    assert [s.number for s in found] == list(range(1, len(derivation.steps) + 1))
    assert [s.detail for s in found] == [s.detail for s in derivation.steps]
    assert found[-1].result.rows[0] == entry("softmax").main.backward.rows[-1]


def test_a_reuse_says_what_it_rests_on() -> None:
    relations = [s.relation for s in entry("softmax").steps if s.relation is not None]
    shown = [(put.latex, since.latex) for put, since in relations]
    assert (r"E_{nk} = P_{nk} Z_{n}", r"P_{nk} = \frac{E_{nk}}{Z_{n}}") in shown


def test_a_law_is_given_once_where_it_repeats() -> None:
    steps = entry("layer_norm").steps
    assert next(s.law for s in steps if s.rule == "chain rule") == "H is read in Y"
    for before, step in pairwise(steps):
        assert not step.law or (before.rule, before.law) != (step.rule, step.law)
    assert entry("layer_norm").verdict.startswith("Every step holds")


@pytest.mark.parametrize("name", ["softmax", "cross_entropy", "layer_norm"])
def test_code_is_that_of_gen_and_compiles(name: str) -> None:
    derivation = derive(LAYERS[name].system())
    for code in entry(name).codes:
        assert code.module == generate(derivation, code.target)
        functions = [
            n.name for n in ast.parse(code.functions).body if isinstance(n, ast.FunctionDef)
        ]
        assert functions == [f"{name}_forward", f"{name}_vjp"]
        assert '"""' not in code.functions
        assert "_check(" not in code.functions
        lines = {line for line in code.module.splitlines() if line.strip()}
        assert {line for line in code.functions.splitlines() if line.strip()} <= lines
    assert [code.target for code in entry(name).codes] == list(TARGETS)


def test_options_and_variants() -> None:
    found = entry("cross_entropy")
    assert [(o.name, o.default, o.others) for o in found.options] == [
        ("reduction", "mean", ("sum", "none"))
    ]
    assert [v.label for v in found.variants] == ["reduction = sum", "reduction = none"]
    assert "|n|" not in found.variants[0].backward.latex
    assert "|n|" in found.main.backward.latex


def test_conventions_come_from_the_table_of_functions() -> None:
    found = entry("relu")
    assert "The derivative of relu at 0 is 0, as in PyTorch." in found.conventions
    assert [v.label for v in found.variants] == ["conventions = share"]
    assert any(s.startswith("T holds no real numbers") for s in entry("cross_entropy").conventions)


def test_tensors_have_roles() -> None:
    roles = {row.name.latex: row.role for row in entry("layer_norm").tensors}
    assert roles["X"] == "input"
    assert roles["g"] == "parameter, saved"
    assert roles["H"] == "intermediate, saved"
    assert roles["Y"] == "output"
    defaults = {row.name.latex: row.default for row in entry("layer_norm").tensors}
    assert defaults[r"\varepsilon"] is not None
    assert defaults["X"] is None


def test_a_citation_is_linked() -> None:
    pieces = dict(entry("gelu").source)
    assert pieces["arXiv:1606.08415"] == "https://arxiv.org/abs/1606.08415"
    assert pieces["torch.nn.GELU"].endswith("/torch.nn.GELU.html")
    assert "".join(text for text, _ in entry("gelu").source) == LAYERS["gelu"].source


def test_costs_and_saved_entries() -> None:
    found = entry("softmax")
    assert [row.direction for row in found.costs] == ["forward", "backward"]
    assert found.costs[1].elementwise.latex == "4 |k| |n|"
    assert [(shape, count.latex) for shape, count in found.saved] == [("P[n, k]", "|k| |n|")]


@pytest.fixture
def own_layer() -> Iterator[Layer]:
    """Register a layer that uses the letter n and takes reads beyond its range."""
    made = layer(
        "own_shift",
        """
        X: real[..., n]
        size[m] = size[n]
        Y[..., m] = max[n](X[..., n], ties="first") + read(X[..., m - 1], outside=0) + X[..., m % 2]
        """,
    )
    yield made
    del LAYERS[made.name]


def test_a_layer_of_ones_own_has_a_family_and_a_free_letter(own_layer: Layer) -> None:
    assert families()[-1].title == "Other"
    assert families()[-1].layers == (own_layer,)
    found = entry_of(own_layer, "Other", plots=False)
    assert found.tensors[0].shape == "[b, n]"
    assert found.gen == "own_shift --batch b"
    assert found.codes[0].module == generate(derive(own_layer.system()), "numpy", ("b",))
    assert any("the first gets all" in s for s in found.conventions)
    assert "X reads as 0 beyond its range." in found.conventions
    assert found.lengths is not None
    assert found.lengths.latex == "|m| = |n|"
    assert entry("softmax").lengths is None
