"""Spells windows, folds, flattened axes and scans.

In: an operation of `symgrad.lowering.window_ops` and the emitter of a target. Out: the right-hand
side of an assignment. A read that plain slices say is slices; the others call a helper that the
generated file carries, once for each axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.codegen.pieces import ATOM, Piece, aligned, permutation
from symgrad.ir.build import add, const, mul, neg
from symgrad.ir.composite import composite_parts
from symgrad.ir.terms import ONE, ZERO, Const, Expr, Index, Size
from symgrad.lowering.affine import linear
from symgrad.lowering.ops import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.emit import Emitter
    from symgrad.lowering.affine import Facts, Linear
    from symgrad.lowering.window_ops import Flatten, Fold, Keep, Scan, Stack, Window

Labels = tuple[Index, ...]


@dataclass
class _Axis:
    """One axis of a source: the labels that its position has, and how it is read.

    Attributes:
        labels: The labels that take its place.
        slot: What stands in brackets.
        call: The arguments of `_window`, where slices do not say it.
        length: The length after slicing, for a reshape.
        turned: Whether it is turned around.
    """

    labels: Labels
    slot: str = ":"
    call: str = ""
    length: Expr = ZERO
    turned: bool = False


@dataclass(frozen=True)
class _Speller:
    """What spelling an axis takes.

    Attributes:
        emit: The emitter.
        facts: What is known about lengths.
        checks: Whether a position out of range is an error.
    """

    emit: Emitter
    facts: Facts
    checks: bool


def window_value(emit: Emitter, facts: Facts, op: Window) -> Piece:
    """Return the right-hand side of a read at affine positions."""
    return Piece(
        nested(window_steps(emit, facts, op)), ATOM, emit.kinds[op.out.tensor], labels(op.out)
    )


def nested(steps: Sequence[str]) -> str:
    """Return steps, each with {x} for the one before, as one expression."""
    text = ""
    for step in steps:
        text = step.replace("{x}", text)
    return text


def window_steps(emit: Emitter, facts: Facts, op: Window) -> list[str]:
    """Return the expressions that a read at affine positions takes, {x} for the one before."""
    rows = [
        _axis(_Speller(emit, facts, op.fill is None), position, length, proved=proved)
        for position, length, proved in zip(op.positions, op.shape, op.proved, strict=True)
    ]
    text = emit.name_of(op.source)
    slots = [r.slot for r in rows]
    while slots and slots[-1] == ":":
        slots.pop()
    if slots:
        text = f"{text}[{', '.join(slots)}]"
    left = [r for r in rows if r.slot == ":" or ":" in r.slot]
    turned = [k for k, r in enumerate(left) if r.turned]
    if turned:
        text = emit.flip(text, turned)
    if any(len(r.labels) > 1 and not r.call for r in left):
        shape = [e for r in left for e in _shape(r)]
        text = f"{text}.reshape({', '.join(_length(emit, e) for e in shape)})"
    found: list[Index] = []
    steps = [text]
    for row in left:
        if row.call:
            emit.helpers["window"] = None
            fill = "" if op.fill is None else f", fill={emit.fill(op.fill)}"
            steps.append(f"_window({{x}}, {len(found)}, {row.call}{fill})")
        found += row.labels
    piece = Piece("{x}", ATOM, emit.kinds[op.source], tuple(found))
    last = emit.ordered(_diagonals(emit, piece), labels(op.out)).text
    return [*steps[:-1], last.replace("{x}", steps[-1])]


def _shape(row: _Axis) -> list[Expr]:
    return [row.length] if row.call else [Size(i.axis) for i in row.labels]


def _length(emit: Emitter, expr: Expr) -> str:
    return emit.piece(expr).text


def _diagonals(emit: Emitter, piece: Piece) -> Piece:
    """Return a piece with each label once: the diagonal of the axes that have it."""
    while len(set(piece.labels)) < len(piece.labels):
        twice = next(i for i in piece.labels if piece.labels.count(i) > 1)
        first = piece.labels.index(twice)
        second = piece.labels.index(twice, first + 1)
        rest = tuple(i for k, i in enumerate(piece.labels) if k not in (first, second))
        text = emit.diagonal(piece.text, first, second)
        piece = Piece(text, ATOM, piece.kind, (*rest, twice))
    return piece


def _axis(spell: _Speller, position: Expr, length: Expr, *, proved: bool) -> _Axis:
    """Return how one axis is read."""
    emit, facts = spell.emit, spell.facts
    if isinstance(position, Index) and proved and facts.same(Size(position.axis), length):
        return _Axis((position,), length=length)
    parts = composite_parts(position)
    if parts is not None and proved:
        whole = mul(*(Size(i.axis) for i in parts))
        if facts.same(whole, length):
            return _Axis(parts, length=length)
    form = linear(position)
    assert form is not None, "a window is read at affine positions"
    row = _slice(emit, facts, form, length) if proved or (spell.checks and not form.steps) else None
    if row is not None:
        return row
    steps = "".join(f", ({_length(emit, step)}, {emit.lengths[i.axis]})" for i, step in form.steps)
    return _Axis(form.indices, call=f"{_length(emit, form.start)}{steps}", length=length)


def _slice(emit: Emitter, facts: Facts, form: Linear, length: Expr) -> _Axis | None:
    """Return an axis that is read at a slice, None if slices do not say it."""
    if not form.steps:
        return _single(emit, facts, form.start, length)
    if len(form.steps) > 1:
        return None
    ((index, step),) = form.steps
    count = Size(index.axis)
    if not isinstance(step, Const):
        return None
    if step.value == -1 and facts.same(form.start, add(length, const(-1))):
        return _Axis((index,), length=count, turned=True) if facts.same(count, length) else None
    if step.value < 0 or not facts.nonnegative(form.start):
        return None
    start = "" if form.start is ZERO else _length(emit, form.start)
    after = add(form.start, mul(step, count))
    gap = facts.resolved(add(length, neg(after)))
    covers = facts.nonnegative(add(after, neg(length)))
    stop = ""
    if step is ONE and isinstance(gap, Const) and gap.value > 0:
        stop = f"-{gap.value}"
    elif gap is not ZERO and not covers:
        stop = _length(emit, after)
    by = "" if step is ONE else str(step)
    return _Axis((index,), slot=_bounds(start, stop, by), length=count)


def _bounds(start: str, stop: str, step: str) -> str:
    """Return `start:stop:step`, with spaces to the colons where one of them is a formula."""
    if not any(" " in part for part in (start, stop, step)):
        return f"{start}:{stop}" + (f":{step}" if step else "")
    text = f"{start} :" if start else ":"
    text += f" {stop}" if stop else ""
    if step:
        text += f" : {step}" if stop else f": {step}"
    return text


def _single(emit: Emitter, facts: Facts, start: Expr, length: Expr) -> _Axis | None:
    if facts.nonnegative(start):
        return _Axis((), slot=_length(emit, start))
    if facts.same(start, add(length, const(-1))):
        return _Axis((), slot="-1")
    return None


def densest(op: Window) -> int:
    """Return the axis of an array of windows that lies densest in memory."""
    form = linear(op.positions[-1])
    assert form is not None, "a window is read at affine positions"
    return labels(op.out).index(form.indices[0]) if form.indices else len(op.out.indices) - 1


def fold_steps(emit: Emitter, op: Fold) -> list[str]:
    """Return the expressions that a sum into affine positions takes, {x} for the one before."""
    forms = [linear(p) for p in op.positions]
    source = labels(op.source)
    wanted = tuple(i for f in forms if f is not None for i in f.indices)
    text = emit.name_of(op.source.tensor)
    if wanted != source:
        text = emit.permute(text, permutation(source, wanted))
    emit.helpers["fold"] = None
    steps = [text]
    at = len(wanted)
    for label, form in reversed(list(zip(labels(op.out), forms, strict=True))):
        assert form is not None, "a fold goes to affine positions"
        at -= len(form.steps)
        if form.indices != (label,):
            by = "".join(f", {_length(emit, step)}" for _, step in form.steps)
            length = emit.lengths[label.axis]
            steps.append(f"_fold({{x}}, {at}, {length}, {_length(emit, form.start)}{by})")
    return steps


def flatten_value(emit: Emitter, op: Flatten) -> Piece:
    """Return the right-hand side that counts through several axes as one."""
    source = labels(op.source)
    wanted = tuple(i for group in op.groups for i in group)
    text = emit.name_of(op.source.tensor)
    if wanted != source:
        text = emit.permute(text, permutation(source, wanted))
    shape = [_length(emit, mul(*(Size(i.axis) for i in group))) for group in op.groups]
    return Piece(
        f"{text}.reshape({', '.join(shape)})", ATOM, emit.kinds[op.out.tensor], labels(op.out)
    )


def scan_value(emit: Emitter, op: Scan) -> Piece:
    """Return the right-hand side of a cumulative reduction."""
    axis = labels(op.out).index(op.along)
    text = emit.name_of(op.source.tensor)
    if op.reverse:
        text = emit.scan(op.op, emit.flip(text, [axis]), axis)
        text = emit.flip(text, [axis])
    else:
        text = emit.scan(op.op, text, axis)
    return Piece(text, ATOM, emit.kinds[op.out.tensor], labels(op.out))


def keep_value(emit: Emitter, op: Keep) -> Piece:
    """Return the right-hand side of what a mask keeps."""
    emit.helpers["keep"] = None
    out = labels(op.out)
    emit.order = out
    source = aligned(emit.operand(op.source), out)
    mask = aligned(emit.operand(op.mask), out)
    axes = [k - len(out) for k, i in enumerate(out) if i in op.bound]
    where = f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"
    text = f"_keep({source.text}, {mask.text}, {where}, {emit.fill(op.fill)})"
    return Piece(text, ATOM, emit.kinds[op.out.tensor], out)


def stack_value(emit: Emitter, op: Stack) -> Piece:
    """Return the right-hand side that puts arrays side by side along a new axis."""
    out = labels(op.out)
    emit.order = tuple(i for i in out if i is not op.along)
    texts = [emit.operand(s).text for s in op.sources]
    text = emit.stacked(texts, out.index(op.along))
    return Piece(text, ATOM, emit.kinds[op.out.tensor], out)
