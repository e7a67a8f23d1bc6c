"""Whether two formulas are the same function: equal, not equal, equal if, cannot tell.

In: two Systems or texts. Out: a `Verdict`. "Equal" comes from exact evaluation in a tower of prime
fields (`symgrad.rewriting.field`) and states its odds; "not equal" comes with a point that the
interpreter confirms at 50 digits. Nothing is simplified here: this module judges the rules, so it
trusts none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from symgrad.derivation import Derivation
from symgrad.errors import InputError, RankError
from symgrad.ir.equation import System, Tensor
from symgrad.ir.rename import rename_system
from symgrad.ir.show import unused
from symgrad.ir.terms import Size
from symgrad.ir.text import parse, parse_expression
from symgrad.rewriting.field_judge import (
    Evidence,
    adjoint_evidence,
    equality_evidence,
    inputs_that_matter,
    one_batch_rank,
)
from symgrad.rewriting.field_point import UndecidedError, choose_sizes, tensor_shape
from symgrad.rewriting.witness import (
    DIFFERENT_SLOPE,
    FINE,
    Search,
    Witness,
    adjoint_differences,
    find_witness,
    output_differences,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Answer = Literal["equal", "not equal", "equal if", "cannot tell"]

_BARE_RESULT = "result"


@dataclass(frozen=True)
class Verdict:
    """The answer to whether two formulas are equal; true only if they are.

    Attributes:
        answer: One of four.
        reason: Why, in a sentence.
        odds: For "equal" and "equal if", a bound on the odds of being wrong.
        condition: For "equal if", what has to hold.
        witness: For "not equal" and "equal if", a point where the formulas differ.
    """

    answer: Answer
    reason: str
    odds: float | None = None
    condition: str | None = None
    witness: Witness | None = None

    def __bool__(self) -> bool:
        return self.answer == "equal"

    def __str__(self) -> str:
        text = self.answer if self.condition is None else f"{self.answer} {self.condition}"
        text = f"{text}: {self.reason}"
        return text if self.witness is None else f"{text}\n{self.witness}"


def equivalent(
    first: System | str,
    second: System | str,
    *,
    renaming: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Verdict:
    """Return whether two formulas are the same function of the same inputs.

    Both are Systems, texts of equations, or single expressions. Inputs match by name, axes by the
    inputs they belong to, outputs by name or else in order. Formulas are compared where both are
    defined; at isolated points (kinks, ties) they may differ.

    Args:
        first: A formula.
        second: Another.
        renaming: Names in `second` and what they are called in `first`.
        seed: Of the random points.

    Raises:
        RankError: If an input has another number of axes in the other formula.
        InputError: If the numbers of outputs differ.

    >>> print(equivalent("tanh(x)", "2 * sigmoid(2 * x) - 1").answer)
    equal
    >>> print(equivalent("tanh(x)", "2 * sigmoid(x) - 1").answer)
    not equal
    >>> verdict = equivalent("P[n, c] * sum[d](Y[n, d]) - Y[n, c]", "P[n, c] - Y[n, c]")
    >>> print(verdict.answer, verdict.condition)
    equal if the entries of Y along its last axis sum to 1
    """
    f, g, pairs = _matched(first, second, renaming or {})
    inputs = _merged_inputs(f, g)
    try:
        evidence = equality_evidence(f, g, pairs, inputs, seed=seed)
    except UndecidedError as reason:
        witness = _witness(f, g, pairs, inputs, Search(seed=seed))
        if witness is None:
            return Verdict("cannot tell", str(reason))
        return Verdict("not equal", f"{witness.output} differs at a point", witness=witness)
    search = _doubt(seed) if evidence.agree else Search(seed=seed)
    witness = _witness(f, g, pairs, inputs, search)
    if evidence.agree and witness is None:
        return Verdict("equal", _agreement(evidence), odds=evidence.odds)
    if witness is None:
        return Verdict(
            "cannot tell",
            f"{evidence.where} differs in exact arithmetic, where some functions are known by "
            "their derivative only, but at no numeric point that was tried",
        )
    conditional = None if evidence.agree else _condition(f, g, pairs, inputs, seed)
    if conditional is not None:
        condition, found = conditional
        return Verdict("equal if", _agreement(found), found.odds, condition, witness)
    return Verdict("not equal", f"{witness.output} differs at a point", witness=witness)


def vjp_is_exact(  # noqa: PLR0913 (three Systems belong together)
    primal: System | Derivation,
    backward: System | None = None,
    *,
    wrt: Sequence[str] | None = None,
    forward: System | None = None,
    seed: int = 0,
    batches: int = 2,
) -> Verdict:
    """Return whether a backward System is the transposed derivative of a primal one.

    Law: `<Y_bar, J v> = <X_bar, v>` for random v and Y_bar, in exact arithmetic. J v comes from
    dual numbers on the equations of `primal` and from nothing else.

    Args:
        primal: The System, or a Derivation, which brings the rest.
        backward: A System that reads tensors of `forward` by name and `Y_bar` for each output Y,
            and defines `X_bar` for each X in `wrt`.
        wrt: The inputs that are differentiated; by default those `backward` returns `X_bar` of.
        forward: The System whose tensors `backward` reads; `primal` by default.
        seed: Of the random points.
        batches: How many choices of sizes.

    Raises:
        InputError: If `backward` reads something that `forward` does not have.
    """
    if isinstance(primal, Derivation):
        given = primal
        primal, backward, wrt, forward = given.system, given.backward, given.wrt, given.forward
    assert backward is not None, "a System needs a backward System to be judged with"
    names = [o.removesuffix("_bar") for o in backward.outputs] if wrt is None else list(wrt)
    p, s, b = one_batch_rank((primal, forward or primal, backward))
    s = p if forward is None or forward is primal else s
    _check_reads(p, s, b)
    try:
        evidence = adjoint_evidence(p, s, b, names, seed=seed, batches=batches)
    except UndecidedError as reason:
        return Verdict("cannot tell", str(reason))
    if evidence.agree:
        return Verdict("equal", _agreement(evidence), odds=evidence.odds)
    witness = _adjoint_witness(p, s, b, names, seed)
    if witness is None:
        return Verdict("cannot tell", f"{evidence.where} differs in exact arithmetic only")
    return Verdict("not equal", f"{evidence.where} is wrong", witness=witness)


def _agreement(evidence: Evidence) -> str:
    return (
        f"equal at {evidence.times} random points in exact arithmetic; odds of a coincidence below "
        f"{max(evidence.odds, 1e-300):.0e}"
    )


def _doubt(seed: int) -> Search:
    """Return a short search, away from kinks, for where exact agreement must be confirmed."""
    return Search(tries=2, grid=FINE, seed=seed)


# --- matching ------------------------------------------------------------------------------------


def as_system(formula: System | str) -> System:
    """Return a formula as a System; an expression is named `result`."""
    if isinstance(formula, System):
        return formula
    if _is_equations(formula):
        return parse(formula)
    letters = sorted(i.name for i in parse_expression(formula).free)
    left = f"{_BARE_RESULT}[{', '.join(letters)}]" if letters else _BARE_RESULT
    return parse(f"{left} = {formula.strip()}")


def _is_equations(text: str) -> bool:
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        alone = text[k - 1 : k] not in ("<", ">", "!", "=") and text[k + 1 : k + 2] != "="
        if depth == 0 and letter == "=" and alone:
            return True
    return False


def _matched(
    first: System | str, second: System | str, renaming: Mapping[str, str]
) -> tuple[System, System, list[tuple[str, str]]]:
    f, g = one_batch_rank((as_system(first), rename_system(as_system(second), renaming, {})))
    f, g = _on_common_axes(f, g)
    if len(f.outputs) != len(g.outputs):
        raise InputError(
            where="two formulas to be compared",
            given=f"outputs {', '.join(f.outputs)} and {', '.join(g.outputs)}",
            expected="as many outputs in one as in the other",
            fix="end both with the same `return ...`",
        )
    by_name = set(f.outputs) == set(g.outputs)
    return f, g, list(zip(f.outputs, f.outputs if by_name else g.outputs, strict=True))


def _on_common_axes(f: System, g: System) -> tuple[System, System]:
    """Return both with the axes of `g` named as in `f`, as their common tensors say.

    Axes that meet in a tensor of the other System have the same length: `A[i, j] * x[j]` beside
    `A[i, j] * x[i]` makes A square.
    """
    names: dict[str, str] = {}
    equal: list[tuple[str, str]] = []
    taken = set(f.axes) | set(g.axes)
    for mine, theirs in _common_axes(f, g):
        if theirs not in names and mine not in names.values():
            names[theirs] = mine
        elif theirs not in names:
            names[theirs] = unused(mine, taken)
            taken.add(names[theirs])
        equal.append((names[theirs], mine))
    for axis in g.axes:
        if axis not in names and axis in names.values():
            names[axis] = unused(axis, taken)
            taken.add(names[axis])
    g = rename_system(g, {}, names)
    rules = tuple((a, Size(b)) for a, b in dict(equal).items() if a != b)
    return tuple(replace(s, sizes=s.sizes + rules) for s in (f, g))  # type: ignore[return-value]


def _common_axes(f: System, g: System) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name in [*(t.name for t in f.inputs), *f.outputs]:
        if not g.has(name):
            continue
        mine, theirs = f.tensor(name), g.tensor(name)
        if len(mine.shape) != len(theirs.shape):
            raise RankError(
                where=f"{name}, in two formulas to be compared",
                given=f"{len(mine.shape)} and {len(theirs.shape)} axes",
                expected="the same number in both",
                fix="write both formulas over the same tensors, or rename one of them",
            )
        for a, b in zip(mine.shape, theirs.shape, strict=True):
            if isinstance(a, Size) and isinstance(b, Size):
                pairs.append((a.axis, b.axis))
    return pairs


def _merged_inputs(f: System, g: System) -> dict[str, Tensor]:
    """Return the inputs of both, each with the more special of its two declarations."""
    inputs = {t.name: t for t in f.inputs}
    for tensor in g.inputs:
        known = inputs.get(tensor.name)
        if known is None or known.kind == "real":
            inputs[tensor.name] = tensor if known is None else replace(tensor, shape=known.shape)
    return inputs


def _check_reads(primal: System, forward: System, backward: System) -> None:
    cotangents = [f"{o}_bar" for o in primal.outputs]
    unknown = [
        t.name for t in backward.inputs if not forward.has(t.name) and t.name not in cotangents
    ]
    if unknown:
        raise InputError(
            where=f"the backward System {backward.name}",
            given=f"the inputs {', '.join(unknown)}",
            expected=f"tensors of {forward.name}, or the cotangents {', '.join(cotangents)}",
            fix="name what the forward System computes, or compute it in the backward System",
        )


# --- conditions and witnesses --------------------------------------------------------------------


def _condition(
    f: System,
    g: System,
    pairs: Sequence[tuple[str, str]],
    inputs: dict[str, Tensor],
    seed: int,
) -> tuple[str, Evidence] | None:
    """Return a condition on one input, in words, under which two Systems are equal.

    A condition that switches off another input is none: with a learning rate of 0 all optimizers
    are equal.
    """
    matter = inputs_that_matter(f, inputs, seed=seed)
    for name, tensor in inputs.items():
        for words, kind in _candidates(tensor, square=_is_square(tensor, (f, g))):
            restricted = inputs | {name: replace(tensor, kind=kind)}
            found = _holds(f, g, pairs, restricted, seed)
            others = matter - {name}
            if found and others and others <= inputs_that_matter(f, restricted, seed=seed):
                return words, found
    return None


def _is_square(tensor: Tensor, systems: Sequence[System]) -> bool:
    """Return whether the last two axes have one length, whatever the lengths are."""
    rng = np.random.default_rng(0)
    shapes = [tensor_shape(tensor, choose_sizes(systems, rng)) for _ in range(8)]
    return len(tensor.shape) > 1 and all(s[-1] == s[-2] for s in shapes)


def _candidates(tensor: Tensor, *, square: bool) -> list[tuple[str, str]]:
    name, found = tensor.name, []
    if tensor.kind == "bool":
        return [(f"{name} is false everywhere", "false"), (f"{name} is true everywhere", "true")]
    if not tensor.is_real:
        return []
    if not tensor.shape:
        return [(f"{name} = 0", "zero"), (f"{name} = 1", "one")]
    if tensor.kind != "simplex":
        found.append((f"the entries of {name} along its last axis sum to 1", "simplex"))
    if square:
        found.append((f"{name} is symmetric", "symmetric"))
    return found


def _holds(
    f: System,
    g: System,
    pairs: Sequence[tuple[str, str]],
    inputs: dict[str, Tensor],
    seed: int,
) -> Evidence | None:
    try:
        evidence = equality_evidence(f, g, pairs, inputs, seed=seed)
    except UndecidedError:
        return None
    if evidence.agree and _witness(f, g, pairs, inputs, _doubt(seed)) is None:
        return evidence
    return None


def _witness(
    f: System,
    g: System,
    pairs: Sequence[tuple[str, str]],
    inputs: Mapping[str, Tensor],
    search: Search,
) -> Witness | None:
    return find_witness((f, g), inputs, output_differences(f, g, pairs), search)


def _adjoint_witness(
    primal: System, forward: System, backward: System, wrt: Sequence[str], seed: int
) -> Witness | None:
    inputs = {t.name: t for t in (*forward.inputs, *primal.inputs)}
    for suffix, names in (("dot", wrt), ("bar", primal.outputs)):
        for name in names:
            tensor = primal.tensor(name)
            inputs[f"{name}_{suffix}"] = replace(tensor, name=f"{name}_{suffix}", kind="real")
    search = Search(grid=FINE, factor=DIFFERENT_SLOPE, seed=seed)
    differences = adjoint_differences(primal, forward, backward, wrt)
    return find_witness((primal, forward, backward), inputs, differences, search)
