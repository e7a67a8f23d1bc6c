"""What a target spells: the verbs that the emitter of a target gives.

In: pieces of source text. Out: source text. Nothing here knows an operation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.pieces import Piece, Spread


class Spellings(ABC):
    """The spellings of one target."""

    #: Name of the target, and the module its spellings use.
    name: ClassVar[str]
    module: ClassVar[str]
    #: Whether truth values may be added to arrays of numbers as they are.
    bool_terms: ClassVar[bool]
    #: What the target calls the axes that a reduction takes.
    axis_word: ClassVar[str]
    #: Spelling of a square root.
    root: ClassVar[str]

    @abstractmethod
    def default_dtype(self) -> str:
        """Return the float type of a call without real arrays."""

    @abstractmethod
    def cast(self, text: str) -> str:
        """Return an array turned into numbers of the call's float type."""

    @abstractmethod
    def whole(self, text: str) -> str:
        """Return an array of whole numbers of the float type as integers."""

    @abstractmethod
    def arange(self, length: str) -> str:
        """Return the integers below a length."""

    @abstractmethod
    def full(self, shape: str, value: str) -> str:
        """Return an array of one number."""

    @abstractmethod
    def broadcast(self, piece: Piece, shape: str, *, copy: bool) -> str:
        """Return an array repeated to a shape."""

    @abstractmethod
    def copy(self, text: str) -> str:
        """Return a fresh array with the same values."""

    @abstractmethod
    def truth_array(self, text: str) -> str:
        """Return one truth value as a condition on arrays."""

    @abstractmethod
    def permute(self, text: str, axes: Sequence[int]) -> str:
        """Return an array with its axes in another order."""

    @abstractmethod
    def flip(self, text: str, axes: Sequence[int]) -> str:
        """Return an array with some axes turned around."""

    @abstractmethod
    def diagonal(self, text: str, first: int, second: int) -> str:
        """Return the diagonal of two axes, as the last axis."""

    @abstractmethod
    def scan(self, op: str, text: str, axis: int) -> str:
        """Return a cumulative reduction along an axis."""

    @abstractmethod
    def reduction(self, op: str, source: str, axes: Sequence[int], rank: int) -> str:
        """Return the spelling of a reduction."""

    @abstractmethod
    def row_dot(self, left: str, right: str) -> str:
        """Return dot products along the last axis of two arrays with the same axes."""

    @abstractmethod
    def partial_dot(self, left: str, right: str, form: str, axes: Sequence[int]) -> str:
        """Return sums of products over some axes of two arrays with the same axes."""

    @abstractmethod
    def full_dot(self, left: str, right: str) -> str:
        """Return the sum of all products of two arrays of the same shape."""

    @abstractmethod
    def tensordot(self, left: str, right: str, pairs: tuple[Sequence[int], Sequence[int]]) -> str:
        """Return a sum of products over pairs of axes."""

    @abstractmethod
    def einsum(self, text: str, left: str, right: str) -> str:
        """Return a contraction in Einstein's notation."""

    @abstractmethod
    def products(self, text: str, left: str, right: str) -> str:
        """Return a contraction in Einstein's notation, as a batch of matrix products."""

    @abstractmethod
    def scatter(self, name: str, shape: str, slots: Sequence[str], source: Spread) -> list[str]:
        """Return the statements that sum a source into computed positions of zeros."""

    @abstractmethod
    def put(self, name: str, shape: str, slots: Sequence[str], source: str) -> list[str]:
        """Return the statements that put a source at computed positions that differ."""

    @abstractmethod
    def buffer(self, shape: str, kind: str) -> str:
        """Return what the steps of a loop are put into."""

    @abstractmethod
    def put_step(self, name: str, at: str, step: str) -> str:
        """Return the statement that puts a step into a buffer."""

    @abstractmethod
    def filled(self, steps: str, axis: int, shape: str, kind: str) -> str:
        """Return the array of the steps in a buffer; nothing if the buffer is that array."""

    @abstractmethod
    def edge(self, name: str, axis: int, rank: int) -> tuple[str, str]:
        """Return an array with one entry along a new axis, to be joined with one of a rank.

        Returns:
            What the name must be set to before, if anything, and the array.
        """

    @abstractmethod
    def stacked(self, pieces: Sequence[str], axis: int) -> str:
        """Return arrays side by side along a new axis."""

    @abstractmethod
    def joined(self, pieces: Sequence[str], axis: int) -> str:
        """Return arrays behind each other along an axis."""
