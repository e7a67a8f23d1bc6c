"""The steps from the chain rule to a closed form, told in order.

In: a search that has found its best form. Out: steps in a trace. The moves are made again, one
relation at a time, so that each step shows what one law does.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from symgrad.ir.visit import tensors_read
from symgrad.rewriting.engine import BudgetExceededError, Rewriter
from symgrad.rewriting.normal import normaliser
from symgrad.rewriting.rule import RULES

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation
    from symgrad.rewriting.closed_form import ClosedForm, Search
    from symgrad.rewriting.trace import Trace

#: A longer step that only inserts is mechanical: a reader may skip it.
_LONGEST_SHOWN = 160


def explain(search: Search, best: ClosedForm, trace: Trace) -> None:
    """Record the steps from the raw adjoint to the closed form."""
    for raw in search.adjoint.values():
        trace.chain_rule(_reads(search, raw.target), raw)
    search.start_again()
    for equation in best.equations:
        with suppress(BudgetExceededError):
            _explain_one(search, best, equation, trace)


def _reads(search: Search, cotangent: str) -> tuple[str, ...]:
    """Return a tensor and those in whose equations it is read: its cotangent sums over them."""
    name = cotangent.removesuffix("_bar").removesuffix("_total")
    readers = (e.target for e in search.system.equations if name in tensors_read(e.value))
    return (name, *readers)


def _explain_one(search: Search, best: ClosedForm, final: Equation, trace: Trace) -> None:
    target = final.target
    plain = normaliser(search.facts, budget=search.budget)
    raw = search.adjoint[target]
    inlined = search.equation(target, search.inlined(target, best.named))
    long = len(str(inlined)) > _LONGEST_SHOWN
    trace.add("insert_definitions", "equals for equals", inlined, raw, detail=long)
    normal = search.equation(target, plain(inlined.value))
    trace.add("normalise", _laws(plain), normal, inlined, detail=True)
    _explain_reuse(search, best, normal, trace)
    reused = search.equation(target, search.rewriter(best.relations)(normal.value))
    trace.add("factor_common", RULES["factor_common"].law, final, reused)


def _explain_reuse(search: Search, best: ClosedForm, normal: Equation, trace: Trace) -> None:
    """Record each relation that acts on an equation, and what the equation becomes."""
    current = normal
    for relation in best.relations:
        rewrite = search.rewriter((relation,))
        after = search.equation(current.target, rewrite(current.value))
        trace.reuse((relation.pattern, relation.replacement, relation.source), after, current)
        current = after
    final = search.equation(current.target, search.rewriter(best.relations)(normal.value))
    trace.add("normalise", "the same relations again", final, current, detail=True)


def _laws(rewriter: Rewriter) -> str:
    """Return the laws of the rules that have acted, once each."""
    return "; ".join(RULES[name].law for name in RULES if rewriter.fired.get(name))
