"""One generated function: signature, docstring, checks, body, return.

In: a System and the order of its arguments. Out: the source text of a function and what the rest of
the module has to know about it.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.codegen.body import INDENT, WIDTH, Statement
from symgrad.codegen.door import check_lines
from symgrad.codegen.lengths import Lengths, Plan, plan_lengths
from symgrad.codegen.loops import write_stages
from symgrad.codegen.signature import check_names, make_signature
from symgrad.ir.terms import Call, Compare, Element, Power, Where
from symgrad.ir.visit import elements, walk
from symgrad.lowering.names import python_name
from symgrad.lowering.ops import INTEGER, SHIFT, Map, Reduce
from symgrad.lowering.plan import Stage, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.emit import Emitter
    from symgrad.codegen.signature import Argument, Signature
    from symgrad.codegen.target import Target
    from symgrad.ir.equation import System
    from symgrad.ir.terms import Expr
    from symgrad.lowering.ops import Op


@dataclass(frozen=True)
class Function:
    """A generated function.

    Attributes:
        name: Its name.
        text: Its source, ending in a newline.
        signature: Its arguments.
        results: Names of the tensors that it returns, in order.
        helpers: Names of the helper functions it calls.
    """

    name: str
    text: str
    signature: Signature
    results: tuple[str, ...]
    helpers: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """What the docstring of a function says beside its equations.

    Attributes:
        summary: The first line.
        roles: A remark for an argument, by tensor name, such as "Saved by the forward".
    """

    summary: str
    roles: dict[str, str]


def make_function(
    system: System, name: str, target: Target, order: Sequence[str], words: Words
) -> Function:
    """Return the function that computes the outputs of a System.

    Args:
        system: What is computed; its batch rank is fixed.
        name: The name of the function.
        target: What the text is written for.
        order: Names of the inputs in the order of the arguments.
        words: What the docstring says.

    Raises:
        UnsupportedError: If an equation has a form that no code is generated for yet.
        TargetError: If names of the System collide in Python.
    """
    check_names(system)
    stages = plan(system)
    ops = [op for stage in stages if isinstance(stage, Stage) for op in stage.program.ops]
    signature = make_signature(system, order)
    lengths = Lengths(signature.spelled)
    emitter = target.emitter({}, signature.like, lengths)
    statements = write_stages(stages, emitter, system.outputs)
    read = dict(lengths.used)
    found = plan_lengths(
        system,
        signature.arguments,
        signature.spelled,
        read,
        lambda length: emitter.piece(length).text,
    )
    signature = signature.with_lengths(found.extra)
    lines = [
        *_head(name, signature, target, len(system.outputs)),
        *_docstring(system, signature, words),
        *check_lines(name, signature),
        *_conversions(ops, signature, target),
        *_length_lines(signature, found, emitter),
        *_tail(statements, system.outputs),
    ]
    if emitter.divides_by_length or _may_divide_by_zero(ops):
        lines[:0] = target.quiet
    text = "\n".join(lines) + "\n"
    return Function(name, text, signature, system.outputs, tuple(emitter.helpers))


def _head(name: str, signature: Signature, target: Target, results: int) -> list[str]:
    """Return the `def` line, one argument a line where it is long."""
    rows = dict.fromkeys(signature.names(), "int")
    for argument in signature.arguments:
        array = f"{target.array} | {argument.also}" if argument.also else target.array
        if argument.default is not None:
            array = f"{array} = {argument.default}"
        rows[argument.name] = array
    arguments = [f"{n}: {kind}" for n, kind in rows.items()]
    result = target.array if results == 1 else f"tuple[{', '.join([target.array] * results)}]"
    if len(f") -> {result}:") > WIDTH:
        result = f"tuple[{target.array}, ...]"
    line = f"def {name}({', '.join(arguments)}) -> {result}:"
    if len(line) <= WIDTH:
        return [line]
    return [f"def {name}(", *(f"{INDENT}{a}," for a in arguments), f") -> {result}:"]


def _docstring(system: System, signature: Signature, words: Words) -> list[str]:
    lines = [f'"""{words.summary}', ""]
    for equation in system.equations:
        lines += wrapped(str(equation), WIDTH - len(INDENT))
    if signature.arguments or signature.lengths:
        lines += ["", "Args:"]
    remarks = {a.name: _remark(a, signature, words) for a in signature.arguments}
    remarks.update({signature.spelled[a]: f"Length of axis {a}." for a in signature.lengths})
    for name in signature.names():
        lines += wrapped(f"{INDENT}{name}: {remarks[name]}", WIDTH - len(INDENT), extra=4)
    lines.append('"""')
    return [f"{INDENT}{line}".rstrip() for line in lines]


