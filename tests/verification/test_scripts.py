"""The program of a counterexample fails for the same reason, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse
from symgrad.layers.registry import get
from symgrad.verification.checks import CHECKS
from symgrad.verification.faults import FAULTS
from symgrad.verification.mutants import mutants
from symgrad.verification.oracles import Oracles
from symgrad.verification.scoring import points
from symgrad.verification.scripts import script
from symgrad.verification.subject import Subject
from symgrad.verification.verify import search

if TYPE_CHECKING:
    from symgrad.derivation import Derivation
    from symgrad.verification.report import Row

ROOT = Path(__file__).parent.parent.parent
TORCH = pytest.mark.torch

#: Where a bug is planted, the bug, the check that notices it and where it is run.
PLANTED = [
    ("tanh", "dropped term", "vjp equals the adjoint", "numpy"),
    ("softmax", "wrong sign", "vjp equals finite differences", "reference"),
    ("layer_norm", "factor slightly off", "vjp is exact modulo a prime", "numpy"),
    ("mse", "wrong sign", "short axes are right", "numpy"),
    pytest.param("tanh", "factor two", "wrapper gives the vjp", "torch", marks=TORCH),
]


def planted(layer: str, kind: str) -> tuple[Derivation, Derivation]:
    """Return a right derivation and one with a bug."""
    right = derive(get(layer).system())
    return right, next(m.derivation for m in mutants(right) if m.kind == kind)


def ran(row: Row) -> tuple[int, str]:
    """Run the program of a row; return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", row.script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("layer", "kind", "check", "target"), PLANTED)
def test_the_program_fails_for_the_same_reason(
    layer: str, kind: str, check: str, target: str
) -> None:
    right, bad = planted(layer, kind)
    row = search(CHECKS[check], Subject(bad, target, Oracles(right)))
    assert row.verdict == "wrong"
    code, printed = ran(row)
    assert code == 1
    assert printed.startswith("wrong: ")
    assert row.detail.startswith(printed.removeprefix("wrong: ").strip())


def test_the_program_says_what_was_found_and_where() -> None:
    right, bad = planted("tanh", "dropped term")
    subject = Subject(bad, "numpy", Oracles(right), name="mine")
    row = search(CHECKS["vjp equals the adjoint"], subject)
    assert row.script.startswith("# vjp equals the adjoint, mine, numpy: X_bar at (")
    assert "'X': np.array(1.0, dtype='float64')" in row.script
    assert "batch=()" in row.script


@pytest.mark.parametrize("layer", ["tanh", "softmax"])
def test_the_program_of_right_formulas_exits_with_0(layer: str) -> None:
    right = derive(get(layer).system())
    check = CHECKS["vjp equals the adjoint"]
    (instance,) = points(right, [check], 1)[check.name]
    with pytest.raises(SystemExit) as done:
        exec(script(check, Subject(right, "numpy"), instance, "nothing"), {})
    assert done.value.code is False


def test_a_fault_of_the_code_that_ran_is_not_in_the_formulas() -> None:
    bad = Subject(derive(get("tanh").system()), "numpy", fault=FAULTS["fails for short axes"])
    row = search(CHECKS["short axes are right"], bad)
    code, printed = ran(row)
    assert (code, printed) == (0, "ok: \n")


def test_formulas_whose_text_does_not_say_all_are_there_as_terms() -> None:
    right, bad = planted("softmax", "wrong sign")
    row = search(CHECKS["vjp is exact modulo a prime"], Subject(bad, "numpy", Oracles(right)))
    assert "load_json(" in row.script
    assert "# X_bar[..., k] = " in row.script
    linear = derive(parse("Y[n] = 2 * X[n]", name="twice"))
    wrong = next(mutants(linear)).derivation
    row = search(CHECKS["vjp is exact modulo a prime"], Subject(wrong, "numpy", Oracles(linear)))
    assert "load_json(" not in row.script
