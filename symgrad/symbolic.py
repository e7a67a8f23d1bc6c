"""The one door to SymPy: terms to scalar SymPy expressions and back, and proofs at small sizes.

In: terms and Systems. Out: SymPy expressions over `Dummy` symbols, built from typed values only.
SymPy executes strings that are given to it, so no text passes this door: every argument is
checked, and no other module of the package imports SymPy. Sums, elements, indices and sizes are
opaque symbols to SymPy, which captures indices when it is shown any.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any

import sympy

from symgrad.ir.build import add, call, const, mul, power
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import (
    PI,
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
from symgrad.ir.text import parse_expression
from symgrad.ir.unrolled import Unrolled
from symgrad.ir.visit import replace_elements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from symgrad.ir.equation import System

Symbolic = Any  # a SymPy expression; SymPy's own annotations are partial

_NATIVE: dict[str, Any] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "atan": sympy.atan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "erf": sympy.erf,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "floor": sympy.floor,
    "pow": sympy.Pow,
}
_BACK = {made: name for name, made in _NATIVE.items() if name not in ("pow", "floor")}
_RELATIONS: dict[str, Any] = {
    "<": sympy.StrictLessThan,
    "<=": sympy.LessThan,
    "==": sympy.Eq,
    "!=": sympy.Ne,
}

MOST_NODES = 15000  # with more, SymPy would take minutes


def typed(*values: object) -> tuple[Any, ...]:
    """Return the values, none of which SymPy would parse.

    Raises:
        TypeError: If one is a text, or nothing that the door lets through.
    """
    for value in values:
        if not isinstance(value, (sympy.Basic, int)):
            raise TypeError(f"only typed values reach SymPy, not {type(value).__name__}")
    return values


def symbol(**assumptions: bool) -> Symbolic:
    """Return a new symbol; its name is made here and says nothing."""
    return sympy.Dummy("s", **assumptions)


def rational(value: Fraction) -> Symbolic:
    """Return an exact number."""
    return sympy.Rational(*typed(value.numerator, value.denominator))


@dataclass(frozen=True)
class Translation:
    """A term as SymPy sees it.

    Attributes:
        expr: The SymPy expression.
        symbols: What each of its symbols stands for: an element, index, size or reduction.
    """

    expr: Symbolic
    symbols: dict[Any, Expr]


def to_sympy(expr: Expr, positive: Iterable[str] = ()) -> Translation:
    """Return a scalar term in SymPy's terms.

    Args:
        expr: The term. Elements, indices, sizes and reductions become real symbols.
        positive: Names of tensors whose elements are positive.

    Raises:
        TypeError: If `expr` is not a term: a text, for example.

    >>> from symgrad.ir.text import parse_expression
    >>> shown = to_sympy(parse_expression("1 - tanh(x) ** 2"))
    >>> [str(term) for term in shown.symbols.values()]
    ['x']
    """
    symbols = Symbols(positive)
    result = Translator(symbols)(expr)
    return Translation(result, {made: node for node, made in symbols.made.items()})


class Symbols:
    """The symbols that stand for elements, indices, sizes and reductions, one for each.

    Args:
        positive: Names of tensors whose elements are positive.
    """

    def __init__(self, positive: Iterable[str] = ()) -> None:
        self._positive = frozenset(positive)
        self.made: dict[Expr, Any] = {}

    def __call__(self, node: Expr) -> Symbolic:
        """Return the symbol of a node."""
        if node not in self.made:
            self.made[node] = symbol(**self._assumptions(node))
        return self.made[node]

    def _assumptions(self, node: Expr) -> dict[str, bool]:
        if isinstance(node, (Index, Size)):
            return {"integer": True, "nonnegative": True}
        if isinstance(node, Element) and node.tensor in self._positive:
            return {"positive": True}
        return {"real": True}


class Translator:
    """Translates the scalar part of terms.

    Args:
        leaf: Gives the expression of an element, an index, a size or a reduction.

    Attributes:
        frozen: What the symbols stand for that hide a value from differentiation.
    """

    def __init__(self, leaf: Callable[[Expr], Symbolic]) -> None:
        self._leaf = leaf
        self._memo: dict[Expr, Symbolic] = {}
        self.frozen: dict[Any, Symbolic] = {}

    def __call__(self, node: Expr) -> Symbolic:
        """Return a term as a SymPy expression.

        Raises:
            TypeError: If `node` is not a term.
        """
        if node not in self._memo:
            self._memo[node] = self._translate(node)
        return self._memo[node]

    def _translate(self, node: Expr) -> Symbolic:
        match node:
            case Const():
                return rational(node.value)
            case Named():
                return sympy.oo if node.name == "inf" else sympy.pi
            case Element() | Index() | Size() | Reduce():
                return self._leaf(node)
            case Add():
                return sympy.Add(*typed(*map(self, node.terms)))
            case Mul():
                return sympy.Mul(*typed(*map(self, node.factors)))
            case Power():
                return sympy.Pow(*typed(self(node.base), rational(node.exponent)))
            case Call():
                return self._call(node)
            case Compare() | Logic():
                return cases(self.truth(node), sympy.Integer(1), sympy.Integer(0))
            case Where():
                return cases(self.truth(node.condition), self(node.then), self(node.otherwise))
            case _:
                raise TypeError(f"the door takes terms, not {type(node).__name__}")

    def truth(self, node: Expr) -> Symbolic:
        """Return a term as a SymPy truth value."""
        match node:
            case Compare():
                return _RELATIONS[node.op](*typed(self(node.left), self(node.right)))
            case Logic():
                made = {"and": sympy.And, "or": sympy.Or, "not": sympy.Not}[node.op]
                return made(*typed(*map(self.truth, node.args)))
            case _:
                return sympy.Ne(*typed(self(node), 0))

    def _call(self, node: Call) -> Symbolic:
        args = typed(*map(self, node.args))
        match node.function:
            case "maximum":
                return cases(sympy.StrictLessThan(args[0], args[1]), args[1], args[0])
            case "minimum":
                return cases(sympy.StrictLessThan(args[0], args[1]), args[0], args[1])
            case "stop":
                return self._freeze(args[0])
            case "straight_through":
                return self._freeze(sympy.Add(args[0], sympy.Mul(-1, args[1]))) + args[1]
            case name if name in _NATIVE:
                return _NATIVE[name](*args)
            case name:
                return self(defined(name, node.args))

    def _freeze(self, value: Symbolic) -> Symbolic:
        made = symbol(real=True)
        self.frozen[made] = value
        return made


def cases(condition: Symbolic, then: Symbolic, otherwise: Symbolic) -> Symbolic:
    """Return one of two expressions; a condition that is known decides at once."""
    condition, then, otherwise = typed(condition, then, otherwise)
    if condition == sympy.true:
        return then
    if condition == sympy.false:
        return otherwise
    return sympy.Piecewise((then, condition), (otherwise, sympy.true))


def defined(function: str, args: tuple[Expr, ...]) -> Expr:
    """Return a function by its definition row."""
    text = FUNCTIONS[function].definition
    assert text is not None, f"{function} has no definition and SymPy does not know it"
    values = dict(zip(("x", "z"), args, strict=False))
    return replace_elements(parse_expression(text), lambda e: values.get(e.tensor))


def from_sympy(expr: object, symbols: Mapping[Any, Expr]) -> Expr:
    """Return a SymPy expression as a term: numbers, symbols, sums, products, powers, functions.

    Args:
        expr: The expression.
        symbols: What its symbols stand for.

    Raises:
        TypeError: If it holds anything else, or is a text.
    """
    (node,) = typed(expr)
    if node in symbols:
        return symbols[node]
    if isinstance(node, sympy.Rational):
        return const(Fraction(int(node.p), int(node.q)))
    if node == sympy.pi:
        return PI
    parts = [from_sympy(a, symbols) for a in node.args]
    match node:
        case sympy.Add():
            return add(*parts)
        case sympy.Mul():
            return mul(*parts)
        case sympy.Pow() if isinstance(parts[1], Const):
            return power(parts[0], parts[1].value)
        case sympy.Pow() if node.args[0] != sympy.E:
            return call("pow", *parts)
        case _ if node.func in _BACK:
            return call(_BACK[node.func], *parts)
        case _:
            raise TypeError(f"no term is known for SymPy's {type(node).__name__}")


def derivative(function: str, argument: int = 0) -> Expr | None:
    """Return the derivative of a function of the table as SymPy finds it, over x and z.

    None if it holds something that is no term: at kinks SymPy has its own conventions.
    """
    arity = FUNCTIONS[function].arity
    names = [Element(n) for n in ("x", "z")[:arity]]
    shown = to_sympy(Call(function, tuple(names)), positive=("x",) if function == "pow" else ())
    wanted = [made for made, node in shown.symbols.items() if node is names[argument]]
    if not wanted:
        return const(0)
    try:
        return from_sympy(sympy.diff(shown.expr, wanted[0]), shown.symbols)
    except TypeError:
        return None


def numeric(expr: object, values: Mapping[Any, Fraction], digits: int = 50) -> Symbolic:
    """Return the value of an expression at exact points, to a number of digits."""
    (node,) = typed(expr)
    exact = {made: rational(value) for made, value in values.items()}
    return sympy.N(node.xreplace(exact), digits)


# --- proofs at small sizes -----------------------------------------------------------------------


@dataclass(frozen=True)
class Proof:
    """What comparing a backward System with `sympy.diff`, entry by entry, has shown.

    Attributes:
        holds: Whether all entries agreed.
        entries: How many entries of cotangents were compared.
        identities: How many of them SymPy showed to be identical; the others agreed to 40 digits at
            random rational points.
        where: The first entry that differs.
    """

    holds: bool
    entries: int
    identities: int
    where: str = ""

    def __bool__(self) -> bool:
        return self.holds


def scalar_proof(
    system: System,
    backward: System,
    sizes: Mapping[str, int],
    *,
    forward: System | None = None,
    given: Mapping[str, Any] | None = None,
) -> Proof:
    """Compare a backward System with plain `sympy.diff` of `<Y, Y_bar>`, at concrete sizes.

    Args:
        system: The System, without batch axes `...`.
        backward: Its backward System: reads tensors of `forward`, defines `X_bar`.
        sizes: Length of each axis: 1 to 3.
        forward: The System whose tensors `backward` reads; `system` by default.
        given: Integer and truth values of the inputs that have them.

    Raises:
        TypeError: If something is met that SymPy is not shown.

    >>> from symgrad.ir.text import parse
    >>> backward = parse("X_bar[n] = 2 * X[n] * Y_bar[n]", internal=True)
    >>> scalar_proof(parse("Y[n] = X[n] ** 2"), backward, {"n": 2})
    Proof(holds=True, entries=2, identities=2, where='')
    """
    primal = Unrolled(system, sizes, given or {})
    saved = primal if forward is None else Unrolled(forward, sizes, given or {}, primal)
    last = Unrolled(backward, sizes, given or {}, saved)
    if last.nodes(backward.outputs) > MOST_NODES:
        raise TypeError("the formulas are too long to spell out")
    terms = [
        Mul((primal.entry(name, place), last.entry(f"{name}_bar", place)))
        for name in system.outputs
        if backward.has(f"{name}_bar")
        for place in primal.places(name)
    ]
    symbols = Symbols(t.name for t in system.inputs if t.kind in ("positive", "unit"))
    translate = Translator(symbols)
    total = sympy.Add(*map(translate, terms))
    rng = Random(0)
    entries = identities = 0
    for output in backward.outputs:
        name = output.removesuffix("_bar")
        for place in primal.places(name):
            slope = sympy.diff(total, symbols(primal.entry(name, place))).subs(translate.frozen)
            same = _same(slope, translate(last.entry(output, place)).subs(translate.frozen), rng)
            if same is None:
                return Proof(False, entries, identities, f"{output}{list(place)}")
            entries, identities = entries + 1, identities + same
    return Proof(True, entries, identities)


def _same(left: Symbolic, right: Symbolic, rng: Random) -> bool | None:
    """Return whether SymPy finds two expressions identical; None if they differ at a point."""
    for _ in range(2):
        free = sorted(left.free_symbols | right.free_symbols, key=lambda s: s.dummy_index)
        point = {s: Fraction(rng.randint(1, 4096), 1024) * _sign(s, rng) for s in free}
        a, b = numeric(left, point, 60), numeric(right, point, 60)
        if abs(a - b) > sympy.Rational(1, 10**40) * (1 + abs(a)):
            return None
    return bool(sympy.expand(left - right) == 0)


def _sign(made: Symbolic, rng: Random) -> int:
    return 1 if made.is_positive else rng.choice((-1, 1))
