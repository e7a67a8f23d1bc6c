"""Expressions of the equation language: `ast` nodes to terms.

In: an `ast` expression and the names in scope. Out: a raw term, operands in text order, indices
over axes of their own letter (`symgrad.ir.shapes` unifies them). This module knows no statement.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.functions import FUNCTIONS
from symgrad.errors import (
    NonAffineIndexError,
    ReservedNameError,
    RoleError,
    SymgradError,
    TextLimitError,
    TextSyntaxError,
    UnboundIndexError,
    UnknownCallError,
)
from symgrad.ir.batch import BATCH_INDEX
from symgrad.ir.terms import (
    BATCH,
    INF,
    PI,
    ZERO,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Power,
    Size,
    Where,
)  # fmt: skip
from symgrad.ir.text_affine import is_affine
from symgrad.ir.text_binders import BINDERS, is_batch, positions, read_reduction
from symgrad.ir.text_build import (
    HALF,
    composite,
    growth,
    inverse,
    negated,
    written_power,
    written_product,
    written_sum,
)
from symgrad.ir.text_source import MAX_EXPONENT, MAX_INTEGER, dotted, is_chain, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.ir.macros import Fresh
    from symgrad.ir.text_source import Source

SPECIAL = ("sqrt", "where", "read", "clip")
CALLS = (*FUNCTIONS, *SPECIAL)
RESERVED = frozenset((*CALLS, *BINDERS, "size", "pi", "inf"))
COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
"""Python's comparison nodes and their spelling."""


@dataclass(frozen=True)
class Scope:
    """What the names of an expression mean.

    Attributes:
        letters: The indices in scope.
        options: The static options with their values.
        all_letters: Every letter of the text, in scope or not; None if any may be new.
    """

    letters: frozenset[str] = frozenset()
    options: Mapping[str, object] = field(default_factory=dict)
    all_letters: frozenset[str] | None = None


