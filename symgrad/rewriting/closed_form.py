"""The search for the closed form of a backward pass.

In: a primal System and the raw equations of its cotangents. Out: the cheapest equal equations
found, with the steps that lead there. Two choices span the search: which cotangents of
intermediates keep a name, and which primal tensors the result may mention. Everything else is
general moves: insert definitions, normal form, change of variables to what was computed, factor.
Cost is the judge.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation, System, parts_at
from symgrad.ir.sizes import axes_of
from symgrad.ir.terms import Element, Power
from symgrad.ir.visit import replace_elements, substitute, tensors_read, walk
from symgrad.rewriting.cost import NOMINAL_LENGTH, cost_of, elements_of, length
from symgrad.rewriting.engine import Budget, BudgetExceededError, Rewriter
from symgrad.rewriting.factoring import factored
from symgrad.rewriting.facts import Facts, facts_of
from symgrad.rewriting.folding import FOLDING
from symgrad.rewriting.normal import NORMAL_RULES, normaliser
from symgrad.rewriting.rule import RULES
from symgrad.rewriting.sharing import Relation, reachable, relation_rule, relations_of
from symgrad.rewriting.stability import exponentiates, folded_definitions, hazardous_tensors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from symgrad.ir.terms import Expr
    from symgrad.rewriting.trace import Trace

_MOST_BASES = 8
#: Forms this close to the cheapest compete by how they read.
_ABOUT_AS_CHEAP = 1.02
#: Candidates this close to the cheapest are worked on further.
_WORTH_A_SECOND_PASS = 1.15
#: Costs that differ by less differ in operations on scalars alone.
_SCALARS = NOMINAL_LENGTH - 1
#: For one candidate, ten times what layer norm needs; then the form so far is taken, or none.
_MOST_REWRITES = 2_000
#: A longer step that only inserts is mechanical: a reader may skip it.
_LONGEST_SHOWN = 160


@dataclass(frozen=True)
class ClosedForm:
    """The equations of a backward pass and how they came about.

    Attributes:
        equations: Named cotangents, then the wanted ones, in order of evaluation.
        saved: The primal tensors they read.
        cost: Operations at nominal lengths.
        named: The cotangents of intermediates that keep a name.
        relations: The change of variables, as oriented forward equations.
    """

    equations: tuple[Equation, ...]
    saved: tuple[str, ...]
    cost: float
    named: tuple[str, ...]
    relations: tuple[Relation, ...]


def closed_form(
    system: System,
    adjoint: Sequence[Equation],
    wanted: Sequence[str],
    trace: Trace,
    hidden: Collection[str] = (),
) -> ClosedForm:
    """Return the cheapest closed form found for the cotangents `wanted`; record its steps.

    Args:
        system: The primal System.
        adjoint: The equations of the cotangents, in order of evaluation.
        wanted: Names of the cotangents to keep, in the order in which they are returned.
        trace: Where the steps go.
        hidden: The intermediates that the author of the equations did not name.
    """
    search = _Search(system, adjoint, wanted, hidden)
    best = search.best()
    search.explain(best, trace)
    return best


class _Search:
    """All that the candidates of one search share."""

    def __init__(
        self,
        system: System,
        adjoint: Sequence[Equation],
        wanted: Sequence[str],
        hidden: Collection[str] = (),
    ) -> None:
        self.system = system
        self.hidden = frozenset(hidden)
        self.adjoint = {e.target: e for e in adjoint}
        self.wanted = tuple(wanted)
        self.facts: Facts = facts_of(system)
        self.hazards = hazardous_tensors(system)
        self.budget = Budget(_MOST_REWRITES)
        self._polished: dict[Expr, Expr] = {}
        self._definitions = folded_definitions(system)
        self._unbounded: dict[Expr, bool] = {}

    def candidates(self) -> list[ClosedForm]:
        """Return one candidate for each change of variables that a set of kept tensors gives.

        The unlikely sets are tried if nothing beats the plain chain rule with the likely ones.
        """
        likely, unlikely = self._bases()
        tried: dict[tuple[tuple[Expr, Expr], ...], _Closer | None] = {(): self._descend(())}
        forms = self._closed(tried, likely)
        if forms and not min(forms, key=self._price).relations:
            forms = self._closed(tried, unlikely)
        return forms or [self._raw()]

    def _closed(
        self,
        tried: dict[tuple[tuple[Expr, Expr], ...], _Closer | None],
        bases: list[frozenset[str]],
    ) -> list[ClosedForm]:
        """Return the forms of the candidates tried so far and of those of more sets."""
        adjoint = [e.value for e in self.adjoint.values()]
        for kept in bases:
            relations = reachable(self._relations(kept), adjoint)
            key = tuple((r.pattern, r.replacement) for r in relations)
            if key not in tried:
                tried[key] = self._descend(relations)
        closers = [c for c in tried.values() if c is not None]
        forms = [c.form() for c in closers]
        bound = min(map(self._price, forms), default=0.0) * _WORTH_A_SECOND_PASS
        return [
            c.again() if self._price(f) <= bound else f for c, f in zip(closers, forms, strict=True)
        ]

    def _raw(self) -> ClosedForm:
        """Return the equations of the cotangents as they came."""
        values = {t: e.value for t, e in self.adjoint.items()}
        named = tuple(t for t in values if t not in self.wanted)
        equations = tuple(self.equation(t, values[t]) for t in (*named, *self.wanted))
        return ClosedForm(equations, self.saved(values.values()), self.cost_of(values), named, ())

    def _descend(self, relations: tuple[Relation, ...]) -> _Closer | None:
        """Insert named cotangents where they are read as long as that is no dearer."""
        self.budget = Budget(_MOST_REWRITES)
        try:
            closer = _Closer(self, relations)
        except BudgetExceededError:
            return None
        closer.descend()
        return closer

    def best(self) -> ClosedForm:
        """Return the candidate that computes and moves least; among like ones, the shortest."""
        forms = self._stable(self.candidates())
        bound = min(map(self._price, forms)) * _ABOUT_AS_CHEAP
        return min((f for f in forms if self._price(f) <= bound), key=_length)

    def _price(self, form: ClosedForm) -> float:
        """Return operations and memory traffic: a read of what is saved, a write if it was not."""
        return form.cost + sum(self._traffic(s) for s in form.saved)

    def cost_of(self, values: Mapping[str, Expr]) -> float:
        """Return the cost of computing cotangents together."""
        return cost_of(values.values(), self.facts.lengths)

    def _traffic(self, name: str) -> float:
        axes = [a for s in self.system.tensor(name).shape for a in axes_of(s)]
        elements = elements_of(axes, self.facts.lengths)
        if name in self.system.outputs:  # the next layer keeps it, this one's input may go
            return elements * 0.9
        return elements * (2.0 if name in self.system.defined else 1.0)

    def _stable(self, forms: list[ClosedForm]) -> list[ClosedForm]:
        """Return the candidates that divide by nothing new and save nothing that can overflow."""
        adjoint = [e.value for e in self.adjoint.values()]
        known = _denominators([*(e.value for e in self.system.equations), *adjoint])
        stable = [f for f in forms if _denominators(e.value for e in f.equations) <= known] or forms
        stable = [f for f in stable if self.hazards.isdisjoint(f.saved)] or stable
        least = min((self.exponentials(e.value for e in f.equations) for f in stable), default=0)
        return [f for f in stable if self.exponentials(e.value for e in f.equations) == least]

    def exponentials(self, values: Iterable[Expr]) -> int:
        """Return how many of the terms take an exponential that nothing bounds."""
        count = 0
        for value in values:
            if value not in self._unbounded:
                self._unbounded[value] = exponentiates(value, self._definitions)
            count += self._unbounded[value]
        return count

    def _bases(self) -> tuple[list[frozenset[str]], list[frozenset[str]]]:
        """Return the sets of primal tensors that a form may be written in: likely, unlikely.

        Likely are the last equations, down to some equation; unlikely, a single one, and the data.
        """
        system = self.system
        always = {t.name for t in system.inputs if t.name in system.params or not t.shape}
        always |= {t.name for t in system.inputs if not t.is_real}
        data = frozenset(t.name for t in system.inputs) - always
        defined = tuple(d for d in system.defined if d not in self.hazards)
        named = tuple(d for d in defined if d not in self.hidden)
        likely: list[tuple[str, ...]] = [named, defined, system.outputs]
        singles: list[tuple[str, ...]] = []
        if len(defined) <= _MOST_BASES:  # a search over more would be long
            likely = [names[k:] for names in (named, defined) for k in range(len(names))]
            singles = [(d,) for d in defined]
        first = [frozenset({*always, *c}) for c in likely]
        rest = [frozenset({*always, *c}) for c in singles]
        return first, [*rest, *(w | data for w in (*first, *rest)), frozenset(always | data)]

    def _relations(self, kept: frozenset[str]) -> tuple[Relation, ...]:
        try:
            return tuple(
                relations_of(self.system, kept, self.facts, NORMAL_RULES, Budget(_MOST_REWRITES))
            )
        except BudgetExceededError:
            return ()

    def inlined(self, target: str, named: Collection[str]) -> Expr:
        """Return the definition of a cotangent with the unnamed ones inserted."""

        def insert(element: Element) -> Expr | None:
            equation = self.adjoint.get(element.tensor)
            if equation is None or element.tensor in named:
                return None
            places = parts_at(equation, element)
            if places is None:  # it stays, and so does its name
                return None
            return substitute(self.inlined(element.tensor, named), places)

        return replace_elements(self.adjoint[target].value, insert)

    def rewriter(self, relations: tuple[Relation, ...]) -> Rewriter:
        """Return the rewriter to normal form under a change of variables."""
        rules = tuple(relation_rule(r) for r in relations)
        return normaliser(self.facts, first=rules, budget=self.budget)

    def polished(self, expr: Expr) -> Expr:
        """Return a normal form in stable spelling and factored; candidates share many of them."""
        found = self._polished.get(expr)
        if found is None:
            folded = Rewriter(FOLDING, self.facts, self.budget)(expr)
            self._polished[expr] = found = factored(folded, self.facts)
        return found

    def saved(self, values: Iterable[Expr]) -> tuple[str, ...]:
        """Return the primal tensors that terms read, inputs first."""
        read = {t for e in values for t in tensors_read(e)}
        names = (*(t.name for t in self.system.inputs), *self.system.defined)
        return tuple(n for n in names if n in read)

    def equation(self, target: str, value: Expr) -> Equation:
        """Return the definition of a cotangent with another right-hand side."""
        return Equation(target, self.adjoint[target].indices, value)

    def explain(self, best: ClosedForm, trace: Trace) -> None:
        """Record the steps from the raw adjoint to the closed form."""
        for raw in self.adjoint.values():
            trace.chain_rule(self._reads(raw.target), raw)
        self.budget = Budget(_MOST_REWRITES)
        for equation in best.equations:
            with suppress(BudgetExceededError):
                self._explain_one(best, equation, trace)

    def _reads(self, cotangent: str) -> tuple[str, ...]:
        """Return a tensor and those in whose equations it is read: its cotangent sums over them."""
        name = cotangent.removesuffix("_bar").removesuffix("_total")
        readers = (e.target for e in self.system.equations if name in tensors_read(e.value))
        return (name, *readers)

    def _explain_one(self, best: ClosedForm, final: Equation, trace: Trace) -> None:
        target = final.target
        plain = normaliser(self.facts, budget=self.budget)
        raw = self.adjoint[target]
        inlined = self.equation(target, self.inlined(target, best.named))
        long = len(str(inlined)) > _LONGEST_SHOWN
        trace.add("insert_definitions", "equals for equals", inlined, raw, detail=long)
        normal = self.equation(target, plain(inlined.value))
        trace.add("normalise", _laws(plain), normal, inlined, detail=True)
        self._explain_reuse(best, normal, trace)
        reused = self.equation(target, self.rewriter(best.relations)(normal.value))
        trace.add("factor_common", RULES["factor_common"].law, final, reused)

    def _explain_reuse(self, best: ClosedForm, normal: Equation, trace: Trace) -> None:
        """Record each relation that acts on an equation, and what the equation becomes."""
        current = normal
        for relation in best.relations:
            rewrite = self.rewriter((relation,))
            after = self.equation(current.target, rewrite(current.value))
            trace.reuse((relation.pattern, relation.replacement, relation.source), after, current)
            current = after
        final = self.equation(current.target, self.rewriter(best.relations)(normal.value))
        trace.add("normalise", "the same relations again", final, current, detail=True)


def _length(form: ClosedForm) -> tuple[int, str]:
    text = "\n".join(map(str, form.equations))
    return len(text), text


def _nodes(values: dict[str, Expr]) -> int:
    """Return how long values are to read, the left-hand sides included."""
    return sum(2 + length(e) for e in values.values())


def _denominators(exprs: Iterable[Expr]) -> set[tuple[bool, frozenset[str]]]:
    """Return what terms divide by: the tensors read, and whether it is one of them itself."""
    return {
        (isinstance(node.base, Element), frozenset(tensors_read(node.base)))
        for expr in exprs
        for node in walk(expr)
        if isinstance(node, Power) and node.exponent < 0
    }


def _laws(rewriter: Rewriter) -> str:
    """Return the laws of the rules that have acted, once each."""
    return "; ".join(RULES[name].law for name in RULES if rewriter.fired.get(name))


class _Closer:
    """One candidate in the making: the values of the cotangents that still have a name."""

    def __init__(self, search: _Search, relations: tuple[Relation, ...]) -> None:
        self.search = search
        self.relations = relations
        self.rewrite = search.rewriter(relations)
        self.named = [n for n in search.adjoint if n not in search.wanted]
        self.values = {t: self._value(t, self.named) for t in search.adjoint}
        self.cost = search.cost_of(self.values)
        self.refused: dict[str, tuple[Expr, ...]] = {}

    def _value(self, target: str, named: Collection[str]) -> Expr:
        inlined = self.search.inlined(target, named)
        return self.search.polished(self.rewrite(inlined))

    def descend(self) -> None:
        """Try to insert each named cotangent; the one evaluated last goes first.

        What it needs is then simplified together.
        """
        for name in list(reversed(self.named)):
            with suppress(BudgetExceededError):
                self.try_insert(name)

    def again(self) -> ClosedForm:
        """Try what was refused again, as others are inserted since; return the form."""
        self.rewrite.budget = self.search.budget = Budget(_MOST_REWRITES)
        before = None
        while before != self.named:
            before = list(self.named)
            self.descend()
        return self.form()

    def try_insert(self, name: str) -> None:
        """Insert a named cotangent into what reads it, if the whole becomes cheaper or shorter."""
        readers = [t for t, e in self.values.items() if name in tensors_read(e)]
        tried = (self.values[name], *(self.values[t] for t in readers))
        if self.refused.get(name) == tried:
            return
        self.refused[name] = tried
        named = [n for n in self.named if n != name]
        values = {t: e for t, e in self.values.items() if t != name}
        values |= {t: self._value(t, named) for t in readers}
        if any(name in tensors_read(e) for e in values.values()):
            return
        cost = self.search.cost_of(values)
        if self._is_better(values, cost):
            self.named, self.values, self.cost = named, values, cost

    def _is_better(self, values: dict[str, Expr], cost: float) -> bool:
        """Return whether values are an advance: what can overflow first, then cost, then length."""
        count = self.search.exponentials
        before, after = count(self.values.values()), count(values.values())
        if before != after:
            return after < before
        if abs(cost - self.cost) > _SCALARS:
            return cost < self.cost
        return _nodes(values) <= _nodes(self.values)

    def form(self) -> ClosedForm:
        """Return the candidate as it stands."""
        order = [*self.named, *self.search.wanted]
        return ClosedForm(
            tuple(self.search.equation(t, self.values[t]) for t in order),
            self.search.saved(self.values.values()),
            self.cost,
            tuple(self.named),
            self.relations,
        )
