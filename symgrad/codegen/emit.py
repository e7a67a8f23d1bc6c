"""Spells operations as Python source: what the array targets share.

In: operations, and the kinds and lengths of the arrays they read. Out: the right-hand sides of
assignments. A target is a subclass that gives its spellings; nothing is decided here that changes
what is computed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.codegen.arithmetic import spell_power, spell_product, spell_sum, union
from symgrad.codegen.contract import spell_contract
from symgrad.codegen.pieces import (
    ATOM,
    BIT_AND,
    BIT_OR,
    BOOL,
    COMPARE,
    INTEGER,
    LOWEST,
    POWER,
    PRODUCT,
    REAL,
    UNARY,
    Piece,
    aligned,
    in_order,
    number,
    permutation,
)  # fmt: skip
from symgrad.codegen.spellings import Spellings
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import (
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Named,
    Power,
    Size,
    Where,
)  # fmt: skip
from symgrad.lowering.names import python_name
from symgrad.lowering.ops import Map, labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.codegen.lengths import Lengths
    from symgrad.ir.functions import ScalarFunction
    from symgrad.lowering.ops import Contract, Reduce


class Emitter(Spellings):
    """Spells the operations of one function.

    Attributes:
        kinds: The kind of each array.
        dtype: The expression for the float type of the call, such as `X.dtype`.
        like: The name of an array of that type, such as `X`.
        lengths: The spelling of the length of each axis; reading one marks it as used.
        given: Names of arrays that a result must not be: arguments and other results.
        inline: Pieces to put where a temporary is read, instead of its name.
        views: Slices to write where a window is read, instead of its name.
        counters: Names of whole numbers of Python that count the steps of loops.
        inner: For an array of windows the number of the axis that lies densest in memory.
        last: For a result that is summed into positions the label that should lie densest.
        order: The labels of the map that is being spelled.
        helpers: Names of the helper functions that were needed.
        divides_by_length: Whether numbers are divided by a length that may be 0.
    """

    def __init__(self, kinds: Mapping[str, str], like: str, lengths: Lengths) -> None:
        self.kinds = kinds
        self.like = like
        self.dtype = f"{like}.dtype" if like else self.default_dtype()
        self.lengths = lengths
        self.given: set[str] = set()
        self.inline: dict[str, Piece] = {}
        self.views: dict[str, str] = {}
        self.counters: set[str] = set()
        self.inner: dict[str, int] = {}
        self.last: dict[str, Index] = {}
        self.order: tuple[Index, ...] = ()
        self.helpers: dict[str, None] = {}
        self.divides_by_length = False

    def call(self, row: ScalarFunction, args: Sequence[Piece]) -> str:
        """Return the spelling of a scalar function."""
        fields = dict(zip(("x", "z"), (a.text for a in args), strict=False))
        return self.template(row).format(**fields)

    def template(self, row: ScalarFunction) -> str:
        """Return the spelling of a function; a helper's where it reads its argument twice."""
        template: str = getattr(row, self.name)
        if template and template.count("{x}") == 1:
            return template
        self.helpers[row.name] = None
        return f"_{row.name}({{x}})"

    # Terms.

    def map_value(self, op: Map, *, is_output: bool) -> Piece:
        """Return the right-hand side of a map, with all axes of its result."""
        self.order = labels(op.out)
        piece = self.piece(op.value)
        if self.kinds[op.out.tensor] == REAL:
            piece = self.real(piece)
        elif self.kinds[op.out.tensor] == INTEGER and piece.kind == REAL and not piece.scalar:
            piece = replace(piece, text=self.whole(piece.at(ATOM)), strength=ATOM, kind=INTEGER)
        if piece.scalar and not self.order:
            return self._as_array(piece)
        if piece.scalar:
            text = self.full(self.shape(self.order), piece.text)
            return Piece(text, ATOM, piece.kind, self.order)
        if piece.labels != self.order:
            source = aligned(piece, self.order)
            text = self.broadcast(source, self.shape(self.order), copy=is_output)
            return Piece(text, ATOM, piece.kind, self.order)
        if is_output and self._may_be_given(op.value, piece):
            return replace(piece, text=self.copy(piece.at(ATOM)), strength=ATOM)
        return piece

    def _may_be_given(self, expr: Expr, piece: Piece) -> bool:
        """Return whether a right-hand side, maybe `x if c else y`, may be an argument itself."""
        values = expr.children[1:] if piece.strength == LOWEST and expr.children else (expr,)
        return any(isinstance(e, Element) and e.tensor in self.given for e in values)

    def extreme(self, op: str, source: str, axes: Sequence[int], rank: int) -> str:
        """Return the largest or smallest of windows."""
        return self.reduction(op, source, axes, rank)

    def owned(self, text: str) -> str:
        """Return a result so that it is no view of a temporary, where the target minds."""
        return text

    def name_of(self, tensor: str) -> str:
        """Return the spelling of an array: its name, or the slices that it is."""
        return self.views.get(tensor) or python_name(tensor)

    def fill(self, value: Expr) -> str:
        """Return a number as an argument."""
        return self.piece(value).text

    def shape(self, axes: Sequence[Index]) -> str:
        """Return the shape of an array as a tuple."""
        inner = ", ".join(self.lengths[i.axis] for i in axes)
        return f"({inner},)" if len(axes) == 1 else f"({inner})"

    def real(self, piece: Piece) -> Piece:
        """Return a piece as numbers of the call's float type."""
        if piece.scalar or piece.kind == REAL:
            return piece
        return replace(piece, text=self.cast(piece.at(ATOM)), strength=ATOM, kind=REAL)

    def piece(self, expr: Expr) -> Piece:
        """Return the spelling of a term, over the labels it has itself."""
        match expr:
            case Const():
                return number(expr.value)
            case Named():
                return Piece(f"{self.module}.{expr.name}", scalar=True)
            case Size():
                return Piece(self.lengths[expr.axis], ATOM, INTEGER, (), scalar=True)
            case Index():
                text = self.arange(self.lengths[expr.axis])
                return Piece(text, ATOM, INTEGER, (expr,))
            case Element():
                return self.operand(expr)
            case Add():
                return spell_sum(self, expr.terms)
            case Mul():
                return spell_product(self, expr.factors)
            case Power():
                return self._power(expr)
            case _:
                return self._applied(expr)

    def _applied(self, expr: Expr) -> Piece:
        match expr:
            case Call(function="floordiv" | "mod"):
                return self._divided(expr)
            case Call():
                return self._call(expr)
            case Compare():
                return self._compare(expr)
            case Logic():
                return self._logic(expr)
            case Where():
                return self._where(expr)
            case _:
                raise AssertionError(f"a term that is not flat: {type(expr).__name__}")

    def operand(self, expr: Element) -> Piece:
        """Return an array, its axes in the order of the map around it."""
        found = self.inline.get(expr.tensor)
        if found is not None:
            return found
        if expr.tensor in self.counters:
            return Piece(python_name(expr.tensor), ATOM, INTEGER, (), scalar=True)
        name, own = self.name_of(expr.tensor), labels(expr)
        wanted = in_order(own, self.order)
        text = name if own == wanted else self.permute(name, permutation(own, wanted))
        return Piece(text, ATOM, self.kinds[expr.tensor], wanted)

    def _power(self, expr: Power) -> Piece:
        if expr.exponent < 0:
            return spell_product(self, (expr,))
        return spell_power(self, expr.base, expr.exponent, self.root)

    def _fitted(self, pieces: Sequence[Piece]) -> tuple[list[Piece], tuple[Index, ...]]:
        axes = union(pieces, self.order)
        return [aligned(p, axes) for p in pieces], axes

    def _divided(self, expr: Call) -> Piece:
        """Spell a division of integers, or its rest."""
        pieces = [self.piece(a) for a in expr.args]
        (top, bottom), axes = self._fitted(pieces)
        sign = "//" if expr.function == "floordiv" else "%"
        scalar = all(p.scalar for p in pieces)
        symbolic = bottom.scalar and not scalar and not isinstance(expr.args[1], Const)
        if symbolic and expr.args[1] not in {Size(i.axis) for i in axes}:  # it may be 0
            bottom = Piece(f"max({bottom.text}, 1)", ATOM, INTEGER, (), scalar=True)
        text = f"{top.at(PRODUCT)} {sign} {bottom.at(UNARY)}"
        return Piece(text, PRODUCT, INTEGER, axes, scalar)

    def _call(self, expr: Call) -> Piece:
        row = FUNCTIONS[expr.function]
        args = [self.piece(a) for a in expr.args]
        chooses = row.name in ("maximum", "minimum")
        whole = chooses and all(a.kind == INTEGER for a in args)
        if chooses and all(a.scalar for a in args):
            text = f"{row.name[:3]}({', '.join(a.text for a in args)})"
            return Piece(text, ATOM, INTEGER if whole else REAL, (), scalar=True)
        if not whole:
            args = [self.real(a) for a in args]
        fits, axes = self._fitted(args)
        template = self.template(row)
        if template.startswith("{x}"):  # an operator or a method: its arguments need parentheses
            fits = [replace(f, text=f.at(ATOM)) for f in fits]
            return Piece(self.call(row, fits), POWER if "*" in template else ATOM, REAL, axes)
        return Piece(self.call(row, fits), ATOM, INTEGER if whole else REAL, axes)

    def _compare(self, expr: Compare) -> Piece:
        (left, right), axes = self._fitted([self.piece(expr.left), self.piece(expr.right)])
        sign = expr.op
        if left.scalar and not right.scalar:  # X > 0 reads better than 0 < X
            left, right, sign = right, left, _TURNED.get(sign, sign)
        text = f"{left.at(BIT_OR)} {sign} {right.at(BIT_OR)}"
        return Piece(text, COMPARE, BOOL, axes)

    def _truth(self, expr: Expr) -> Piece:
        piece = self.piece(expr)
        if piece.kind == BOOL:
            return piece
        return replace(piece, text=f"{piece.at(BIT_OR)} != 0", strength=COMPARE, kind=BOOL)

    def _logic(self, expr: Logic) -> Piece:
        fits, axes = self._fitted([self._truth(a) for a in expr.args])
        if expr.op == "not":
            return Piece(f"~{fits[0].at(UNARY)}", UNARY, BOOL, axes)
        sign, strength = (" & ", BIT_AND) if expr.op == "and" else (" | ", BIT_OR)
        return Piece(sign.join(f.at(strength + 1) for f in fits), strength, BOOL, axes)

    def _where(self, expr: Where) -> Piece:
        then, otherwise = self.piece(expr.then), self.piece(expr.otherwise)
        if then.kind != otherwise.kind or then.kind == BOOL:
            then, otherwise = self.real(then), self.real(otherwise)
        condition = self._truth(expr.condition)
        kind = then.kind if then.kind == otherwise.kind else REAL
        if not condition.labels and then.labels == otherwise.labels:
            if then.scalar != otherwise.scalar:  # both branches are arrays, or neither is
                then, otherwise = self._as_array(then), self._as_array(otherwise)
            text = f"{then.at(COMPARE)} if {condition.text} else {otherwise.at(COMPARE)}"
            return Piece(text, LOWEST, kind, then.labels, then.scalar and otherwise.scalar)
        if not condition.labels:
            condition = Piece(self.truth_array(condition.text))
        fits, axes = self._fitted([condition, then, otherwise])
        text = f"{self.module}.where({', '.join(f.text for f in fits)})"
        if then.scalar and otherwise.scalar:
            return Piece(self.cast(text), ATOM, REAL, axes)
        return Piece(text, ATOM, kind, axes)

    def _as_array(self, piece: Piece) -> Piece:
        full = replace(piece, text=self.full("()", piece.text), strength=ATOM, scalar=False)
        return full if piece.scalar else piece

    # Other operations.

    def reduce_value(self, op: Reduce) -> Piece:
        """Return the right-hand side of a reduction."""
        own = labels(op.source)
        axes = [k for k, i in enumerate(own) if i not in op.out.indices]
        name = self.name_of(op.source.tensor)
        if op.op in ("max", "min") and op.source.tensor in self.inner:
            text = self.extreme(op.op, name, axes, len(own))
        else:
            text = self.reduction(op.op, name, axes, len(own))
        kept = tuple(i for i in own if i in op.out.indices)
        return self.ordered(Piece(text, ATOM, self.kinds[op.out.tensor], kept), labels(op.out))

    def ordered(self, piece: Piece, wanted: tuple[Index, ...]) -> Piece:
        """Return a piece with its axes in the wanted order."""
        if piece.labels == wanted:
            return piece
        text = self.permute(piece.at(ATOM), permutation(piece.labels, wanted))
        return replace(piece, text=text, strength=ATOM, labels=wanted)

    def contract_value(self, op: Contract) -> Piece:
        """Return the right-hand side of a contraction."""
        return self.ordered(spell_contract(self, op), labels(op.out))


_TURNED = {"<": ">", "<=": ">="}