def _remark(argument: Argument, signature: Signature, words: Words) -> str:
    tensor = argument.tensor
    parts = [words.roles[tensor.name]] if tensor.name in words.roles else []
    if tensor.limit:
        parts.append(f"indices below {signature.spelled[tensor.limit]}")
    elif tensor.kind != "real":
        parts.append(tensor.kind)
    letters = ", ".join(argument.letters(signature.spelled).split())
    parts.append(f"shape [{letters}]" if letters else "a number")
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def wrapped(text: str, width: int, extra: int = 4) -> list[str]:
    """Return a line broken at spaces, what follows indented by `extra` more."""
    indent = len(text) - len(text.lstrip())
    return textwrap.wrap(
        text.strip(),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + extra),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _length_lines(signature: Signature, plan: Plan, emitter: Emitter) -> list[str]:
    """Return the lines that find lengths: from shapes, from each other, and their checks."""
    lines = []
    for axis in plan.needed:
        name = signature.spelled[axis]
        place = signature.place(axis)
        if place is not None and not name.isdigit():
            lines.append(f"{name} = {place[0]}.shape[{place[1]}]")
    for rule in plan.rules:
        name, text = signature.spelled[rule.axis], rule.text
        if rule.checked:
            emitter.helpers["length"] = None
            text = f'_length("{name}", {text})'
        lines.append(f"{name} = {text}")
    for rule in plan.checks:
        emitter.helpers["length"] = None
        name = signature.spelled[rule.axis]
        given = f", {name}" if rule.checked else ""
        lines.append(f'_length("{name}", {rule.text}{given})')
    return [f"{INDENT}{line}" for line in lines]


def _tail(statements: list[Statement], outputs: Sequence[str]) -> list[str]:
    """Return the statements and the return; a single result is returned where it is computed."""
    names = [python_name(o) for o in outputs]
    last = statements[-1] if statements else None
    if last is not None and len(names) == 1 and last.target == names[0]:
        lines = [line for s in statements[:-1] for line in s.lines()]
        return [*lines, *last.lines(as_return=True)]
    lines = [line for s in statements for line in s.lines()]
    return [*lines, f"{INDENT}return {', '.join(names)}"]


def _conversions(ops: Sequence[Op], signature: Signature, target: Target) -> list[str]:
    """Return lines that turn numbers into arrays where nothing beside them says the type."""
    numbers = {a.tensor.name: a.name for a in signature.arguments if a.is_number}
    alone: dict[str, None] = {} if signature.has_array else dict.fromkeys(numbers)
    for op in ops:
        terms = walk(op.value) if isinstance(op, Map) else ()
        for term in terms:
            for part in _without_type(term):
                alone.update(dict.fromkeys(e.tensor for e in elements(part)))
    names = [n for t, n in numbers.items() if t in alone]
    # Without an array the first number says the type, or a float64 run would round the others.
    like = signature.like if signature.has_array else ""
    likes = [like or (names[0] if k else "") for k in range(len(names))]
    lines = [
        f"{INDENT}{n} = {target.as_array(n, other)}" for n, other in zip(names, likes, strict=True)
    ]
    return [*lines, *_whole_conversions(ops, signature, target)]


def _whole_conversions(ops: Sequence[Op], signature: Signature, target: Target) -> list[str]:
    """Return lines that turn integers that meet real numbers into arrays: they change their type.

    A comparison takes a Python integer as it is.
    """
    terms = [op.value for op in ops if isinstance(op, Map)]
    seen: set[Expr] = set()
    while terms:
        term = terms.pop()
        if term not in seen and not isinstance(term, Compare):
            seen.add(term)
            terms += term.children
    met = {term.tensor for term in seen if isinstance(term, Element)}
    like = signature.like if signature.has_array else ""
    return [
        f"{INDENT}{a.name} = {target.as_whole_array(a.name, like)}"
        for a in signature.arguments
        if a.rank == 0 and a.kind == INTEGER and a.tensor.name in met
    ]


def _without_type(term: Expr) -> list[Expr]:
    """Return the parts of a term whose numbers a library refuses or gives a type of its choice."""
    if isinstance(term, Where) and term.condition.free:
        return [branch for branch in (term.then, term.otherwise) if not branch.free]
    if isinstance(term, Call) and term.function in ("maximum", "minimum"):
        return [argument for argument in term.args if not argument.free]
    return [term] if isinstance(term, Call) and not term.free else []


def _may_divide_by_zero(ops: Sequence[Op]) -> bool:
    """Return whether an exact result may need a division by zero or a log of it on the way.

    A logsumexp of minus infinity does, and so may the branch of a `where` that is not taken.
    """
    for op in ops:
        if isinstance(op, Reduce) and op.op == SHIFT:
            return True
        if isinstance(op, Map) and any(_is_delicate(t) for t in walk(op.value)):
            return True
    return False


def _is_delicate(term: Expr) -> bool:
    if not isinstance(term, Where):
        return False
    parts = [p for c in (term.then, term.otherwise) for p in walk(c)]
    return any(
        isinstance(p, Power) or (isinstance(p, Call) and p.function in _DELICATE) for p in parts
    )


#: Functions that warn outside their domain, or where they overflow.
_DELICATE = frozenset({"exp", "expm1", "log", "log1p", "pow", "sinh", "cosh", "tan"})
