"""Convolutions, transposed convolutions and max-pools of every geometry: generated code and torch.

A geometry is a text: strides, dilations and paddings are numbers in it. Kernels and lengths are
those of a call, but for a pool, whose window is part of its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.testing import assert_allclose

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

F = torch.nn.functional
IN, OUT, KERNEL = "yxz", "hwd", "pqr"
STEPS = (1, 2, 3, 4)
PADDINGS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Geometry:
    """An operation and its numbers along each axis.

    Attributes:
        kind: "convolution", "transposed" or "max_pool".
        strides: A stride for each axis.
        dilations: A dilation for each axis.
        paddings: A padding for each axis.
        extra: The output padding of a transposed convolution, for each axis.
        windows: The window of a pool, for each axis.
        groups: How many groups of channels.
    """

    kind: str
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    paddings: tuple[int, ...]
    extra: tuple[int, ...] = (0, 0, 0)
    windows: tuple[int, ...] = ()
    groups: int = 1

    @property
    def rank(self) -> int:
        """How many axes a window has."""
        return len(self.strides)

    def text(self) -> str:
        """Return the equations."""
        outer, inner, short = (list(x[: self.rank]) for x in (IN, OUT, KERNEL))
        rows = zip(inner, short, self.strides, self.dilations, self.paddings, strict=True)
        places = [f"{s} * {h} + {d} * {p} - {pad}" for h, p, s, d, pad in rows]
        ins, outs, kernel = (", ".join(x) for x in (outer, inner, short))
        if self.kind == "transposed":
            deltas = " * ".join(f"({a} == {y})" for a, y in zip(places, outer, strict=True))
            return "\n".join(
                [
                    f"X: real[n, (g, c), {outs}]",
                    f"K: real[(g, c), o, {kernel}]",
                    f"size[g] = {self.groups}",
                    *map(self._longer, range(self.rank)),
                    f"Y[n, (g, o), {ins}] = sum[c, {outs}, {kernel}](",
                    f"    {deltas} * X[n, (g, c), {outs}] * K[(g, c), o, {kernel}])",
                ]
            )
        read = ", ".join(places)
        lengths = [f"size[g] = {self.groups}", *map(self._shorter, range(self.rank))]
        if self.kind == "max_pool":
            fixed = [f"size[{p}] = {n}" for p, n in zip(short, self.windows, strict=True)]
            value = f"max[{kernel}](read(X[n, (g, c), {read}], outside=-inf), ties='first')"
            left = f"Y[n, (g, c), {outs}]"
            return "\n".join([f"X: real[n, (g, c), {ins}]", *fixed, *lengths, f"{left} = {value}"])
        return "\n".join(
            [
                f"X: real[n, (g, c), {ins}]",
                f"K: real[(g, o), c, {kernel}]",
                *lengths,
                f"Y[n, (g, o), {outs}] = sum[c, {kernel}](",
                f"    read(X[n, (g, c), {read}], outside=0) * K[(g, o), c, {kernel}])",
            ]
        )

    def _shorter(self, k: int) -> str:
        stride, dilation, pad = self.strides[k], self.dilations[k], self.paddings[k]
        span = f"size[{IN[k]}] + {2 * pad} - {dilation} * (size[{KERNEL[k]}] - 1) - 1"
        return f"size[{OUT[k]}] = ({span}) // {stride} + 1"

    def _longer(self, k: int) -> str:
        stride, dilation, pad = self.strides[k], self.dilations[k], self.paddings[k]
        rest = f"{dilation} * (size[{KERNEL[k]}] - 1) + {self.extra[k] + 1 - 2 * pad}"
        return f"size[{IN[k]}] = {stride} * (size[{OUT[k]}] - 1) + {rest}"

    def torch(self) -> Callable[..., torch.Tensor]:
        """Return the function of torch over X, and K but for a pool."""
        n = self.rank
        given: dict[str, Any] = {"stride": self.strides, "padding": self.paddings}
        given |= {"dilation": self.dilations}
        if self.kind == "max_pool":
            pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[n - 1]
            return lambda X: pool(X, self.windows, **given)
        given |= {"groups": self.groups}
        if self.kind == "convolution":
            return lambda X, K: (F.conv1d, F.conv2d, F.conv3d)[n - 1](X, K, **given)
        given |= {"output_padding": self.extra[:n]}
        transposed = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
        return lambda X, K: transposed(X, K, **given)

    def shapes(self, kernel: Sequence[int], lengths: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Return the shape of each input for a call: two images, two channels in a group."""
        g = self.groups
        shapes = {"X": (2, 2 * g, *lengths)}
        if self.kind == "convolution":
            return shapes | {"K": (3 * g, 2, *kernel)}
        return shapes | ({"K": (2 * g, 3, *kernel)} if self.kind == "transposed" else {})


