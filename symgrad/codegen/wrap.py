"""Long lines of generated code, wrapped as a formatter wraps them.

In: the text of a module. Out: the same with one name a line where an assignment to many names, or a
return of many, is too long.
"""

from __future__ import annotations

import re

_NAMES = r"\w+(?:\[\S+\])?(?:, \w+(?:\[\S+\])?)+"
_RETURN = re.compile(rf"( *)return ({_NAMES})")
_ASSIGNED = re.compile(rf"( *)({_NAMES}) = (.*)")
_CALL = re.compile(r"( *)(\w+ = [\w.]+\()(\(.*\))\)")


def wrap_long_lines(text: str, width: int) -> str:
    """Return a text in which lines of many names are wrapped.

    >>> print(wrap_long_lines("    return first, second", 20))
        return (
            first,
            second,
        )
    >>> print(wrap_long_lines("first, second = f(x)", 15))
    (
        first,
        second,
    ) = f(x)
    >>> print(wrap_long_lines("x = f((a)) if b else f((c))", 15))
    x = f((a)) if b else f((c))
    """
    lines = (part for line in text.split("\n") for part in _wrapped(line, width))
    return "\n".join(lines)


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    if found := _RETURN.fullmatch(line):
        indent, names = found.groups()
        return [f"{indent}return (", *_rows(indent, names), f"{indent})"]
    if found := _ASSIGNED.fullmatch(line):
        indent, names, value = found.groups()
        return [f"{indent}(", *_rows(indent, names), f"{indent}) = {value}"]
    if (found := _CALL.fullmatch(line)) and _is_one_tuple(found[3]):
        indent, head, inner = found.groups()
        rows = [f"{indent}    {inner}"]
        if len(rows[0]) > width:
            items = re.split(r", (?![^(]*\))", inner[1:-1])
            rows = [f"{indent}    (", *(f"{indent}        {i}," for i in items), f"{indent}    )"]
        return [f"{indent}{head}", *rows, f"{indent})"]
    return [line]


def _is_one_tuple(text: str) -> bool:
    """Return whether a text in parentheses is one tuple, and not the ends of two.

    >>> _is_one_tuple("(a, f(b))"), _is_one_tuple("(a) if f(b) else g(c)")
    (True, False)
    """
    depth = 0
    for k, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return k == len(text) - 1
    return False


def _rows(indent: str, names: str) -> list[str]:
    return [f"{indent}    {name}," for name in names.split(", ")]
