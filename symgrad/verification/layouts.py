"""Memory layouts: the same values, stored differently.

In: an array and the name of a layout. Out: an equal array with other strides. A function that gives
another answer for one of them assumes a layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Layouts of any values. `expanded` (stride 0) needs values that repeat along the first axis.
LAYOUTS = ("C", "fortran", "transposed", "sliced", "negative")
EXPANDED = "expanded"


def with_layout(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """Return a fresh array of equal values in a layout; every element may be written.

    >>> with_layout(np.arange(3.0), "negative").strides
    (-8,)

    Raises:
        ValueError: If there is no such layout.
    """
    if layout == "C" or array.ndim == 0:
        return array.copy(order="C")
    if layout == "fortran":
        return array.copy(order="F")
    if layout == "transposed":
        return np.ascontiguousarray(array.swapaxes(0, -1)).copy().swapaxes(0, -1)
    if layout == "sliced":
        return _sliced(array)
    if layout == "negative":
        return array[..., ::-1].copy(order="C")[..., ::-1]
    if layout == EXPANDED:
        return _expanded(array)
    raise ValueError(f"no layout {layout!r}")


def _sliced(array: NDArray[Any]) -> NDArray[Any]:
    """Return every second column of a buffer whose other columns must not be read."""
    poison = np.nan if array.dtype.kind == "f" else 1
    buffer = np.full((*array.shape[:-1], 2 * array.shape[-1] + 1), poison, dtype=array.dtype)
    view = buffer[..., 1::2]
    view[...] = array
    return view


def _expanded(array: NDArray[Any]) -> NDArray[Any]:
    first = array[:1].copy()
    return np.lib.stride_tricks.as_strided(first, array.shape, (0, *first.strides[1:]))
