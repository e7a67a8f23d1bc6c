"""The text of a System on its way to an `ast` tree: limits, positions, errors.

In: a text. Out: a `Source`, its statements as `ast` nodes and a maker of positioned errors. Nothing
is evaluated; whatever Python's parser raises becomes one positioned error.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from textwrap import dedent
from typing import TYPE_CHECKING

from symgrad.errors import TextLimitError, TextSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from symgrad.errors import SymgradError

MAX_CHARACTERS = 20_000
MAX_BRACKETS = 50
MAX_DEPTH = 150
MAX_INTEGER = 2**63
MAX_EXPONENT = 64
MAX_DECIMAL_EXPONENT = 300
MAX_DIGITS = 1000

_DECIMAL = re.compile(r"[0-9_]*\.?[0-9_]*(?:[eE]([+-]?[0-9_]+))?")


@dataclass(frozen=True)
class Source:
    """A text that was read.

    Attributes:
        text: The text as it was given.
        body: Its statements.
        shift: How many columns of indentation were removed before parsing.
    """

    text: str
    body: tuple[ast.stmt, ...]
    shift: int

    def error(
        self,
        kind: type[SymgradError],
        node: ast.AST | None,
        *,
        given: str,
        expected: str,
        fix: str,
    ) -> SymgradError:
        """Return an error that points at a node of the text."""
        line = getattr(node, "lineno", None)
        column = getattr(node, "col_offset", None)
        return kind(
            where="the text" if line is None else f"line {line} of the text",
            given=given,
            expected=expected,
            fix=fix,
            text=self.text,
            line=line,
            column=None if column is None else column + self.shift,
        )

    def segment(self, node: ast.AST) -> str:
        """Return the text of a node, on one line and shortened."""
        text = " ".join(ast.unparse(node).split())
        return text if len(text) <= 60 else text[:57] + "..."

    def rational(self, node: ast.Constant) -> Fraction:
        """Return the exact value of a literal number, as it is written.

        Raises:
            TextLimitError: If it is out of range.
            TextSyntaxError: If it is no number.
        """
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(
                TextSyntaxError,
                node,
                given=f"the literal {self.segment(node)}",
                expected="a whole number or a decimal",
                fix="write a number, or name the value and declare it",
            )
        if isinstance(value, int):
            if value >= MAX_INTEGER:
                raise self._number_error(node)
            return Fraction(value)
        return self._decimal(node)

    def _decimal(self, node: ast.Constant) -> Fraction:
        row = self.text.splitlines()[node.lineno - 1]
        text = row[node.col_offset + self.shift : (node.end_col_offset or 0) + self.shift]
        found = _DECIMAL.fullmatch(text)
        if found is None or abs(int(found[1] or 0)) > MAX_DECIMAL_EXPONENT:
            raise self._number_error(node)
        return Fraction(text)

    def _number_error(self, node: ast.Constant) -> SymgradError:
        return self.error(
            TextLimitError,
            node,
            given=f"the number {self.segment(node)}",
            expected=f"an integer below 2**63, or an exponent within +-{MAX_DECIMAL_EXPONENT}",
            fix="make the number an input",
        )


def read_source(text: str) -> Source:
    """Return the parsed text.

    Raises:
        TextLimitError: If the text is too long, nested too deeply or not ASCII.
        TextSyntaxError: If Python's parser refuses it.
    """
    _check_limits(text)
    plain = dedent(text)
    given, short = text.splitlines(), plain.splitlines()
    rows = [(a, b) for a, b in zip(given, short, strict=False) if b.strip()]
    shift = len(rows[0][0]) - len(rows[0][1]) if rows else 0
    source = Source(text, (), shift)
    tree = _python_tree(source, plain)
    _mark_composites(tree, plain)
    body = tuple(tree.body)
    _check_depth(source, body)
    return Source(text, body, shift)


def _python_tree(source: Source, plain: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(plain)
    except SyntaxError as error:
        place = ast.Pass(lineno=error.lineno or 1, col_offset=max((error.offset or 1) - 1, 0))
        raise source.error(
            TextSyntaxError,
            place,
            given=str(error.msg),
            expected="statements of the equation language",
            fix="write equations such as Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]",
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise source.error(
            TextLimitError,
            None,
            given=f"a text that Python's parser refuses ({type(error).__name__})",
            expected="an expression of moderate length",
            fix="name parts of it as equations of their own",
        ) from None


def _mark_composites(tree: ast.Module, plain: str) -> None:
    """Make `b[(s, k)]` one position: Python reads it as `b[s, k]`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            inner = node.slice
            text = ast.get_source_segment(plain, inner) or ""
            if _is_one_bracket(text):
                node.slice = ast.copy_location(ast.Tuple([inner], ast.Load()), inner)


