"""What the page of a layer says, whatever it is written in.

In: a registered layer. Out: an `Entry`: formulas, tables, steps and code, all of them derived.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import generate
from symgrad.formula.derivation import saved_shapes, shapes, verdict
from symgrad.formula.layout import boxed
from symgrad.handbook.conventions import conventions
from symgrad.handbook.notation import Formula, Inline, decimal, formula, inline, lengths, matrices
from symgrad.handbook.plots import curve
from symgrad.ir.batch import fix_batch
from symgrad.ir.build import mul
from symgrad.ir.terms import Element
from symgrad.ir.text import default_options, options_of
from symgrad.lowering.cost import cost_sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.layers.registry import Layer
    from symgrad.rewriting.trace import Step

#: The targets of the code on a page, and what they are called there.
TARGETS = {"numpy": "NumPy", "torch": "PyTorch"}
#: An option with more values has no variants on the page; of more equations an index shows one.
_FEW = 4
_BATCH_LETTERS = "nmbuvw"
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
_TORCH = re.compile(r"torch(?:\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class TensorRow:
    """A tensor of a layer: what it is called, what it is, and its shape."""

    name: Inline
    shape: str
    role: str
    kind: str
    default: Inline | None


@dataclass(frozen=True)
class OptionRow:
    """A static option with its default and its other values."""

    name: str
    default: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class StepRow:
    """A step of the derivation.

    Attributes:
        number: Its number, counted from 1.
        rule: What was done.
        law: The identity behind it, as a text, or "" where the step before had the same one.
        relation: For a reuse, what is replaced by what, and the equation behind it; else None.
        result: The equation that resulted.
        detail: Whether a reader may skip it.
    """

    number: int
    rule: str
    law: str
    relation: tuple[Formula, Formula] | None
    result: Formula
    detail: bool


@dataclass(frozen=True)
class CostRow:
    """What one direction costs."""

    direction: str
    elementwise: Inline
    reductions: int
    products: int
    flops: Inline


@dataclass(frozen=True)
class Code:
    """Generated code: the functions without their docstrings, and the whole module."""

    target: str
    title: str
    functions: str
    module: str


@dataclass(frozen=True)
class Directions:
    """Forward and backward in both notations.

    Attributes:
        label: Which options or conventions these are for; "" for the default ones.
        forward: The equations.
        backward: The gradient.
        forward_matrix: The equations in matrix notation, as far as they have it.
        backward_matrix: The same of the gradient.
        partial: Whether some equation has no matrix notation.
        alone: Whether the matrices are those of one batch entry.
    """

    label: str
    forward: Formula
    backward: Formula
    forward_matrix: Formula | None
    backward_matrix: Formula | None
    partial: bool
    alone: bool


@dataclass(frozen=True)
class Entry:
    """Everything that the page of a layer says; `gen` is what `symgrad gen` writes the code of."""

    name: str
    title: str
    family: str
    is_step: bool
    source: tuple[tuple[str, str], ...]
    text: str
    tensors: tuple[TensorRow, ...]
    lengths: Formula | None
    options: tuple[OptionRow, ...]
    conventions: tuple[str, ...]
    main: Directions
    variants: tuple[Directions, ...]
    steps: tuple[StepRow, ...]
    verdict: str
    saved: tuple[tuple[str, Inline], ...]
    costs: tuple[CostRow, ...]
    gen: str
    codes: tuple[Code, ...]
    plot: str | None
    headline: tuple[Formula, ...]


def entry_of(layer: Layer, family: str, *, plots: bool = True) -> Entry:
    """Return what the page of a layer says.

    Args:
        layer: The layer.
        family: The name of its family.
        plots: Whether to draw what can be drawn.
    """
    system = layer.system()
    letter = batch_letter(system)
    derivation = _derived(layer, {})
    return Entry(
        name=layer.name,
        title=layer.name.replace("_", " "),
        family=family,
        is_step=layer.step,
        source=tuple(_linked(layer.source)),
        text=str(system),
        tensors=tuple(_tensor_rows(derivation.system, derivation)),
        lengths=lengths(derivation.system),
        options=tuple(_option_rows(layer)),
        conventions=tuple(conventions(system, letter)),
        main=_directions(derivation, letter),
        variants=tuple(_variants(layer, derivation, letter)),
        steps=tuple(_step_rows(derivation.steps)),
        verdict=verdict(derivation),
        saved=tuple(_saved_rows(derivation)),
        costs=tuple(_cost_rows(derivation)),
        gen=f"{layer.name}{'' if letter == 'n' else f' --batch {letter}'}",
        codes=tuple(_code(derivation, target) for target in TARGETS),
        plot=curve(system, derivation) if plots else None,
        headline=tuple(_headline(layer, derivation)),
    )


def batch_letter(system: System) -> str:
    """Return a letter that is free, for the batch axes of a page: formulas read better so."""
    return next(c for c in _BATCH_LETTERS if c not in system.axes)


def _derived(layer: Layer, options: Mapping[str, object], conventions: str = "torch") -> Derivation:
    """Return the derivation of a layer with one batch axis."""
    system = layer.system(**options)
    return derive(fix_batch(system, (batch_letter(system),)), conventions=conventions)


def _headline(layer: Layer, derivation: Derivation) -> list[Formula]:
    """Return what tells most about a layer: its equations if they are few, and a gradient."""
    system, backward = derivation.system, derivation.backward
    few = len(system.equations) <= _FEW
    found = [formula(system.equations if few else [system.equation(system.outputs[0])])]
    if not layer.step:
        found.append(formula([backward.equation(backward.outputs[0])]))
    return found


def _linked(source: str) -> list[tuple[str, str]]:
    """Return the pieces of a citation, each with an address or ""."""
    pieces: list[tuple[str, str]] = []
    at = 0
    links = [*_ARXIV.finditer(source), *_TORCH.finditer(source)]
    for found in sorted(links, key=lambda m: m.start()):
        pieces.append((source[at : found.start()], ""))
        pieces.append((found[0], _address(found)))
        at = found.end()
    return [p for p in (*pieces, (source[at:], "")) if p[0]]


def _address(found: re.Match[str]) -> str:
    if found.re is _ARXIV:
        return f"https://arxiv.org/abs/{found[1]}"
    return f"https://docs.pytorch.org/docs/stable/generated/{found[0]}.html"


def _tensor_rows(system: System, derivation: Derivation) -> list[TensorRow]:
    given = {t.name: t for t in system.inputs}
    rows = []
    for name in (*given, *system.defined):
        tensor = system.tensor(name)
        if name in system.outputs:
            role = "output"
        elif name not in given:
            role = "intermediate"
        elif name in system.params:
            role = "parameter"
        else:
            role = "input" if tensor.shape or tensor.default is None else "setting"
        if name in derivation.saved:
            role += ", saved"
        kind = tensor.kind if tensor.limit is None else f"index below the length of {tensor.limit}"
        default = None if tensor.default is None else decimal(tensor.default)
        shape = shapes(system, (name,))[0].removeprefix(name) or "scalar"
        rows.append(TensorRow(inline(Element(name)), shape, role, kind, default))
    return rows


def _option_rows(layer: Layer) -> list[OptionRow]:
    defaults = default_options(layer.text)
    rows = []
    for name, values in options_of(layer.text).items():
        others = tuple(_spelled(v) for v in values if v != defaults[name])
        rows.append(OptionRow(name, _spelled(defaults[name]), others))
    return rows


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _directions(derivation: Derivation, letter: str, label: str = "") -> Directions:
    forward, forward_alone, some = matrices(derivation.system, letter)
    backward_system = derivation.gradient_system
    backward, backward_alone, others = matrices(backward_system, letter)
    return Directions(
        label,
        formula(derivation.system.equations),
        formula(derivation.gradient),
        forward,
        backward,
        some or others,
        forward_alone or backward_alone,
    )


def _variants(layer: Layer, derivation: Derivation, letter: str) -> list[Directions]:
    """Return the equations for each option that is not the default, and for other conventions."""
    found = []
    defaults = default_options(layer.text)
    for name, values in options_of(layer.text).items():
        if len(values) <= _FEW:
            others = [v for v in values if v != defaults[name]]
            found += [
                _directions(_derived(layer, {name: v}), letter, f"{name} = {_spelled(v)}")
                for v in others
            ]
    for convention in ("jax", "share"):
        other = _derived(layer, {}, convention)
        if other.backward.equations != derivation.backward.equations:
            found.append(_directions(other, letter, f"conventions = {convention}"))
    return found


def _step_rows(steps: tuple[Step, ...]) -> list[StepRow]:
    rows = []
    before = ("", "")
    for number, step in enumerate(steps, start=1):
        again = before == (step.rule, step.law)
        before = (step.rule, step.law)
        relation = None
        if step.relation is not None:
            pattern, replacement, source = step.relation
            scope = source.letters
            sides = ((boxed(pattern, scope), boxed(replacement, scope)),)
            relation = (Formula(sides), formula([source]))
        rows.append(
            StepRow(
                number,
                step.rule.replace("_", " "),
                "" if again or relation else step.law,
                relation,
                formula([step.after]),
                step.detail,
            )
        )
    return rows


def _saved_rows(derivation: Derivation) -> list[tuple[str, Inline]]:
    systems = (derivation.forward, derivation.system)
    rows = []
    for name, shape in zip(derivation.saved, saved_shapes(derivation), strict=True):
        tensor = next(s for s in systems if s.has(name)).tensor(name)
        rows.append((shape, inline(mul(*tensor.shape))))
    return rows


def _cost_rows(derivation: Derivation) -> list[CostRow]:
    rows = []
    for direction in ("forward", "backward"):
        sheet = cost_sheet(getattr(derivation, direction))
        rows.append(
            CostRow(
                direction,
                inline(sheet.elementwise),
                sheet.reductions,
                sheet.contractions,
                inline(sheet.flops),
            )
        )
    return rows


def _code(derivation: Derivation, target: str) -> Code:
    module = generate(derivation, target)
    return Code(target, TARGETS[target], _core(module), module)


def _core(module: str) -> str:
    """Return the forward and the backward function of a module, without docstrings and checks."""
    lines = module.splitlines()
    texts = []
    functions = [n for n in ast.parse(module).body if isinstance(n, ast.FunctionDef)]
    for node in functions[:2]:
        head = lines[node.lineno - 1 : node.body[0].lineno - 1]
        first = next(n for n in node.body[1:] if not _is_check(n))
        start = _with_comments(lines, first.lineno - 1)
        texts.append("\n".join([*head, *lines[start : node.end_lineno]]))
    return "\n\n\n".join(texts) + "\n"


def _is_check(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    return isinstance(function, ast.Name) and function.id == "_check"


def _with_comments(lines: list[str], start: int) -> int:
    while lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start
