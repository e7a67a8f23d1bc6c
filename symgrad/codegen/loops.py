"""Recurrences in generated code: what runs before a loop, the loop, and what comes after it.

In: the stages of a System and an emitter. Out: the statements of a function's body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symgrad.codegen.body import Statement, write_body
from symgrad.lowering.kinds import kind_of_tensor
from symgrad.lowering.loops import Extend, Loop
from symgrad.lowering.names import python_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from symgrad.codegen.emit import Emitter
    from symgrad.lowering.ops import Program
    from symgrad.lowering.plan import Stage


def write_stages(
    stages: Sequence[Stage | Extend], emitter: Emitter, returned: Collection[str]
) -> list[Statement]:
    """Return the statements of a function.

    Args:
        stages: What it runs.
        emitter: Spells it.
        returned: What it returns.
    """
    found: list[Statement] = []
    for stage in stages:
        if isinstance(stage, Extend):
            found += _extend(stage, emitter)
        elif isinstance(stage.part, Loop):
            found += _loop(stage.part, stage.program, emitter)
        else:
            found += write_body(stage.program, emitter, returned)
    return found


def _extend(part: Extend, emitter: Emitter) -> list[Statement]:
    found: list[Statement] = []

    def edge(tensor: str) -> str:
        name = python_name(tensor)
        first, text = emitter.edge(name, part.slot, part.rank)
        if first:
            found.append(Statement(name, first))
        return text

    before, after = [edge(n) for n in part.before], [edge(n) for n in part.after]
    text = emitter.joined([*before, python_name(part.source), *after], part.slot)
    return [*found, Statement(python_name(part.name), text)]


def _loop(part: Loop, program: Program, emitter: Emitter) -> list[Statement]:
    counter = python_name(part.counter)
    for entry in part.slices:
        at = f"{counter} + {entry.offset}".replace("+ -", "- ") if entry.offset else counter
        front = ":, " * entry.slot
        emitter.views[entry.name] = f"{python_name(entry.source)}[{front}{at}]"
    emitter.counters.add(part.counter)
    body = write_body(program, emitter, (), depth=1)
    before: list[Statement] = []
    after: list[Statement] = []
    for store in part.stores:
        name, step = python_name(store.tensor.name), python_name(store.step)
        lengths = ", ".join(emitter.piece(s).text for s in store.tensor.shape)
        shape = f"({lengths}{',' if len(store.tensor.shape) == 1 else ''})"
        kind = kind_of_tensor(store.tensor)
        at = f"{':, ' * store.slot}{counter}"
        steps = python_name(store.buffer)
        filled = emitter.filled(
            f"{steps}[::-1]" if part.backward else steps, store.slot, shape, kind
        )
        if filled:
            before.append(Statement(steps, emitter.buffer(shape, kind)))
            after.append(Statement(name, filled))
        else:
            before.append(Statement(name, emitter.buffer(shape, kind)))
        put = emitter.put_step(steps if filled else name, at, step)
        body.append(Statement("", put, depth=1))
    for carry in part.carries:
        body.append(Statement(python_name(carry.name), python_name(carry.step), depth=1))
    steps = f"range({emitter.lengths[part.axis]})"
    if not any(re.search(rf"\b{counter}\b", line.text) for line in body):
        counter = f"_{counter}"  # how Python spells what only counts
    head = f"for {counter} in {f'reversed({steps})' if part.backward else steps}:"
    return [*before, Statement("", head), *body, *after]
