"""Long lines of generated code, wrapped as a formatter wraps them.

In: the text of a module. Out: the same with one name a line where an assignment to many names, or a
return of many, is too long.
"""

from __future__ import annotations

import re

_NAMES = r"\w+(?:\[\S+\])?(?:, \w+(?:\[\S+\])?)+"
_RETURN = re.compile(rf"( *)return ({_NAMES})")
_ASSIGNED = re.compile(rf"( *)({_NAMES}) = (.*)")
_CALL = re.compile(r"( *)(\w+ = [\w.]+\()(.*)\)")


def wrap_long_lines(text: str, width: int) -> str:
    """Return a text in which lines of many names are wrapped.

    >>> print(wrap_long_lines("    return first, second", 20))
        return (
            first,
            second,
        )
    >>> print(wrap_long_lines("name = torch.tensordot(X, W, dims=1)", 30))
    name = torch.tensordot(
        X, W, dims=1
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
    found = _CALL.fullmatch(line)
    arguments = found and _arguments(found[3])
    if found and arguments:
        indent, head, inner = found.groups()
        rows = [f"{indent}    {inner}"]
        if len(rows[0]) > width and _is_one_tuple(inner):
            items = _arguments(inner[1:-1]) or []
            rows = [f"{indent}    (", *(f"{indent}        {i}," for i in items), f"{indent}    )"]
        elif len(rows[0]) > width and len(arguments) > 1:
            rows = [f"{indent}    {a}," for a in arguments]
        return [f"{indent}{head}", *rows, f"{indent})"]
    return [line]


def _arguments(text: str) -> list[str] | None:
    """Return the arguments between the parentheses of a call; None if these are not all one call's.

    >>> _arguments("X, W.reshape(3, k), dims=(0, 1)")
    ['X', 'W.reshape(3, k)', 'dims=(0, 1)']
    >>> _arguments("X) * f(Y")
    """
    found, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if depth < 0:
            return None
        if sign == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
    return [*found, text[start:].strip()] if depth == 0 else None


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
