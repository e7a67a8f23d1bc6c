"""Judging by exact evaluation: batches of random points until there is enough evidence.

In: Systems to evaluate together. Out: `Evidence` that two families of values agree or differ, with
odds. What is compared, and what a difference means, is the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from symgrad.errors import UnsupportedError
from symgrad.ir.batch import fix_batch
from symgrad.ir.show import unused
from symgrad.ir.stepwise import stepwise, time_axes
from symgrad.rewriting.field import Valuation
from symgrad.rewriting.field_array import Array, both
from symgrad.rewriting.field_dual import Tangents
from symgrad.rewriting.field_point import (
    Point,
    UndecidedError,
    axes_of,
    choose_sizes,
    without_long_axes,
)
from symgrad.rewriting.field_terms import Survey, mentions_infinity, uses_signs
from symgrad.rewriting.field_tower import PRIMES, TOP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from symgrad.ir.equation import System, Tensor

#: How often each compared value must have been defined, and how many points are drawn for it.
ENOUGH = 6
MOST = 2048
_HOPELESS = 256  # with no hit by then, give up these sizes

#: The lengths at which recurrences are written out and judged.
STEPS = (1, 3)


@dataclass(frozen=True)
class Evidence:
    """What a number of random points said.

    Attributes:
        agree: Whether all compared values agreed.
        times: How often the least tested of them was compared.
        degree: A bound on the degree of their difference.
        where: What differed first: a tensor's name.
        sizes: The lengths of axes where it differed, or of the last batch.
    """

    agree: bool
    times: int
    degree: int
    where: str
    sizes: dict[str, int]

    @property
    def odds(self) -> float:
        """A bound on the odds that different values agreed every time."""
        return min(1.0, self.degree / PRIMES[0]) ** self.times


@dataclass(frozen=True)
class Comparison:
    """Residues to be compared: a name, whether they agree, and where both are defined."""

    name: str
    agree: Array
    ok: Array | None


def same(name: str, first: Array, second: Array, ok: Array | None) -> Comparison:
    """Return the comparison of two arrays over draws and axes."""
    agree = first == second
    return Comparison(name, agree, None if ok is None else np.broadcast_to(ok, agree.shape))


def one_batch_rank(systems: Sequence[System]) -> tuple[System, ...]:
    """Return Systems with `...` fixed to one new axis, the same for all, and no axis fixed long."""
    letter = unused("n", set(axes_of(systems)))
    return tuple(without_long_axes(fix_batch(s, (letter,))) for s in systems)


@dataclass(frozen=True)
class Setting:
    """Systems evaluated together, what is drawn for them, and the level they are evaluated at.

    Attributes:
        systems: The Systems, batch rank fixed.
        inputs: Declarations of what is drawn.
        level: The level at which results are compared.
        degree: A bound on the degree of any result.
        signs: Whether absolute values must respect squares.
        infinite: Whether `inf` is mentioned.
    """

    systems: tuple[System, ...]
    inputs: dict[str, Tensor]
    level: int
    degree: int
    signs: bool
    infinite: bool

    def point(self, sizes: dict[str, int], draws: int, rng: np.random.Generator) -> Point:
        """Return a batch of random points."""
        return Point(self.inputs, sizes, draws, rng)

    def valuation(self, k: int, point: Point, parent: Valuation | None = None) -> Valuation:
        """Return the Valuation of a System at a point."""
        return Valuation(self.systems[k], point, parent, signs=self.signs, infinite=self.infinite)


def setting(
    systems: Sequence[System], inputs: Mapping[str, Tensor], *, nested: bool, dual: bool = False
) -> Setting:
    """Survey Systems and return how to evaluate them.

    Args:
        systems: The Systems, batch rank fixed.
        inputs: Declarations of what is drawn.
        nested: Whether each System reads tensors of those before it.
        dual: Whether tangents are evaluated.
    """
    sizes = dict.fromkeys(axes_of(systems), 3)
    low = high = degree = 0
    shared = {e.target: e for s in systems for e in s.equations} if nested else {}
    for system in systems:
        survey = Survey(shared | {e.target: e for e in system.equations}, sizes, dual=dual)
        for equation in system.equations:
            lo, hi = survey.span(equation.value)
            low, high = min(low, lo), max(high, hi)
            many = 3 ** len(equation.letters) if dual else 1  # a sum over all elements
            degree = max(degree, many * sum(survey.degree(equation.value)))
    if high > TOP:
        raise UndecidedError("logarithms are nested too deeply")
    values = [e.value for s in systems for e in s.equations]
    return Setting(
        tuple(systems),
        dict(inputs),
        min(-low, TOP - high),
        2 * degree + 2,
        any(map(uses_signs, values)),
        any(map(mentions_infinity, values)),
    )


def gather(
    where: Setting,
    compare: Callable[[Point], list[Comparison]],
    *,
    seed: int,
    batches: int = 2,
) -> Evidence:
    """Compare at random points, at a few choices of sizes, until there is enough evidence.

    Raises:
        UndecidedError: If some value is hardly ever defined.
    """
    rng = np.random.default_rng(seed)
    found: list[Evidence] = []
    fixed = {axis for system in where.systems for axis, _ in system.sizes}
    for _ in range(batches):
        evidence = None
        # Each logarithm and each even root of a row halves the points at which a sum over rows is
        # defined: where too few are left, one axis after the other is made a single row.
        for single in (None, *(a for a in axes_of(where.systems) if a not in fixed)):
            evidence = _batch(where, compare, choose_sizes(where.systems, rng, single), rng)
            if evidence is not None:
                break
        if evidence is None:
            raise UndecidedError("the formulas are hardly ever defined at a random point")
        if not evidence.agree:
            return evidence
        found.append(evidence)
    return min(found, key=lambda e: e.times)


def _batch(
    where: Setting,
    compare: Callable[[Point], list[Comparison]],
    sizes: dict[str, int],
    rng: np.random.Generator,
) -> Evidence | None:
    """Compare at some sizes; None if too few values were defined."""
    draws = 16 if where.signs else 8
    counts: dict[str, Array] = {}
    while draws <= MOST:
        for row in compare(where.point(sizes, draws, rng)):
            ok = np.ones(row.agree.shape, bool) if row.ok is None else row.ok
            if (ok & ~row.agree).any():
                return Evidence(False, 1, where.degree, row.name, sizes)
            repeats = draws // ok.shape[0]  # a constant is the same at every point
            counts[row.name] = counts.get(row.name, 0) + repeats * ok.sum(axis=0)
        least = min((int(c.min()) for c in counts.values() if c.size), default=ENOUGH)
        if least >= ENOUGH:
            return Evidence(True, least, where.degree, "", sizes)
        if not least and draws >= _HOPELESS:
            return None
        draws *= 4
    return None


def written_out(systems: Sequence[System]) -> Iterator[tuple[System, ...]]:
    """Yield the Systems without recurrences: as they are, or written out at each of STEPS.

    Raises:
        UndecidedError: If a recurrence cannot be written out.
    """
    axes = time_axes(systems)
    for steps in STEPS if axes else (0,):
        lengths = dict.fromkeys(axes, steps)
        try:
            known = {s: stepwise(s, lengths) if axes else s for s in systems}
        except UnsupportedError as reason:
            raise UndecidedError(str(reason)) from reason
        yield tuple(known[s] for s in systems)


def weakest(found: Iterator[Evidence]) -> Evidence:
    """Return the first evidence of a difference, or the one with the fewest comparisons."""
    least: Evidence | None = None
    for evidence in found:
        if not evidence.agree:
            return evidence
        least = evidence if least is None or evidence.times < least.times else least
    assert least is not None, "there is evidence for at least one length"
    return least


def equality_evidence(
    first: System,
    second: System,
    pairs: Sequence[tuple[str, str]],
    inputs: Mapping[str, Tensor],
    *,
    seed: int = 0,
) -> Evidence:
    """Return evidence that pairs of outputs of two Systems over the same inputs are equal."""
    both_written = written_out((first, second))
    return weakest(_equality(f, g, pairs, inputs, seed) for f, g in both_written)


def _equality(
    first: System,
    second: System,
    pairs: Sequence[tuple[str, str]],
    inputs: Mapping[str, Tensor],
    seed: int,
) -> Evidence:
    where = setting((first, second), inputs, nested=False)

    def compare(point: Point) -> list[Comparison]:
        left, right = where.valuation(0, point), where.valuation(1, point)
        return [_compared(left, right, a, b, where) for a, b in pairs]

    return gather(where, compare, seed=seed)


def inputs_that_matter(system: System, inputs: Mapping[str, Tensor], *, seed: int = 0) -> set[str]:
    """Return the real inputs on which some output depends, under the given declarations."""
    system = list(written_out((system,)))[-1][0]
    where = setting((system,), inputs, nested=False, dual=True)
    rng = np.random.default_rng(seed)
    valuation = where.valuation(0, where.point(choose_sizes(where.systems, rng), 16, rng))

    def matters(name: str) -> bool:
        tangents = Tangents(valuation, [name])
        moved = [tangents.tensor(output, where.level) for output in system.outputs]
        return any(m is not None and bool(m.data.any()) for m in moved)

    return {t.name for t in system.inputs if t.is_real and matters(t.name)}


def _compared(left: Valuation, right: Valuation, a: str, b: str, where: Setting) -> Comparison:
    mine, theirs = left.tensor(a, where.level), right.tensor(b, where.level)
    first, second = np.broadcast_arrays(mine.data, theirs.data)
    row = same(a, first, second, both(mine.ok, theirs.ok))
    if not where.infinite:
        return row
    real, other = np.broadcast_arrays(left.tensor_real(a).data, right.tensor_real(b).data)
    limit = np.isinf(real) | np.isinf(other)
    ok = ~(np.isnan(real) | np.isnan(other))
    return Comparison(
        a, np.where(limit, real == other, row.agree), ok if row.ok is None else ok & row.ok
    )


def adjoint_evidence(  # noqa: PLR0913 (three Systems belong together)
    primal: System,
    forward: System,
    backward: System,
    wrt: Sequence[str],
    *,
    seed: int = 0,
    batches: int = 2,
) -> Evidence:
    """Return evidence that `<J v, w> = <v, J^T w>`, the left side by dual numbers on `primal`.

    Args:
        primal: The System that is differentiated.
        forward: The System whose tensors `backward` reads, over the same inputs.
        backward: The System of cotangents.
        wrt: The inputs that are differentiated.
        seed: Of the random points.
        batches: How many choices of sizes.
    """
    written = written_out((primal, forward, backward))
    return weakest(_adjoint(systems, wrt, seed, batches) for systems in written)


def _adjoint(systems: tuple[System, ...], wrt: Sequence[str], seed: int, batches: int) -> Evidence:
    primal, forward, backward = systems
    cotangents = {
        f"{name}_bar": replace(primal.tensor(name), name=f"{name}_bar", kind="real")
        for name in primal.outputs
    }
    inputs = {t.name: t for t in (*forward.inputs, *primal.inputs)} | cotangents
    where = setting((primal, forward, backward), inputs, nested=True, dual=True)
    level, p = where.level, PRIMES[where.level]

    def compare(point: Point) -> list[Comparison]:
        first = where.valuation(0, point)
        saved = first if forward is primal else where.valuation(1, point)
        last = where.valuation(2, point, saved)
        return [_dual_identity(first, last, [*moving], level, p) for moving in groups]

    groups: list[tuple[str, ...]] = [tuple(wrt)]
    found = gather(where, compare, seed=seed, batches=batches)
    if found.agree:
        return found
    groups = [(name,) for name in wrt]
    return gather(where, compare, seed=seed, batches=batches)


def _dual_identity(
    first: Valuation, last: Valuation, wrt: Sequence[str], level: int, p: int
) -> Comparison:
    tangents = Tangents(first, wrt)
    point = first.point
    left: Array = np.zeros(1, dtype=np.int64)
    right = left
    ok: Array | None = None
    for name in first.system.outputs:
        moved = tangents.tensor(name, level)
        if moved is not None:
            left = left + _inner(moved.data, point.residues(f"{name}_bar", level).data, p)
            ok = both(ok, _all_draws(moved.ok))
    for name in wrt:
        cotangent = last.tensor(f"{name}_bar", level)
        right = right + _inner(cotangent.data, point.tangent(name, level).data, p)
        ok = both(ok, _all_draws(cotangent.ok))
    agree = np.broadcast_to(left % p == right % p, (point.draws,))
    return Comparison(
        ", ".join(f"{n}_bar" for n in wrt),
        agree,
        None if ok is None else np.broadcast_to(ok, (point.draws,)),
    )


def _inner(first: Array, second: Array, p: int) -> Array:
    product = first * second % p
    return product.reshape(product.shape[0], -1).sum(axis=1) % p


def _all_draws(ok: Array | None) -> Array | None:
    return None if ok is None else np.asarray(ok.reshape(ok.shape[0], -1).all(axis=1))
