"""What a page says about choices that equations alone leave open: kinks, ties, batch axes.

In: a System. Out: sentences, from the tables that the derivation itself reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.show import show
from symgrad.ir.terms import Call, Element, Reduce
from symgrad.ir.visit import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from symgrad.ir.equation import System

_BATCH = (
    "The axis {letter} is the batch. Code is made for any number of leading batch axes, or none,"
    " and a sum over {letter} then runs over all of them."
)
_TIES = {
    "share": "Entries that tie for the {op} share its gradient equally.",
    "first": "Of entries that tie for the {op}, the first gets all of its gradient.",
}


def conventions(system: System, letter: str) -> Iterator[str]:
    """Yield a sentence for each convention that the equations of a layer rest on."""
    if system.has_batch:
        yield _BATCH.format(letter=letter)
    nodes = dict.fromkeys(n for e in system.equations for n in walk(e.value))
    for name in dict.fromkeys(n.function for n in nodes if isinstance(n, Call)):
        row = FUNCTIONS.get(name)  # None for the division of positions
        if row is not None and row.at_kink:
            where = "at its jumps" if not row.kinks else _places(row.arity, row.kinks)
            yield f"The derivative of {name} {where} is {row.at_kink}."
    ties = {(n.op, n.ties) for n in nodes if isinstance(n, Reduce) and n.op in ("max", "min")}
    for op, rule in sorted(ties):
        yield _TIES[rule].format(op={"max": "maximum", "min": "minimum"}[op])
    reads = [n for n in nodes if isinstance(n, Element)]
    padded = {(n.tensor, show(n.outside)) for n in reads if n.outside is not None}
    for tensor, value in sorted(padded):
        yield f"{tensor} reads as {value} beyond its range."
    for given in system.inputs:
        if not given.is_real:
            yield f"{given.name} holds no real numbers, so it has no gradient."


def _places(arity: int, kinks: tuple[float, ...]) -> str:
    if arity == 2:
        return "where its arguments are equal"
    return "at " + " and ".join(f"{k:g}" for k in kinks)
