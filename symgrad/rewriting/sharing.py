"""Change of variables to what was computed: forward equations, oriented into rewrite rules.

In: the equations of a primal System and the tensors that may stay. Out: relations `pattern ->
term` that hold whenever the equations do. Every forward equation is a relation; it is solved for
the quantity that is deepest in the tower and may not stay, and the equations above are rewritten
with it, which yields new facts. For LayerNorm with H and R to stay: `X -> H/R + M`, `S -> R**-2 -
eps`, and from the definitions of mean and variance `sum(H) -> 0` and `sum(H**2) -> D -
D*eps*R**2`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.ir.build import add, call, mul, power, sub
from symgrad.ir.composite import letters_of
from symgrad.ir.equation import Equation
from symgrad.ir.terms import (
    MINUS_ONE,
    ONE,
    Add,
    Call,
    Compare,
    Element,
    Expr,
    Index,
    Mul,
    Power,
    Reduce,
)
from symgrad.ir.visit import arguments, close_reduce, substitute, walk
from symgrad.rewriting.engine import Budget, Rewriter
from symgrad.rewriting.matching import match, replace_in_sum
from symgrad.rewriting.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from symgrad.ir.equation import System
    from symgrad.rewriting.facts import Facts

_LAW = "a forward equation, solved for what is not kept"


@dataclass(frozen=True)
class Relation:
    """A rewrite that a forward equation justifies.

    Attributes:
        pattern: What is replaced; the letters of `source` are variables in it.
        replacement: What it equals.
        source: The forward equation.
    """

    pattern: Expr
    replacement: Expr
    source: Equation

    @property
    def variables(self) -> frozenset[Index]:
        """The letters that stand for any index."""
        return frozenset(self.source.letters)

    def apply(self, node: Expr) -> Expr | None:
        """Return what replaces the node, or None if the pattern is not there."""
        pattern = self.pattern
        if isinstance(pattern, Reduce) and pattern.op == "sum" and isinstance(node, Reduce):
            return replace_in_sum(pattern, self.replacement, node, self.variables)
        binding = match(self.pattern, node, self.variables)
        return None if binding is None else substitute(self.replacement, binding)


def relation_rule(relation: Relation) -> Rule:
    """Return a relation as a rule for the engine."""
    return Rule(
        name="reuse_forward_value",
        law=_LAW,
        when="the System's equations hold",
        shrinks="position in the tower of what is not kept",
        before="",
        after="",
        nodes=(type(relation.pattern),),
        apply=lambda node, _facts: relation.apply(node),
    )


def relations_of(
    system: System, kept: Collection[str], facts: Facts, rules: tuple[Rule, ...], budget: Budget
) -> list[Relation]:
    """Return the relations of a System's equations, for the tensors in `kept` to stay.

    Args:
        system: The primal System.
        kept: Tensors, inputs or defined, that closed forms may mention.
        facts: Signs, for what may be divided by.
        rules: The rules of the normal form.
        budget: What bounds the number of rewrites.
    """
    depth = {t.name: k for k, t in enumerate(system.inputs)}
    depth |= {name: len(depth) + k for k, name in enumerate(system.defined)}
    orient = _Orientation(kept, facts, depth)
    found = declared_relations(system)
    for equation in reversed(system.equations):
        rewrite = Rewriter((*(relation_rule(r) for r in found), *rules), facts, budget)
        relation = orient.relation(equation, rewrite)
        if relation is not None:
            again = Rewriter((relation_rule(relation), *rules), facts, budget)
            found = [r for r in (orient.again(r, again) for r in found) if r is not None]
            found.append(relation)
    return found


def reachable(relations: Sequence[Relation], exprs: Iterable[Expr]) -> tuple[Relation, ...]:
    """Return the relations that can act on terms, or on what the others make of them."""
    known: set[str] = set()
    for expr in exprs:
        known |= _names(expr)
    found: list[Relation] = []
    rest = list(relations)
    while True:
        able = [r for r in rest if _names(r.pattern) <= known]
        if not able:
            return tuple(r for r in relations if r in found)
        found += able
        rest = [r for r in rest if r not in able]
        for relation in able:
            known |= _names(relation.replacement)


def _names(expr: Expr) -> set[str]:
    """Return the names of the tensors and functions in a term."""
    nodes = list(walk(expr))
    functions = {n.function for n in nodes if isinstance(n, Call)}
    if any(isinstance(n, Reduce) and n.op == "logsumexp" for n in nodes):
        functions |= {"exp", "log"}  # the normal form opens it
    return functions | {n.tensor for n in nodes if isinstance(n, Element)}


def declared_relations(system: System) -> list[Relation]:
    """Return what the declarations say: the entries of a simplex sum to 1."""
    found: list[Relation] = []
    for tensor in system.inputs:
        if tensor.kind == "simplex":
            position = tensor.positions()
            own = Element(tensor.name, position)
            for body in (own, call("stop", own)):
                pattern = close_reduce("sum", letters_of(position[-1]), body)
                law = Equation(tensor.name, position, Compare("==", pattern, ONE), implicit=True)
                found.append(Relation(pattern, ONE, law))
    return found


@dataclass(frozen=True)
class _Orientation:
    """What decides for which of its atoms an equation is solved."""

    kept: Collection[str]
    facts: Facts
    depth: dict[str, int]

    def relation(self, equation: Equation, rewrite: Rewriter) -> Relation | None:
        """Return an equation as a relation, or None if it can be solved for nothing."""
        left, right = rewrite(equation.element), rewrite(equation.value)
        if left is right:
            return None
        own = equation.element
        circular = own in walk(right)
        if left is own and equation.target not in self.kept and not circular:
            return Relation(own, right, equation)
        return self._solved(left, right, equation, rewrite)

    def again(self, relation: Relation, rewrite: Rewriter) -> Relation | None:
        """Return a relation in terms of what a newer one leaves; None if no pattern is left."""
        pattern, replacement = rewrite(relation.pattern), rewrite(relation.replacement)
        if not relation.pattern.free <= pattern.free:
            return None
        if isinstance(pattern, (Element, Call, Reduce)):
            return replace(relation, pattern=pattern, replacement=replacement)
        return self._solved(replacement, pattern, relation.source, rewrite)

    def _solved(
        self, left: Expr, right: Expr, equation: Equation, rewrite: Rewriter
    ) -> Relation | None:
        for atom in _candidates(right, equation.element, self.kept, self.depth):
            solved = solve(left, right, atom, self.facts)
            solved = solved or solve_linear(left, right, atom, rewrite)
            if solved is not None:
                solved = rewrite(solved)
                if solved.free <= atom.free and not _has_instance(solved, atom, equation):
                    return Relation(atom, solved, equation)
        return None


def _has_instance(expr: Expr, pattern: Expr, equation: Equation) -> bool:
    """Return whether the pattern occurs, at any indices: as a rewrite it would never end."""
    variables = frozenset(equation.letters)
    return any(match(pattern, node, variables) is not None for node in walk(expr))


def _candidates(
    expr: Expr, own: Element, kept: Collection[str], depth: dict[str, int]
) -> list[Expr]:
    """Return the atoms an equation may be solved for, the most wanted first."""
    atoms = [a for a in dict.fromkeys(_atoms(expr)) if a is not own]
    deep = [a for a in atoms if isinstance(a, Element) and a.tensor not in kept and _plain(a)]
    deep.sort(key=lambda a: depth.get(a.tensor, -1))
    sums = [a for a in atoms if isinstance(a, Reduce) and a.op in ("sum", "argmax", "argmin")]
    calls = [a for a in atoms if isinstance(a, Call) and a.free]
    inner = [a for a in sums if any(a in walk(c) for c in calls)]
    return [*deep, *inner, *calls, *sums]


def _plain(element: Element) -> bool:
    """Return whether the positions are different letters, so that the element can be a pattern."""
    indices = element.indices
    return len(set(indices)) == len(indices) and all(isinstance(i, Index) for i in indices)


def _atoms(expr: Expr) -> list[Expr]:
    """Return the terms that peeling sums, products and powers can lay bare."""
    if isinstance(expr, (Add, Mul)):
        return [a for c in expr.children for a in _atoms(c)]
    if isinstance(expr, Power):
        return _atoms(expr.base)
    if isinstance(expr, Call) and expr.function == "log":
        return [*_atoms(expr.args[0]), expr]
    return [expr]


def solve(value: Expr, expr: Expr, atom: Expr, facts: Facts) -> Expr | None:
    """Return the atom as `value = expr` gives it, or None where that needs an unknown division.

    Law: `v = a + r` gives `a = v - r`; `v = a * r` with r not 0 gives `a = v / r`; `v = a**p` with
    p odd, or a known to be positive, gives `a = v**(1/p)`; `v = log(a)` gives `a = exp(v)`.
    """
    while expr is not atom:
        if isinstance(expr, Power):
            odd = expr.exponent.denominator == 1 and expr.exponent.numerator in (1, -1)
            if not odd and not facts.is_nonnegative(expr.base):
                return None
            value, expr = power(value, 1 / expr.exponent), expr.base
            continue
        if isinstance(expr, Call) and expr.function == "log":
            value, expr = call("exp", value), expr.args[0]
            continue
        inside = [c for c in expr.children if atom in walk(c)]
        if len(inside) != 1 or not isinstance(expr, (Add, Mul)):
            return None
        rest = [c for c in expr.children if c is not inside[0]]
        if isinstance(expr, Add):
            value = sub(value, expr.with_children(tuple(rest)) if len(rest) > 1 else rest[0])
        elif all(facts.may_divide(f) for f in rest):
            value = mul(value, *(power(f, -1) for f in rest))
        else:
            return None
        expr = inside[0]
    return value


def solve_linear(value: Expr, expr: Expr, atom: Expr, rewrite: Rewriter) -> Expr | None:
    """Return the atom if `value = expr` is linear in it once denominators are cleared, else None.

    Law: `v = a / (r + a)` gives `a = v * r / (1 - v)`, wherever both sides are defined.
    """
    below = [
        f.base
        for f in arguments(expr, Mul)
        if isinstance(f, Power) and f.exponent == -1 and atom in walk(f.base)
    ]
    if not below:
        return None
    difference = rewrite(sub(mul(value, *below), mul(expr, *below)))
    with_atom = [t for t in arguments(difference, Add) if atom in walk(t)]
    if any(atom not in arguments(t, Mul) for t in with_atom) or not with_atom:
        return None
    slopes = [mul(t, power(atom, -1)) for t in with_atom]
    if any(atom in walk(s) for s in slopes):
        return None
    rest = [t for t in arguments(difference, Add) if t not in with_atom]
    return mul(MINUS_ONE, add(*rest), power(add(*slopes), -1))
