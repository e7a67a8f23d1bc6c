"""The tower of prime fields: its laws, and its agreement with rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from symgrad.ir.text import parse
from symgrad.rewriting import field_tower as tower
from symgrad.rewriting.field import Valuation
from symgrad.rewriting.field_point import Point, choose_sizes
from symgrad.rewriting.field_tower import PRIMES, TOP

LEVELS = range(1, TOP + 1)


def draws(level: int, seed: int = 0, count: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, PRIMES[level], count)


def test_the_tower_is_a_chain_of_primes_whose_products_fit() -> None:
    assert all(sympy.isprime(p) for p in PRIMES)
    assert all(high == 2 * low + 1 for low, high in pairwise(PRIMES))
    assert (PRIMES[-1] - 1) ** 2 < 2**63
    assert PRIMES[0] > 2**24


@pytest.mark.parametrize("level", range(TOP + 1))
def test_being_a_square_is_like_being_positive(level: int) -> None:
    p = PRIMES[level]
    signs = tower.is_square(np.array([2, 3, 5, 7, p - 1, p - 2]), p)
    assert signs.tolist() == [True, True, True, True, False, False]


@pytest.mark.parametrize("level", LEVELS)
@given(seed=st.integers(0, 10**6))
def test_exponentials_turn_sums_into_products(level: int, seed: int) -> None:
    p, q = PRIMES[level], PRIMES[level - 1]
    a, b, scale = draws(level - 1, seed), draws(level - 1, seed + 1), draws(level - 1, seed + 2)
    product = tower.exponential(a, scale, level) * tower.exponential(b, scale, level) % p
    assert (tower.exponential((a + b) % q, scale, level) == product).all()


@pytest.mark.parametrize("level", LEVELS)
def test_logarithms_undo_exponentials_and_know_squares(level: int) -> None:
    exponents, scale = draws(level - 1), draws(level - 1, 1)
    values = tower.exponential(exponents, scale, level)
    found, exists = tower.logarithm(values, scale, level)
    assert exists.all()
    assert (found == exponents).all()
    _, negative = tower.logarithm(PRIMES[level] - values, scale, level)
    assert not negative.any()


@given(seed=st.integers(0, 10**6), size=st.integers(0, 9))
def test_inverses_are_inverses(seed: int, size: int) -> None:
    p = PRIMES[2]
    values = np.random.default_rng(seed).integers(0, p, (size, 3)) * (seed % 3 != 0)
    found, exists = tower.inverse(values, p)
    assert (exists == (values != 0)).all()
    assert (found * values % p == exists).all()


@pytest.mark.parametrize(
    "exponent", [Fraction(1, 2), Fraction(-3, 2), Fraction(1, 3), Fraction(-2)]
)
def test_rational_powers_multiply(exponent: Fraction) -> None:
    p = PRIMES[0]
    a, b = draws(0) ** 2 % p, draws(0, 1) ** 2 % p
    (left, first), (right, _) = (tower.rational_power(v, exponent, p) for v in (a, b))
    both, _ = tower.rational_power(a * b % p, exponent, p)
    assert first is None or first.all()
    assert (left * right % p == both).all()
    k = exponent.denominator
    assert (tower.power(left, k * abs(exponent.numerator), p) != 0).all()


RATIONAL = """
M[n] = mean[d](X[n, d])
V[n] = sum[d]((X[n, d] - M[n]) ** 2) / 7
Y[n, d] = (X[n, d] - 3 * M[n]) / (1 + V[n]) + size[d] * prod[e](X[n, e]) * (d + 1)
"""


@given(seed=st.integers(0, 10**6))
def test_rational_systems_have_the_residues_of_their_exact_values(seed: int) -> None:
    system = parse(RATIONAL)
    rng = np.random.default_rng(seed)
    point = Point({t.name: t for t in system.inputs}, choose_sizes([system], rng), 2, rng)
    valuation = Valuation(system, point)
    p, x = PRIMES[3], point.residues("X", 3).data
    found = valuation.tensor("Y", 3)
    assert found.ok is None
    for draw in range(2):
        for n, row in enumerate(x[draw].tolist()):
            exact = [Fraction(v) for v in row]
            mean = sum(exact, Fraction(0)) / len(exact)
            spread = sum(((v - mean) * (v - mean) for v in exact), Fraction(0)) / 7
            whole = Fraction(len(exact))
            for v in exact:
                whole *= v
            for d, v in enumerate(exact):
                value = (v - 3 * mean) / (1 + spread) + whole * (d + 1)
                assert tower.residue(value, p) == found.data[draw, n, d]


def test_a_point_where_a_value_is_undefined_says_so() -> None:
    system = parse("Y[n] = 1 / (X[n] - X[n])")
    point = Point({t.name: t for t in system.inputs}, {"n": 2}, 3, np.random.default_rng(0))
    ok = Valuation(system, point).tensor("Y", 0).ok
    assert ok is not None
    assert not ok.any()
    kept = parse("Y[n] = where(X[n] == X[n], X[n], 1 / (X[n] - X[n]))")
    taken = Valuation(kept, point).tensor("Y", 0)
    assert taken.ok is None or taken.ok.all()