class TermReader:
    """Turns `ast` expressions of one equation into terms.

    Args:
        source: The text.
        scope: The names.
        fresh: Where macros put their equations.
    """

    def __init__(self, source: Source, scope: Scope, fresh: Fresh) -> None:
        self.source, self.scope, self.fresh = source, scope, fresh
        self.first_node: dict[object, ast.AST] = {}

    def value(self, node: ast.expr) -> Expr:
        """Return the term of an arithmetic or truth-valued expression."""
        match node:
            case ast.Constant():
                return Const(self.source.rational(node))
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                op = "and" if isinstance(node.op, ast.And) else "or"
                return Logic(op, tuple(self.value(v) for v in node.values))
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                return self._call(node)
            case _:
                raise self._no_form(node)

    def _no_form(self, node: ast.expr) -> SymgradError:
        return self.source.error(
            TextSyntaxError,
            node,
            given=self.source.segment(node),
            expected="numbers, names, X[i, j], + - * / **, comparisons, functions, reductions",
            fix="see the page on notation",
        )

    def inside(self, letters: frozenset[str]) -> TermReader:
        """Return a reader for what stands inside a binder."""
        scope = replace(self.scope, letters=self.scope.letters | letters)
        inner = TermReader(self.source, scope, self.fresh)
        inner.first_node = self.first_node
        return inner

    def check_letter(self, node: ast.AST, name: str) -> None:
        """Refuse a letter that is a reserved name or an option."""
        if name in RESERVED:
            raise self.source.error(
                ReservedNameError,
                node,
                given=f"{name} as an index",
                expected="a name that the language does not use",
                fix=f"use another letter: {name[0]}",
            )
        if name in self.scope.options:
            raise self.source.error(
                RoleError,
                node,
                given=f"{name} as an index, and as an option elsewhere",
                expected="one role for each name",
                fix="rename one of the two",
            )

    # --- names -----------------------------------------------------------------------------------

    def _name(self, node: ast.expr) -> Expr:
        name = dotted(node)
        if name is None:
            raise self._no_form(node)
        if name in self.scope.letters:
            return Index(name, name)
        if name in self.scope.options:
            return self._option(node, name)
        if name in ("pi", "inf"):
            return PI if name == "pi" else INF
        if name in RESERVED:
            raise self.source.error(
                ReservedNameError,
                node,
                given=f"{name} as a value",
                expected=f"a call, {name}(...) or {name}[...]",
                fix="call it, or choose another name",
            )
        if self.scope.all_letters is not None and name in self.scope.all_letters:
            raise self.unbound(node, name)
        element = Element(name)
        self.first_node.setdefault(element, node)
        return element

    def unbound(self, node: ast.AST, name: str) -> SymgradError:
        """Return the error about an index that is not in scope."""
        inside = ", ".join(sorted(self.scope.letters)) or "none"
        return self.source.error(
            UnboundIndexError,
            node,
            given=f"index {name}, which is not in scope here",
            expected=f"one of the indices in scope: {inside}",
            fix=f"reduce it, sum[{name}](...), or add it to the left-hand side",
        )

    def _option(self, node: ast.expr, name: str) -> Expr:
        value = self.scope.options[name]
        if isinstance(value, (bool, int)):
            return Const(Fraction(int(value)))
        raise self.source.error(
            RoleError,
            node,
            given=f"the option {name} = {value!r} in an expression",
            expected="a number",
            fix=f"branch on it: if {name} == {value!r}: ...",
        )

    # --- operators -------------------------------------------------------------------------------

    def _binary(self, node: ast.BinOp) -> Expr:
        match node.op:
            case ast.Add() | ast.Sub():
                return written_sum(self._chain(node, negated, ast.Sub))
            case ast.Mult() | ast.Div():
                return self._checked(node, written_product(self._chain(node, self._over, ast.Div)))
            case ast.Pow():
                return self._power(node, self.value(node.left), self.value(node.right))
            case ast.FloorDiv():
                return Call("floordiv", (self.value(node.left), self.value(node.right)))
            case ast.Mod():
                return Call("mod", (self.value(node.left), self.value(node.right)))
            case _:
                raise self._no_form(node)

    def _chain(
        self, node: ast.BinOp, turned: Callable[[Expr], Expr], second: type[ast.operator]
    ) -> list[Expr]:
        """Return the operands of a chain of one kind of operator, in order."""
        operands: list[Expr] = []
        rest: ast.expr = node
        while isinstance(rest, ast.BinOp):
            right = self.value(rest.right)
            operands.append(turned(right) if isinstance(rest.op, second) else right)
            last, rest = rest, rest.left
            if not is_chain(last, rest):
                break
        operands.append(self.value(rest))
        return operands[::-1]

    def _over(self, expr: Expr) -> Expr:
        if expr is ZERO:
            raise self.source.error(
                TextLimitError,
                None,
                given="a division by the literal 0",
                expected="a divisor that is not 0",
                fix="remove the division",
            )
        return inverse(expr)

    def _power(self, node: ast.expr, base: Expr, exponent: Expr) -> Expr:
        if not isinstance(exponent, Const):
            return Call("pow", (base, exponent))
        if exponent.value < 0:
            self._over(base)
        expr = Power(base, exponent.value) if exponent.value else base
        if abs(exponent.value) > MAX_EXPONENT or growth(expr) > MAX_EXPONENT:
            raise self.source.error(
                TextLimitError,
                node,
                given=f"an exponent of {exponent.value}, or nested powers that amount to more",
                expected=f"literal exponents within +-{MAX_EXPONENT}",
                fix="make the exponent an input: declare p: real and write x**p",
            )
        return self._checked(node, written_power(base, exponent.value))

    def _checked(self, node: ast.expr, expr: Expr) -> Expr:
        head = expr.children[0] if isinstance(expr, Mul) else expr
        limit = MAX_INTEGER**MAX_EXPONENT
        value = head.value if isinstance(head, Const) else Fraction(0)
        if max(abs(value.numerator), value.denominator) > limit:
            raise self.source.error(
                TextLimitError,
                node,
                given="a number with too many digits",
                expected="a number of moderate size",
                fix="make the number an input",
            )
        return expr

    def _unary(self, node: ast.UnaryOp) -> Expr:
        operand = self.value(node.operand)
        match node.op:
            case ast.USub():
                return negated(operand)
            case ast.UAdd():
                return operand
            case ast.Not():
                return Logic("not", (operand,))
            case _:
                raise self._no_form(node)

    def _compare(self, node: ast.Compare) -> Expr:
        terms = [self.value(n) for n in (node.left, *node.comparators)]
        links: list[Expr] = []
        for op, left, right in zip(node.ops, terms, terms[1:], strict=False):
            symbol = COMPARISONS.get(type(op))
            if symbol is None:
                raise self._no_form(node)
            if symbol in (">", ">="):
                links.append(Compare(symbol.replace(">", "<"), right, left))
            else:
                links.append(Compare(symbol, left, right))
        return links[0] if len(links) == 1 else Logic("and", tuple(links))

    # --- elements --------------------------------------------------------------------------------

    def _subscript(self, node: ast.Subscript) -> Expr:
        name = dotted(node.value)
        if name is None:
            raise self._no_form(node)
        if name == "size":
            return self._size(node)
        if name in RESERVED:
            call = f"{name}[...](...)" if name in BINDERS else f"{name}(...)"
            raise self.source.error(
                ReservedNameError,
                node,
                given=f"{name} as a tensor",
                expected=f"{name} only as {call}",
                fix="choose another name",
            )
        if name in self.scope.letters or name in self.scope.options:
            raise self.source.error(
                RoleError,
                node,
                given=f"{name} as a tensor, and as an index or option elsewhere",
                expected="one role for each name",
                fix="rename one of the two",
            )
        element = Element(name, tuple(self.index(n) for n in positions(node)))
        self.first_node.setdefault(element, node)
        return element

    def _size(self, node: ast.Subscript) -> Expr:
        letter = dotted(node.slice)
        if is_batch(node.slice):
            return Size(BATCH)
        if letter is None or (
            self.scope.all_letters is not None and letter not in self.scope.all_letters
        ):
            raise self.source.error(
                UnboundIndexError,
                node,
                given=f"size[{self.source.segment(node.slice)}]",
                expected=f"a letter: {nearest(letter or '', self.scope.all_letters or ())}",
                fix="name an index of some tensor",
            )
        return Size(letter)

    def index(self, node: ast.expr) -> Expr:
        """Return the term of an index position."""
        if is_batch(node):
            return BATCH_INDEX
        if isinstance(node, ast.Tuple):
            names = [dotted(n) for n in node.elts]
            if len(names) < 2 or None in names:
                raise self._no_form(node)
            parts = [self.index(n) for n in node.elts]
            return composite(parts, [Size(str(n)) for n in names])
        if isinstance(node, ast.Slice):
            raise self._no_form(node)
        if (
            self.scope.all_letters is None
            and isinstance(node, ast.Name)
            and node.id not in self.scope.options
        ):
            return Index(node.id, node.id)
        if (
            isinstance(node, ast.Name)
            and node.id not in self.scope.letters
            and self.scope.all_letters is not None
            and node.id in self.scope.all_letters
        ):
            raise self.unbound(node, node.id)
        expr = self.value(node)
        if not is_affine(expr):
            raise self.source.error(
                NonAffineIndexError,
                node,
                given=f"the index {self.source.segment(node)}",
                expected="integers, indices and sizes with + - and constant factors, or a gather",
                fix="use 2*h + p, i % size[i], clip(...), (g, c) or T[n]",
            )
        return expr

    # --- calls -----------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Expr:
        if isinstance(node.func, ast.Subscript):
            return read_reduction(self, node, node.func)
        name = dotted(node.func)
        if name not in CALLS:
            raise self.unknown_call(node, name or "")
        if name == "read":
            return self._read(node)
        arity = {"sqrt": 1, "where": 3, "clip": 3}.get(str(name)) or FUNCTIONS[str(name)].arity
        if node.keywords or len(node.args) != arity:
            raise self.bad_arguments(node, f"{name} with {arity} argument(s)")
        args = tuple(self.value(a) for a in node.args)
        if name == "sqrt":
            return self._power(node, args[0], Const(HALF))
        if name == "where":
            return Where(*args)
        if name == "clip":
            return Call("minimum", (Call("maximum", args[:2]), args[2]))
        return Call(str(name), args)

    def unknown_call(self, node: ast.Call, name: str) -> SymgradError:
        """Return the error about a call of something unknown."""
        known = (*CALLS, *(f"{b}[i]" for b in BINDERS))
        return self.source.error(
            UnknownCallError,
            node,
            given=f"a call of {self.source.segment(node.func)}",
            expected="a function of the language, or a reduction with its indices",
            fix=f"nearest: {nearest(name, known)}",
        )

    def bad_arguments(self, node: ast.expr, expected: str) -> SymgradError:
        """Return the error about a call with the wrong arguments."""
        return self.source.error(
            TextSyntaxError,
            node,
            given=self.source.segment(node),
            expected=expected,
            fix="give these arguments, by position",
        )

    def _read(self, node: ast.Call) -> Expr:
        keys = [k.arg for k in node.keywords]
        element = self.value(node.args[0]) if len(node.args) == 1 else None
        if keys != ["outside"] or not isinstance(element, Element) or element.outside is not None:
            raise self.bad_arguments(node, "read(X[...], outside=0)")
        return Element(element.tensor, element.indices, self.value(node.keywords[0].value))
