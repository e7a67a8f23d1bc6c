"""Reads of tensors and lengths, and what may stand between the brackets.

In: an `ast` subscript such as `X[n, 2*h + p]` and the reader of the expression around it. Out: an
element, a size or an index.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from symgrad.errors import NonAffineIndexError, ReservedNameError, RoleError, UnboundIndexError
from symgrad.ir.batch import BATCH_INDEX
from symgrad.ir.composite import as_written, composite
from symgrad.ir.terms import BATCH, ZERO, Add, Const, Element, Expr, Index, Size
from symgrad.ir.text_affine import is_affine
from symgrad.ir.text_build import written_sum
from symgrad.ir.text_scope import BINDERS, RESERVED
from symgrad.ir.text_source import dotted, is_batch, nearest, positions

if TYPE_CHECKING:
    from symgrad.ir.text_terms import TermReader


def read_subscript(reader: TermReader, node: ast.Subscript) -> Expr:
    """Return an element, or a size."""
    name = dotted(node.value)
    if name is None:
        raise reader.no_form(node)
    if name == "size":
        return _size(reader, node)
    if name in RESERVED:
        call = f"{name}[...](...)" if name in BINDERS else f"{name}(...)"
        raise reader.source.error(
            ReservedNameError,
            node,
            given=f"{name} as a tensor",
            expected=f"{name} only as {call}",
            fix="call it, or choose another name",
        )
    if name in reader.scope.letters or name in reader.scope.options:
        raise reader.source.error(
            RoleError,
            node,
            given=f"{name} as a tensor, and as an index or option elsewhere",
            expected="one role for each name",
            fix="rename one of the two",
        )
    reader.check_present(node, name)
    element = Element(name, tuple(read_index(reader, n) for n in positions(node)))
    reader.places.setdefault(element, node)
    return element


def read_boundary(reader: TermReader, node: ast.Call) -> Expr:
    """Return `read(X[i], outside=value)`."""
    keys = [k.arg for k in node.keywords]
    element = reader.value(node.args[0]) if len(node.args) == 1 else None
    if keys != ["outside"] or not isinstance(element, Element) or element.outside is not None:
        raise reader.bad_arguments(node, "read(X[...], outside=0)")
    bounded = Element(element.tensor, element.indices, reader.value(node.keywords[0].value))
    reader.places.setdefault(bounded, node)
    return bounded


def _size(reader: TermReader, node: ast.Subscript) -> Expr:
    if is_batch(node.slice):
        return Size(BATCH)
    letter = dotted(node.slice)
    known = reader.scope.all_letters
    if letter is None or (known is not None and letter not in known):
        raise reader.source.error(
            UnboundIndexError,
            node,
            given=f"size[{reader.source.segment(node.slice)}]",
            expected=f"a letter of the text: {nearest(letter or '', known or ())}",
            fix="name an index of some tensor",
        )
    return Size(letter)


def read_index(reader: TermReader, node: ast.expr) -> Expr:
    """Return what stands in one position between the brackets."""
    if is_batch(node):
        return BATCH_INDEX
    if isinstance(node, ast.Tuple):
        return _composite(reader, node)
    if isinstance(node, ast.Name):
        found = _plain(reader, node)
        if found is not None:
            return found
    if isinstance(node, ast.Slice):
        raise reader.no_form(node)
    expr = reader.value(node)
    if isinstance(expr, Add):
        expr = written_sum([t for t in expr.terms if t is not ZERO] or [ZERO])
    if not is_affine(expr):
        raise reader.source.error(
            NonAffineIndexError,
            node,
            given=f"the index {reader.source.segment(node)}",
            expected="integers, indices and sizes with + - and constant factors, or a gather",
            fix="use 2*h + p, i % size[i], clip(...), (g, c) or T[n]",
        )
    return as_written(expr)


def _plain(reader: TermReader, node: ast.Name) -> Expr | None:
    """Return a bare letter; None for the name of an option or of a tensor."""
    name, scope = node.id, reader.scope
    if name in scope.letters:
        return Index(name, name)
    if name in scope.options or name in scope.tensors:
        return None
    if scope.all_letters is None:
        return Index(name, name)
    raise reader.unbound(node, name)


def _composite(reader: TermReader, node: ast.Tuple) -> Expr:
    """Return `(g, c)`, or `(0, c)` with a number for the outermost part."""
    if len(node.elts) < 2:
        raise reader.no_form(node)
    parts = [_part(reader, n, outermost=n is node.elts[0]) for n in node.elts]
    return composite(parts, [Size(i.axis) if isinstance(i, Index) else ZERO for i in parts])


def _part(reader: TermReader, node: ast.expr, *, outermost: bool) -> Expr:
    found = _plain(reader, node) if isinstance(node, ast.Name) else None
    if found is not None:
        return found
    value = reader.value(node) if outermost else None
    if isinstance(value, Const) and is_affine(value):
        return value
    raise reader.no_form(node)
