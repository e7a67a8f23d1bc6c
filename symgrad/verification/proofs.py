"""Exact oracles: answers about a derivation that need no tolerance.

In: a derivation. Out: an `Outcome`. The arithmetic is done by `symgrad.rewriting.equality`, modulo
primes, and by plain SymPy at small sizes; neither shares code with the derivation on trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symgrad.rewriting.equality import vjp_is_exact
from symgrad.symbolic import scalar_proof
from symgrad.verification.instances import at_rank, shape_of, sizes_of, with_open_lengths
from symgrad.verification.outcome import Outcome, cannot_tell, wrong

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

#: SymPy differentiates entry by entry: longer axes would only make it slow.
SHORT = 2


def modular_proof(derivation: Derivation) -> Outcome:
    """Return whether `<Y_bar, J v> = <X_bar, v>` in prime fields, at random points."""
    verdict = vjp_is_exact(derivation)
    if verdict:
        return Outcome()
    if verdict.answer == "cannot tell":
        return cannot_tell(verdict.reason)
    return wrong(str(verdict), "formula")


def sympy_proof(derivation: Derivation) -> Outcome:
    """Return whether every entry is what `sympy.diff` gives for the spelled-out scalar function."""
    short = with_open_lengths(derivation, SHORT)
    systems = short.system, short.forward, short.backward
    system, forward, backward = (at_rank(s, 1) for s in systems)
    fixed = dict(system.sizes)
    sizes = sizes_of(system, {a: SHORT for a in system.axes if a not in fixed})
    if max(sizes.values(), default=0) > SHORT:
        return cannot_tell("some axis is too long to spell out")
    given = {
        t.name: np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2
        for t in system.inputs
        if not t.is_real
        for shape in [shape_of(system, t.name, sizes)]
    }
    try:
        proof = scalar_proof(system, backward, sizes, forward=forward, given=given)
    except TypeError as reason:
        return cannot_tell(str(reason))
    return Outcome() if proof else wrong(f"{proof.where} differs from sympy.diff", "formula")
