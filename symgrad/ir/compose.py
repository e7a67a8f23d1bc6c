"""Composition: Systems renamed and joined, the output of each feeding the next.

In: Systems. Out: one System whose tensors are called `part.tensor` and whose axes are distinct
unless the joints unify them. Nothing is rewritten: the equations of a part stay together, in order,
so equal parts can be recognised and derived once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from string import ascii_lowercase
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from symgrad.errors import CompositionError
from symgrad.ir.batch import BATCH_INDEX, splice_system
from symgrad.ir.composite import length_of_position
from symgrad.ir.equation import System
from symgrad.ir.rename import rename_system
from symgrad.ir.show import unused
from symgrad.ir.terms import BATCH, ONE, Element, Index, Mul, Size
from symgrad.ir.visit import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import Tensor
    from symgrad.ir.terms import Expr

#: Letters that no axis is given: n is kept for batches, l reads like 1.
_AVOIDED = frozenset("nl")


@runtime_checkable
class HasSystem(Protocol):
    """Something that stands for a System, as a registered layer does."""

    @property
    def name(self) -> str:
        """What it is called."""

    def system(self) -> System:
        """Return the System."""


Part = System | HasSystem | tuple[str, System | HasSystem]


def compose(*parts: Part, name: str = "network") -> System:
    """Return the parts joined into one System.

    The first output of a part feeds the first real input of the next that is not a parameter.
    Tensors are renamed `part.tensor`; inputs that carry data keep their names where no other part
    has an input of that name. A part without a name is called after its System, numbered if several
    are. Further outputs of a part stay outputs, after those of the last part.

    Args:
        parts: Systems or registered layers, each alone or with a name.
        name: What the result is called.

    Raises:
        CompositionError: If there is no part, a name is used twice, a part has no input to feed, or
            ranks, kinds or lengths disagree at a joint.

    >>> from symgrad.layers.registry import get
    >>> print(compose(("fc", get("linear")(3, 2)), ("act", get("relu")), name="layer"))
    X: real[..., i]
    fc.W: real[o, i]
    fc.b: real[o]
    size[i] = 3
    size[o] = 2
    fc.Y[..., o] = sum[i](X[..., i] * fc.W[o, i]) + fc.b[o]
    act.Y[..., o] = relu(fc.Y[..., o])
    return act.Y
    """
    named = _named(parts)
    prefixed = _prefixed(named)
    joined = prefixed[0]
    for (label, _), part in zip(named[1:], prefixed[1:], strict=True):
        joined = _join(joined, part, label)
    return replace(joined, name=name)


def _named(parts: tuple[Part, ...]) -> list[tuple[str, System]]:
    """Return each part with its name."""
    if not parts:
        raise CompositionError(
            where="compose()",
            given="no part",
            expected="at least one System",
            fix="compose(linear(784, 128), relu, linear(128, 10))",
        )
    rows = [(p[0], p[1]) if isinstance(p, tuple) else (None, p) for p in parts]
    systems = [(label, s if isinstance(s, System) else s.system()) for label, s in rows]
    counts = Counter(s.name for label, s in systems if label is None)
    seen: Counter[str] = Counter()
    named: list[tuple[str, System]] = []
    for label, system in systems:
        if label is None:
            seen[system.name] += 1
            number = str(seen[system.name]) if counts[system.name] > 1 else ""
            named.append((f"{system.name}{number}", system))
        else:
            named.append((label, system))
    for label, count in Counter(label for label, _ in named).items():
        if count > 1 or not label.isidentifier():
            raise CompositionError(
                where="the names of the parts",
                given=f"{label!r}, {count} time(s)",
                expected="a different identifier for each part",
                fix="name the parts: compose(('fc1', linear), ('fc2', linear))",
            )
    return named


def _fed(system: System) -> Tensor | None:
    """Return the input that the part before feeds."""
    for tensor in system.inputs:
        if tensor.is_real and tensor.name not in system.params and tensor.default is None:
            return tensor
    return None


def _data_inputs(system: System, *, first: bool) -> list[str]:
    """Return the inputs that carry data from outside."""
    fed = _fed(system)
    return [
        t.name
        for t in system.inputs
        if t.name not in system.params and t.default is None and (first or t is not fed)
    ]


def _prefixed(named: list[tuple[str, System]]) -> list[System]:
    """Return the parts with their tensors renamed."""
    data = [_data_inputs(s, first=k == 0) for k, (_, s) in enumerate(named)]
    counts = Counter(n for names in data for n in names)
    out: list[System] = []
    for (label, system), names in zip(named, data, strict=True):
        kept = {n for n in names if counts[n] == 1}
        tensors = [t.name for t in system.inputs] + list(system.defined)
        renamed = {n: f"{label}.{n}" for n in tensors if n not in kept}
        out.append(rename_system(system, renamed, {}))
    return out


@dataclass
class _Joint:
    """One place where a part is attached; knows how to complain about it."""

    label: str
    source: str
    target: str

    def error(self, given: str, expected: str, fix: str) -> CompositionError:
        """Return the error about this joint."""
        where = f"the joint of {self.source} and {self.target} of part {self.label!r}"
        return CompositionError(where=where, given=given, expected=expected, fix=fix)


def _join(joined: System, part: System, label: str) -> System:
    """Return `joined` with a part attached to its first output."""
    source = joined.outputs[0]
    fed = _fed(part)
    if fed is None:
        raise CompositionError(
            where=f"part {label!r}",
            given=f"inputs {', '.join(t.name for t in part.inputs) or 'none'}",
            expected="a real input that is not a parameter, to be fed by the part before",
            fix="leave the part out, or make it the first one",
        )
    joint = _Joint(label, source, fed.name)
    part = _with_fresh_axes(part, joined)
    joined, part = _with_equal_rank(joined, part, joint)
    part = _unified(joined, part, joint)
    return replace(
        joined,
        inputs=joined.inputs + tuple(t for t in part.inputs if t.name != fed.name),
        equations=joined.equations + rename_system(part, {fed.name: source}, {}).equations,
        outputs=part.outputs + joined.outputs[1:],
        params=joined.params + part.params,
        sizes=_merged_sizes(joined, part, joint),
    )


def _letters(system: System) -> set[str]:
    """Return every letter that a free index or an axis of a System has."""
    found = {name for e in system.equations for i in e.letters for name in (i.name, i.axis)}
    for length in (e for t in system.inputs for e in t.shape):
        found.update(node.axis for node in walk(length) if isinstance(node, Size))
    found.update(axis for axis, _ in system.sizes)
    for equation in system.equations:
        for node in walk(equation.value):
            if isinstance(node, Index):
                found.add(node.axis)
    return found - {BATCH}


def _fresh_letter(letter: str, used: set[str]) -> str:
    """Return the letter, or the next free one of the alphabet, or else a numbered one."""
    if letter not in used:
        return letter
    if len(letter) == 1 and letter in ascii_lowercase:
        at = ascii_lowercase.index(letter)
        for other in ascii_lowercase[at + 1 :] + ascii_lowercase[:at]:
            if other not in used and other not in _AVOIDED:
                return other
    return unused(letter, used)


def _with_fresh_axes(part: System, joined: System) -> System:
    """Return a part whose letters are all new to `joined`."""
    own = _letters(part)
    used = _letters(joined) | {t.name for s in (joined, part) for t in s.inputs}
    renamed: dict[str, str] = {}
    for letter in sorted(own):
        new = _fresh_letter(letter, used | own if letter in used else used)
        if new != letter:
            renamed[letter] = new
        used.add(new)
    return rename_system(part, {}, renamed)


def _with_equal_rank(joined: System, part: System, joint: _Joint) -> tuple[System, System]:
    """Return both sides with `...` fixed on one of them so that the joint has one rank."""
    out = joined.equation(joint.source).indices
    into = part.tensor(joint.target).positions()
    more = _rank(out) - _rank(into)
    if BATCH_INDEX in into and (more > 0 or BATCH_INDEX not in out):
        leading = out[: len(out) - _rank(into)]
        if more >= 0 and (plain := _plain(leading)) is not None:
            return joined, splice_system(part, plain)
        if more >= 0:
            return joined, splice_system(part, _counted(leading, _letters(joined) | _letters(part)))
    elif BATCH_INDEX in out and (more < 0 or BATCH_INDEX not in into):
        leading = into[: len(into) - _rank(out)]
        if more <= 0 and (plain := _plain(leading)) is not None:
            return splice_system(joined, plain), part
    elif more == 0:
        return joined, part
    raise joint.error(
        given=str(Element(joint.source, out)),
        expected=f"the rank of {Element(joint.target, into)}",
        fix="put a part between them that changes the rank",
    )


def _rank(positions: tuple[Expr, ...]) -> int:
    """Return the number of axes beside the batch axes."""
    return sum(1 for i in positions if i is not BATCH_INDEX)


def _plain(positions: tuple[Expr, ...]) -> tuple[Index, ...] | None:
    """Return positions that are letters; None if one counts through several."""
    found = tuple(i for i in positions if isinstance(i, Index))
    return found if len(found) == len(positions) else None


def _counted(positions: tuple[Expr, ...], used: set[str]) -> tuple[Index, ...]:
    """Return a letter for each position, a new one where it counts through several."""
    found: list[Index] = []
    for position in positions:
        name = position.name if isinstance(position, Index) else _fresh_letter("c", used)
        used.add(name)
        found.append(Index(name, name))
    return tuple(found)


def _unified(joined: System, part: System, joint: _Joint) -> System:
    """Return the part with the axes of its fed input called, or as long, as those of the source."""
    out = joined.equation(joint.source).indices
    into = part.tensor(joint.target).shape
    renamed: dict[str, str] = {}
    lengths: dict[str, Expr] = {}
    for position, ours in zip(out, into, strict=True):
        theirs = length_of_position(position)
        if isinstance(theirs, Size) and isinstance(ours, Size):
            if renamed.get(ours.axis, theirs.axis) != theirs.axis:
                raise _not_one_to_one(joint, joined, part)
            renamed[ours.axis] = theirs.axis
        else:
            axis, length = _as_long(ours, theirs, part, joint)
            if lengths.get(axis, length) is not length:
                raise _not_one_to_one(joint, joined, part)
            lengths[axis] = length
    if len(set(renamed.values())) != len(renamed) or set(renamed) & set(lengths):
        raise _not_one_to_one(joint, joined, part)
    _check_lengths(dict(joined.sizes), dict(part.sizes), renamed, joint)
    part = rename_system(part, {}, {a: b for a, b in renamed.items() if a != b})
    return replace(part, sizes=(*part.sizes, *lengths.items()))


def _as_long(ours: Expr, theirs: Expr, part: System, joint: _Joint) -> tuple[str, Expr]:
    """Return the one axis of ours whose length follows from theirs, and that length."""
    fixed = dict(part.sizes)
    factors = ours.factors if isinstance(ours, Mul) else (ours,)
    free = [f for f in factors if isinstance(f, Size) and f.axis not in fixed]
    others = [fixed[f.axis] if isinstance(f, Size) else f for f in factors if f not in free]
    if len(free) != 1 or any(other is not ONE for other in others):
        raise joint.error(
            given=f"an axis of length {theirs}",
            expected=f"an axis of length {ours}, as {joint.target} has it",
            fix="write the two parts as one System, where equal lengths can be declared",
        )
    return free[0].axis, theirs


def _not_one_to_one(joint: _Joint, joined: System, part: System) -> CompositionError:
    out, into = joined.equation(joint.source).indices, part.tensor(joint.target).positions()
    return joint.error(
        given=str(Element(joint.source, out)),
        expected=f"axes that match {Element(joint.target, into)} one to one",
        fix="write the two parts as one System, where equal lengths can be declared",
    )


def _check_lengths(
    left: Mapping[str, Expr], right: Mapping[str, Expr], renamed: Mapping[str, str], joint: _Joint
) -> None:
    for ours, theirs in renamed.items():
        a, b = left.get(theirs), right.get(ours)
        if a is not None and b is not None and a is not b:
            raise joint.error(
                given=f"size[{theirs}] = {a} in {joint.source}",
                expected=f"size[{theirs}] = {b}, as {joint.target} has it",
                fix="give both the same length, or only one of them a number",
            )


def _merged_sizes(joined: System, part: System, joint: _Joint) -> tuple[tuple[str, Expr], ...]:
    sizes = dict(joined.sizes)
    _check_lengths(sizes, dict(part.sizes), {a: a for a, _ in part.sizes}, joint)
    return tuple((sizes | dict(part.sizes)).items())
