"""Exact evaluation of Systems at random points of a tower of prime fields.

In: Systems and a random point. Out: the residues of every tensor, hence a decision whether two
formulas are the same function, without a tolerance. This module does not rewrite anything.

**Rational formulas.** Two rational functions agree at a random point of a prime field only if they
are equal, or with odds of at most degree / p (Schwartz-Zippel). Inputs are uniform residues.

**Exponentials.** A function exp with exp(a + b) = exp(a) exp(b) cannot map a field of p elements
into itself: p does not divide p - 1. It can map a field of q elements into one of p = 2q + 1. So
there is a tower, a Cunningham chain p_0 < p_1 < ... < p_7 with p_{i+1} = 2 p_i + 1 and p_0 >
2**24, and every value has a residue at each *level*. At level i, exp(u) is g**u, where u is taken
at level i - 1 and g is a random element of order p_{i-1}; log(u) is the discrete logarithm of u
taken at level i + 1. Hence

    exp(a + b) = exp(a) exp(b),  log(a b) = log a + log b,  log(exp u) = u,  exp(log u) = u,
    exp(k u) = exp(u)**k,  log(u**k) = k log u,  and (u v)**k = u**k v**k for rational k

hold exactly, however the arguments are spelled; softplus, tanh, sigmoid, logsumexp and the like
are their definitions. Only the levels that a formula asks for are ever computed. The residues of
one input at different levels are independent uniform numbers: by the Chinese remainder theorem
some rational number has them all. Where an argument is a linear form in the inputs, powers of g
are then independent uniform elements of a subgroup of order p_{i-1}, and Schwartz-Zippel bounds
the odds as if they were variables; for other arguments that is a model, not a theorem, and it is
one of the reasons why several points are used.

**Signs.** In every field of the tower -1 is no square, 2, 3, 5 and 7 are, and exactly one of +r,
-r is: being a square behaves as being positive does, except that a sum of squares need not be one.
Logarithms and even roots are defined at squares only; the root that is itself a square is taken,
so roots multiply. An element whose evaluation needs another sign is undefined at that point and
not judged there.

**Cases.** Comparisons, maxima and indices are decided in floating point, at a real value of the
same point: by weak approximation a rational number with given residues exists arbitrarily close to
any real one, so real values are drawn on their own. Values closer than 1e-9 are equal if their
residues are, and undecided (undefined at that point) if not. Each point has its own pattern of
branches.

**Other functions.** sin and cos are a random point of the unit circle with the right parity; erf
and atan are random odd functions of their argument. Addition theorems of sin and cos are not
known: they lead to "cannot tell", never to a wrong answer, since "not equal" is said only with a
numeric witness. Exponentials nested deeper than the tower is high are random functions too.

**Derivatives.** Each level carries tangents, by dual numbers on the equations and the derivative
row of each function: d exp(u) = exp(u) du at one level. See `symgrad.rewriting.field_dual`.

**Why not one 61-bit prime.** With 2**61 - 1 the argument of exp and log has to be put into a
normal form first, so the judge would trust a simplifier; residues of 31 bits need no big integers,
so a whole batch of points is evaluated in NumPy at once. Eight points give odds (degree /
2**24)**8, smaller than degree / 2**61.

Sources: Schwartz 1980; Gonnet 1984, "Determining equivalence of expressions in random polynomial
time".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symgrad.ir.composite import letters_of
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
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.rewriting import field_tower as tower
from symgrad.rewriting.field_array import (
    Array,
    Labelled,
    add,
    align,
    both,
    fold,
    multiply,
    read,
    scalar,
    select,
    spread,
    unlabelled,
)
from symgrad.rewriting.field_point import Point, UndecidedError
from symgrad.rewriting.field_real import RealEvaluator, bound_last, is_close, masked
from symgrad.rewriting.field_terms import expanded
from symgrad.rewriting.field_tower import PRIMES, TOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.ir.equation import Equation, System


class Valuation:
    """Evaluates the terms of a System at a random point.

    Args:
        system: The System, its batch rank fixed.
        point: The point, at which its inputs are drawn.
        parent: Where tensors are looked up that the System reads and that are not drawn: the
            Valuation of a primal System whose tensors a backward System reads.
        signs: Whether absolute values must respect squares (see the module on signs).
        infinite: Whether `inf` is mentioned anywhere.
    """

    def __init__(
        self,
        system: System,
        point: Point,
        parent: Valuation | None = None,
        *,
        signs: bool = False,
        infinite: bool = False,
    ) -> None:
        self.system, self.point, self.parent = system, point, parent
        self.signs, self.infinite = signs, infinite
        self.equations = {e.target: e for e in system.equations}
        for equation in system.equations:
            if not equation.is_main or equation.implicit:
                raise UndecidedError(f"{equation.target} is a recurrence, or implicit")
        self.real = RealEvaluator(point.sizes, lambda e: self.read(e, self.tensor_real(e.tensor)))
        self._values: dict[tuple[Expr, int], Labelled] = {}
        self._tensors: dict[tuple[str, int], Labelled] = {}
        self._reals: dict[str, Labelled] = {}

    # --- tensors ---------------------------------------------------------------------------------

    def defines(self, name: str) -> bool:
        """Return whether a tensor is defined here, not drawn."""
        return name in self.equations or (self.parent is not None and self.parent.defines(name))

    def tensor(self, name: str, level: int) -> Labelled:
        """Return the residues of a tensor at a level, its axes unlabelled and in order."""
        if self.parent is not None and name not in self.equations and self.parent.defines(name):
            return self.parent.tensor(name, level)
        key = (name, level)
        if key not in self._tensors:
            equation = self.equations.get(name)
            self._tensors[key] = (
                self.point.residues(name, level)
                if equation is None
                else self.whole(self.value(equation.value, level), equation)
            )
        return self._tensors[key]

    def tensor_real(self, name: str) -> Labelled:
        """Return the real values of a tensor."""
        if self.parent is not None and name not in self.equations and self.parent.defines(name):
            return self.parent.tensor_real(name)
        if name not in self._reals:
            equation = self.equations.get(name)
            self._reals[name] = (
                self.point.real(name)
                if equation is None
                else self.whole(self.real(equation.value), equation)
            )
        return self._reals[name]

    def whole(self, value: Labelled, equation: Equation) -> Labelled:
        """Return a value as a tensor with the axes of an equation's left-hand side."""
        sizes = [[self.point.sizes[i.axis] for i in letters_of(a)] for a in equation.indices]
        return unlabelled(value, equation.letters, sizes)

    def read(self, node: Element, tensor: Labelled, outside: Labelled | None = None) -> Labelled:
        """Return the elements of a tensor that a term reads."""
        if outside is None and node.outside is not None:
            outside = self.real(node.outside)
        lengths = tensor.data.shape[1:]
        plain = tuple(i for i in node.indices if isinstance(i, Index))
        if (
            len(plain) == len(node.indices)
            and len(set(plain)) == len(plain)
            and all(self.point.sizes[i.axis] == n for i, n in zip(plain, lengths, strict=True))
        ):
            return read(tensor, plain, (), outside)
        return read(tensor, None, [self.real.integers(i) for i in node.indices], outside)

    # --- terms -----------------------------------------------------------------------------------

    def value(self, node: Expr, level: int) -> Labelled:
        """Return the residues of a term over its letters, the bound ones around it included."""
        key = (node, level)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = self._evaluate(node, level)
        return found

    def _evaluate(self, node: Expr, level: int) -> Labelled:  # noqa: C901 (one case per node type)
        p = PRIMES[level]
        match node:
            case Const():
                return scalar(tower.residue(node.value, p))
            case Named():
                return self._named(node, level)
            case Size():
                return scalar(self.point.sizes[node.axis] % p)
            case Index():
                return Labelled(np.arange(self.point.sizes[node.axis])[None] % p, (node,))
            case Element():
                outside = None if node.outside is None else self.value(node.outside, level)
                return self.read(node, self.tensor(node.tensor, level), outside)
            case Add():
                return add([self.value(t, level) for t in node.terms], p)
            case Mul():
                return multiply([self.value(f, level) for f in node.factors], p)
            case Power():
                return self._power(node, level)
            case Call():
                return self._call(node, level)
            case Compare():
                return self._compare(node, level)
            case Logic():
                return self._logic(node, level)
            case Where():
                return select(*(self.value(c, level) for c in node.children))
            case Reduce():
                return self._reduce(node, level)
            case _:
                raise UndecidedError(f"no residue is known for a {type(node).__name__}")

    def _named(self, node: Named, level: int) -> Labelled:
        if node.name == "inf":
            return scalar(0)
        root = self.point.keys(node.name, level)[0]
        return Labelled(root * root % PRIMES[level])

    def _power(self, node: Power, level: int) -> Labelled:
        base, p = self.value(node.base, level), PRIMES[level]
        if node.exponent.denominator == 1:
            data, exists = base.data, None
            if node.exponent < 0:
                data, exists = tower.inverse(data, p)
                exists = None if exists.all() else exists
            data = tower.power(data, abs(node.exponent.numerator), p)
        else:
            data, exists = tower.rational_power(base.data, node.exponent, p)
        result = Labelled(data, base.axes, both(base.ok, exists))
        if self.infinite and node.exponent < 0:
            return self._zero_where(result, node.base, np.isinf)
        return result

    def _zero_where(self, value: Labelled, real: Expr, test: Callable[[Array], Array]) -> Labelled:
        """Return a value replaced by 0 where a real one is infinite: exp(-inf), 1 / inf."""
        limit = self.real(real)
        return select(Labelled(test(limit.data), limit.axes, limit.ok), scalar(0), value)

    def _call(self, node: Call, level: int) -> Labelled:
        simpler = expanded(node)
        if simpler is not None:
            value = self.value(simpler, level)
            return self._signed(value, level) if node.function == "abs" else value
        match node.function:
            case "exp":
                return self._exp(node, level)
            case "log":
                return self._log(node, level)
            case "sin" | "cos":
                return self._on_circle(node, level)
            case "erf" | "atan":
                return self._scrambled(node.args[0], node.function, level)
            case _:
                value = self.real.integers(node)
                return Labelled(value.data % PRIMES[level], value.axes, value.ok)

    def _signed(self, value: Labelled, level: int) -> Labelled:
        if not self.signs:
            return value
        positive = tower.is_square(value.data, PRIMES[level]) | (value.data == 0)
        return Labelled(value.data, value.axes, both(value.ok, positive))

    def _exp(self, node: Call, level: int) -> Labelled:
        if level == 0:
            return self._deep_exp(node.args[0])
        value = self.value(node.args[0], level - 1)
        data = tower.exponential(value.data, self._scale(level, value), level)
        result = Labelled(data, value.axes, value.ok)
        return self._zero_where(result, node.args[0], np.isneginf) if self.infinite else result

    def _deep_exp(self, argument: Expr) -> Labelled:
        value, root = self.value(argument, 0), self._scrambled(argument, "exp", 0)
        return Labelled(tower.deep_exponential(value.data, root.data), root.axes, root.ok)

    def _log(self, node: Call, level: int) -> Labelled:
        if level == TOP:
            raise UndecidedError("logarithms and exponentials are nested too deeply")
        value = self.value(node.args[0], level + 1)
        data, exists = tower.logarithm(value.data, self._scale(level + 1, value), level + 1)
        return Labelled(data, value.axes, both(value.ok, exists))

    def _scale(self, level: int, value: Labelled) -> Array:
        return self.point.scale(level).reshape(-1, *(1,) * len(value.axes))

    def _scrambled(self, argument: Expr, function: str, level: int) -> Labelled:
        value = self.value(argument, level)
        keys = self.point.keys(function, level).reshape(3, -1, *(1,) * len(value.axes))
        data = np.broadcast_to(value.data, np.broadcast_shapes(value.data.shape, keys[0].shape))
        ok = None if value.ok is None else np.broadcast_to(value.ok, data.shape)
        return Labelled(tower.scramble(data, keys, PRIMES[level]), value.axes, ok)

    def _on_circle(self, node: Call, level: int) -> Labelled:
        half = self._scrambled(node.args[0], "sin", level)
        cosine, sine = tower.on_circle(half.data, PRIMES[level])
        return Labelled(sine if node.function == "sin" else cosine, half.axes, half.ok)

    def _compare(self, node: Compare, level: int) -> Labelled:
        real = self.real(node)
        axes, (left, right), _ = align(self.real(node.left), self.real(node.right))
        close = np.asarray(is_close(left, right))
        if not close.any():
            return Labelled(real.data.astype(np.int64), real.axes, real.ok)
        mine, theirs = self.value(node.left, level), self.value(node.right, level)
        same_axes, (a, b), ok = align(mine, theirs)
        same = Labelled((a == b).astype(float), same_axes)
        both_axes, (same_data, close_data, real_data), _ = align(
            same, Labelled(close, axes), Labelled(real.data, real.axes)
        )
        undecided = (close_data != 0) & (same_data == 0)
        if self.infinite:
            infinite = Labelled(np.isinf(left) & np.isinf(right), axes)
            undecided = undecided & ~spread(infinite.data, axes, both_axes)
        if ok is not None:
            ok = spread(ok, same_axes, both_axes)
        return Labelled(real_data.astype(np.int64), both_axes, both(ok, ~undecided))

    def _logic(self, node: Logic, level: int) -> Labelled:
        parts = [self.value(a, level) for a in node.args]
        axes, arrays, ok = align(*parts)
        if node.op == "not":
            return Labelled((arrays[0] == 0).astype(np.int64), axes, ok)
        combine = np.logical_and if node.op == "and" else np.logical_or
        result = combine.reduce(np.broadcast_arrays(*(a != 0 for a in arrays)))
        return Labelled(np.asarray(result).astype(np.int64), axes, ok)

    # --- reductions ------------------------------------------------------------------------------

    def _reduce(self, node: Reduce, level: int) -> Labelled:
        simpler = expanded(node)
        if simpler is not None:
            return self.value(simpler, level)
        match node.op:
            case "sum" | "prod":
                neutral = 0 if node.op == "sum" else 1
                data, rest, ok = self.joined(node, level, neutral)
                return Labelled(fold(data, node.op, PRIMES[level]), rest, ok)
            case "max" | "min":
                return self.chosen(node, level)[0]
            case _:
                value = self.real.integers(node)
                return Labelled(value.data % PRIMES[level], value.axes, value.ok)

    def joined(
        self, node: Reduce, level: int, neutral: int
    ) -> tuple[Array, tuple[Index, ...], Array | None]:
        """Return the body with the bound axes last, the remaining labels, where all is defined."""
        body = self.value(node.body, level)
        if node.condition is not None:
            body = select(self.value(node.condition, level), body, scalar(neutral))
        data, ok = bound_last(node, body, self.point.sizes)
        rest = tuple(a for a in body.axes if a not in node.bound)
        return data, rest, None if ok is None else np.asarray(ok.all(axis=-1))

    def chosen(self, node: Reduce, level: int) -> tuple[Labelled, Array, Array, Array]:
        """Return an extremum, its body, where it is attained, and the place of the first one."""
        worst = -np.inf if node.op == "max" else np.inf
        reals = masked(node, self.real(node.body), self.real, worst)
        axes, (real, body), ok = align(reals, self.value(node.body, level))
        shape = np.broadcast_shapes(real.shape, body.shape)
        real, _ = bound_last(node, Labelled(np.broadcast_to(real, shape), axes), self.point.sizes)
        body, ok = bound_last(
            node,
            Labelled(
                np.broadcast_to(body, shape),
                axes,
                None if ok is None else np.broadcast_to(ok, shape),
            ),
            self.point.sizes,
        )
        if not real.shape[-1]:
            raise UndecidedError("a maximum over nothing")
        place = (np.argmax if node.op == "max" else np.argmin)(real, axis=-1)[..., None]
        best = np.take_along_axis(real, place, axis=-1)
        value = np.take_along_axis(body, place, axis=-1)
        close = is_close(real, best)
        attained = close & (body == value)
        decided = (close == attained).all(axis=-1) | np.isinf(best[..., 0])
        rest = tuple(a for a in axes if a not in node.bound)
        good = both(decided, None if ok is None else ok.all(axis=-1))
        return Labelled(value[..., 0], rest, good), body, attained, place
