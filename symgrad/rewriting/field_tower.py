"""Arithmetic of the tower of prime fields in which Systems are evaluated exactly.

In: NumPy arrays of residues. Out: the same. `symgrad.rewriting.field` says why the tower has this
shape. `PRIMES[i + 1] = 2 * PRIMES[i] + 1`: a Cunningham chain, its top below 2**31.2, so that the
product of two residues fits in 63 bits.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fractions import Fraction

Residues = NDArray[np.int64]
Truths = NDArray[np.bool_]

PRIMES: tuple[int, ...] = tuple(2**k * 19_099_920 - 1 for k in range(8))
TOP = len(PRIMES) - 1

_WINDOW = 11  # bits of an exponent looked up at a time: three windows hold any exponent
_BABY = 1 << 17
_SIEVE = 1 << 21


def residue(value: Fraction, p: int) -> int:
    """Return a rational number modulo p.

    Raises:
        ZeroDivisionError: If p divides the denominator.
    """
    if value.denominator % p == 0:
        raise ZeroDivisionError(f"{value} has no residue modulo {p}")
    return value.numerator * pow(value.denominator, -1, p) % p


def power(base: Residues, exponent: int, p: int) -> Residues:
    """Return `base ** exponent` for an exponent of at least 0."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result = result * base % p
        exponent >>= 1
        if exponent:
            base = base * base % p
    return result


def inverse(values: Residues, p: int) -> tuple[Residues, Truths]:
    """Return the inverses and where they exist; one inversion and three products an element."""
    exists = values != 0
    level = np.where(exists, values, 1).ravel()
    tree = [level]
    while len(level) > 1:
        if len(level) % 2:
            tree[-1] = level = np.append(level, 1)
        level = level[0::2] * level[1::2] % p
        tree.append(level)
    result = np.array([pow(int(v), -1, p) for v in tree[-1]], dtype=np.int64)
    for below in reversed(tree[:-1]):
        wider = np.empty_like(below)
        half = result[: len(below) // 2]
        wider[0::2] = half * below[1::2] % p
        wider[1::2] = half * below[0::2] % p
        result = wider
    return result[: values.size].reshape(values.shape), exists


def is_square(values: Residues, p: int) -> Truths:
    """Return where a residue is a square: the field's stand-in for being positive."""
    return np.asarray(power(values, (p - 1) // 2, p) == 1)


def rational_power(values: Residues, exponent: Fraction, p: int) -> tuple[Residues, Truths | None]:
    """Return a rational power and where it is defined (None: everywhere).

    Odd roots exist and are unique, as p - 1 is twice a number without small odd factors. Of the two
    even roots of a square exactly one is a square: that one is taken, so that powers multiply.
    """
    top, bottom = exponent.numerator, exponent.denominator
    if bottom % 2:
        k = top * pow(bottom, -1, p - 1) % (p - 1)
        return power(values, k, p), (values != 0 if top < 0 else None)
    half = (p - 1) // 2
    return power(values, top * pow(bottom, -1, half) % half, p), is_square(values, p)


@cache
def _windows(level: int) -> tuple[Residues, ...]:
    """Return the powers of 2 for each window of the exponent; 2 generates the squares."""
    p = PRIMES[level]
    tables = []
    for k in range(3):
        step = pow(2, 1 << (_WINDOW * k), p)
        column = [1]
        for _ in range((1 << _WINDOW) - 1):
            column.append(column[-1] * step % p)
        tables.append(np.array(column, dtype=np.int64))
    return tuple(tables)


def exponential(exponents: Residues, scale: Residues, level: int) -> Residues:
    """Return `2 ** (scale * exponents)` at a level, from exponents at the level below."""
    p, q = PRIMES[level], PRIMES[level - 1]
    k = exponents * scale % q
    mask = (1 << _WINDOW) - 1
    parts = (table[(k >> (_WINDOW * j)) & mask] for j, table in enumerate(_windows(level)))
    return reduce(lambda a, b: a * b % p, parts)


@cache
def _baby_steps(level: int) -> tuple[Residues, Residues, Residues, Truths]:
    """Return the first powers of 2 sorted, their exponents, the giant steps back, and a sieve.

    The sieve says for the low bits of a residue whether a baby step may have them: most residues
    have no baby step, and a look-up in it is much cheaper than a search.
    """
    p, q = PRIMES[level], PRIMES[level - 1]
    low, high, _ = _windows(level)
    rows = _BABY >> _WINDOW
    powers = (high[:rows, None] * low[None, :] % p).ravel()
    order = np.argsort(powers)
    step = pow(pow(2, _BABY, p), -1, p)
    giants = [1]
    while len(giants) * _BABY < q:
        giants.append(giants[-1] * step % p)
    sieve = np.zeros(_SIEVE, dtype=np.bool_)
    sieve[powers & (_SIEVE - 1)] = True
    return powers[order], order, np.array(giants, dtype=np.int64), sieve


def logarithm(values: Residues, scale: Residues, level: int) -> tuple[Residues, Truths]:
    """Return the inverse of `exponential` from a level to the one below, and where it exists.

    It exists exactly for squares. Baby steps and giant steps, all at once.
    """
    p, q = PRIMES[level], PRIMES[level - 1]
    powers, exponents, giants, sieve = _baby_steps(level)
    moved = values.reshape(-1, 1) * giants % p
    rows, columns = np.nonzero(sieve[moved & (_SIEVE - 1)])
    wanted = moved[rows, columns]
    found = np.minimum(np.searchsorted(powers, wanted), _BABY - 1)
    hit = powers[found] == wanted
    logs = np.full(values.size, -1, dtype=np.int64)
    logs[rows[hit]] = (columns[hit] * _BABY + exponents[found[hit]]) % q
    unscaled, _ = inverse(scale, q)
    whole = logs.reshape(values.shape)
    return whole % q * unscaled % q, np.asarray(whole >= 0)


def scramble(values: Residues, keys: Residues, p: int) -> Residues:
    """Return an odd pseudo-random function of residues, one for each row of keys.

    Stands for a function of which only its value, its parity and its derivative row are known.
    """
    negative = values > p // 2
    x = np.where(negative, p - values, values)
    for k, degree in enumerate((3, 5, 7)):
        x = power((x + keys[k]) % p, degree, p)
    return np.where(values == 0, 0, np.where(negative, p - x, x)) % p


def deep_exponential(values: Residues, roots: Residues) -> Residues:
    """Return squares e(u) with e(-u) = 1 / e(u), from values and random odd functions of them."""
    p = PRIMES[0]
    squares = np.where(roots == 0, 1, roots * roots % p)
    below, _ = inverse(squares, p)
    return np.where(values > p // 2, below, squares)


def on_circle(half: Residues, p: int) -> tuple[Residues, Residues]:
    """Return (1 - t**2) / (1 + t**2) and 2 t / (1 + t**2): a cosine and a sine."""
    square = half * half % p
    below, _ = inverse((1 + square) % p, p)
    return (1 - square) % p * below % p, 2 * half % p * below % p
