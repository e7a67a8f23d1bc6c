"""Spells reads and sums at computed positions: gathers and scatters.

In: a Gather or a Scatter, and the emitter of a target. Out: the right-hand side of an assignment,
or the statements of a sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.codegen.pieces import ATOM, Piece, Spread, aligned, in_order, permutation
from symgrad.ir.terms import Index
from symgrad.lowering.ops import labels

if TYPE_CHECKING:
    from symgrad.codegen.emit import Emitter
    from symgrad.ir.terms import Expr
    from symgrad.lowering.ops import Gather, Scatter


def gather_value(emit: Emitter, op: Gather) -> Piece:
    """Return the right-hand side of a read at computed positions."""
    out = labels(op.out)
    computed = [p for p in op.positions if not isinstance(p, Index)]
    plain = [p for p in op.positions if isinstance(p, Index)]
    inner = {i for p in computed for i in p.free}
    apart = inner.isdisjoint(plain) and len(set(plain)) == len(plain)
    if op.proved and len(computed) == 1 and apart:
        return _gather_slices(emit, op, out)
    emit.order = out
    slots = [_position(emit, p, out) for p in op.positions]
    name = emit.name_of(op.source)
    if op.proved:
        return Piece(f"{name}[{', '.join(slots)}]", ATOM, emit.kinds[op.source], out)
    emit.helpers["take"] = None
    fill = [] if op.fill is None else [f"fill={emit.fill(op.fill)}"]
    text = f"_take({', '.join([name, *slots, *fill])})"
    return Piece(text, ATOM, emit.kinds[op.source], out)


def _position(emit: Emitter, position: Expr, out: tuple[Index, ...]) -> str:
    piece = emit.piece(position)
    return aligned(piece, out).text


def _gather_slices(emit: Emitter, op: Gather, out: tuple[Index, ...]) -> Piece:
    """Spell a read at one computed position as slices around it: `E[T]`, `X[:, T]`."""
    slots: list[str] = []
    own: list[Index] = []
    for position in op.positions:
        if isinstance(position, Index):
            slots.append(":")
            own.append(position)
        else:
            emit.order = in_order(tuple(position.free), out)
            slots.append(emit.piece(position).text)
            own.extend(emit.order)
    while slots[-1] == ":":
        slots.pop()
    text = f"{emit.name_of(op.source)}[{', '.join(slots)}]"
    return emit.ordered(Piece(text, ATOM, emit.kinds[op.source], tuple(own)), out)


def scatter_lines(emit: Emitter, name: str, op: Scatter) -> list[str]:
    """Return the statements of a sum into computed positions."""
    source = labels(op.source)
    front = list(op.positions)
    while front and front[-1] in source:
        front.pop()
    tail = op.positions[len(front) :]
    axes = tuple(i for i in source if i not in tail)
    emit.order = axes
    slots = [_position(emit, p, axes) for p in front]
    wanted = (*axes, *(i for i in tail if isinstance(i, Index)))
    text = emit.name_of(op.source.tensor)
    if wanted != source:
        text = emit.permute(text, permutation(source, wanted))
    shape = emit.shape(labels(op.out))
    if op.proved and set(axes) <= set(front):  # each place gets one term at most
        return emit.put(name, shape, slots, text)
    if op.proved:
        return emit.scatter(name, shape, slots, Spread(text, len(axes)))
    emit.helpers["put"] = None
    return [f"{name} = _put({emit.full(shape, '0')}, {text}, {', '.join(slots)})"]
