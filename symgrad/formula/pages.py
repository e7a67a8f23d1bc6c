"""Pages made from tables, so that they cannot be out of date: errors, scalar functions.

In: the exception classes, the function table. Out: Markdown. A test compares the pages in docs, and
writes them with `--update-golden`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from symgrad import errors
from symgrad.ir.functions import FUNCTIONS, ScalarFunction

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERRORS = """# Errors

Bad input gets four answers: where, given, expected, fix. Every error is a `SymgradError` and, where
one fits, a built-in exception too, so both can be caught. The code never changes. This page is made
from the classes in `symgrad/errors.py`.

| code | class | also a | meaning |
| --- | --- | --- | --- |
"""

_FUNCTIONS = """# Scalar functions

The closed table of functions that equations may call, and the only place where derivatives are
written down: `x` is the argument, `z` the second one, `y` the value. Everything else, layers and
losses included, is equations, and its gradient is derived. This page is made from
`symgrad/ir/functions.py`.

| function | derivative | defined as | domain | at a kink |
| --- | --- | --- | --- | --- |
"""


def error_classes() -> Iterator[type[errors.SymgradError]]:
    """Yield every exception class, by code."""
    found = (c for _, c in inspect.getmembers(errors, inspect.isclass))
    ours = (c for c in found if issubclass(c, errors.SymgradError))
    yield from sorted(ours, key=lambda c: (c.code, c.__name__))


def errors_page() -> str:
    """Return the page of errors as Markdown."""
    rows = []
    for kind in error_classes():
        builtin = [b.__name__ for b in kind.__mro__ if b.__module__ == "builtins"][:1]
        also = builtin[0] if builtin[0] != "Exception" else ""
        meaning = _first_paragraph(kind)
        rows.append(f"| {kind.code} | `{kind.__name__}` | {also and f'`{also}`'} | {meaning} |")
    return _ERRORS + "\n".join(rows) + "\n"


def functions_page() -> str:
    """Return the page of scalar functions as Markdown."""
    return _FUNCTIONS + "\n".join(map(_function_row, FUNCTIONS.values())) + "\n"


def _function_row(row: ScalarFunction) -> str:
    call = f"{row.name}(x)" if row.arity == 1 else f"{row.name}(x, z)"
    derivative = ", ".join(f"`{d}`" for d in row.derivatives)
    definition = "" if row.definition is None else f"`{row.definition}`"
    low, high = row.domain
    domain = "" if low == -high else f"x > {low:g}"
    cells = (f"`{call}`", derivative, definition, domain, row.at_kink)
    return f"| {' | '.join(cells)} |"


def _first_paragraph(kind: type) -> str:
    text = inspect.cleandoc(kind.__doc__ or "").split("\n\n", maxsplit=1)[0]
    return " ".join(text.split())


#: The generated pages, by their path in the repository.
PAGES = {"docs/errors.md": errors_page, "docs/functions.md": functions_page}
