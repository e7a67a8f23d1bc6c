"""Expressions of the equation language: `ast` nodes to terms.

In: an `ast` expression and the names in scope. Out: a raw term, operands in text order, indices
over axes of their own letter (`symgrad.ir.shapes` unifies them). This module knows no statement.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.errors import (
    OptionError,
    RoleError,
    SymgradError,
    TextLimitError,
    TextSyntaxError,
    UnboundIndexError,
    UnknownCallError,
)
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import (
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
    Where,
)  # fmt: skip
from symgrad.ir.text_binders import read_reduction
from symgrad.ir.text_build import (
    HALF,
    growth,
    inverse,
    negated,
    written_power,
    written_product,
    written_sum,
)
from symgrad.ir.text_reads import read_boundary, read_subscript
from symgrad.ir.text_scope import (
    BINDERS,
    CALLS,
    RESERVED,
    SPECIAL,
    Scope,
    is_reserved,
    reserved_name,
)
from symgrad.ir.text_source import MAX_EXPONENT, MAX_INTEGER, dotted, is_chain, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.ir.macros import Fresh
    from symgrad.ir.text_source import Source

COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
"""Python's comparison nodes and their spelling."""


class TermReader:
    """Turns `ast` expressions of one equation into terms.

    Args:
        source: The text.
        scope: The names.
        fresh: Where macros put their equations.
    """

    def __init__(self, source: Source, scope: Scope, fresh: Fresh) -> None:
        self.source, self.scope, self.fresh = source, scope, fresh
        self.places: dict[object, ast.AST] = {}

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
                return read_subscript(self, node)
            case ast.Call():
                return self._call(node)
            case _:
                raise self.no_form(node)

    def no_form(self, node: ast.expr) -> SymgradError:
        """Return the error about something that is no expression of the language."""
        return self.source.error(
            TextSyntaxError,
            node,
            given=self.source.segment(node),
            expected="numbers, names, X[i, j], + - * / **, comparisons, functions, reductions",
            fix="write only these; name parts of a long formula as equations",
        )

    def inside(self, letters: frozenset[str]) -> TermReader:
        """Return a reader for what stands inside a binder."""
        scope = replace(self.scope, letters=self.scope.letters | letters)
        inner = TermReader(self.source, scope, self.fresh)
        inner.places = self.places
        return inner

    def check_letter(self, node: ast.AST, name: str) -> None:
        """Refuse a letter that is a reserved name or an option."""
        if name in RESERVED:
            raise reserved_name(self.source, node, name)
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
            raise self.no_form(node)
        if name in self.scope.letters:
            return Index(name, name)
        if name in self.scope.options:
            return self._option(node, name)
        if name in ("pi", "inf"):
            return PI if name == "pi" else INF
        if is_reserved(name, internal=self.scope.internal):
            raise reserved_name(self.source, node, name)
        if self.scope.all_letters is not None and name in self.scope.all_letters:
            raise self.unbound(node, name)
        self.check_present(node, name)
        element = Element(name)
        self.places.setdefault(element, node)
        return element

    def check_present(self, node: ast.AST, name: str) -> None:
        """Refuse an optional input that is absent."""
        if name in self.scope.absent:
            raise self.source.error(
                OptionError,
                node,
                given=f"{name}, which is None here",
                expected="a read only where it is present",
                fix=f"write the two cases: if {name}: ... else: ...",
            )

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
                return self._checked(
                    node, written_product(self._chain(node, self._over(node), ast.Div))
                )
            case ast.Pow():
                return self._power(node, self.value(node.left), self.value(node.right))
            case ast.FloorDiv():
                return self._integer(node, "floordiv")
            case ast.Mod():
                return self._integer(node, "mod")
            case _:
                raise self.no_form(node)

    def _integer(self, node: ast.BinOp, function: str) -> Expr:
        """Return `//` or `%`; that its operands are integers is checked when kinds are known."""
        expr = Call(function, (self.value(node.left), self.value(node.right)))
        if expr.args[1] is ZERO:
            self._over(node)(ZERO)
        self.places.setdefault(expr, node)
        return expr

    def _chain(
        self, node: ast.BinOp, turned: Callable[[Expr], Expr], second: type[ast.operator]
    ) -> list[Expr]:
        """Return the operands of a chain of one kind of operator, in order."""
        links: list[ast.BinOp] = [node]
        while isinstance(links[-1].left, ast.BinOp) and is_chain(links[-1], links[-1].left):
            links.append(links[-1].left)
        operands = [self.value(links[-1].left)]
        for link in reversed(links):
            right = self.value(link.right)
            operands.append(turned(right) if isinstance(link.op, second) else right)
        return operands

    def _over(self, node: ast.expr) -> Callable[[Expr], Expr]:
        """Return the division by a term, which refuses the literal 0."""

        def over(expr: Expr) -> Expr:
            if expr is not ZERO:
                return inverse(expr)
            raise self.source.error(
                TextLimitError,
                node,
                given="a division by the literal 0",
                expected="a divisor that is not 0",
                fix="remove the division",
            )

        return over

    def _power(self, node: ast.expr, base: Expr, exponent: Expr) -> Expr:
        if not isinstance(exponent, Const):
            return Call("pow", (base, exponent))
        if exponent.value < 0:
            self._over(node)(base)
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
                raise self.no_form(node)

    def _compare(self, node: ast.Compare) -> Expr:
        terms = [self.value(n) for n in (node.left, *node.comparators)]
        links: list[Expr] = []
        for op, left, right in zip(node.ops, terms, terms[1:], strict=False):
            symbol = COMPARISONS.get(type(op))
            if symbol is None:
                raise self.no_form(node)
            if symbol in (">", ">="):
                links.append(Compare(symbol.replace(">", "<"), right, left))
            else:
                links.append(Compare(symbol, left, right))
        return links[0] if len(links) == 1 else Logic("and", tuple(links))

    # --- calls -----------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Expr:
        if isinstance(node.func, ast.Subscript):
            return read_reduction(self, node, node.func)
        name = dotted(node.func)
        if name not in CALLS:
            raise self.unknown_call(node, name or "")
        if name == "read":
            return read_boundary(self, node)
        arity = SPECIAL.get(str(name)) or FUNCTIONS[str(name)].arity
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
        bracketed = isinstance(node.func, ast.Subscript)
        close = nearest(name, BINDERS if bracketed else (*CALLS, *BINDERS)).split(", ")
        spelled = [f"{n}[i]" if n in BINDERS else n for n in close]
        return self.source.error(
            UnknownCallError,
            node,
            given=f"a call of {self.source.segment(node.func)}",
            expected="a function of the language, or a reduction with its indices",
            fix=f"nearest: {', '.join(spelled)}",
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
