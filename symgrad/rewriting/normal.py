"""The normal form: the ordered list of rules whose fixed point is a sum of products of atoms.

In: a term. Out: the term in normal form. Two terms that are equal as polynomials in their atoms
have the same normal form; equality beyond that is the business of `symgrad.rewriting.equality`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.rewriting.algebra import NORMAL_ALGEBRA
from symgrad.rewriting.contraction import NORMAL_SUMS
from symgrad.rewriting.engine import Budget, Rewriter
from symgrad.rewriting.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from symgrad.ir.terms import Expr
    from symgrad.rewriting.rule import Rule

NORMAL_RULES = (*NORMAL_ALGEBRA, *NORMAL_SUMS)


def normaliser(
    facts: Facts | None = None, first: Iterable[Rule] = (), budget: Budget | None = None
) -> Rewriter:
    """Return a rewriter to the normal form, with more rules tried before its own."""
    return Rewriter((*first, *NORMAL_RULES), facts or Facts(), budget)


def normal(expr: Expr, facts: Facts | None = None) -> Expr:
    """Return the normal form of a term."""
    return normaliser(facts)(expr)
