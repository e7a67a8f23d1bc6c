"""Terms to closures: what each node of an expression means, once for each node type.

In: a term, the lengths of axes, a kind of numbers, and a way to read a tensor. Out: a function of
an environment, the position of every index in scope. Only the branch taken of a `where` is
evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import product
from operator import add, mul
from typing import TYPE_CHECKING, Any, Protocol

from symgrad.errors import EmptyReductionError, UnsupportedError
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.kinds import is_exact
from symgrad.ir.terms import (
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Named,
    Power,
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.ir.text import parse_expression
from symgrad.ir.visit import replace_elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from symgrad.interpreter.numbers import Numbers

#: Stands for an element while it is computed.
PENDING = object()

Environment = dict[Index, int]
Closure = "Callable[[Environment], Any]"

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
}
_EXACT_CALLS: Mapping[str, Callable[..., Any]] = {
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "maximum": max,
    "minimum": min,
    "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0),
    "relu": lambda a: max(a, 0),
    "floor": lambda a: a // 1,
}


class Read(Protocol):
    """Gives the element of a tensor at a position, None where there is none."""

    def __call__(self, tensor: str, position: tuple[int, ...]) -> Any:
        """Return the value."""


@dataclass
class Compiler:
    """Turns the terms of one System into closures.

    Attributes:
        numbers: The arithmetic.
        sizes: The length of each axis.
        kinds: The kind of each tensor.
        read: Gives elements.
        out_of_range: Makes the error about a read that is out of range.
    """

    numbers: Numbers
    sizes: Mapping[str, int]
    kinds: Mapping[str, str]
    read: Read
    out_of_range: Callable[[Element, tuple[int, ...]], Exception]
    memo: dict[tuple[Expr, bool], Any] = field(default_factory=dict)

    def value(self, expr: Expr) -> Callable[[Environment], Any]:
        """Return the closure of a term in the arithmetic of the call."""
        return self._compiled(expr, exact=False)

    def exact(self, expr: Expr) -> Callable[[Environment], Any]:
        """Return the closure of an index, in rational numbers."""
        return self._compiled(expr, exact=True)

    def _compiled(self, expr: Expr, *, exact: bool) -> Callable[[Environment], Any]:
        key = (expr, exact)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self._node(expr, exact=exact)
        return found

    def _node(self, expr: Expr, *, exact: bool) -> Callable[[Environment], Any]:  # noqa: C901 (one case per node type)
        match expr:
            case Const():
                return self._constant(expr.value, exact=exact)
            case Named():
                return self._fixed(self.numbers.pi if expr.name == "pi" else self.numbers.inf)
            case Size():
                return self._constant(Fraction(self.sizes[expr.axis]), exact=exact)
            case Index():
                return lambda env: env[expr]
            case Element():
                return self._element(expr)
            case Add() | Mul():
                return self._fold(expr, exact=exact)
            case Power():
                return self._power(expr, exact=exact)
            case Call():
                return self._call(expr, exact=exact)
            case Compare():
                return self._compare(expr)
            case Logic():
                return self._logic(expr)
            case Where():
                return self._where(expr, exact=exact)
            case Reduce():
                return self._reduce(expr)
            case _:
                raise AssertionError(f"a node without a meaning: {type(expr).__name__}")

    @staticmethod
    def _fixed(value: Any) -> Callable[[Environment], Any]:
        return lambda _: value

    def _constant(self, value: Fraction, *, exact: bool) -> Callable[[Environment], Any]:
        if exact:
            return self._fixed(int(value) if value.denominator == 1 else value)
        return self._fixed(self.numbers.const(value))

    def _element(self, expr: Element) -> Callable[[Environment], Any]:
        indices = [self.exact(i) for i in expr.indices]
        outside = None if expr.outside is None else self.value(expr.outside)

        def element(env: Environment) -> Any:
            position = tuple(int(i(env)) for i in indices)
            found = self.read(expr.tensor, position)
            if found is not None:
                return found
            if outside is None:
                raise self.out_of_range(expr, position)
            return outside(env)

        return element

    def _fold(self, expr: Add | Mul, *, exact: bool) -> Callable[[Environment], Any]:
        operator = add if isinstance(expr, Add) else mul
        parts = [self._compiled(c, exact=exact) for c in expr.children]
        return lambda env: reduce(operator, [p(env) for p in parts])

    def _power(self, expr: Power, *, exact: bool) -> Callable[[Environment], Any]:
        base = self._compiled(expr.base, exact=exact)
        if exact:
            return lambda env: Fraction(base(env)) ** expr.exponent.numerator
        power, exponent = self.numbers.power, expr.exponent
        return lambda env: power(base(env), exponent)

    def _call(self, expr: Call, *, exact: bool) -> Callable[[Environment], Any]:
        exact = exact or expr.function in ("floordiv", "mod")
        function = (_EXACT_CALLS if exact else self.numbers.functions).get(expr.function)
        if function is None:
            return self._compiled(_definition(expr), exact=exact)
        args = [self._compiled(a, exact=exact) for a in expr.args]
        return lambda env: function(*[a(env) for a in args])

    def _compare(self, expr: Compare) -> Callable[[Environment], Any]:
        exact = is_exact(expr, self.kinds)
        left, right = (self._compiled(e, exact=exact) for e in expr.children)
        test = _COMPARISONS[expr.op]
        return lambda env: test(left(env), right(env))

    def _logic(self, expr: Logic) -> Callable[[Environment], Any]:
        parts = [self.value(a) for a in expr.args]
        if expr.op == "not":
            return lambda env: not parts[0](env)
        test = all if expr.op == "and" else any
        return lambda env: test(p(env) for p in parts)

    def _where(self, expr: Where, *, exact: bool) -> Callable[[Environment], Any]:
        condition = self.value(expr.condition)
        then = self._compiled(expr.then, exact=exact)
        otherwise = self._compiled(expr.otherwise, exact=exact)
        return lambda env: then(env) if condition(env) else otherwise(env)

    def _reduce(self, expr: Reduce) -> Callable[[Environment], Any]:
        body = self.value(expr.body)
        condition = None if expr.condition is None else self.value(expr.condition)
        ranges = [range(self.sizes[i.axis]) for i in expr.bound]

        def positions(env: Environment) -> Iterator[int]:
            """Set the bound indices to each position of the range; yield its number."""
            for number, position in enumerate(product(*ranges)):
                env.update(zip(expr.bound, position, strict=True))
                if condition is None or condition(env):
                    yield number

        if expr.op in ("argmax", "argmin"):
            return lambda env: self._best(expr, [(body(env), n) for n in positions(env)])
        combine = self._combiner(expr)
        return lambda env: combine([body(env) for _ in positions(env)])

    def _combiner(self, expr: Reduce) -> Callable[[list[Any]], Any]:
        zero, one = self.numbers.const(Fraction(0)), self.numbers.const(Fraction(1))
        match expr.op:
            case "sum":
                return lambda values: reduce(add, values, zero)
            case "prod":
                return lambda values: reduce(mul, values, one)
            case "any":
                return any
            case "all":
                return all
            case "logsumexp":
                return self._logsumexp
            case _:
                return lambda values: self._best(expr, [(v, 0) for v in values], value=True)

    def _logsumexp(self, values: list[Any]) -> Any:
        top = max(values, default=-self.numbers.inf)
        if any(v != v for v in values):  # noqa: PLR0124 (nan)
            return top * self.numbers.inf * 0
        if top in (self.numbers.inf, -self.numbers.inf):
            return top
        functions = self.numbers.functions
        return top + functions["log"](reduce(add, [functions["exp"](v - top) for v in values]))

    @staticmethod
    def _best(expr: Reduce, rows: list[tuple[Any, int]], *, value: bool = False) -> Any:
        """Return the largest or smallest value, or its first position; nan wins."""
        if not rows:
            raise EmptyReductionError(
                where=f"{expr}",
                given="a range with nothing in it",
                expected="at least one element",
                fix="give the axis a length above 0, or say what is meant with where(...)",
            )
        best = rows[0]
        for row in rows[1:]:
            better = row[0] > best[0] if expr.op.endswith("max") else row[0] < best[0]
            if better or (row[0] != row[0] and best[0] == best[0]):
                best = row
        return best[0] if value else best[1]


def _definition(expr: Call) -> Expr:
    """Return what a function without a spelling of its own stands for."""
    row = FUNCTIONS.get(expr.function)
    if row is None or row.definition is None:
        raise UnsupportedError(
            where=f"{expr}",
            given=f"the function {expr.function}",
            expected="a function that the interpreter computes",
            fix="give its row a definition",
        )
    arguments = dict(zip("xz", expr.args, strict=False))
    return replace_elements(parse_expression(row.definition), lambda e: arguments.get(e.tensor))
