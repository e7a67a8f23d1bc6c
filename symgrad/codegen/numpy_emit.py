"""The NumPy spelling of every operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from symgrad.codegen.emit import Emitter
from symgrad.lowering.ops import BOOL, INTEGER, REAL, SHIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.pieces import Piece, Spread


class NumpyEmitter(Emitter):
    """Spells operations with NumPy."""

    name: ClassVar[str] = "numpy"
    module: ClassVar[str] = "np"
    bool_terms: ClassVar[bool] = True
    axis_word: ClassVar[str] = "axis"
    root: ClassVar[str] = "np.sqrt({x})"

    def default_dtype(self) -> str:
        """Return float64: NumPy's own default."""
        return "np.float64"

    def cast(self, text: str) -> str:
        """Return `x.astype(X.dtype)`."""
        return f"{text}.astype({self.dtype})"

    def whole(self, text: str) -> str:
        """Return `x.astype(int)`."""
        return f"{text}.astype(int)"

    def arange(self, length: str) -> str:
        """Return `np.arange(n)`."""
        return f"np.arange({length})"

    def full(self, shape: str, value: str) -> str:
        """Return `np.zeros(...)` or `np.full(...)`."""
        if value == "0":
            return f"np.zeros({shape}, dtype={self.dtype})"
        return f"np.full({shape}, {value}, dtype={self.dtype})"

    def broadcast(self, piece: Piece, shape: str, *, copy: bool) -> str:
        """Return `np.broadcast_to(...)`, which is read-only unless copied."""
        return f"np.broadcast_to({piece.text}, {shape}){'.copy()' if copy else ''}"

    def copy(self, text: str) -> str:
        """Return `np.copy(x)`, which takes numbers too."""
        return f"np.copy({text})"

    def truth_array(self, text: str) -> str:
        """Return it as it is."""
        return text

    def permute(self, text: str, axes: Sequence[int]) -> str:
        """Return `x.T` or `x.transpose(...)`."""
        if tuple(axes) == (1, 0):
            return f"{text}.T"
        return f"{text}.transpose({', '.join(map(str, axes))})"

    def flip(self, text: str, axes: Sequence[int]) -> str:
        """Return `x[:, ::-1]`."""
        slots = ["::-1" if k in axes else ":" for k in range(max(axes) + 1)]
        return f"{text}[{', '.join(slots)}]"

    def diagonal(self, text: str, first: int, second: int) -> str:
        """Return `np.diagonal(...)`."""
        axes = "" if (first, second) == (0, 1) else f", axis1={first}, axis2={second}"
        return f"np.diagonal({text}{axes})"

    def scan(self, op: str, text: str, axis: int) -> str:
        """Return `np.cumsum(...)` and the like."""
        return f"{_SCANS[op]}({text}, axis={axis})"

    def reduction(self, op: str, source: str, axes: Sequence[int], rank: int) -> str:
        """Return `x.sum(axis=1)` and the like."""
        where = "" if len(axes) == rank else f"axis={axes[0] if len(axes) == 1 else tuple(axes)}"
        if op != SHIFT:
            return f"{source}.{op}({where})"
        # Over an empty axis the maximum is taken as -inf; infinities become the largest numbers.
        where = f"{where}, " if where else ""
        return f"np.nan_to_num({source}.max({where}initial=-np.inf))"

    def extreme(self, op: str, source: str, axes: Sequence[int], rank: int) -> str:  # noqa: ARG002
        """Return a call of a helper: a reduction of short strided axes takes 30 times as long."""
        self.helpers["extreme"] = None
        return f"_extreme(np.{op}imum, {source}, {_axes(axes)})"

    def row_dot(self, left: str, right: str) -> str:
        """Return `np.vecdot(x, y)`."""
        return f"np.vecdot({left}, {right})"

    def partial_dot(self, left: str, right: str, form: str, axes: Sequence[int]) -> str:  # noqa: ARG002
        """Return an einsum: half the time of a product and a sum, a thirtieth of vecdot's."""
        return self.einsum(form, left, right)

    def full_dot(self, left: str, right: str) -> str:
        """Return `np.vdot(x, y)`, which flattens."""
        return f"np.vdot({left}, {right})"

    def tensordot(self, left: str, right: str, pairs: tuple[Sequence[int], Sequence[int]]) -> str:
        """Return `np.tensordot(...)`."""
        return f"np.tensordot({left}, {right}, axes=({_axes(pairs[0])}, {_axes(pairs[1])}))"

    def einsum(self, text: str, left: str, right: str) -> str:
        """Return `np.einsum(...)`."""
        return f'np.einsum("{text}", {left}, {right})'

    def products(self, text: str, left: str, right: str) -> str:
        """Return a call of a helper: NumPy's einsum makes no matrix products of a batch."""
        self.helpers["products"] = None
        return f'_products("{text}", {left}, {right})'

    def scatter(self, name: str, shape: str, slots: Sequence[str], source: Spread) -> list[str]:
        """Return zeros, and `np.add.at(...)` into them."""
        at = f"({', '.join(slots)})" if len(slots) > 1 else slots[0]
        return [f"{name} = {self.full(shape, '0')}", f"np.add.at({name}, {at}, {source.text})"]

    def put(self, name: str, shape: str, slots: Sequence[str], source: str) -> list[str]:
        """Return zeros, and an assignment to some of them."""
        return [f"{name} = {self.full(shape, '0')}", f"{name}[{', '.join(slots)}] = {source}"]

    def buffer(self, shape: str, kind: str) -> str:
        """Return `np.empty(...)`."""
        dtype = {REAL: self.dtype, INTEGER: "np.int64", BOOL: "np.bool_"}[kind]
        return f"np.empty({shape}, dtype={dtype})"

    def put_step(self, name: str, at: str, step: str) -> str:
        """Return `H[t] = H_t`."""
        return f"{name}[{at}] = {step}"

    def filled(self, steps: str, axis: int, shape: str, kind: str) -> str:  # noqa: ARG002
        """Return nothing: the buffer is the array."""
        return ""

    def edge(self, name: str, axis: int, rank: int) -> tuple[str, str]:
        """Return `H0[None]`."""
        if rank == 1:  # it may be a number
            return "", f"np.full(1, {name}, dtype={self.dtype})"
        return "", f"{name}[{':, ' * axis}None]"

    def stacked(self, pieces: Sequence[str], axis: int) -> str:
        """Return `np.stack((A, B), axis=1)`."""
        where = f", axis={axis}" if axis else ""
        return f"np.stack(({', '.join(pieces)}{',' * (len(pieces) == 1)}){where})"

    def joined(self, pieces: Sequence[str], axis: int) -> str:
        """Return `np.concatenate((H0[None], H))`."""
        where = f", axis={axis}" if axis else ""
        return f"np.concatenate(({', '.join(pieces)}){where})"


_SCANS = {
    "sum": "np.cumsum",
    "prod": "np.cumprod",
    "max": "np.maximum.accumulate",
    "min": "np.minimum.accumulate",
    "logsumexp": "np.logaddexp.accumulate",
    "any": "np.logical_or.accumulate",
    "all": "np.logical_and.accumulate",
}


def _axes(axes: Sequence[int]) -> str:
    return f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"
