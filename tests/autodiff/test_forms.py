"""The closed forms of the literature, to the letter: index form and LaTeX, exact and cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from symgrad.formula.latex import latex_system
from symgrad.lowering.cost import cost_sheet
from symgrad.rewriting.equality import vjp_is_exact
from tests.autodiff.forms import ATTENTIONS, FORMS, derivation_of, index_form

if TYPE_CHECKING:
    from collections.abc import Callable

#: Group norm has four letters; the strongest peer prints layer norm's input gradient in 1018
#: characters.
LONGEST_LINE = 160

every_form = pytest.mark.parametrize("name", FORMS)


@every_form
def test_the_closed_form_is_the_reviewed_one(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"forms/{name}.txt", index_form(derivation_of(name)))


@every_form
def test_the_latex_is_the_reviewed_one(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"forms/{name}.tex", latex_system(derivation_of(name).backward) + "\n")


@every_form
def test_the_closed_form_is_exact(name: str) -> None:
    verdict = vjp_is_exact(derivation_of(name))
    assert verdict.answer == "equal", str(verdict)


def test_every_equation_fits_on_a_line() -> None:
    lines = [str(e) for name in FORMS for e in derivation_of(name).backward.equations]
    assert max(map(len, lines)) <= LONGEST_LINE, max(lines, key=len)
    assert len(str(derivation_of("layer_norm").backward.equation("X_bar"))) <= 110


#: Form, axes of its input, element-wise operations an element, reductions: ZOO's last table, and
#: for what it does not list the best form that we know.
COSTS = [
    ("tanh", "i", 3, 0),
    ("sigmoid", "i", 3, 0),
    ("softmax", "nk", 4, 1),
    ("log_softmax", "nk", 3, 1),
    ("cross_entropy_index_mean", "nc", 2, 0),
    ("cross_entropy_index_sum", "nc", 2, 0),
    ("cross_entropy_simplex", "nc", 2, 0),
    ("cross_entropy_probabilities", "nc", 4, 1),
    ("cross_entropy_smoothing", "nc", 4, 0),
    ("cross_entropy_ignore_index", "nc", 2, 0),
    ("layer_norm", "nd", 11, 4),  # with 2 operations for the gain and 1 for the bias
    ("instance_norm", "nch", 7, 2),
    ("rms_norm", "nd", 8, 2),  # with 2 for the gain
    ("l2_normalise", "nd", 5, 1),
    ("focal", "nc", 2, 0),
    ("infonce", "nm", 0, 0),
]


@pytest.mark.parametrize(("name", "axes", "operations", "reductions"), COSTS)
def test_a_form_costs_no_more_than_the_best_known(
    name: str, axes: str, operations: int, reductions: int
) -> None:
    sheet = cost_sheet(derivation_of(name).backward)
    assert sheet.per_element(*axes) <= operations
    assert sheet.reductions <= reductions


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_takes_the_product_of_its_output_with_the_cotangent(name: str) -> None:
    """D = sum(dO * O) is found: four products of matrices (P is saved) and one dot of rows."""
    derivation = derivation_of(name)
    sheet = cost_sheet(derivation.backward)
    assert (sheet.contractions, sheet.reductions) == (4, 1)
    assert {"P", "O"} <= set(derivation.saved)
