"""Exact oracles: answers about a derivation that need no tolerance.

In: a derivation. Out: an `Outcome`. The arithmetic is done by `symgrad.rewriting.equality`, modulo
primes, and by plain SymPy at small sizes; neither shares code with the derivation on trial.
"""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np

from symgrad.errors import UnsupportedError
from symgrad.ir.stepwise import time_axes
from symgrad.rewriting.equality import vjp_is_exact
from symgrad.symbolic import scalar_proof
from symgrad.verification.instances import at_rank, shape_of, sizes_of, with_open_lengths
from symgrad.verification.outcome import Outcome, cannot_tell, wrong

if TYPE_CHECKING:
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System

#: SymPy differentiates entry by entry: longer axes would only make it slow.
SHORT = 2

#: The longest axis of a fixed length that is spelled out.
LONGEST = 4

#: Characters of what SymPy says when it gives up; it may print a whole formula.
_LONGEST_REASON = 200

#: Entries of other axes and steps of time: without a recurrence, and with one.
_LENGTHS = {False: ((SHORT, SHORT),), True: ((1, SHORT), (SHORT, 1))}


def modular_proof(derivation: Derivation) -> Outcome:
    """Return whether `<Y_bar, J v> = <X_bar, v>` in prime fields, at random points."""
    verdict = vjp_is_exact(derivation)
    if verdict:
        return Outcome()
    if verdict.answer == "cannot tell":
        return cannot_tell(verdict.reason)
    return wrong(str(verdict), "formula")


def sympy_proof(derivation: Derivation) -> Outcome:
    """Return whether every entry is what `sympy.diff` gives for the spelled-out scalar function.

    Axes have two entries. Two steps of a recurrence are spelled out with one entry along its other
    axes, and one step with two. What would be too long is tried with single entries.
    """
    short = with_open_lengths(derivation, SHORT)
    systems = (at_rank(short.system, 1), at_rank(short.forward, 1), at_rank(short.backward, 1))
    time = time_axes(systems)
    found = [_proved(systems, time, *pair) for pair in _LENGTHS[bool(time)]]
    if not any(outcome.verdict == "ok" for outcome in found):
        found.append(_proved(systems, time, 1, 1))
    return min(found, key=lambda outcome: ("wrong", "ok", "cannot tell").index(outcome.verdict))


def _proved(
    systems: tuple[System, System, System], time: tuple[str, ...], others: int, steps: int
) -> Outcome:
    system, forward, backward = systems
    fixed = dict(system.sizes)
    free = (a for a in system.axes if a not in fixed)
    sizes = sizes_of(system, {a: steps if a in time else others for a in free})
    if max(sizes.values(), default=0) > LONGEST:
        return cannot_tell("some axis is too long to spell out")
    given = {
        t.name: np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2
        for t in system.inputs
        if not t.is_real
        for shape in [shape_of(system, t.name, sizes)]
    }
    try:
        proof = scalar_proof(system, backward, sizes, forward=forward, given=given)
    except (TypeError, UnsupportedError) as reason:
        return cannot_tell(shorten(str(reason), _LONGEST_REASON))
    return Outcome() if proof else wrong(f"{proof.where} differs from sympy.diff", "formula")
