"""Rows of the operator table: operators that draw noise. It is drawn when bound, as torch does.

The System then has the noise as an input without a gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.shapes import clone
from symgrad.interop.sheet import number
from symgrad.interop.table import mapped, need, operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Operand, Sheet


def bernoulli_like(shape: Sequence[int], keep: float) -> Any:
    """Return what torch draws now: 1 with a probability, else 0."""
    import torch  # noqa: PLC0415 (heavy, and not everyone has it)

    return torch.empty(tuple(shape), dtype=torch.float64).bernoulli_(keep).numpy()


def _dropout(lead: int | None) -> Any:
    """Return the row of a dropout of elements, or of whole channels behind some axes."""

    def row(
        sheet: Sheet, x: Operand, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Operand:
        if not training or p == 0:
            return clone(sheet, x)
        shape = x.shape if lead is None else (*x.shape[:lead], *(1 for _ in x.shape[lead:]))
        if p == 1:
            return mapped(sheet, "0 * {0}", x)
        mask = sheet.input(bernoulli_like(shape, 1 - p), "M")
        return mapped(sheet, f"{{0}} * {{1}} / {number(1 - p)}", x, mask)

    return row


operator("nn.functional.dropout", "dropout")(_dropout(None))


@operator("bernoulli")
def bernoulli(sheet: Sheet, x: Operand, p: float | None = None) -> Operand:
    """Return 1 with a probability that elements give, else 0."""
    import torch  # noqa: PLC0415 (heavy, and not everyone has it)

    need(p is None and x.values is not None, "noise that depends on what is computed")
    drawn = torch.bernoulli(torch.from_numpy(np.array(x.values))).numpy()
    return mapped(sheet, "{1} + stop(0 * {0})", x, sheet.input(np.asarray(drawn), "M"))


@operator("native_dropout_backward")
def native_dropout_backward(sheet: Sheet, x: Operand, mask: Operand, scale: float) -> Operand:
    """Return what passes a mask, scaled."""
    return mapped(sheet, "where({1}, {0} * {2}, 0)", x, mask, scale)


@operator("nn.functional.rrelu")
def rrelu(
    sheet: Sheet, x: Operand, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False,
    inplace: bool = False,
) -> Operand:  # fmt: skip
    """Return x, or a random part of it below 0."""
    if not training:
        return mapped(sheet, f"where({{0}} >= 0, {{0}}, {number((lower + upper) / 2)} * {{0}})", x)
    import torch  # noqa: PLC0415 (heavy, and not everyone has it)

    need(x.values is not None, "noise that depends on what is computed")
    zeros = torch.from_numpy(np.where(np.asarray(x.values) <= 0, -1.0, 1.0))
    slopes = -torch.nn.functional.rrelu(zeros, lower, upper, training=True).numpy()
    return mapped(sheet, "where({0} <= 0, {1} * {0}, {0})", x, sheet.input(np.asarray(slopes), "A"))
