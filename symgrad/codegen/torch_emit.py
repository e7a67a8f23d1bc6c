"""The torch spelling of every operation: functions that torch itself can differentiate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from symgrad.codegen.emit import Emitter
from symgrad.codegen.pieces import ATOM
from symgrad.lowering.ops import BOOL, INTEGER, REAL, SHIFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.pieces import Piece, Spread
    from symgrad.ir.functions import ScalarFunction


class TorchEmitter(Emitter):
    """Spells operations with torch."""

    name: ClassVar[str] = "torch"
    module: ClassVar[str] = "torch"
    bool_terms: ClassVar[bool] = False  # torch refuses to subtract truth values
    axis_word: ClassVar[str] = "dim"
    root: ClassVar[str] = "torch.sqrt({x})"

    def default_dtype(self) -> str:
        """Return torch's own default."""
        return "torch.get_default_dtype()"

    def _like(self) -> str:
        return f"dtype={self.dtype}" + (f", device={self.like}.device" if self.like else "")

    def cast(self, text: str) -> str:
        """Return `x.to(X.dtype)`."""
        return f"{text}.to({self.dtype})"

    def whole(self, text: str) -> str:
        """Return `x.long()`."""
        return f"{text}.long()"

    def arange(self, length: str) -> str:
        """Return `torch.arange(n, device=X.device)`."""
        device = f", device={self.like}.device" if self.like else ""
        return f"torch.arange({length}{device})"

    def full(self, shape: str, value: str) -> str:
        """Return `torch.zeros(...)` or `torch.full(...)`."""
        if value == "0":
            return f"torch.zeros({shape}, {self._like()})"
        return f"torch.full({shape}, {value}, {self._like()})"

    def broadcast(self, piece: Piece, shape: str, *, copy: bool) -> str:
        """Return `x.expand(...)`, a view unless copied."""
        return f"{piece.at(ATOM)}.expand({shape.strip('(),')}){'.clone()' if copy else ''}"

    def copy(self, text: str) -> str:
        """Return `x.clone()`."""
        return f"{text}.clone()"

    def truth_array(self, text: str) -> str:
        """Return `torch.as_tensor(...)`: torch takes tensors alone as conditions."""
        return f"torch.as_tensor({text})"

    def permute(self, text: str, axes: Sequence[int]) -> str:
        """Return `x.T` or `x.permute(...)`."""
        if tuple(axes) == (1, 0):
            return f"{text}.T"
        return f"{text}.permute({', '.join(map(str, axes))})"

    def owned(self, text: str) -> str:
        """Return `x.permute(...).clone()`: forward mode wants no result that is a view."""
        return f"{text}.clone()" if _VIEW.search(text) else text

    def flip(self, text: str, axes: Sequence[int]) -> str:
        """Return `torch.flip(x, dims=(1,))`."""
        return f"torch.flip({text}, dims=({', '.join(map(str, axes))}{',' * (len(axes) == 1)}))"

    def diagonal(self, text: str, first: int, second: int) -> str:
        """Return `torch.diagonal(...)`."""
        axes = "" if (first, second) == (0, 1) else f", dim1={first}, dim2={second}"
        return f"torch.diagonal({text}{axes})"

    def scan(self, op: str, text: str, axis: int) -> str:
        """Return `torch.cumsum(...)` and the like."""
        return _SCANS[op].format(x=text, k=axis)

    def reduction(self, op: str, source: str, axes: Sequence[int], rank: int) -> str:
        """Return `x.sum(dim=1)` and the like."""
        where = str(axes[0]) if len(axes) == 1 else str(tuple(axes))
        if op == SHIFT:
            self.helpers["shift"] = None
            return f"_shift({source}, dim={where})"
        if op == "prod":
            return source + "".join(f".prod(dim={k})" for k in sorted(axes, reverse=True))
        spelled = {"max": "amax", "min": "amin"}.get(op, op)
        return f"{source}.{spelled}({'' if len(axes) == rank else f'dim={where}'})"

    def row_dot(self, left: str, right: str) -> str:
        """Return `torch.linalg.vecdot(x, y)`."""
        return f"torch.linalg.vecdot({left}, {right})"

    def partial_dot(self, left: str, right: str, form: str, axes: Sequence[int]) -> str:  # noqa: ARG002
        """Return `(x * y).sum(dim=0)`: torch's einsum makes a batch of tiny products of it."""
        where = axes[0] if len(axes) == 1 else tuple(axes)
        return f"({left} * {right}).sum(dim={where})"

    def full_dot(self, left: str, right: str) -> str:
        """Return `torch.dot(x.flatten(), y.flatten())`."""
        return f"torch.dot({left}.flatten(), {right}.flatten())"

    def tensordot(self, left: str, right: str, pairs: tuple[Sequence[int], Sequence[int]]) -> str:
        """Return `torch.tensordot(...)`."""
        return f"torch.tensordot({left}, {right}, dims=({list(pairs[0])}, {list(pairs[1])}))"

    def einsum(self, text: str, left: str, right: str) -> str:
        """Return `torch.einsum(...)`."""
        return f'torch.einsum("{text}", {left}, {right})'

    def products(self, text: str, left: str, right: str) -> str:
        """Return `torch.einsum(...)`."""
        return self.einsum(text, left, right)

    def scatter(self, name: str, shape: str, slots: Sequence[str], source: Spread) -> list[str]:
        """Return `zeros.index_add(...)` for one position, else `index_put` that accumulates."""
        zeros = f"{name} = {self.full(shape, '0')}"
        if len(slots) > 1 or not source.axes:
            at = f"({', '.join(slots)}{',' if len(slots) == 1 else ''})"
            return [zeros, f"{name} = {name}.index_put({at}, {source.text}, accumulate=True)"]
        at, text = slots[0], source.text
        if source.axes > 1:
            at, text = f"{at}.flatten()", f"{text}.flatten(0, {source.axes - 1})"
        return [zeros, f"{name} = {name}.index_add(0, {at}, {text})"]

    def put(self, name: str, shape: str, slots: Sequence[str], source: str) -> list[str]:
        """Return `zeros.index_put(...)`."""
        at = f"({', '.join(slots)}{',' if len(slots) == 1 else ''})"
        zeros = f"{name} = {self.full(shape, '0')}"
        return [zeros, f"{name} = {name}.index_put({at}, {source})"]

    def buffer(self, shape: str, kind: str) -> str:  # noqa: ARG002
        """Return an empty list: torch differentiates `stack` and not what is written in place."""
        return "[]"

    def put_step(self, name: str, at: str, step: str) -> str:  # noqa: ARG002
        """Return `H.append(H_t)`."""
        return f"{name}.append({step})"

    def filled(self, steps: str, axis: int, shape: str, kind: str) -> str:
        """Return `_stacked(H_steps, 0, (t, n, k), ...)`."""
        self.helpers["stacked"] = None
        dtype = {REAL: self.dtype, INTEGER: "torch.int64", BOOL: "torch.bool"}[kind]
        device = f", device={self.like}.device" if self.like else ""
        return f"_stacked({steps}, {axis}, {shape}, dtype={dtype}{device})"

    def edge(self, name: str, axis: int, rank: int) -> tuple[str, str]:
        """Return `H0[None]`."""
        number = f"torch.as_tensor({name}, {self._like()})" if rank == 1 else ""
        return number, f"{name}[{':, ' * axis}None]"

    def stacked(self, pieces: Sequence[str], axis: int) -> str:
        """Return `torch.stack((A, B), dim=1)`."""
        where = f", dim={axis}" if axis else ""
        return f"torch.stack(({', '.join(pieces)}{',' * (len(pieces) == 1)}){where})"

    def joined(self, pieces: Sequence[str], axis: int) -> str:
        """Return `torch.cat((H0[None], H))`."""
        where = f", dim={axis}" if axis else ""
        return f"torch.cat(({', '.join(pieces)}){where})"

    def call(self, row: ScalarFunction, args: Sequence[Piece]) -> str:
        """Return the spelling of a scalar function; a bound that is a number clamps."""
        if row.name in ("maximum", "minimum"):
            word = "min" if row.name == "maximum" else "max"
            for value, bound in (args, args[::-1]):
                if bound.scalar and not value.scalar:
                    return f"torch.clamp({value.text}, {word}={bound.text})"
        return super().call(row, args)


#: What a right-hand side that is a view ends with: axes turned around, slices.
_VIEW = re.compile(r"(\.T|\.permute\([\d, ]*\)|\[[:.,\s\dNone]*\])$")

_SCANS = {
    "sum": "torch.cumsum({x}, dim={k})",
    "prod": "torch.cumprod({x}, dim={k})",
    "max": "torch.cummax({x}, dim={k}).values",
    "min": "torch.cummin({x}, dim={k}).values",
    "logsumexp": "torch.logcumsumexp({x}, dim={k})",
    "any": "torch.cumsum({x}, dim={k}) > 0",
    "all": "torch.cumsum(~{x}, dim={k}) == 0",
}
