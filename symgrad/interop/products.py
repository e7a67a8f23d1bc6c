"""Rows of the operator table: products of vectors, matrices and stacks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symgrad.interop.sheet import number
from symgrad.interop.table import broadcast_shape, mapped, need, operator, read_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Operand, Sheet


def product(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return the product of matrices, vectors, or stacks of matrices that broadcast."""
    need(x.rank and y.rank, "a product with a number")
    inner = x.letters[-1]
    left = x.shape[:-2]
    right = y.shape[:-2]
    shape = list(broadcast_shape([left, right]))
    letters = list(sheet.letters(len(shape)))
    reads = []
    row, column = [], []
    if x.rank > 1:
        row = [x.letters[-2]]
    if y.rank > 1:
        column = [y.letters[-1] if y.letters[-1] not in (inner, *row) else sheet.letter()]
    for operand, lengths, ends in (
        (x, left, [*row, inner]),
        (y, right, [inner, *column]),
    ):
        lead = letters[len(letters) - len(lengths) :]
        full = shape[len(shape) - len(lengths) :]
        where = [c if n == f else 0 for c, n, f in zip(lead, lengths, full, strict=True)]
        reads.append(operand.at([*where, *ends]))
    value = f"sum[{inner}]({reads[0]} * {reads[1]})"
    shape += [x.shape[-2]] if row else []
    shape += [y.shape[-1]] if column else []
    return sheet.define([*letters, *row, *column], shape, value)


@operator("matmul", "mm", "bmm", "mv", "dot", "vdot", "__matmul__")
def matmul(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return the product of matrices, vectors or stacks."""
    return product(sheet, x, y)


@operator("__rmatmul__")
def rmatmul(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return y @ x."""
    return product(sheet, y, x)


@operator("inner")
def inner(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return sums of products along the last axes."""
    if not x.rank or not y.rank:
        return mapped(sheet, "{0} * {1}", x, y)
    shared = x.letters[-1]
    lead = sheet.letters(y.rank - 1)
    value = f"sum[{shared}]({x.here} * {y.at([*lead, shared])})"
    return sheet.define((*x.letters[:-1], *lead), (*x.shape[:-1], *y.shape[:-1]), value)


@operator("outer", "ger")
def outer(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return all products of elements."""
    column = sheet.letter()
    return sheet.define((*x.letters, column), (*x.shape, *y.shape), f"{x.here} * {y.at([column])}")


def _blend(sheet: Sheet, x: Operand, made: Operand, beta: Any, alpha: Any) -> Operand:
    """Return beta x + alpha made; at beta = 0 x is not read, as in torch."""
    last = made.here if alpha == 1 else f"{number(alpha)} * {made.here}"
    if beta == 0:
        return sheet.define(made.letters, made.shape, last)
    first = read_at(x, made.letters, made.shape)
    first = first if beta == 1 else f"{number(beta)} * {first}"
    return sheet.define(made.letters, made.shape, f"{first} + {last}")


@operator("addmm", "addmv", "baddbmm")
def addmm(
    sheet: Sheet, x: Operand, a: Operand, b: Operand, *, beta: Any = 1, alpha: Any = 1
) -> Operand:
    """Return beta x + alpha a @ b."""
    return _blend(sheet, x, product(sheet, a, b), beta, alpha)


@operator("addbmm")
def addbmm(
    sheet: Sheet, x: Operand, a: Operand, b: Operand, *, beta: Any = 1, alpha: Any = 1
) -> Operand:
    """Return beta x + alpha times the sum of the products in a stack."""
    n, i, j, k = a.letters[0], a.letters[1], a.letters[2], sheet.letter()
    value = f"sum[{n}, {j}]({a.here} * {b.at([n, j, k])})"
    made = sheet.define((i, k), (a.shape[1], b.shape[2]), value)
    return _blend(sheet, x, made, beta, alpha)


@operator("addr")
def addr(
    sheet: Sheet, x: Operand, a: Operand, b: Operand, *, beta: Any = 1, alpha: Any = 1
) -> Operand:
    """Return beta x + alpha times an outer product."""
    return _blend(sheet, x, outer(sheet, a, b), beta, alpha)


@operator("nn.functional.linear", "linear")
def linear(sheet: Sheet, x: Operand, weight: Operand, bias: Operand | None = None) -> Operand:
    """Return the product with each row of the weights, plus a bias."""
    shared = x.letters[-1]
    row = () if weight.rank == 1 else (weight.letters[0],)
    value = f"sum[{shared}]({x.here} * {weight.at([*row, shared])})"
    if bias is not None:
        value += f" + {bias.at(row) if bias.rank else bias.here}"
    return sheet.define((*x.letters[:-1], *row), (*x.shape[:-1], *weight.shape[:-1]), value)


@operator("nn.functional.bilinear", "bilinear")
def bilinear(
    sheet: Sheet, x: Operand, y: Operand, weight: Operand, bias: Operand | None = None
) -> Operand:
    """Return the form that each slice of the weights defines."""
    lead, i, j = x.letters[:-1], x.letters[-1], sheet.letter()
    o = weight.letters[0]
    value = f"sum[{i}, {j}]({x.here} * {weight.at([o, i, j])} * {y.at([*lead, j])})"
    if bias is not None:
        value += f" + {bias.at([o])}"
    return sheet.define((*lead, o), (*x.shape[:-1], weight.shape[0]), value)


@operator("linalg.multi_dot", "chain_matmul")
def multi_dot(sheet: Sheet, tensors: Sequence[Operand]) -> Operand:
    """Return the product of all."""
    made = tensors[0]
    for other in tensors[1:]:
        made = product(sheet, made, other)
    return made


@operator("linalg.vecdot", "linalg_vecdot")
def vecdot(sheet: Sheet, x: Operand, y: Operand, *, dim: int = -1) -> Operand:
    """Return sums of products along an axis."""
    made = mapped(sheet, "{0} * {1}", x, y)
    at = made.axis(dim)
    rest = [c for k, c in enumerate(made.letters) if k != at]
    shape = [n for k, n in enumerate(made.shape) if k != at]
    return sheet.define(rest, shape, f"sum[{made.letters[at]}]({made.here})")


@operator("kron")
def kron(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return the block matrix of all products."""
    rank = max(x.rank, y.rank)
    letters, shape, left, right = [], [], [], []
    fresh = list(sheet.letters(y.rank))
    for at in range(-rank, 0):
        mine = (x.letters[at], x.shape[at]) if -at <= x.rank else None
        other = (fresh[at], y.shape[at]) if -at <= y.rank else None
        letters.append(", ".join(p[0] for p in (mine, other) if p))
        shape.append((mine or ("", 1))[1] * (other or ("", 1))[1])
        left += [mine[0]] if mine else []
        right += [other[0]] if other else []
    spelled = [f"({c})" if "," in c else c for c in letters]
    return sheet.define(spelled, shape, f"{x.at(left)} * {y.at(right)}")
