"""The equation language: texts to Systems.

In: a text and the values of its static options. Out: a `System` with every shape inferred, or one
positioned error. Nothing is ever evaluated from a text. `symgrad.ir.show` is the inverse.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from symgrad.errors import TextSyntaxError, UnsupportedError
from symgrad.ir.macros import Fresh
from symgrad.ir.text_options import default_values, legal_values, resolve
from symgrad.ir.text_scope import Scope
from symgrad.ir.text_source import read_source
from symgrad.ir.text_system import SystemReader
from symgrad.ir.text_terms import TermReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.ir.equation import System
    from symgrad.ir.terms import Expr


def parse(
    text: str,
    *,
    name: str = "system",
    options: Mapping[str, object] | None = None,
    params: Sequence[str] = (),
    internal: bool = False,
) -> System:
    """Return the System that a text describes.

    Args:
        text: Declarations, equations and `return`, in the equation language.
        name: What the System is called.
        options: Values of static options, and presence of optional inputs, that differ from their
            default.
        params: The inputs that are parameters.
        internal: Whether to accept what only passes write: dotted names, the suffixes `_bar` and
            `_dot`, indices on the left-hand side only and lengths that nothing shows.

    Raises:
        SymgradError: If the text is not a System; the class says what is wrong, and where.

    >>> print(parse("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]"))
    X: real[n, i]
    W: real[o, i]
    b: real[o]
    Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]
    return Y
    """
    source = read_source(text)
    resolved = resolve(source, options or {})
    return SystemReader(source, resolved, internal=internal).system(name, tuple(params))


def options_of(text: str) -> dict[str, tuple[object, ...]]:
    """Return the legal values of each static option, and of the presence of each optional input.

    >>> options_of('reduction: "mean" | "sum" = "mean"')
    {'reduction': ('mean', 'sum')}
    """
    return legal_values(read_source(text))


def default_options(text: str) -> dict[str, object]:
    """Return what each static option is, and whether each optional input is present, by default.

    >>> default_options('reduction: "mean" | "sum" = "mean"')
    {'reduction': 'mean'}
    """
    return default_values(read_source(text))


def parse_expression(text: str, *, letters: Sequence[str] = ()) -> Expr:
    """Return the term that one expression describes, each index over an axis of its own letter.

    Args:
        text: The expression. Bare names are scalars; names in brackets are indices.
        letters: Bare names that are indices as well.

    >>> parse_expression("2 * x + 1").children[0].children[1]
    Element(tensor='x', indices=(), outside=None)
    """
    source = read_source(text.strip())
    body = source.body
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise source.error(
            TextSyntaxError,
            body[0] if body else None,
            given="no expression, or more than that",
            expected="one expression",
            fix="write sum[i](X[n, i] ** 2)",
        )
    fresh = Fresh()
    value = TermReader(source, Scope(frozenset(letters)), fresh).value(body[0].value)
    if fresh.equations:
        raise source.error(
            UnsupportedError,
            body[0],
            given="a macro that needs equations of its own",
            expected="an expression without var or softmax",
            fix="write a System: Y[n, k] = ...",
        )
    return value
