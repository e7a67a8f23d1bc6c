"""Sums that are given piece by piece, as arrays side by side.

In: a sum such as `(q == 0) * A[n] + (q == 1) * B[n]` over an axis of known length. Out: an operand,
`stack((A, B))`, for which each piece is computed where it stands and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.build import const
from symgrad.ir.packed import pieces, pinned, position
from symgrad.ir.terms import ZERO, Add, Const, Element
from symgrad.ir.visit import substitute
from symgrad.lowering.labels import sort_labels
from symgrad.lowering.names import python_name

if TYPE_CHECKING:
    from symgrad.ir.terms import Expr
    from symgrad.lowering.lower import Lowering


def flatten_pieces(low: Lowering, expr: Add) -> Element | None:
    """Return the operand that is worth a sum given piece by piece, None for another sum.

    At least half of the positions must have a piece: what has none is an array of zeros.
    """
    found = pieces(expr.terms)
    if found is None:
        return None
    index = pinned(next(iter(found)))
    length = dict(low.system.sizes).get(index.axis)
    if not isinstance(length, Const) or not length.value <= 2 * len(found):
        return None
    at = {
        position(pin): low.flatten(substitute(value, {index: const(position(pin))}))
        for pin, value in found.items()
    }
    values: list[Expr] = [at.get(k, ZERO) for k in range(int(length.value))]
    needed = sort_labels((i for v in values for i in v.free), low.build.wanted)
    stem = python_name(low.target)
    sources = [
        low.build.array(v, needed=needed, real=True, name=f"{stem}_{k}")
        for k, v in enumerate(values)
    ]
    return low.build.stack(sources, index)
