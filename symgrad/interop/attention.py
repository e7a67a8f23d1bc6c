"""Rows of the operator table: attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.interop.noise import bernoulli_like
from symgrad.interop.products import product
from symgrad.interop.reductions import reduced, softmax
from symgrad.interop.shapes import transpose
from symgrad.interop.sheet import number
from symgrad.interop.table import mapped, need, operator

if TYPE_CHECKING:
    from symgrad.interop.sheet import Operand, Sheet


@operator("nn.functional.scaled_dot_product_attention", "scaled_dot_product_attention")
def attention(
    sheet: Sheet, query: Operand, key: Operand, value: Operand, attn_mask: Operand | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
    enable_gqa: bool = False,
) -> Operand:  # fmt: skip
    """Return values weighted by how well queries match keys; a row without any key gives 0."""
    need(not enable_gqa, "groups of queries")
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    match = product(sheet, query, transpose(sheet, key, -2, -1))
    scores = mapped(sheet, f"{number(factor)} * {{0}}", match)
    if is_causal:
        row, column = scores.letters[-2:]
        seen = f"where({column} <= {row}, {scores.here}, -inf)"
        scores = sheet.define(scores.letters, scores.shape, seen)
    if attn_mask is not None and attn_mask.kind == "bool":
        scores = mapped(sheet, "where({1}, {0}, -inf)", scores, attn_mask)
    elif attn_mask is not None:
        scores = mapped(sheet, "{0} + {1}", scores, attn_mask)
    if attn_mask is not None:
        last = [scores.rank - 1]
        body = f"{scores.here} > -inf"
        some = reduced(sheet, scores, last, "any[{letters}]({body})", body, kind="bool")
        held = sheet.define(scores.letters, scores.shape, f"where({some.here}, {scores.here}, 0)")
        weights = softmax(sheet, held, -1)
        kept = f"where({some.here}, {weights.at(scores.letters)}, 0)"
        weights = sheet.define(scores.letters, scores.shape, kept)
    else:
        weights = softmax(sheet, scores, -1)
    if dropout_p:
        mask = sheet.input(bernoulli_like(weights.shape, 1 - dropout_p), "M")
        weights = mapped(sheet, f"{{0}} * {{1}} / {number(1 - dropout_p)}", weights, mask)
    return product(sheet, weights, value)
