"""`verify` says yes to right formulas, no to wrong ones, and shows the smallest counterexample."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from symgrad.autodiff.derive import derive
from symgrad.errors import TargetError
from symgrad.ir.compose import compose
from symgrad.ir.text import parse
from symgrad.layers.dense import LINEAR as LINEAR_LAYER
from symgrad.layers.loss import MSE
from symgrad.verification.checks import CHECKS
from symgrad.verification.faults import FAULTS
from symgrad.verification.mutants import mutants
from symgrad.verification.oracles import Oracles
from symgrad.verification.subject import Subject
from symgrad.verification.verify import search, verify

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

TORCH = pytest.param("torch", marks=pytest.mark.torch)
TANH = parse("Y[..., d] = tanh(X[..., d])", name="tanh")
LINEAR = parse("Y[n, o] = sum[i](X[n, i] * W[o, i])", name="linear", params=["W"])
LINEAR_VJP = """
X_bar[n, i] = sum[o](Y_bar[n, o] * W[o, i])
W_bar[o, i] = sum[n](Y_bar[n, o] * X[n, i])
return X_bar, W_bar
"""


def by_hand(text: str) -> Derivation:
    """Return the derivation of LINEAR with a backward System that a person wrote."""
    right = derive(LINEAR)
    written = parse(text, name="linear_vjp", internal=True)
    return replace(right, backward=replace(right.backward, equations=written.equations))


def wrong(kind: str) -> Derivation:
    return next(m.derivation for m in mutants(derive(TANH)) if m.kind == kind)


@pytest.mark.parametrize("target", ["reference", "numpy", TORCH])
def test_a_right_layer_passes_every_check(target: str) -> None:
    report = verify(TANH, target, examples=4)
    assert report.ok
    assert {r.verdict for r in report.rows} == {"ok"}
    assert [r.check for r in report.rows] == [n for n, c in CHECKS.items() if c.applies_to(target)]


def test_a_layer_is_verified_for_every_value_of_its_options() -> None:
    report = verify(MSE, checks=["vjp equals the adjoint"], examples=3)
    assert [r.layer for r in report.rows] == [
        f"mse(reduction={v})" for v in ("mean", "sum", "none")
    ]


def test_a_network_with_long_axes_is_verified_at_short_ones() -> None:
    network = compose(LINEAR_LAYER(784, 10), MSE.system(), name="network")
    report = verify(network, checks=["vjp equals the adjoint", "vjp is proved at small sizes"])
    assert [r.verdict for r in report.rows] == ["ok", "ok"]
    assert report.rows[0].undecided < report.rows[0].examples


def test_a_backward_written_by_hand_is_verified_as_it_stands() -> None:
    assert verify(by_hand(LINEAR_VJP), "numpy", examples=4).ok


@pytest.mark.parametrize(
    ("right", "bug"),
    [
        ("Y_bar[n, o] * W[o, i]", "Y_bar[n, o] * W[i, o]"),
        ("Y_bar[n, o] * X[n, i]", "-Y_bar[n, o] * X[n, i]"),
        ("Y_bar[n, o] * X[n, i]", "Y_bar[n, 0] * X[n, i]"),
        ("Y_bar[n, o] * X[n, i]", "Y_bar[n, o] ** 2 * X[n, i]"),
    ],
    ids=["transposed", "sign", "uniform cotangent", "not linear"],
)
def test_a_mistake_made_by_hand_is_found(right: str, bug: str) -> None:
    derivation = by_hand(LINEAR_VJP.replace(right, bug))
    report = verify(Subject(derivation, "reference", Oracles(derive(LINEAR))), examples=20)
    assert not report.ok
    assert "vjp is the transpose of jvp" in {r.check for r in report.wrong}


def test_a_wrong_layer_fails_with_the_smallest_counterexample() -> None:
    row = search(CHECKS["vjp equals the adjoint"], Subject(wrong("factor two"), "reference"))
    assert row.verdict == "wrong"
    assert "X_bar at (d=0)" in row.detail
    assert "...=(), d=1" in row.detail


def test_the_same_seed_finds_the_same() -> None:
    def found() -> dict[str, Any]:
        report = verify(wrong("wrong sign"), "reference", examples=5, seed=3).as_dict()
        return {r["check"]: (r["verdict"], r["detail"], r["ulps"]) for r in report["rows"]}

    assert found() == found()


def test_a_function_that_changes_its_mind_is_wrong() -> None:
    bad = Subject(derive(TANH), "numpy", fault=FAULTS["differs the second time"])
    report = verify(bad, checks=["results are reproducible"])
    assert report.rows[0].kind == "determinism"


def test_reports_are_data() -> None:
    report = verify(wrong("factor two"), "reference", examples=3)
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert data["ok"] is False
    assert len(data["rows"]) == len(report.rows)


def test_a_report_prints_its_table_and_the_program_that_shows_the_defect() -> None:
    text = str(verify(wrong("factor two"), "reference", examples=3))
    assert "vjp equals the adjoint" in text
    assert "replay(\n    trial" in text


def test_there_are_only_known_targets() -> None:
    with pytest.raises(TargetError, match="one of reference, numpy, torch"):
        Subject(derive(TANH), "fortran")


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda c: c.name.replace(" ", "_"))
def test_every_check_says_what_it_proves(check: Any) -> None:
    assert check.proves.endswith(".")
    assert check.function.__doc__
