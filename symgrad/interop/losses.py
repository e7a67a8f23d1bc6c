"""Rows of the operator table: losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.indexing import values_of
from symgrad.interop.reductions import log_softmax, reduced, vector_norm
from symgrad.interop.shapes import permuted, reshaped
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import mapped, need, operator

if TYPE_CHECKING:
    from symgrad.interop.sheet import Sheet

_MODES = {0: "none", 1: "mean", 2: "sum"}


def finished(sheet: Sheet, loss: Operand, reduction: Any) -> Operand:
    """Return a loss of elements, its mean or its sum."""
    mode = _MODES.get(reduction, reduction)
    need(mode in ("none", "mean", "sum", "batchmean"), f"reduction={mode!r}")
    if mode == "none":
        return loss
    if mode == "batchmean":
        total = reduced(sheet, loss, range(loss.rank), "sum[{letters}]({body})")
        return mapped(sheet, f"{{0}} / {(loss.shape or (1,))[0]}", total)
    return reduced(sheet, loss, range(loss.rank), mode + "[{letters}]({body})")


def reduction_of(named: dict[str, Any]) -> Any:
    """Return which reduction arguments ask for, the old ones included."""
    average, reduce = named.pop("size_average", None), named.pop("reduce", None)
    mode = named.pop("reduction", "mean")
    if average is None and reduce is None:
        return mode
    if reduce is False:
        return "none"
    return "sum" if average is False else "mean"


def _of_two(names: str, template: str, defaults: dict[str, Any]) -> None:
    """Enter the row of a loss of two tensors; `{2}` ... are its own arguments in order."""

    def row(sheet: Sheet, x: Operand, y: Operand, *args: Any, **named: Any) -> Operand:
        need(not args, "old arguments by place")
        mode = reduction_of(named)
        weight = named.pop("weight", None)
        given = [named.pop(n, d) for n, d in defaults.items()]
        need(not named, f"the arguments {', '.join(named)}")
        need(all(isinstance(g, (int, float)) for g in given), "an option that is a tensor")
        loss = mapped(sheet, template, x, y, *given)
        if weight is not None:
            loss = mapped(sheet, "{0} * {1}", loss, weight)
        return finished(sheet, loss, mode)

    operator(*names.split())(row)


_of_two("nn.functional.mse_loss", "({0} - {1})**2", {})
_of_two("nn.functional.l1_loss", "abs({0} - {1})", {})
_of_two("nn.functional.soft_margin_loss soft_margin_loss", "softplus(-{1} * {0})", {})
_of_two(
    "nn.functional.huber_loss",
    "where(abs({0} - {1}) < {2}, ({0} - {1})**2 / 2, {2} * (abs({0} - {1}) - {2} / 2))",
    {"delta": 1.0},
)
_of_two(
    "nn.functional.hinge_embedding_loss",
    "where({1} == 1, {0}, 0) + where({1} == -1, relu({2} - {0}), 0)",
    {"margin": 1.0},
)
_of_two(
    "nn.functional.binary_cross_entropy",
    "-({1} * maximum(log({0}), -100) + (1 - {1}) * maximum(log(1 - {0}), -100))",
    {},
)


@operator("mse_loss")
def aten_mse(sheet: Sheet, x: Operand, y: Operand, reduction: int = 1) -> Operand:
    """Return the squared error."""
    return finished(sheet, mapped(sheet, "({0} - {1})**2", x, y), reduction)


@operator("nn.functional.smooth_l1_loss", "smooth_l1_loss")
def smooth_l1(
    sheet: Sheet, x: Operand, y: Operand, reduction: Any = "mean", beta: float = 1.0, **old: Any
) -> Operand:
    """Return the squared error near 0, the absolute one away from it."""
    mode = reduction_of({"reduction": reduction, **old})
    if beta == 0:
        return finished(sheet, mapped(sheet, "abs({0} - {1})", x, y), mode)
    value = "where(abs({0} - {1}) < {2}, ({0} - {1})**2 / (2 * {2}), abs({0} - {1}) - {2} / 2)"
    return finished(sheet, mapped(sheet, value, x, y, beta), mode)


@operator("nn.functional.binary_cross_entropy_with_logits")
def bce_with_logits(
    sheet: Sheet, x: Operand, y: Operand, weight: Operand | None = None,
    pos_weight: Operand | None = None, **named: Any,
) -> Operand:  # fmt: skip
    """Return the cross-entropy of two classes."""
    mode = reduction_of(named)
    if pos_weight is None:
        loss = mapped(sheet, "softplus({0}) - {0} * {1}", x, y)
    else:
        value = "(1 - {1}) * {0} + (1 + ({2} - 1) * {1}) * softplus(-{0})"
        loss = mapped(sheet, value, x, y, pos_weight)
    if weight is not None:
        loss = mapped(sheet, "{0} * {1}", loss, weight)
    return finished(sheet, loss, mode)


@operator("nn.functional.kl_div", "kl_div")
def kl_div(
    sheet: Sheet, x: Operand, y: Operand, reduction: Any = "mean", log_target: bool = False,
    **old: Any,
) -> Operand:  # fmt: skip
    """Return the divergence of a distribution from one given by its logarithm."""
    mode = reduction_of({"reduction": reduction, **old})
    value = (
        "where({1} == 0, 0, {1} * (log({1}) - {0}))" if not log_target else "exp({1}) * ({1} - {0})"
    )
    return finished(sheet, mapped(sheet, value, x, y), mode)


@operator("nn.functional.poisson_nll_loss")
def poisson_nll(
    sheet: Sheet, x: Operand, y: Operand, log_input: bool = True, full: bool = False,
    eps: float = 1e-8, **named: Any,
) -> Operand:  # fmt: skip
    """Return the negative log-likelihood of counts."""
    mode = reduction_of({**named})
    value = "exp({0}) - {1} * {0}" if log_input else "{0} - {1} * log({0} + {2})"
    if full:  # Stirling's approximation of log(y!)
        value += " + where({1} > 1, {1} * log({1}) - {1} + log(2 * pi * {1}) / 2, 0)"
    return finished(sheet, mapped(sheet, value, x, y, eps), mode)


@operator("nn.functional.gaussian_nll_loss")
def gaussian_nll(
    sheet: Sheet, x: Operand, y: Operand, var: Any, full: bool = False, eps: float = 1e-6,
    reduction: str = "mean",
) -> Operand:  # fmt: skip
    """Return the negative log-likelihood of a normal distribution; the floor has no gradient."""
    if isinstance(var, Operand) and var.shape == x.shape[:-1] and var.rank < x.rank:
        var = reshaped(sheet, var, [*var.shape, 1])
    held = "({2} + stop(relu({3} - {2})))"
    value = f"(log({held}) + ({{0}} - {{1}})**2 / {held}) / 2"
    if full:
        value += " + log(2 * pi) / 2"
    return finished(sheet, mapped(sheet, value, x, y, var, eps), reduction)


@operator("nn.functional.margin_ranking_loss")
def margin_ranking(
    sheet: Sheet, x: Operand, z: Operand, y: Operand, margin: float = 0.0, **named: Any
) -> Operand:
    """Return how far a pair is from the wanted order."""
    loss = mapped(sheet, "relu(-{2} * ({0} - {1}) + {3})", x, z, y, margin)
    return finished(sheet, loss, reduction_of(named))


@operator("nn.functional.cosine_embedding_loss")
def cosine_embedding(
    sheet: Sheet, x: Operand, z: Operand, y: Operand, margin: float = 0.0, **named: Any
) -> Operand:
    """Return how far an angle is from the wanted one."""
    last = [x.rank - 1]
    both = sheet.define(x.letters, x.shape, f"{x.here} * {z.at(x.letters)}")
    total = reduced(sheet, both, last, "sum[{letters}]({body})")
    sides = [
        reduced(sheet, t, last, "sum[{letters}]({body}) + 1e-12", f"{t.here}**2") for t in (x, z)
    ]
    cosine = mapped(sheet, "{0} / sqrt({1} * {2})", total, *sides)
    value = "where({1} == 1, 1 - {0}, 0) + where({1} == -1, relu({0} - {2}), 0)"
    return finished(sheet, mapped(sheet, value, cosine, y, margin), reduction_of(named))


def _channel(sheet: Sheet, x: Operand) -> Operand:
    """Return scores with the classes on the last axis."""
    if x.rank < 2:
        return x
    return permuted(sheet, x, [0, *range(2, x.rank), 1])


def picked_loss(
    sheet: Sheet, logs: Operand, target: Operand, weight: Operand | None, ignore: int, mode: Any
) -> Operand:
    """Return the negative logarithms at given classes, weighted; classes on the last axis."""
    places, _ = sheet.index(target, logs.shape[-1])
    letters = places.letters
    read = logs.at([*letters, places.here])
    scale = weight.at([places.here]) if weight is not None else "1"
    values = target.values
    mask = None
    if values is not None and (values == ignore).any():
        mask = sheet.input(values != ignore, "M")
        scale = f"where({mask.at(letters)}, {scale}, 0)"
    factor = "" if scale == "1" else f"{scale} * "
    loss = sheet.define(letters, places.shape, f"-{factor}{read}")
    if mask is not None:
        read = f"where({mask.at(letters)}, {loss.here}, 0)"
        loss = sheet.define(letters, places.shape, read)
    kind = _MODES.get(mode, mode)
    if kind != "mean":
        return finished(sheet, loss, mode)
    total = finished(sheet, loss, "sum")
    if scale == "1":
        return finished(sheet, loss, "mean")
    every = sheet.define(letters, places.shape, f"{scale} + 0 * {places.here}")
    return mapped(sheet, "{0} / {1}", total, finished(sheet, every, "sum"))


@operator("nn.functional.nll_loss")
def nll_loss(
    sheet: Sheet, x: Operand, target: Operand, weight: Operand | None = None,
    ignore_index: int = -100, **named: Any,
) -> Operand:  # fmt: skip
    """Return the negative log-likelihood of classes."""
    mode = reduction_of(named)
    return picked_loss(sheet, _channel(sheet, x), target, weight, ignore_index, mode)


@operator("nn.functional.cross_entropy")
def cross_entropy(
    sheet: Sheet, x: Operand, target: Operand, weight: Operand | None = None,
    ignore_index: int = -100, label_smoothing: float = 0.0, **named: Any,
) -> Operand:  # fmt: skip
    """Return the cross-entropy of scores with classes or with probabilities."""
    mode = reduction_of(named)
    logs = log_softmax(sheet, _channel(sheet, x), -1)
    if target.kind == "int":
        hard = picked_loss(sheet, logs, target, weight, ignore_index, mode)
        if not label_smoothing:
            return hard
        return _smoothed(sheet, logs, target, weight, ignore_index, mode, label_smoothing, hard)
    soft = _channel(sheet, target)
    keep, even = number(1 - label_smoothing), number(label_smoothing / logs.shape[-1])
    scale = "" if weight is None else f"{weight.at([logs.letters[-1]])} * "
    aim = (
        f"({keep} * {soft.at(logs.letters)} + {even})" if label_smoothing else soft.at(logs.letters)
    )
    loss = reduced(
        sheet, logs, [logs.rank - 1], "-sum[{letters}]({body})", f"{scale}{aim} * {logs.here}"
    )
    if _MODES.get(mode, mode) != "mean":
        return finished(sheet, loss, mode)
    total = finished(sheet, loss, "sum")
    count = 1
    for n in loss.shape:
        count *= n
    return mapped(sheet, f"{{0}} / {max(count, 1)}", total)


def _smoothed(
    sheet: Sheet, logs: Operand, target: Operand, weight: Operand | None, ignore: int, mode: Any,
    smoothing: float, hard: Operand,
) -> Operand:  # fmt: skip
    """Return the loss with a part of the target spread over all classes."""
    places, _ = sheet.index(target, logs.shape[-1])
    letters, last = places.letters, logs.letters[-1]
    scale = "" if weight is None else f"{weight.at([last])} * "
    even = sheet.define(letters, places.shape, f"-sum[{last}]({scale}{logs.at([*letters, last])})")
    mask = sheet.input(np.asarray(values_of(target) != ignore), "M")
    even = sheet.define(letters, places.shape, f"where({mask.at(letters)}, {even.here}, 0)")
    kind = _MODES.get(mode, mode)
    if kind == "mean":
        each = weight.at([places.here]) if weight is not None else f"1 + 0 * {places.here}"
        every = sheet.define(letters, places.shape, f"where({mask.at(letters)}, {each}, 0)")
        even = mapped(
            sheet, "{0} / {1}", finished(sheet, even, "sum"), finished(sheet, every, "sum")
        )
    else:
        even = finished(sheet, even, mode)
    keep, rest = number(1 - smoothing), number(smoothing / logs.shape[-1])
    return mapped(sheet, f"{keep} * {{0}} + {rest} * {{1}}", hard, even)


@operator("nn.functional.multi_margin_loss", "multi_margin_loss")
def multi_margin(
    sheet: Sheet, x: Operand, target: Operand, p: int = 1, margin: float = 1.0,
    weight: Operand | None = None, **named: Any,
) -> Operand:  # fmt: skip
    """Return how far other classes come near the right one."""
    mode = reduction_of(named)
    need(x.rank, "a score without classes")
    rows = x if x.rank == 2 else reshaped(sheet, x, [1, *x.shape])
    places = sheet.input(target.values.reshape(-1), "T") if target.values is not None else target
    places, _ = sheet.index(places, rows.shape[1])
    n, c = places.letters[0], rows.letters[1]
    gap = f"relu({number(margin)} - {rows.at([n, places.here])} + {rows.at([n, c])})**{p}"
    scale = f"{weight.at([places.here])} * " if weight is not None else ""
    value = f"{scale}sum[{c}](where({c} == {places.here}, 0, {gap})) / size[{c}]"
    loss = sheet.define([n], [rows.shape[0]], value)
    if mode == "none" and not target.rank:
        return reshaped(sheet, loss, [])
    return finished(sheet, loss, mode)


@operator("nn.functional.multilabel_soft_margin_loss")
def multilabel_soft_margin(
    sheet: Sheet, x: Operand, y: Operand, weight: Operand | None = None, **named: Any
) -> Operand:
    """Return the mean cross-entropy of yes-or-no questions."""
    loss = mapped(sheet, "{1} * softplus(-{0}) + (1 - {1}) * softplus({0})", x, y)
    if weight is not None:
        loss = mapped(sheet, "{0} * {1}", loss, weight)
    each = reduced(sheet, loss, [loss.rank - 1], "mean[{letters}]({body})")
    return finished(sheet, each, reduction_of(named))


@operator("nn.functional.pairwise_distance", "pairwise_distance")
def pairwise_distance(
    sheet: Sheet, x: Operand, z: Operand, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Operand:
    """Return the norm of differences along the last axis."""
    gap = mapped(sheet, "{0} - {1} + {2}", x, z, eps)
    return vector_norm(sheet, gap, p, [gap.rank - 1], keepdim=keepdim)


@operator("nn.functional.triplet_margin_loss", "triplet_margin_loss")
def triplet_margin(
    sheet: Sheet, anchor: Operand, positive: Operand, negative: Operand, margin: float = 1.0,
    p: float = 2, eps: float = 1e-6, swap: bool = False, **named: Any,
) -> Operand:  # fmt: skip
    """Return how much further the right one is than the wrong one."""
    near = pairwise_distance(sheet, anchor, positive, p, eps)
    far = pairwise_distance(sheet, anchor, negative, p, eps)
    if swap:
        other = pairwise_distance(sheet, positive, negative, p, eps)
        far = mapped(sheet, "minimum({0}, {1})", far, other)
    loss = mapped(sheet, "maximum({0} - {1} + {2}, 0)", near, far, margin)
    return finished(sheet, loss, reduction_of(named))


@operator("nn.functional.cosine_similarity", "cosine_similarity")
def cosine_similarity(
    sheet: Sheet, x: Operand, z: Operand, dim: int = 1, eps: float = 1e-8
) -> Operand:
    """Return the cosine of the angle between vectors; short ones are taken as eps long."""
    both = mapped(sheet, "{0} * {1}", x, z)
    need(both.rank, "numbers without an axis")
    at = both.axis(dim)
    total = reduced(sheet, both, [at], "sum[{letters}]({body})")
    sides = []
    for t in (x, z):
        wide = mapped(sheet, "{0} + 0 * {1}", t, both)
        norm = vector_norm(sheet, wide, 2, [at])
        sides.append(mapped(sheet, "where({0} > {1}, {0}, {1})", norm, eps))
    return mapped(sheet, "{0} / ({1} * {2})", total, *sides)