def _is_one_bracket(text: str) -> bool:
    """Return whether the bracket that opens a text closes at its end."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return at == len(text) - 1
    return False


def _check_limits(text: str) -> None:
    source = Source(text, (), 0)
    if len(text) > MAX_CHARACTERS:
        raise source.error(
            TextLimitError,
            None,
            given=f"{len(text)} characters",
            expected=f"at most {MAX_CHARACTERS}",
            fix="split the System and compose the parts",
        )
    if re.search(rf"[0-9]{{{MAX_DIGITS}}}", text):
        raise source.error(
            TextLimitError,
            None,
            given=f"a number of {MAX_DIGITS} digits or more",
            expected="numbers of moderate size",
            fix="make the number an input",
        )
    line = column = depth = 0
    for character in text:
        if character > "~" or (character < " " and character not in "\t\n\r"):
            raise source.error(
                TextLimitError,
                ast.Pass(lineno=line + 1, col_offset=column),
                given=f"the character {character!a}",
                expected="ASCII",
                fix="spell it out: sigma, alpha, <=",
            )
        depth += (character in "([{") - (character in ")]}")
        if depth > MAX_BRACKETS:
            raise source.error(
                TextLimitError,
                ast.Pass(lineno=line + 1, col_offset=column),
                given=f"brackets nested {depth} deep",
                expected=f"at most {MAX_BRACKETS}",
                fix="name parts of the expression as equations of their own",
            )
        line, column = (line + 1, 0) if character == "\n" else (line, column + 1)


def _check_depth(source: Source, body: tuple[ast.stmt, ...]) -> None:
    """Refuse a tree that would exhaust the stack; a chain of one operator is one level."""
    stack: list[tuple[ast.AST, int]] = [(node, 0) for node in body]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise source.error(
                TextLimitError,
                node,
                given=f"an expression more than {MAX_DEPTH} levels deep",
                expected="an expression of moderate depth",
                fix="name parts of it as equations of their own",
            )
        for child in ast.iter_child_nodes(node):
            same = isinstance(node, ast.BinOp) and child is node.left and is_chain(node, child)
            stack.append((child, depth if same else depth + 1))


def is_chain(node: ast.BinOp, child: ast.expr) -> bool:
    """Return whether the left operand of `+ -` or `* /` goes on with the same kind of operator."""
    kinds = ((ast.Add, ast.Sub), (ast.Mult, ast.Div))
    return isinstance(child, ast.BinOp) and any(
        isinstance(node.op, kind) and isinstance(child.op, kind) for kind in kinds
    )


def positions(node: ast.Subscript) -> list[ast.expr]:
    """Return what stands between the brackets, one node for each position."""
    inner = node.slice
    return list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]


def is_batch(node: ast.expr) -> bool:
    """Return whether a node is `...`."""
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def dotted(node: ast.expr) -> str | None:
    """Return a name, which may have dots, or None for another node."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return None if head is None else f"{head}.{node.attr}"
    return None


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the names most like a name, for a message, or the first few."""
    known = sorted(set(names))
    close = get_close_matches(name, known, n=3, cutoff=0.5) or known[:8]
    return ", ".join(close) or "none"
