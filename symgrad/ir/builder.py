"""Systems from Python objects, for those who prefer operators to text.

In: indices, tensors and operators. Out: the same Systems that `symgrad.ir.text.parse` gives,
because an operator writes the node of the syntax tree that the text would parse to, and
`Builder.system` reads that tree. There is no second meaning and no second set of checks.

Example:
    >>> build = Builder()
    >>> n, k = build.indices("n k")
    >>> X, E, Z, P = build.tensors("X E Z P")
    >>> E[n, k] = fn.exp(X[n, k])
    >>> Z[n] = red.sum[k](E[n, k])
    >>> P[n, k] = E[n, k] / Z[n]
    >>> print(build.system("softmax"))
    X: real[n, k]
    E[n, k] = exp(X[n, k])
    Z[n] = sum[k](E[n, k])
    P[n, k] = E[n, k] / Z[n]
    return P
"""

from __future__ import annotations

import ast
from decimal import Decimal
from fractions import Fraction
from types import EllipsisType
from typing import TYPE_CHECKING

from symgrad.errors import InputError
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.equation import System

_TYPED = "an expression of the builder, a whole number, a decimal or a fraction"


class Term:
    """An expression in the making: a node of the syntax tree under Python's operators.

    Comparisons give terms, so terms are compared with `is` and never hashed by value. `&`, `|` and
    `~` stand for `and`, `or` and `not`.
    """

    def __init__(self, node: ast.expr) -> None:
        self.node = node

    def __add__(self, other: Operand) -> Term:
        return _binary(self, ast.Add(), other)

    def __radd__(self, other: Operand) -> Term:
        return _binary(other, ast.Add(), self)

    def __sub__(self, other: Operand) -> Term:
        return _binary(self, ast.Sub(), other)

    def __rsub__(self, other: Operand) -> Term:
        return _binary(other, ast.Sub(), self)

    def __mul__(self, other: Operand) -> Term:
        return _binary(self, ast.Mult(), other)

    def __rmul__(self, other: Operand) -> Term:
        return _binary(other, ast.Mult(), self)

    def __truediv__(self, other: Operand) -> Term:
        return _binary(self, ast.Div(), other)

    def __rtruediv__(self, other: Operand) -> Term:
        return _binary(other, ast.Div(), self)

    def __floordiv__(self, other: Operand) -> Term:
        return _binary(self, ast.FloorDiv(), other)

    def __mod__(self, other: Operand) -> Term:
        return _binary(self, ast.Mod(), other)

    def __pow__(self, other: Operand) -> Term:
        return _binary(self, ast.Pow(), other)

    def __rpow__(self, other: Operand) -> Term:
        return _binary(other, ast.Pow(), self)

    def __neg__(self) -> Term:
        return Term(ast.UnaryOp(ast.USub(), self.node))

    def __lt__(self, other: Operand) -> Term:
        return _compare(self, ast.Lt(), other)

    def __le__(self, other: Operand) -> Term:
        return _compare(self, ast.LtE(), other)

    def __gt__(self, other: Operand) -> Term:
        return _compare(self, ast.Gt(), other)

    def __ge__(self, other: Operand) -> Term:
        return _compare(self, ast.GtE(), other)

    def __eq__(self, other: object) -> Term:  # type: ignore[override]
        return _compare(self, ast.Eq(), other)

    def __ne__(self, other: object) -> Term:  # type: ignore[override]
        return _compare(self, ast.NotEq(), other)

    __hash__ = object.__hash__

    def __and__(self, other: Operand) -> Term:
        return Term(ast.BoolOp(ast.And(), [self.node, _node(other)]))

    def __or__(self, other: Operand) -> Term:
        return Term(ast.BoolOp(ast.Or(), [self.node, _node(other)]))

    def __invert__(self) -> Term:
        return Term(ast.UnaryOp(ast.Not(), self.node))

    def __bool__(self) -> bool:
        raise InputError(
            where="a condition in Python",
            given=f"the term {self}, whose value is known only when the System runs",
            expected="a term inside an equation",
            fix="use fn.where(condition, a, b), and & | ~ for and, or, not",
        )

    def __str__(self) -> str:
        return ast.unparse(self.node)


Position = Term | int | EllipsisType
Positions = Position | tuple[Position, ...]
Operand = Term | int | float | Fraction | Decimal


class Tensor(Term):
    """A tensor's name: read as `X[n, k]`, defined by `Y[n, k] = ...`; bare, it is a scalar."""

    def __init__(self, name: str, body: list[ast.stmt]) -> None:
        super().__init__(ast.Name(name, ast.Load()))
        self.name = name
        self._body = body

    def __getitem__(self, positions: Positions) -> Term:
        return Term(ast.Subscript(self.node, _slice(positions), ast.Load()))

    def __setitem__(self, positions: Positions, value: Operand) -> None:
        if isinstance(positions, tuple) and not positions:
            self.define(value)
            return
        target = ast.Subscript(self.node, _slice(positions), ast.Store())
        self._body.append(ast.Assign([target], _node(value)))

    def define(self, value: Operand) -> None:
        """Define the scalar of this name, `L = value`."""
        target = ast.Name(self.name, ast.Store())
        self._body.append(ast.Assign([target], _node(value)))


