"""What the forms of the equation language parse to."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symgrad.errors import OptionError
from symgrad.interpreter import evaluate
from symgrad.ir.batch import BATCH_INDEX
from symgrad.ir.terms import (
    INF,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Index,
    Logic,
    Mul,
    Power,
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.ir.text import options_of, parse, parse_expression
from symgrad.ir.wellformed import defects
from tests.ir.texts import TEXTS, every_choice

x, z = Element("x"), Element("z")


def number(value: object) -> Const:
    return Const(Fraction(str(value)))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("x - z", Add((x, Mul((number(-1), z))))),
        ("x - 2", Add((x, number(-2)))),
        ("x / z", Mul((x, Power(z, Fraction(-1))))),
        ("sqrt(x)", Power(x, Fraction(1, 2))),
        ("1 / sqrt(x)", Power(x, Fraction(-1, 2))),
        ("x**3", Power(x, Fraction(3))),
        ("x**-1", Power(x, Fraction(-1))),
        ("x**(2/3)", Power(x, Fraction(2, 3))),
        ("x**z", Call("pow", (x, z))),
        ("0.1", number("1/10")),
        ("x > z", Compare("<", z, x)),
        ("x != z", Compare("!=", x, z)),
        ("0 <= x < 1", Logic("and", (Compare("<=", number(0), x), Compare("<", x, number(1))))),
        ("not x > 0", Logic("not", (Compare("<", number(0), x),))),
        ("where(x > 0, x, -inf)", Where(Compare("<", number(0), x), x, Mul((number(-1), INF)))),
        ("x // 2", Call("floordiv", (x, number(2)))),
        ("x + z + x", Add((x, z, x))),
        ("z * x * z", Mul((z, x, z))),
        ("-x * z", Mul((number(-1), x, z))),
        ("size[n] * x", Mul((Size("n"), x))),
    ],
)
def test_an_expression_is_the_term_it_says(text: str, term: object) -> None:
    assert parse_expression(text) is term


def test_reductions_bind_their_letters() -> None:
    term = parse_expression("sum[i, j, j <= i](X[i, n] * Y[j])")
    assert isinstance(term, Reduce)
    assert [i.name for i in term.bound] == ["i", "j"]
    assert isinstance(term.condition, Compare)
    assert term.free == {Index("n", "n")}


def test_a_mean_is_a_sum_over_its_length() -> None:
    term = parse_expression("mean[d](X[n, d])")
    assert isinstance(term, Mul)
    assert isinstance(term.factors[0], Reduce)
    assert term.factors[1] is Power(Size("d"), Fraction(-1))


def test_dots_are_the_batch_axes() -> None:
    system = parse("Y[..., o] = sum[i](X[..., i] * W[o, i])")
    assert system.equations[0].indices[0] is BATCH_INDEX
    assert [t.axes for t in system.inputs] == [("...", "i"), ("o", "i")]


def test_inputs_are_what_is_read_and_not_defined_declared_ones_first() -> None:
    system = parse("b: real[n]\nH[n] = a[n] + s\nY[n] = H[n] * b[n]\n")
    assert [(t.name, len(t.shape)) for t in system.inputs] == [("b", 1), ("a", 1), ("s", 0)]
    assert system.outputs == ("Y",)


def test_letters_in_one_slot_share_an_axis_called_after_the_first() -> None:
    system = parse("S[q, k] = sum[i](X[q, i] * X[k, i])")
    assert [(i.name, i.axis) for i in system.equations[0].letters] == [("q", "q"), ("k", "q")]
    assert system.tensor("X").axes == ("q", "i")


def test_an_index_tensor_names_the_axis_it_indexes() -> None:
    system = parse("T: index(c)[n]\nL[n] = X[n, T[n]]\n")
    assert system.tensor("T").limit == "c"
    assert system.tensor("X").axes == ("n", "c")


def test_the_limit_of_an_index_tensor_unifies_with_the_axis_it_reads() -> None:
    system = parse("X: real[n, k]\nT: index(c)[n]\nL[n] = X[n, T[n]]\n")
    assert system.tensor("T").limit == "k"


def test_lengths_are_expressions_in_other_lengths() -> None:
    system = parse("X: real[y]\nsize[h] = (size[y] - 2) // 3 + 1\nY[h] = X[3*h] + X[3*h + 1]")
    assert dict(system.sizes)["h"] is parse_expression("(size[y] - 2) // 3 + 1")


def test_composite_axes_are_products() -> None:
    system = parse("Y[n, g] = sum[c](X[n, (g, c)])\nsize[g] = 2")
    assert system.tensor("X").shape[1] is Mul((Size("g"), Size("c")))


def test_one_composite_axis_is_not_two_axes() -> None:
    system = parse("Y[(g, c)] = X[(g, c)] + Z[g, c]")
    assert [len(t.shape) for t in (*system.inputs, system.tensor("Y"))] == [1, 2, 1]


def test_options_have_legal_values() -> None:
    text = """
    stride: int(1, 3) = 2
    causal: flag = False
    reduction: "mean" | "sum" = "mean"
    b: real[n] | None = None
    Y[n] = X[n]
    """
    assert options_of(text) == {
        "stride": (1, 2, 3),
        "causal": (False, True),
        "reduction": ("mean", "sum"),
        "b": (False, True),
    }


def test_branches_are_resolved_before_anything_else() -> None:
    text = 'r: "mean" | "sum" = "mean"\n'
    text += 'if r == "mean":\n  L = mean[n](X[n])\nelse:\n  L = sum[n](X[n])'
    assert parse(text).equations == parse("L = mean[n](X[n])").equations
    assert parse(text, options={"r": "sum"}).equations == parse("L = sum[n](X[n])").equations


@pytest.mark.parametrize(
    ("test", "truth"),
    [
        ("s == 2", True),
        ("s != 2", False),
        ("s < 3", True),
        ("s <= 1", False),
        ("s > 1", True),
        ("s >= 3", False),
        ("s == -2", False),
        ("not s == 2", False),
        ("s == 2 and c", False),
        ("s == 3 or not c", True),
        ("b", False),
    ],
)
def test_branches_compare_options(test: str, *, truth: bool) -> None:
    head = "s: int(-2, 4) = 2\nc: flag = False\nb: real | None = None\n"
    system = parse(f"{head}if {test}:\n  Y = 1 * x\nelif s == 4:\n  pass\nelse:\n  Y = 2 * x")
    assert str(system.equations[0]) == ("Y = x" if truth else "Y = 2 * x")


def test_defaults_are_exact() -> None:
    system = parse("a: real = -1/3\nb: real = .5\nc: int = -2\nY = a + b * c")
    assert [t.default for t in system.inputs] == [Fraction(-1, 3), Fraction(1, 2), -2]


def test_a_mean_over_a_condition_divides_by_how_many_meet_it() -> None:
    system = parse("size[i] = size[j]\nY[i] = mean[j, j <= i](X[j])")
    assert str(system.equations[0]).endswith("sum[j, j <= i](X[j]) / sum[j, j <= i](1)")


def test_an_optional_input_is_present_when_chosen() -> None:
    text = "b: real[n] | None = None\nif b:\n  Y[n] = X[n] + b[n]\nelse:\n  Y[n] = X[n]"
    assert [t.name for t in parse(text).inputs] == ["X"]
    assert [t.name for t in parse(text, options={"b": True}).inputs] == ["b", "X"]
    assert [t.name for t in parse(text, options={"b": None}).inputs] == ["X"]


def test_an_integer_option_is_a_literal() -> None:
    text = "s: int(1, 3) = 2\nX: real[y]\nsize[h] = size[y] // s\nY[h] = X[s*h] * s"
    assert "2 * X[2 * h]" in str(parse(text))


@pytest.mark.parametrize("options", [{"r": "max"}, {"q": 1}, {"r": 1}, {"r": None}, {"r": []}])
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    text = 'r: "mean" | "sum" = "mean"\nL = X'
    with pytest.raises(OptionError, match="SG117"):
        parse(text, options=options)


def test_macros_expand_to_equations_of_their_own() -> None:
    system = parse("P[n, k] = softmax[k](X[n, k])")
    assert [str(e) for e in system.equations] == [
        "P_exp[n, k] = exp(X[n, k])",
        "P_sum[n] = sum[k](P_exp[n, k])",
        "P[n, k] = P_exp[n, k] / P_sum[n]",
    ]


def test_a_macro_inside_a_reduction_keeps_the_letters_it_depends_on() -> None:
    system = parse("O[q, d] = sum[k](softmax[k](S[q, k]) * V[k, d])")
    assert [str(e.element) for e in system.equations] == ["O_exp[q, k]", "O_sum[q]", "O[q, d]"]


def test_macro_names_avoid_names_of_the_text() -> None:
    system = parse("V_mean[n] = X[n, 0]\nV[n] = var[d](X[n, d]) + V_mean[n]")
    assert [e.target for e in system.equations] == ["V_mean", "V_mean2", "V"]


def test_parameters_that_an_option_leaves_out_are_left_out() -> None:
    text = "b: real[n] | None = None\nif b:\n  Y[n] = X[n] + b[n]\nelse:\n  Y[n] = X[n]"
    assert parse(text, params=("b",)).params == ()
    assert parse(text, params=("b",), options={"b": True}).params == ("b",)


def test_initial_values_are_equations_of_their_own() -> None:
    system = parse("H[t] = H[t-1] * X[t]\nH[-1] = a\nN = H[size[t] - 1]")
    assert [str(e.element) for e in system.equations] == ["H[t]", "H[-1]", "N"]
    assert system.defined == ("H", "N")


def test_batch_axes_lead_in_what_a_macro_adds() -> None:
    text = "S[..., q, k] = where(k <= q, X[..., q, k], 0)\nP[..., q, k] = softmax[k](S[..., q, k])"
    assert all(e.letters[0] is BATCH_INDEX for e in parse(text).equations)


def test_an_input_may_be_given_values_beyond_its_range() -> None:
    system = parse("H: real[t]\nD[t] = H[t] - H[t-1]\nH[-1] = h")
    assert [t.name for t in system.inputs] == ["H", "h"]
    assert system.defined == system.outputs == ("D",)
    found = evaluate(system, {"H": [1.0, 5.0, 3.0], "h": 2.0})["D"]
    assert found.tolist() == [-1.0, 4.0, -2.0]
    last = parse("X: real[t]\nD[t] = X[t+1] - X[t]\nX[size[t]] = X[0]\nreturn D")
    assert evaluate(last, {"X": [1.0, 5.0, 3.0]})["D"].tolist() == [4.0, -2.0, -2.0]


@pytest.mark.parametrize("name", TEXTS)
def test_every_form_makes_a_legal_system_for_every_option(name: str) -> None:
    for options in every_choice(TEXTS[name]):
        assert defects(parse(TEXTS[name], options=options)) == []
