"""What a System costs: operations, reductions and saved elements, as closed forms in the sizes.

In: a System. Out: counts. What is counted are the operations that lowering and scheduling leave, so
a common subterm counts once and work on a smaller array counts for its size. Comparisons of indices
(deltas) are not arithmetic and count nothing; neither do reads at positions, be they computed or
affine. A sum into positions counts an addition for each element that is added.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const, mul, split_coefficient
from symgrad.ir.show import show
from symgrad.ir.terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Expr,
    Logic,
    Mul,
    Power,
    Size,
    Where,
)  # fmt: skip
from symgrad.lowering.kinds import kind_of
from symgrad.lowering.loops import Loop
from symgrad.lowering.ops import REAL, Contract, Map, Reduce, Scatter, labels
from symgrad.lowering.plan import Stage, plan
from symgrad.lowering.window_ops import Fold, Keep, Scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from symgrad.ir.equation import System
    from symgrad.ir.terms import Index
    from symgrad.lowering.ops import Op


@dataclass(frozen=True)
class CostSheet:
    """What one run of a System costs.

    Attributes:
        elementwise: Element-wise arithmetic operations, one for each term of a reduction included;
            a dot product along rows counts two a term.
        reductions: Number of reductions, dot products along rows included.
        contractions: Number of products of matrices.
        flops: Operations of these: a multiplication and an addition each.
        saved: Elements of each tensor that the System reads from an earlier run: inputs that are
            neither cotangents nor tangents nor numbers.
    """

    elementwise: Expr
    reductions: int
    contractions: int
    flops: Expr
    saved: tuple[tuple[str, Expr], ...]

    def per_element(self, *axes: str) -> Fraction:
        """Return the element-wise operations for each element of an array with these axes.

        Terms that grow with fewer axes are left out.
        """
        return coefficient_of(self.elementwise, mul(*(Size(a) for a in axes)))

    def __str__(self) -> str:
        rows = [
            f"element-wise operations: {show(self.elementwise)}",
            f"reductions:              {self.reductions}",
            f"matrix products:         {self.contractions}",
        ]
        if self.contractions:
            rows.append(f"their operations:        {show(self.flops)}")
        saved = ", ".join(f"{name}: {show(count)}" for name, count in self.saved)
        return "\n".join([*rows, f"saved elements:          {saved or '0'}"])


def cost_sheet(system: System) -> CostSheet:
    """Return what a System costs, before or after its batch rank is fixed.

    >>> from symgrad.ir.text import parse
    >>> print(cost_sheet(parse("Y[n, k] = P[n, k] * (G[n, k] - sum[j](P[n, j] * G[n, j]))")))
    element-wise operations: 4 * size[k] * size[n]
    reductions:              1
    matrix products:         0
    saved elements:          P: size[k] * size[n], G: size[k] * size[n]
    """
    counter = _Counter()
    for stage in plan(system):
        if isinstance(stage, Stage):
            counter.run(stage)
    saved = tuple(
        (t.name, mul(*t.shape)) for t in system.inputs if t.shape and not _is_derivative(t.name)
    )
    return CostSheet(
        counter.total(), counter.reductions, counter.contractions, add(*counter.flops), saved
    )


def coefficient_of(total: Expr, unit: Expr) -> Fraction:
    """Return the rational coefficient of a product of sizes in a sum of such products."""
    terms = total.terms if isinstance(total, Add) else (total,)
    found = [c for c, rest in map(split_coefficient, terms) if rest is unit]
    return sum(found, start=ZERO.value)


def _is_derivative(name: str) -> bool:
    return name.endswith(("_bar", "_dot"))


class _Counter:
    """Adds up the operations of stages."""

    def __init__(self) -> None:
        self.kinds: Mapping[str, str] = {}
        self.steps: Expr = ONE
        self.reductions = 0
        self.contractions = 0
        self.flops: list[Expr] = []
        self._elementwise: Counter[Expr] = Counter()

    def total(self) -> Expr:
        """Return the element-wise operations counted so far."""
        return add(*(mul(const(c), unit) for unit, c in self._elementwise.items()))

    def run(self, stage: Stage) -> None:
        """Add the cost of a stage; the operations of a loop count for every step."""
        self.kinds = stage.program.kinds
        self.steps = Size(stage.part.axis) if isinstance(stage.part, Loop) else ONE
        for op in stage.program.ops:
            self.count(op)

    def count(self, op: Op) -> None:
        """Add the cost of one operation."""
        match op:
            case Map():
                self._map(op.value)
            case Reduce():
                self.reductions += 1
                self._add(1, labels(op.source))
            case Scatter() | Fold():
                self._add(1, labels(op.source))
            case Scan():
                self.reductions += 1
                self._add(1, labels(op.source))
            case Keep():
                self._add(1, labels(op.out))
            case Contract() if op.is_row_dot:
                self.reductions += 1
                self._add(2, labels(op.left))
            case Contract():
                self.contractions += 1
                axes = {*labels(op.left), *labels(op.right)}
                self.flops.append(mul(const(2), self.steps, _volume(axes)))
            case _:
                pass

    def _add(self, times: int, axes: Iterable[Index]) -> None:
        volume = mul(self.steps, _volume(axes))
        if volume is not ONE:
            self._elementwise[volume] += times

    def _map(self, expr: Expr, *, is_factor: bool = False) -> None:
        for child in expr.children:
            self._map(child, is_factor=isinstance(expr, Mul))
        match expr:
            case Add() | Mul():
                self._combine(expr.children)
            case Power():
                is_quotient = expr.exponent < 0 and not is_factor
                self._add(_power_cost(expr) + is_quotient, expr.free)
            case Call() | Where():
                self._add(1, expr.free)
            case Compare() if REAL in (self._kind(expr.left), self._kind(expr.right)):
                self._add(1, expr.free)
            case Logic():
                self._add(len(expr.args) - 1, expr.free)
            case _:
                pass

    def _kind(self, expr: Expr) -> str:
        return kind_of(expr, self.kinds)

    def _combine(self, parts: Sequence[Expr]) -> None:
        """Count a sum or a product, its smallest parts combined first; a sign costs nothing."""
        groups: dict[frozenset[Index], int] = {}
        for part in parts:
            if part is not MINUS_ONE:
                groups[part.free] = groups.get(part.free, 0) + 1
        met: frozenset[Index] = frozenset()
        for position, axes in enumerate(sorted(groups, key=len)):
            self._add(groups[axes] - 1, axes)
            met |= axes
            if position:
                self._add(1, met)


def _power_cost(expr: Power) -> int:
    """Return the multiplications and the root of a power; a division is counted where it is one."""
    if isinstance(expr.base, (Const, Size)):
        return 0
    whole, rest = divmod(abs(expr.exponent), 1)
    return max(int(whole) - 1, 0) + (1 if rest else 0) + (1 if rest and whole else 0)


def _volume(axes: Iterable[Index]) -> Expr:
    """Return the number of points of a set of labels."""
    return mul(*(Size(i.axis) for i in axes))