class Builder:
    """Collects declarations and equations, in order."""

    def __init__(self) -> None:
        self._body: list[ast.stmt] = []

    def indices(self, letters: str) -> list[Term]:
        """Return an index for each of some letters, `n, k = build.indices("n k")`."""
        return [Term(ast.Name(letter, ast.Load())) for letter in letters.split()]

    def tensors(self, names: str) -> list[Tensor]:
        """Return a tensor for each of some names; what is never defined is an input."""
        return [Tensor(name, self._body) for name in names.split()]

    def declare(self, name: str, kind: str = "real", *axes: Term | EllipsisType) -> Tensor:
        """Return a declared tensor: `build.declare("T", "index(c)", n)` is `T: index(c)[n]`."""
        base = ast.parse(kind, mode="eval").body
        annotation = ast.Subscript(base, _slice(axes), ast.Load()) if axes else base
        target = ast.Name(name, ast.Store())
        self._body.append(ast.AnnAssign(target, annotation, None, 1))
        return Tensor(name, self._body)

    def length(self, index: Term, value: Operand) -> None:
        """Fix the length of an axis, `size[h] = value`."""
        target = ast.Subscript(ast.Name("size", ast.Load()), index.node, ast.Store())
        self._body.append(ast.Assign([target], _node(value)))

    @property
    def text(self) -> str:
        """What has been built, as a text of the equation language."""
        module = ast.Module([ast.fix_missing_locations(s) for s in self._body], [])
        return ast.unparse(module)

    def system(self, name: str = "system", *outputs: Tensor, params: Sequence[str] = ()) -> System:
        """Return the System; by default the last tensor defined is its output.

        Raises:
            SymgradError: If what was built is not a System, as `parse` says it.
        """
        text = self.text
        if outputs:
            text += "\nreturn " + ", ".join(o.name for o in outputs)
        return parse(text, name=name, params=params)


class _Functions:
    """The functions of the language as attributes: `fn.exp(x)`, `fn.where(c, a, b)`."""

    def __getattr__(self, name: str) -> _Call:
        return _Call(ast.Name(name, ast.Load()))


class _Call:
    def __init__(self, function: ast.expr) -> None:
        self.function = function

    def __call__(self, *args: Operand, **keywords: Operand | str) -> Term:
        named = [  # a text is an option, such as ties="first"
            ast.keyword(k, ast.Constant(v) if isinstance(v, str) else _node(v))
            for k, v in keywords.items()
        ]
        return Term(ast.Call(self.function, [_node(a) for a in args], named))


class _Reductions:
    """The reductions and macros as attributes: `red.sum[k](x)`, `red.softmax[k](x)`."""

    def __getattr__(self, name: str) -> _Reduction:
        return _Reduction(name)


class _Reduction:
    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, binder: Positions) -> _Call:
        head = ast.Subscript(ast.Name(self.name, ast.Load()), _slice(binder), ast.Load())
        return _Call(head)


class _Sizes:
    """The lengths of axes: `size[d]`."""

    def __getitem__(self, index: Term | EllipsisType) -> Term:
        return Term(ast.Subscript(ast.Name("size", ast.Load()), _slice(index), ast.Load()))


fn, red, size = _Functions(), _Reductions(), _Sizes()
pi, inf = Term(ast.Name("pi", ast.Load())), Term(ast.Name("inf", ast.Load()))


def _binary(left: object, operator: ast.operator, right: object) -> Term:
    return Term(ast.BinOp(_node(left), operator, _node(right)))


def _compare(left: object, operator: ast.cmpop, right: object) -> Term:
    return Term(ast.Compare(_node(left), [operator], [_node(right)]))


def _node(value: object) -> ast.expr:
    """Return the syntax of an operand; numbers become exact literals."""
    if isinstance(value, Term):
        return value.node
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction, Decimal)):
        raise InputError(
            where="an operand of the builder",
            given=f"{value!r} of type {type(value).__name__}",
            expected=_TYPED,
            fix="index the tensor, as in X[n, k], or give a number",
        )
    exact = Fraction(str(value))
    literal: ast.expr = ast.Constant(abs(exact.numerator))
    if exact.denominator != 1:
        literal = ast.BinOp(literal, ast.Div(), ast.Constant(exact.denominator))
    if isinstance(value, float) and exact.denominator != 1:
        literal = ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), literal) if exact < 0 else literal


def _slice(positions: object) -> ast.expr:
    if isinstance(positions, tuple):
        parts = [_position(p) for p in positions]
        return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return _position(positions)


def _position(value: object) -> ast.expr:
    if isinstance(value, tuple):  # a composite axis (g, c)
        return ast.Tuple([_position(p) for p in value], ast.Load())
    return ast.Constant(value) if value is ... else _node(value)
