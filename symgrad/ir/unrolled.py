"""Systems at concrete sizes: every entry of every tensor as one scalar term.

In: a System and lengths. Out: terms without indices, sizes and reductions, over the entries of the
inputs, `X[0, 1]`. Nothing is simplified: nodes are written out as they stand.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from symgrad.ir.build import const
from symgrad.ir.composite import letters_of
from symgrad.ir.implicit import no_implicit
from symgrad.ir.sizes import length_of
from symgrad.ir.stepwise import stepwise, time_axes
from symgrad.ir.terms import (
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Reduce,
    Size,
    Where,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from symgrad.ir.equation import System, Tensor

Place = tuple[int, ...]


class Unrolled:
    """A System at concrete sizes.

    Args:
        system: The System, without batch axes `...`; its recurrences are written out.
        sizes: Length of each axis.
        given: Integer and truth values of the inputs that have them.
        parent: Where tensors are looked up that `system` reads and does not define.
    """

    def __init__(
        self,
        system: System,
        sizes: Mapping[str, int],
        given: Mapping[str, Any],
        parent: Unrolled | None = None,
    ) -> None:
        time = {axis: sizes[axis] for axis in time_axes([system])}
        self.system = stepwise(system, time) if time else system
        self.sizes, self.given, self.parent = sizes, given, parent
        self._entries: dict[tuple[str, Place], Expr] = {}

    def has(self, name: str) -> bool:
        """Return whether a tensor is known here."""
        return self.system.has(name) or (self.parent is not None and self.parent.has(name))

    def declaration(self, name: str) -> Tensor:
        """Return the declaration of a tensor."""
        if self.system.has(name) or self.parent is None:
            return self.system.tensor(name)
        return self.parent.declaration(name)

    def shape(self, name: str) -> Place:
        """Return the concrete shape of a tensor."""
        lengths = [length_of(s, self.sizes) for s in self.declaration(name).shape]
        assert None not in lengths, f"{name} has an axis of unknown length"
        return tuple(n for n in lengths if n is not None)

    def places(self, name: str) -> Iterator[Place]:
        """Yield every index of a tensor."""
        yield from product(*map(range, self.shape(name)))

    def nodes(self, names: Iterable[str]) -> int:
        """Return the number of nodes of all entries of some tensors, written out as trees."""
        known: dict[Expr, int] = {}

        def count(node: Expr) -> int:
            if node not in known:
                known[node] = 1 + sum(map(count, node.children))
            return known[node]

        return sum(count(self.entry(n, place)) for n in names for place in self.places(n))

    def entry(self, name: str, place: Place) -> Expr:
        """Return an entry of a tensor: its definition written out, or an entry of an input."""
        if name not in self.system.defined and self.parent is not None and self.parent.has(name):
            return self.parent.entry(name, place)
        key = (name, place)
        if key not in self._entries:
            self._entries[key] = self._entry(name, place)
        return self._entries[key]

    def _entry(self, name: str, place: Place) -> Expr:
        if name in self.given:
            return const(int(self.given[name][place]))
        if name not in self.system.defined:
            return Element(name, tuple(map(const, place)))
        equation = self.system.equation(name)
        if equation.implicit:
            raise no_implicit(equation)
        scope: dict[Index, int] = {}
        for index, at in zip(equation.indices, place, strict=True):
            rest = at
            for letter in reversed(letters_of(index)):
                rest, scope[letter] = divmod(rest, self.sizes[letter.axis])
        return self.value(equation.value, scope)

    def value(self, node: Expr, scope: Mapping[Index, int]) -> Expr:
        """Return a term with its letters at given values."""
        match node:
            case Index():
                return const(scope[node])
            case Size():
                return const(self.sizes[node.axis])
            case Element():
                return self._element(node, scope)
            case Reduce():
                return self._reduce(node, scope)
            case Where():
                condition = self.value(node.condition, scope)
                if isinstance(condition, Const):
                    return self.value(node.then if condition.value else node.otherwise, scope)
                return Where(
                    condition, self.value(node.then, scope), self.value(node.otherwise, scope)
                )
            case _:
                return decided(
                    node.with_children(tuple(self.value(c, scope) for c in node.children))
                )

    def _element(self, node: Element, scope: Mapping[Index, int]) -> Expr:
        positions = [length_of(self.value(i, scope), {}) for i in node.indices]
        assert None not in positions, f"{node} is read at no definite place"
        place = tuple(k for k in positions if k is not None)
        if all(0 <= k < n for k, n in zip(place, self.shape(node.tensor), strict=True)):
            return self.entry(node.tensor, place)
        assert node.outside is not None, f"{node} is read out of range"
        return self.value(node.outside, scope)

    def _reduce(self, node: Reduce, scope: Mapping[Index, int]) -> Expr:
        bodies: list[Expr] = []
        for place in product(*(range(self.sizes[i.axis]) for i in node.bound)):
            inner = {**scope, **dict(zip(node.bound, place, strict=True))}
            kept = ONE if node.condition is None else self.value(node.condition, inner)
            if kept is not ZERO:
                body = self.value(node.body, inner)
                bodies.append(body if kept is ONE else Where(kept, body, ZERO))
        match node.op:
            case "sum":
                return _joined(Add, bodies, ZERO)
            case "prod":
                return _joined(Mul, bodies, ONE)
            case "logsumexp":
                return Call("log", (_joined(Add, [Call("exp", (b,)) for b in bodies], ZERO),))
            case "max" | "min":
                name = f"{node.op}imum"
                result = bodies[0]
                for body in bodies[1:]:
                    result = Call(name, (result, body))
                return result
            case op:
                raise TypeError(f"{op} is not written out")


def _joined(kind: type[Add] | type[Mul], parts: list[Expr], empty: Expr) -> Expr:
    if not parts:
        return empty
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def decided(node: Expr) -> Expr:
    """Return a comparison of whole numbers, or logic over such, as 0 or 1; others as they are."""
    if isinstance(node, Logic):
        return _decided_logic(node)
    if not isinstance(node, Compare):
        return node
    left, right = length_of(node.left, {}), length_of(node.right, {})
    if left is None or right is None:
        return node
    truth = {"<": left < right, "<=": left <= right, "==": left == right, "!=": left != right}
    return ONE if truth[node.op] else ZERO


def _decided_logic(node: Logic) -> Expr:
    if node.op == "not":
        return (ONE if node.args[0] is ZERO else ZERO) if isinstance(node.args[0], Const) else node
    settles, other = (ZERO, ONE) if node.op == "and" else (ONE, ZERO)
    truths = [ONE if isinstance(a, Const) and a is not ZERO else a for a in node.args]
    if settles in truths:
        return settles
    return other if all(t is other for t in truths) else node