def lengths_for(geometry: Geometry, k: int, kernel: int, most: int) -> Iterator[int]:
    """Yield the input lengths along an axis for which there are 1 to `most` outputs."""
    stride, dilation, pad = geometry.strides[k], geometry.dilations[k], geometry.paddings[k]
    span = dilation * (kernel - 1) + 1
    for length in range(1, most + 1 if geometry.kind == "transposed" else 40):
        if geometry.kind == "transposed":
            outputs = stride * (length - 1) - 2 * pad + span + geometry.extra[k]
            if outputs >= 1:
                yield length
        elif length + 2 * pad >= span:
            outputs = (length + 2 * pad - span) // stride + 1
            if outputs <= most and not _is_blind(geometry, k, kernel, length, outputs):
                yield length


def _is_blind(geometry: Geometry, k: int, kernel: int, length: int, outputs: int) -> bool:
    """Return whether some window of a pool reaches nothing but padding.

    The largest of nothing has no derivative; torch 2.13 writes the cotangent behind the row, into
    the next channel.
    """
    starts = (geometry.strides[k] * h - geometry.paddings[k] for h in range(outputs))
    windows = ([start + geometry.dilations[k] * p for p in range(kernel)] for start in starts)
    blind = any(not any(0 <= y < length for y in window) for window in windows)
    return geometry.kind == "max_pool" and blind


def every_geometry() -> Iterator[Geometry]:
    """Yield every one in one dimension: strides, dilations and windows to 4, paddings to 4."""
    for stride, dilation, pad in product(STEPS, STEPS, PADDINGS):
        numbers = (stride,), (dilation,), (pad,)
        yield Geometry("convolution", *numbers)
        for extra in {0, max(stride, dilation) - 1}:
            yield Geometry("transposed", *numbers, extra=(extra,))
        for window in STEPS:
            if 2 * pad <= window:  # torch refuses more
                yield Geometry("max_pool", *numbers, windows=(window,))


def drawn_geometry(rng: np.random.Generator, rank: int) -> Geometry:
    """Return a random one with small numbers along each axis."""

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(x) for x in rng.integers(low, high + 1, rank))

    kind = str(rng.choice(["convolution", "transposed", "max_pool"]))
    windows = draw(1, 3)
    paddings = draw(0, 2)
    if kind == "max_pool":
        paddings = tuple(min(p, w // 2) for p, w in zip(paddings, windows, strict=True))
    groups = int(rng.integers(1, 3)) if kind != "max_pool" else 1
    return Geometry(kind, draw(1, 3), draw(1, 2), paddings, (0,) * rank, windows, groups)


def calls(geometry: Geometry, most: int = 5) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the kernel and the lengths of every call: every output size from 1 to `most`."""
    for kernel in [geometry.windows] if geometry.windows else product(STEPS, repeat=geometry.rank):
        rows = [list(lengths_for(geometry, k, n, most)) for k, n in enumerate(kernel)]
        yield from ((kernel, lengths) for lengths in product(*rows))


def check(
    geometry: Geometry,
    chosen: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    targets: Sequence[str] = ("numpy", "torch"),
) -> int:
    """Assert that code gives the value and the cotangents of torch; return how many calls ran."""
    derivation = derive(parse(geometry.text(), name="layer"))
    built = {target: build(derivation, target) for target in targets}
    function = geometry.torch()
    rng = np.random.default_rng(17)
    for kernel, lengths in chosen:
        shapes = geometry.shapes(kernel, lengths)
        arrays = {k: rng.integers(-4, 5, s) / 4 for k, s in shapes.items()}  # with ties
        leaves = [torch.tensor(a, requires_grad=True) for a in arrays.values()]
        value = function(*leaves)
        arrays["Y_bar"] = rng.normal(size=value.shape)
        back = torch.autograd.grad(value, leaves, torch.tensor(arrays["Y_bar"]))
        sizes = dict(zip(OUT if geometry.kind == "transposed" else IN, lengths, strict=False))
        sizes |= dict(zip(KERNEL, kernel, strict=False))
        for target, code in built.items():
            made = torch.tensor if target == "torch" else np.asarray
            known: dict[str, Any] = sizes | {k: made(a) for k, a in arrays.items()}
            found = code.forward(**{k: known[k] for k in code.forward_arguments})
            rows = found if isinstance(found, tuple) else (found,)
            known |= dict(zip(code.forward_results, rows, strict=True))
            where = f"{target}: {geometry}, {kernel}, {lengths}"
            assert_allclose(known["Y"], value.detach(), 1e-11, 1e-11, err_msg=where)
            assert code.vjp is not None
            found = code.vjp(**{k: known[k] for k in code.vjp_arguments})
            rows = found if isinstance(found, tuple) else (found,)
            given = dict(zip(code.vjp_results, rows, strict=True))
            for name, wanted in zip(shapes, back, strict=True):
                assert_allclose(given[f"{name}_bar"], wanted, 1e-11, 1e-11, err_msg=where)
    return len(chosen) * len(targets)
