"""The nodes of an expression: frozen, hash-consed, with hygienic binders.

In: nothing. Out: the closed set of node classes every other module matches on. This module knows
no algebra, no text form and no SymPy.

Two terms are equal exactly when they are the same object, so comparing is `is` and tables keyed by
terms are cheap. Raw constructors keep the order in which things are given; `symgrad.ir.build`
sorts and collects.

Binders are hygienic by construction. An index carries a serial number:

* 0: a free index, as on the left-hand side of an equation;
* above 0: bound by a reduction. The number is one more than that of every binder inside its body
  (the *height*), so a term never captures anything, whatever is put into it;
* below 0: a binder that was opened (`symgrad.ir.visit.open_reduce`) and waits to be closed again.

Alpha-equivalent terms whose letters agree are therefore the same object.
"""

from __future__ import annotations

import atexit
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar
from weakref import WeakValueDictionary

#: The name of the pseudo-axis written `...`: zero or more leading batch axes.
BATCH = "..."

REDUCTIONS = ("sum", "prod", "max", "min", "logsumexp", "argmax", "argmin", "any", "all")


class Interned(type):
    """Metaclass that returns the existing object for equal constructor arguments."""

    _table: ClassVar[WeakValueDictionary[tuple[object, ...], Any]] = WeakValueDictionary()
    # At exit, keys would be compared by modules that are gone already.
    atexit.register(_table.clear)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the node with these fields, made now or before."""
        if len(args) < Interned._arity(cls):
            rest = Interned._parameters(cls)[len(args) :]
            args += tuple(kwargs.get(name, default) for name, default in rest)
        key = (cls, *args)
        found = Interned._table.get(key)
        if found is None:
            found = super().__call__(*args)
            Interned._table[key] = found
        return found

    @staticmethod
    @cache
    def _arity(node: Any) -> int:
        return len(Interned._parameters(node))

    @staticmethod
    @cache
    def _parameters(node: Any) -> tuple[tuple[str, Any], ...]:
        return tuple((f.name, f.default) for f in fields(node) if f.init)


@dataclass(frozen=True, eq=False)
class Expr(metaclass=Interned):
    """Base of every node.

    Attributes:
        free: The free and opened indices that occur in the term.
        height: The largest serial number bound inside the term; 0 if it binds nothing.
        key: A total order on terms that is the same in every process.
    """

    free: frozenset[Index] = field(init=False, repr=False)
    height: int = field(init=False, repr=False)
    key: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        children = self.children
        self._set("free", frozenset().union(*(c.free for c in children)))
        self._set("height", max((c.height for c in children), default=0))
        self._set("key", (self._rank, self._label(), tuple(c.key for c in children)))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def _rank(self) -> int:
        return _RANKS[type(self).__name__]

    def _label(self) -> tuple[Any, ...]:
        """Return what distinguishes the node apart from its children."""
        return ()

    @property
    def children(self) -> tuple[Expr, ...]:
        """The direct subterms, in order."""
        return ()

    def with_children(self, children: tuple[Expr, ...]) -> Expr:  # noqa: ARG002 (leaves have none)
        """Return the same node over other children, raw: nothing is sorted or collected."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and send between processes by construction, so that identity stays equality."""
        return type(self), tuple(getattr(self, f.name) for f in fields(self) if f.init)

    def __str__(self) -> str:
        from symgrad.ir.show import show  # noqa: PLC0415 (it reads these classes)

        return show(self)


@dataclass(frozen=True, eq=False)
class Const(Expr):
    """An exact rational number."""

    value: Fraction

    def _label(self) -> tuple[Any, ...]:
        return (self.value,)


@dataclass(frozen=True, eq=False)
class Named(Expr):
    """A named constant: `pi` or `inf`."""

    name: str

    def _label(self) -> tuple[Any, ...]:
        return (self.name,)


@dataclass(frozen=True, eq=False)
class Size(Expr):
    """The length of an axis, `size[axis]`: a non-negative integer, symbolic until a call."""

    axis: str

    def _label(self) -> tuple[Any, ...]:
        return (self.axis,)


@dataclass(frozen=True, eq=False)
class Index(Expr):
    """An index, running over 0 .. size[axis]-1. In arithmetic it is its own integer value.

    Args:
        name: The letter it is written with. Two letters may range over one axis.
        axis: The axis whose length it has; the letter of the first index that ranges over it.
        serial: 0 free, positive bound, negative opened (see the module).
    """

    name: str
    axis: str
    serial: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("free", frozenset() if self.serial > 0 else frozenset((self,)))

    def _label(self) -> tuple[Any, ...]:
        return (self.axis, self.serial, self.name)


