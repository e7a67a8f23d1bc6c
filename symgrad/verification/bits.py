"""Bits of error of generated code, against mpmath, over log-uniform inputs.

In: a subject. Out: for each output and each cotangent the mean and the worst number of bits that
are wrong, in single and in double precision. Nothing is explained away here: where a formula is
ill-conditioned, or cancels, it shows. The checks judge; this table measures.

Source: Panchekha et al. 2015, Automatically improving accuracy for floating point expressions,
section 4.1: bits = log2(1 + floats between the result and the truth).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.recurrences import BAR
from symgrad.verification.comparing import letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from rich.table import Table

    from symgrad.verification.instances import Instance
    from symgrad.verification.subject import Subject

DTYPES = ("float32", "float64")

#: Lengths that are drawn: nothing is learned from empty axes.
_LENGTHS = (2, 3, 5, 1)


@dataclass(frozen=True)
class Bits:
    """How far the entries of one tensor are from the truth.

    Attributes:
        layer: The name of the System.
        target: Where the derivation was run.
        tensor: The output, or the cotangent of an input.
        dtype: The dtype in which it was computed.
        entries: How many entries were compared.
        unknown: How many have no known truth.
        mean: The mean number of wrong bits.
        worst: The largest.
        where: The entry that is worst, with the true value.
    """

    layer: str
    target: str
    tensor: str
    dtype: str
    entries: int
    unknown: int
    mean: float
    worst: float
    where: str


def bits_of_error(got: NDArray[Any], want: NDArray[Any]) -> NDArray[np.float64]:
    """Return how many of the last bits are wrong, entry by entry; nan where the truth is.

    A number where there is none, and the other way round, is wrong in every bit.

    Args:
        got: Floats.
        want: The true values, rounded to the same dtype.

    >>> one = np.float32(1)
    >>> found = np.array([one, np.nextafter(one, np.float32(2)), -one])
    >>> bits_of_error(found, np.array([one, one, one])).round(2)
    array([ 0.  ,  1.  , 30.99])
    """
    width = 8 * got.dtype.itemsize
    pairs = zip(_ordinals(got), _ordinals(want), strict=True)
    gaps = np.array([abs(a - b) for a, b in pairs], dtype=float).reshape(got.shape)
    bits = np.where(np.isnan(got), float(width), np.minimum(np.log2(1 + gaps), width))
    return np.where(np.isnan(want), np.nan, bits)


def _ordinals(array: NDArray[Any]) -> list[int]:
    """Return the place of each float among all floats, counted from zero."""
    width = 8 * array.dtype.itemsize
    raw = np.ascontiguousarray(array).view(f"i{width // 8}").ravel().tolist()
    return [n if n >= 0 else -(n + (1 << (width - 1))) for n in raw]


def measure(subject: Subject, examples: int = 20, seed: int = 0) -> tuple[Bits, ...]:
    """Return the bits of error of every output and cotangent, in both dtypes.

    Args:
        subject: A derivation, on a target that computes in the dtype of its arguments.
        examples: How many instances are drawn.
        seed: The same seed draws the same instances.
    """
    from symgrad.verification.strategies import drawn  # noqa: PLC0415 (it imports Hypothesis)

    points = drawn(subject.system, examples, seed, wide=True, layouts=False, lengths=_LENGTHS)
    return tuple(row for dtype in DTYPES for row in _of_dtype(subject, points, dtype))


def _of_dtype(subject: Subject, points: Sequence[Instance], dtype: str) -> Iterator[Bits]:
    names = [*subject.system.outputs, *(n + BAR for n in subject.derivation.wrt)]
    found: dict[str, list[float]] = {name: [] for name in names}
    worst: dict[str, tuple[float, str]] = dict.fromkeys(names, (-1.0, ""))
    for point in points:
        instance = point.astype(dtype)
        results, gradients = subject.call(instance)
        truth = subject.oracles.rounded(instance)
        for name in names:
            got, want = {**results, **gradients}[name], truth[name]
            if got.dtype.kind != "f":
                continue
            bits = bits_of_error(got, want)
            found[name] += bits.ravel().tolist()
            if bits.size and np.nanmax(bits, initial=-1.0) > worst[name][0]:
                at = np.unravel_index(int(np.nanargmax(bits)), bits.shape)
                place = zip(letters(instance, name), map(int, at), strict=False)
                shown = ", ".join(f"{axis}={k}" for axis, k in place)
                worst[name] = (float(bits[at]), f"({shown}): {got[at]}, not {want[at]}")
    for name in names:
        known = [b for b in found[name] if not np.isnan(b)]
        yield Bits(
            subject.name,
            subject.target,
            name,
            dtype,
            len(known),
            len(found[name]) - len(known),
            float(np.mean(known)) if known else 0.0,
            max(known, default=0.0),
            worst[name][1],
        )


def as_dicts(rows: Sequence[Bits]) -> list[dict[str, Any]]:
    """Return plain data for JSON."""
    return [asdict(row) for row in rows]


def table(rows: Sequence[Bits]) -> Table:
    """Return a table with a row for each tensor and the dtypes side by side."""
    from rich.table import Table  # noqa: PLC0415 (quick to do without)

    found = Table(pad_edge=False)
    for name in ("layer", "target", "tensor"):
        found.add_column(name)
    for dtype in DTYPES:
        found.add_column(f"{dtype} mean", justify="right")
        found.add_column("worst", justify="right")
    by_tensor: dict[tuple[str, str, str], dict[str, Bits]] = {}
    for row in rows:
        by_tensor.setdefault((row.layer, row.target, row.tensor), {})[row.dtype] = row
    for key, pair in by_tensor.items():
        numbers = [x for dtype in DTYPES for x in (pair[dtype].mean, pair[dtype].worst)]
        found.add_row(*key, *(f"{x:.1f}" for x in numbers))
    return found
