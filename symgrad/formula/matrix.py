r"""Equations in matrix notation, where they have one.

In: an equation over tensors of at most two axes. Out: LaTeX such as `\bar{W} = \bar{Y}^{\top} X`,
or None. Rank-1 tensors are columns; a product over equal indices is written with a circle; batch
axes `...` count as one axis (the rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.formula.latex import latex
from symgrad.formula.names import latex_function, latex_name
from symgrad.ir.build import split_coefficient
from symgrad.ir.terms import Add, Call, Const, Element, Expr, Index, Mul, Reduce
from symgrad.ir.visit import arguments, open_reduce

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation

_ONES = r"\mathbf{1}"
_TRANSPOSED = r"^{\top}"
_CIRCLE = r" \odot "

#: The indices of the rows and of the columns; None where the value has no such axis.
_Axes = tuple[Index | None, Index | None]


def matrix_equation(equation: Equation) -> str | None:
    r"""Return an equation in matrix notation, or None where there is none.

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
    letters = equation.letters
    if len(letters) > 2 or len(letters) != len(equation.indices):
        return None
    padded: list[Index | None] = [*letters, None, None]
    rows, columns = padded[:2]
    if rows is columns is not None:
        return None
    axes: _Axes = (rows, columns)
    right = _matrix(equation.value, axes)
    return None if right is None else f"{latex_name(equation.target)} = {right}"


def _matrix(expr: Expr, axes: _Axes) -> str | None:
    """Return a term as a matrix with rows and columns `axes`; a sum stands without parentheses."""
    if isinstance(expr, Add):
        return _sum(expr, axes)
    coefficient, rest = split_coefficient(expr)
    if rest is not expr and not isinstance(expr, Const):
        inner = _matrix(rest, axes)
        if inner is None:
            return None
        return f"-{inner}" if coefficient == -1 else f"{latex(Const(coefficient))} {inner}"
    match expr:
        case Element():
            return _spread(expr, axes)
        case Reduce(op="sum", condition=None):
            return _contraction(expr, axes)
        case Mul():
            return _hadamard(expr.factors, axes)
        case Call():
            args = [_matrix(a, axes) for a in expr.args]
            if None in args:
                return None
            return f"{latex_function(expr.function)}\\left({', '.join(map(str, args))}\\right)"
        case _:
            return latex(expr) if not expr.free and axes == (None, None) else None


def _sum(expr: Add, axes: _Axes) -> str | None:
    text = ""
    for term in expr.terms:
        part = _matrix(term, axes)
        if part is None:
            return None
        if part.startswith("-"):
            text += f" - {part[1:]}" if text else part
        else:
            text += f" + {part}" if text else part
    return text


def _plain(element: Expr) -> tuple[Index, ...] | None:
    """Return the indices of an element that reads whole axes, each once; else None."""
    if not isinstance(element, Element) or element.outside is not None:
        return None
    indices = tuple(i for i in element.indices if isinstance(i, Index))
    whole = len(indices) == len(element.indices) <= 2 and len(set(indices)) == len(indices)
    return indices if whole else None


def _spread(element: Element, axes: _Axes) -> str | None:
    """Return an element as a matrix; a vector is repeated along the axis that it lacks."""
    indices, name = _plain(element), latex_name(element.tensor)
    rows, columns = axes
    wanted = tuple(i for i in axes if i is not None)
    if indices is None or not set(indices) <= set(wanted):
        return None
    if indices == wanted:
        return name
    if len(indices) == 2:
        return _transposed(name)
    if indices == (columns,):
        return f"{_ONES} {_transposed(name)}"
    if indices == (rows,):
        return f"{name} {_ONES}{_TRANSPOSED}"
    return None


def _transposed(name: str) -> str:
    return f"{{{name}}}{_TRANSPOSED}" if "^" in name else name + _TRANSPOSED


def _hadamard(factors: tuple[Expr, ...], axes: _Axes) -> str | None:
    """Return a product of entries; scalars stand in front."""
    scalars = [f for f in factors if not f.free]
    parts = []
    for factor in (f for f in factors if f.free):
        part = _matrix(factor, axes)
        if part is None:
            return None
        whole = isinstance(factor, (Element, Call)) and _ONES not in part
        parts.append(part if whole else f"\\left({part}\\right)")
    return " ".join([*map(latex, scalars), _CIRCLE.join(parts)])


@dataclass(frozen=True)
class _Factor:
    """A tensor in a product, or several over the same indices multiplied entry by entry."""

    text: str
    indices: tuple[Index, ...]


def _factors(product: Expr) -> list[_Factor] | None:
    """Return the factors of a product by their indices; None if one is not a plain element."""
    found: dict[frozenset[Index], list[Element]] = {}
    for element in arguments(product, Mul):
        indices = _plain(element)
        if indices is None or not isinstance(element, Element):
            return None
        found.setdefault(frozenset(indices), []).append(element)
    return [_merged(group) for group in found.values()]


def _merged(group: list[Element]) -> _Factor:
    order = _plain(group[0]) or ()
    names = [latex_name(element.tensor) for element in group]
    texts = [
        name if _plain(element) == order else _transposed(name)
        for name, element in zip(names, group, strict=True)
    ]
    product = _CIRCLE.join(texts)
    return _Factor(product if len(texts) == 1 else f"\\left({product}\\right)", order)


def _contraction(expr: Reduce, axes: _Axes) -> str | None:
    """Return a sum of products as a chain of matrices from the rows to the columns."""
    bound, body, _ = open_reduce(expr)
    factors = _factors(body)
    rows, columns = axes
    if factors is None or not {i for i in axes if i} <= body.free:
        return None
    start = rows if rows is not None else _loose_end(bound, factors, None)
    end = columns if columns is not None else _loose_end(bound, factors, start)
    if start is None or end is None:
        return None
    chain = _chain(start, end, [f for f in factors if len(f.indices) == 2])
    vectors = {f.indices[0]: f.text for f in factors if len(f.indices) == 1}
    # A vector inside the chain, or along a free axis, would scale rows or columns.
    ends = {i for i, free in ((start, rows), (end, columns)) if free is None}
    if chain is None or not set(vectors) <= ends or not set(bound) <= chain[1]:
        return None
    left = [] if rows is not None else [_transposed(vectors.get(start, _ONES))]
    right = [] if columns is not None else [vectors.get(end, _ONES)]
    return " ".join([*left, *chain[0], *right])


def _loose_end(
    bound: tuple[Index, ...], factors: list[_Factor], other: Index | None
) -> Index | None:
    """Return the bound index that only one matrix has: the chain ends there in a vector."""
    matrices = [f.indices for f in factors if len(f.indices) == 2]
    ends = [b for b in bound if sum(b in m for m in matrices) == 1 and b is not other]
    return ends[0] if ends else None


def _chain(
    start: Index, end: Index, matrices: list[_Factor]
) -> tuple[list[str], set[Index]] | None:
    """Return all matrices on the way from `start` to `end`, and the indices met."""
    texts: list[str] = []
    here, met, rest = start, {start}, list(matrices)
    while here is not end:
        step = next((f for f in rest if here in f.indices), None)
        if step is None:
            return None
        rest.remove(step)
        first, second = step.indices
        texts.append(step.text if first is here else _transposed(step.text))
        here = second if first is here else first
        if here in met:
            return None
        met.add(here)
    return None if rest else (texts, met)