@dataclass(frozen=True, eq=False)
class Element(Expr):
    """An element of a tensor, `tensor[i, j]`; rank 0 is a scalar.

    Args:
        tensor: Name of the tensor.
        indices: An integer-valued term for each axis: an index, an affine term, a gather.
        outside: What an out-of-range read gives; None means that every read is in range.
    """

    tensor: str
    indices: tuple[Expr, ...] = ()
    outside: Expr | None = None

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.indices if self.outside is None else (*self.indices, self.outside)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        if self.outside is None:
            return Element(self.tensor, children)
        return Element(self.tensor, children[:-1], children[-1])

    def _label(self) -> tuple[Any, ...]:
        return (self.tensor, len(self.indices))


@dataclass(frozen=True, eq=False)
class Add(Expr):
    """A sum of two or more terms."""

    terms: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.terms

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Add(children)


@dataclass(frozen=True, eq=False)
class Mul(Expr):
    """A product of two or more factors; a division is a factor with a negative power."""

    factors: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.factors

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Mul(children)


@dataclass(frozen=True, eq=False)
class Power(Expr):
    """A base to a rational exponent; `sqrt` is the exponent 1/2."""

    base: Expr
    exponent: Fraction

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.base,)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Power(children[0], self.exponent)

    def _label(self) -> tuple[Any, ...]:
        return (self.exponent,)


@dataclass(frozen=True, eq=False)
class Call(Expr):
    """A scalar function of the closed table in `symgrad.ir.functions`, applied."""

    function: str
    args: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.args

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Call(self.function, children)

    def _label(self) -> tuple[Any, ...]:
        return (self.function,)


@dataclass(frozen=True, eq=False)
class Compare(Expr):
    """A comparison, 0 or 1 in arithmetic: `<`, `<=`, `==`, `!=`; `==` is Kronecker's delta."""

    op: str
    left: Expr
    right: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Compare(self.op, *children)

    def _label(self) -> tuple[Any, ...]:
        return (self.op,)


@dataclass(frozen=True, eq=False)
class Logic(Expr):
    """`and`, `or` or `not` of truth values."""

    op: str
    args: tuple[Expr, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        return self.args

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Logic(self.op, children)

    def _label(self) -> tuple[Any, ...]:
        return (self.op,)


@dataclass(frozen=True, eq=False)
class Where(Expr):
    """`where(condition, then, otherwise)`: the branch not taken is neither read nor evaluated."""

    condition: Expr
    then: Expr
    otherwise: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        return (self.condition, self.then, self.otherwise)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        return Where(*children)


@dataclass(frozen=True, eq=False)
class Reduce(Expr):
    """A reduction `op[bound, condition](body)`. Build it with `symgrad.ir.visit.close_reduce`.

    Args:
        op: One of REDUCTIONS.
        bound: The bound indices, each with a positive serial above the height of the body.
        body: What is reduced.
        condition: A truth value that restricts the range, or None.
        ties: For max and min, "share" or "first".
    """

    op: str
    bound: tuple[Index, ...]
    body: Expr
    condition: Expr | None = None
    ties: str = "share"

    def __post_init__(self) -> None:
        super().__post_init__()
        inner = (
            self.body.height
            if self.condition is None
            else max(self.body.height, self.condition.height)
        )
        assert all(i.serial > inner for i in self.bound), "a binder must be closed by close_reduce"
        self._set("height", max(i.serial for i in self.bound))

    @property
    def children(self) -> tuple[Expr, ...]:
        tail = () if self.condition is None else (self.condition,)
        return (*self.bound, self.body, *tail)

    def with_children(self, children: tuple[Expr, ...]) -> Expr:  # noqa: ARG002 (see visit)
        raise TypeError("a reduction is rebuilt by opening and closing its binder")

    def _label(self) -> tuple[Any, ...]:
        return (self.op, self.ties, len(self.bound))


_ORDER = "Const Named Size Index Element Power Call Compare Logic Where Reduce Mul Add"
_RANKS = {name: rank for rank, name in enumerate(_ORDER.split())}

ZERO, ONE, MINUS_ONE = Const(Fraction(0)), Const(Fraction(1)), Const(Fraction(-1))
INF, PI = Named("inf"), Named("pi")
