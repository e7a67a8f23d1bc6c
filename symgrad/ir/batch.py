"""The batch index `...`: its free form, and fixing its rank.

In: terms that mention the pseudo-index `...`. Out: the same terms over ordinary indices. In
derivations `...` is one index like any other; its rank is fixed when code is built or a layer is
composed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.errors import RankError
from symgrad.ir.build import mul
from symgrad.ir.narrow import narrowed
from symgrad.ir.show import unused
from symgrad.ir.terms import BATCH, Element, Expr, Index, Reduce, Size
from symgrad.ir.visit import close_reduce, fresh, open_reduce, rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from symgrad.ir.equation import System

#: Suffixes of tangents and cotangents.
DERIVED = ("_bar", "_dot", "_bar2", "_dot2")

#: The free pseudo-index, as in `Y[..., o]`.
BATCH_INDEX = Index(BATCH, BATCH)


def splice(expr: Expr, letters: tuple[Index, ...]) -> Expr:
    """Return `expr` with the free and bound batch indices replaced by one index for each letter."""
    return _splice(expr, {BATCH_INDEX: letters}, letters)


def splice_positions(
    positions: tuple[Expr, ...], mapping: Mapping[Index, tuple[Index, ...]]
) -> tuple[Expr, ...]:
    """Return index positions with each batch index replaced by its indices."""
    spliced: list[Expr] = []
    for position in positions:
        if isinstance(position, Index) and position in mapping:
            spliced.extend(mapping[position])
        else:
            spliced.append(position)
    return tuple(spliced)


def _splice(
    expr: Expr, mapping: dict[Index, tuple[Index, ...]], letters: tuple[Index, ...]
) -> Expr:
    def visit(node: Expr) -> Expr:
        if isinstance(node, Size) and node.axis == BATCH:
            return mul(*(Size(i.axis) for i in letters))
        if isinstance(node, Element):
            spliced = splice_positions(node.indices, mapping)
            return Element(node.tensor, tuple(visit(i) for i in spliced), node.outside)
        if isinstance(node, Reduce) and any(i.axis == BATCH for i in node.bound):
            return _splice_reduce(node, mapping, letters)
        return rebuild(node, visit)

    return visit(expr)


def _splice_reduce(
    node: Reduce, mapping: dict[Index, tuple[Index, ...]], letters: tuple[Index, ...]
) -> Expr:
    avoid = [i for row in mapping.values() for i in row]
    bound, body, condition = open_reduce(node, avoid=avoid)
    kept: list[Index] = []
    inner = dict(mapping)
    for index in bound:
        if index.axis == BATCH:
            inner[index] = fresh(letters, [*bound, *body.free, *avoid])
            kept.extend(inner[index])
        else:
            kept.append(index)
    body = _splice(body, inner, letters)
    condition = None if condition is None else _splice(condition, inner, letters)
    if not kept:
        return body
    return close_reduce(node.op, tuple(kept), body, condition, node.ties)


def fix_batch(
    system: System, letters: Sequence[str], own: Mapping[str, Sequence[str]] | None = None
) -> System:
    """Return a System with the rank of `...` fixed, one ordinary axis for each letter.

    A letter that the System already uses is numbered. A System without `...` is returned as it is.

    Args:
        system: The System.
        letters: What `...` stands for.
        own: For an input that broadcasts, what it has of them: the last ones, `1` for an axis of
            length 1. It also holds for its tangent, and its cotangent is summed to it.

    Raises:
        RankError: If an input has other letters than the last of `letters`.

    >>> from symgrad.ir.text import parse
    >>> scale = parse("Y[..., k] = X[..., k] * g[..., k]")
    >>> print(fix_batch(scale, ["m", "n"], {"g": ["n"]}))
    X: real[m, n, k]
    g: real[n, k]
    Y[m, n, k] = X[m, n, k] * g[n, k]
    return Y
    """
    if not system.has_batch:
        return system
    used = set(system.axes)
    names: list[str] = []
    for letter in letters:
        names.append(unused(letter, used))
        used.add(names[-1])
    fixed = splice_system(system, tuple(Index(name, name) for name in names))
    if not own:
        return fixed
    patterns = {name: _pattern(name, row, letters) for name, row in own.items()}
    return narrowed(fixed, dict(_of_all(system, patterns)), names)


def _pattern(name: str, row: Sequence[str], letters: Sequence[str]) -> tuple[str, ...]:
    """Return what an input has of each batch axis: its letter, `1`, or nothing."""
    full = ("",) * (len(letters) - len(row)) + tuple(row)
    legal = [("", "1", y) for y in letters]
    if len(full) != len(letters) or any(x not in y for x, y in zip(full, legal, strict=True)):
        raise RankError(
            where=f"the batch axes of {name}",
            given=", ".join(row),
            expected=f"the last of {', '.join(letters)}, with 1 for an axis of length 1",
            fix=f"give {', '.join(letters[len(letters) - len(row) :])}",
        )
    return full


def _of_all(
    system: System, patterns: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the pattern of each tensor that has one: an input, its tangent, its cotangent."""
    for name in (*(t.name for t in system.inputs), *system.defined):
        base = name
        while base not in patterns and base.endswith(DERIVED):
            base = base.rpartition("_")[0]
        derived = base != name or name not in system.defined
        if derived and base in patterns and system.tensor(name).axes[:1] == (BATCH,):
            yield name, patterns[base]


def splice_system(system: System, letters: tuple[Index, ...]) -> System:
    """Return a System with `...` replaced by indices everywhere, declarations included."""
    mapping = {BATCH_INDEX: letters}
    sizes = tuple(Size(i.axis) for i in letters)

    def shape(old: tuple[Expr, ...]) -> tuple[Expr, ...]:
        return tuple(
            p for s in old for p in (sizes if isinstance(s, Size) and s.axis == BATCH else (s,))
        )

    return replace(
        system,
        inputs=tuple(replace(t, shape=shape(t.shape)) for t in system.inputs),
        equations=tuple(
            replace(e, indices=splice_positions(e.indices, mapping), value=splice(e.value, letters))
            for e in system.equations
        ),
    )
