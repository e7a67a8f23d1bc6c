r"""Equations in matrix notation, where they have one.

In: an equation over tensors of at most two axes. Out: boxes, or LaTeX such as `\bar{W} =
\bar{Y}^{\top} X`, or None. Rank-1 tensors are columns; products, quotients and powers of entries
are written with a circle; batch axes `...` count as one axis (the rows).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as Rational
from typing import TYPE_CHECKING

from symgrad.formula.boxes import (
    ONES,
    Apply,
    Box,
    Fenced,
    Root,
    Row,
    Script,
    beside,
    negative,
    number,
    symbol,
)
from symgrad.formula.boxes import Fraction as Over
from symgrad.formula.chains import Axes, chain_of, plain, transposed
from symgrad.formula.latex import latex_box
from symgrad.formula.layout import boxed, negated, split_fraction, turned
from symgrad.formula.names import function_box, name_box
from symgrad.ir.build import split_coefficient
from symgrad.ir.terms import (
    BATCH,
    ONE,
    Add,
    Call,
    Compare,
    Element,
    Expr,
    Index,
    Mul,
    Power,
    Reduce,
)  # fmt: skip
from symgrad.ir.visit import open_reduce, replace_elements, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from symgrad.ir.equation import Equation, System

_MINUS = symbol("-")


def matrix_equation(equation: Equation) -> str | None:
    r"""Return an equation in matrix notation as LaTeX, or None where there is none.

    >>> from symgrad.ir.text import parse
    >>> equations = parse('''
    ...     Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]
    ...     Z[n, o] = tanh(Y[n, o]) * Y[n, o]
    ...     s[o] = sum[n](Z[n, o])
    ... ''').equations
    >>> for equation in equations:
    ...     print(matrix_equation(equation))
    Y = X W^{\top} + \mathbf{1} b^{\top}
    Z = \tanh\left(Y\right) \odot Y
    s = Z^{\top} \mathbf{1}
    """
    sides = matrix_sides(equation)
    return None if sides is None else " = ".join(map(latex_box, sides))


def matrix_system(
    system: System, batch: str = BATCH
) -> tuple[tuple[tuple[Box, Box] | None, ...], bool]:
    """Return each equation of a System in matrix notation, and whether for each batch entry alone.

    Where a tensor has more than two axes, the batch axis is left out if every tensor has it.

    Args:
        system: The System.
        batch: The letter of the batch axis.
    """
    ranks = [len(e.indices) for e in system.equations] + [len(t.shape) for t in system.inputs]
    alone = batch in system.axes and max(ranks, default=0) > 2
    equations = [_batch_entry(e, batch) if alone else e for e in system.equations]
    return tuple(None if e is None else matrix_sides(e) for e in equations), alone


def _batch_entry(equation: Equation, batch: str) -> Equation | None:
    """Return an equation for one batch entry; None where entries have to do with each other."""

    def one(element: Element) -> Element | None:
        if not _leads(element.indices, batch):
            return None
        return Element(element.tensor, element.indices[1:], element.outside)

    target = one(equation.element)
    value = replace_elements(equation.value, one)
    sums = any(isinstance(n, Reduce) and _has(n.bound, batch) for n in walk(value))
    if target is None or sums or _has((*target.free, *value.free), batch):
        return None
    return replace(equation, indices=target.indices, value=value)


def _leads(indices: Sequence[Expr], batch: str) -> bool:
    return bool(indices) and isinstance(indices[0], Index) and indices[0].axis == batch


def _has(indices: Iterable[Index], axis: str) -> bool:
    return any(i.axis == axis for i in indices)


def matrix_sides(equation: Equation) -> tuple[Box, Box] | None:
    """Return both sides of an equation in matrix notation, or None where there is none."""
    letters = equation.letters
    if equation.implicit or len(letters) > 2 or len(letters) != len(equation.indices):
        return None
    padded: list[Index | None] = [*letters, None, None]
    rows, columns = padded[:2]
    if rows is columns is not None:
        return None
    right = _matrix(equation.value, (rows, columns))
    return None if right is None else (name_box(equation.target), right)


def _matrix(expr: Expr, axes: Axes) -> Box | None:  # noqa: C901 (one case per node type)
    """Return a term as a matrix with rows and columns `axes`; a sum stands without parentheses."""
    if not _varies(expr):
        return _constant(expr, axes)
    match expr:
        case Add():
            return _sum(expr, axes)
        case Element():
            return _spread(expr, axes)
        case Reduce(op="sum", condition=None):
            return _contraction(expr, axes)
        case Mul():
            return _product(expr, axes)
        case Power():
            if expr.exponent < 0:
                return _product(Mul((expr,)), axes)
            base = _matrix(expr.base, axes)
            return None if base is None else _power(base, expr.exponent, axes)
        case Call():
            args = [_matrix(a, axes) for a in expr.args]
            found = [a for a in args if a is not None]
            if len(found) < len(args):
                return None
            return Apply(function_box(expr.function), Fenced(beside(found, "arguments")))
        case Compare():
            return _comparison(expr, axes)
        case _:
            return None


def _varies(expr: Expr) -> bool:
    """Return whether a term is more than a number to matrix notation: it has indices or sums."""
    return bool(expr.free) or isinstance(expr, Reduce) or any(map(_varies, expr.children))


def _constant(expr: Expr, axes: Axes) -> Box:
    """Return a number, or a vector or matrix with that number everywhere."""
    ones = _ones(axes)
    if not ones:
        return boxed(expr)
    if expr is ONE:
        return beside(ones, "product")
    coefficient, _ = split_coefficient(expr)
    if coefficient < 0:
        return negative(_constant(negated(expr), axes))
    return Row((_scalar(expr), *ones), "product")


def _ones(axes: Axes) -> list[Box]:
    """Return the factors of the matrix of ones with these axes."""
    rows, columns = axes
    return [ONES] * (rows is not None) + [transposed(ONES)] * (columns is not None)


def _scalar(expr: Expr) -> Box:
    return Fenced(boxed(expr)) if isinstance(expr, Add) else boxed(expr)


def _sum(expr: Add, axes: Axes) -> Box | None:
    boxes: list[Box] = []
    for term in expr.terms:
        part = _matrix(term, axes)
        if part is None:
            return None
        minus = isinstance(part, Row) and part.parts[0] == _MINUS
        if minus and isinstance(part, Row) and boxes:
            boxes += [_MINUS, *part.parts[1:]]
        else:
            boxes += [*([symbol("+")] if boxes else []), part]
    return Row(tuple(boxes), "space")


def _spread(element: Element, axes: Axes) -> Box | None:
    """Return an element as a matrix; a vector is repeated along the axis that it lacks."""
    indices, name = plain(element), name_box(element.tensor)
    rows, columns = axes
    wanted = tuple(i for i in axes if i is not None)
    if indices is None or not set(indices) <= set(wanted):
        return None
    if indices == wanted:
        return name if rows is not None else transposed(name)
    if len(indices) == 2:
        return transposed(name)
    if indices == (columns,):
        return Row((ONES, transposed(name)), "product")
    return Row((name, transposed(ONES)), "product")


def _comparison(expr: Compare, axes: Axes) -> Box | None:
    """Return the matrix of the truth values of a comparison, entry by entry."""
    sides = [boxed(s) if not _varies(s) else _matrix(s, axes) for s in (expr.left, expr.right)]
    left, right = sides
    if left is None or right is None:
        return None
    return Fenced(turned(expr, left, right), "[")


def _power(base: Box, exponent: Rational, axes: Axes) -> Box:
    if axes == (None, None) and exponent == Rational(1, 2):
        return Root(base)
    whole = isinstance(base, (Row, Apply)) or (isinstance(base, Script) and base.above is not None)
    above: Box = number(str(exponent))
    if axes != (None, None):
        above = Row((symbol("entrywise"), above), "tight")
    return Script(Fenced(base) if whole else base, above=above)


def _product(expr: Mul, axes: Axes) -> Box | None:
    """Return a product of entries; scalars stand in front, divisors behind."""
    scalars = tuple(f for f in expr.factors if not _varies(f))
    coefficient, _ = split_coefficient(expr)
    if coefficient < 0:
        inner = _matrix(negated(expr), axes)
        return None if inner is None else negative(inner)
    top, bottom = split_fraction([f for f in expr.factors if _varies(f)])
    above, below = _matrices(top, axes), _matrices(bottom, axes)
    if above is None or below is None:
        return None
    alone = len(above) == 1 and not below and not isinstance(top[0], Add)
    above = above if alone else [_factor(b) for b in above]
    if len(bottom) == 1 and not above and axes != (None, None):
        row = _inverse(bottom[0], axes)
    else:
        row = _entrywise(above, [_factor(b) for b in below], axes)
    if not scalars:
        return row
    front = _scalar(scalars[0]) if len(scalars) == 1 else boxed(Mul(scalars))
    return Row((front, row), "product")


def _inverse(expr: Expr, axes: Axes) -> Box:
    """Return one over a matrix, entry by entry, as a power."""
    base, exponent = expr, Rational(1)
    if isinstance(expr, Power):
        base, exponent = expr.base, expr.exponent
    box = _matrix(base, axes)
    assert box is not None, "a power has matrix notation where its base has"
    return _power(box, -exponent, axes)


def _matrices(terms: Sequence[Expr], axes: Axes) -> list[Box] | None:
    """Return each term as a matrix; None if one has no such form."""
    found = [_matrix(t, axes) for t in terms]
    return None if None in found else [f for f in found if f is not None]


def _factor(box: Box) -> Box:
    """Return a box as it stands in a product of entries."""
    return Fenced(box) if isinstance(box, Row) else box


def _bare(box: Box) -> Box:
    """Return a box without brackets around all of it."""
    return box.body if isinstance(box, Fenced) and box.fence == "(" else box


def _entrywise(above: list[Box], below: list[Box], axes: Axes) -> Box:
    """Return the product of some matrices over the product of others, entry by entry."""
    if axes == (None, None):
        top = beside(above or [number(1)], "product")
        return Over(_bare(top), _bare(beside(below, "product"))) if below else top
    boxes = above or [_factor(_constant(ONE, axes))]
    parts = [boxes[0]]
    for box in boxes[1:]:
        parts += [symbol("entrywise"), box]
    for box in below:
        parts += [symbol("divided"), box]
    return beside(parts, "space")


def _contraction(expr: Reduce, axes: Axes) -> Box | None:
    """Return a sum of products as a chain of matrices, repeated along the axes that it lacks."""
    rows, columns = axes
    inner: Axes = (rows if rows in expr.free else None, columns if columns in expr.free else None)
    chain = chain_of(expr, inner) or _entries_summed(expr, inner)
    if chain is None or inner == axes:
        return None if chain is None else beside(chain, "product")
    before = [ONES] if rows is not None and inner[0] is None else []
    after = [transposed(ONES)] if columns is not None and inner[1] is None else []
    if inner == (None, None):
        chain = [Fenced(beside(chain, "product"))] if len(chain) > 1 else chain
        return beside([*chain, *before, *after], "product")
    return beside([*before, *chain, *after], "product")


def _entries_summed(expr: Reduce, axes: Axes) -> list[Box] | None:
    """Return a sum along one axis, or along both, of a matrix that is not a product of others."""
    bound, body, _ = open_reduce(expr)
    rows, columns = axes
    missing = [a for a in axes if a is None]
    if len(bound) > len(missing) or (len(bound) == 1 and len(missing) == 2 and len(body.free) > 1):
        return None
    if len(bound) == 2:
        inner: Axes = (bound[0], bound[1])
    elif rows is not None:
        inner = (rows, bound[0])
    else:
        inner = (bound[0], columns)
    summed = _matrix(body, inner)
    if summed is None:
        return None
    factor = _factor(summed)
    left = [transposed(ONES)] if rows is None else []
    return [*left, factor, *([ONES] if inner[1] in bound else [])]
