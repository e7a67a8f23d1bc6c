"""The statements of a text, branches resolved: declarations, equations, lengths, outputs.

In: a source and its options. Out: a System.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symgrad.errors import (
    BinderError,
    ImplicitError,
    InputError,
    LeftOnlyIndexError,
    NonAffineIndexError,
    OrderError,
    RankError,
    RedefinitionError,
    SymgradError,
    TextSyntaxError,
    UnboundIndexError,
)
from symgrad.ir.batch import BATCH_INDEX
from symgrad.ir.check import check_order
from symgrad.ir.composite import composite_parts, letters_of
from symgrad.ir.equation import SQUARE_KINDS, Equation, System, Tensor
from symgrad.ir.implicit import candidates, implicit_equation
from symgrad.ir.kinds import tensor_kinds
from symgrad.ir.macros import Fresh
from symgrad.ir.shapes import check_conditions, check_lengths, infer
from symgrad.ir.sizes import tidy_length
from symgrad.ir.terms import BATCH, Compare, Element, Expr, Index, Size
from symgrad.ir.text_affine import is_fixed
from symgrad.ir.text_build import written_product
from symgrad.ir.text_names import Names, collect_names, free_letters
from symgrad.ir.text_reads import read_index
from symgrad.ir.text_scope import Scope
from symgrad.ir.text_source import Source, dotted, is_batch, nearest, positions
from symgrad.ir.text_terms import TermReader
from symgrad.ir.visit import elements, tensors_read

if TYPE_CHECKING:
    from symgrad.ir.text_options import Resolved
    from symgrad.ir.text_types import Declared


@dataclass
class SystemReader:
    """Reads the statements of one text, branches already resolved."""

    source: Source
    resolved: Resolved
    internal: bool = False
    names: Names = field(init=False)
    fresh: Fresh = field(init=False)
    places: dict[object, ast.AST] = field(default_factory=dict)
    sizes: dict[str, Expr] = field(default_factory=dict)
    outputs: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        self.names = collect_names(self.source, self.resolved, internal=self.internal)
        self.fresh = Fresh(order=self.names.letters, taken=set(self.names.all))
        self.places.update(self.names.places)

    def system(self, name: str, params: tuple[str, ...]) -> System:
        """Return the System."""
        declared = [self._tensor(d) for d in self.resolved.tensors]
        for statement in self.resolved.statements:
            self._statement(statement)
        equations = self.fresh.equations
        if not equations:
            raise self.source.error(
                TextSyntaxError,
                None,
                given="no equation",
                expected="at least one",
                fix="write Y[n, o] = sum[i](X[n, i] * W[o, i])",
            )
        check_order(equations, self.complain, [t.name for t in declared])
        inferred = infer(declared, equations, self.sizes, self.names.letters, self.complain)
        if not self.internal:
            check_lengths(inferred, self.complain)
        last = next(e for e in reversed(equations) if e.is_main or e is equations[0])
        outputs = self.outputs or (last.target,)
        kept = self._params(params, inferred.inputs)
        system = System(name, inferred.inputs, inferred.equations, outputs, kept, inferred.sizes)
        self._check_outputs(system)
        if not self.internal:
            check_conditions(system.equations, tensor_kinds(system), self.complain)
        return system

    def _params(self, params: tuple[str, ...], inputs: tuple[Tensor, ...]) -> tuple[str, ...]:
        """Return the parameters that are inputs with these options; a name must be in the text."""
        known = {d for s in self.source.body for n in ast.walk(s) for d in [_name_of(n)] if d}
        for name in params:
            if name not in known:
                raise InputError(
                    where=f"the parameter {name!r}",
                    given="a name that the text does not have",
                    expected=f"inputs: {', '.join(t.name for t in inputs)}",
                    fix=f"nearest: {nearest(name, known)}",
                )
        return tuple(p for p in params if any(t.name == p for t in inputs))

    def complain(
        self, kind: type[SymgradError], at: object, *, given: str, expected: str, fix: str
    ) -> SymgradError:
        """Return an error that points at a term, a tensor or a letter."""
        equation, term = at if isinstance(at, tuple) else (None, at)
        if isinstance(term, Element):
            term = _unbound(term)
        keys = [(equation, term), term, getattr(term, "tensor", None), equation]
        node = next((self.places[k] for k in keys if k in self.places), None)
        return self.source.error(kind, node, given=given, expected=expected, fix=fix)

    def _reader(self, letters: frozenset[str]) -> TermReader:
        scope = Scope(
            letters,
            self.resolved.options,
            self.resolved.absent,
            frozenset(self.names.letters),
            self.names.tensors,
            self.internal,
        )
        return TermReader(self.source, scope, self.fresh)

    # --- declarations ----------------------------------------------------------------------------

    def _tensor(self, declared: Declared) -> Tensor:
        shape = tuple(self._length(n) for n in declared.axes)
        if any(s is Size(BATCH) for s in shape[1:]):
            raise self.source.error(
                RankError,
                declared.node,
                given=f"{declared.name} with ... after another axis",
                expected="... first: it stands for leading batch axes",
                fix="write real[..., i]",
            )
        least = 2 if declared.kind in SQUARE_KINDS else 1 if declared.kind == "simplex" else 0
        own = [s for s in shape if s is not Size(BATCH)]
        if len(own) < least or (least == 2 and not _may_be_equal(*own[-2:])):
            raise self.source.error(
                RankError,
                declared.node,
                given=f"{declared.name}, {declared.kind} with the axes {list(map(str, own))}",
                expected="one axis, or the same axis twice for a square matrix",
                fix=f"write {declared.kind}[{', '.join('ii'[:least])}]",
            )
        return Tensor(declared.name, declared.kind, shape, declared.limit, declared.default)

    def _length(self, node: ast.expr) -> Expr:
        """Return the length of a declared axis."""
        if is_batch(node):
            return Size(BATCH)
        if isinstance(node, ast.Name) and node.id not in self.resolved.options:
            return Size(node.id)
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            return written_product(self._length(n) for n in node.elts)
        length = self._reader(frozenset()).value(node)
        if not is_fixed(length):
            raise self.source.error(
                NonAffineIndexError,
                node,
                given=f"the length {self.source.segment(node)}",
                expected="letters, sizes and integers",
                fix="write real[n, (g, c)] or real[2 * size[c]]",
            )
        return length

    # --- statements ------------------------------------------------------------------------------

    def _statement(self, node: ast.stmt) -> None:
        if self.outputs is not None:
            raise self._no_statement(node, "a statement after return")
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="size")) as target]):
                self._fixed_size(node, target)
            case ast.Assign(targets=[target]):
                self._equation(node, target)
            case ast.Return():
                self._return(node)
            case ast.Pass():
                return
            case ast.Expr(value=ast.Compare() as comparison):
                self._implicit(node, comparison)
            case _:
                raise self._no_statement(node, self.source.segment(node))

    def _no_statement(self, node: ast.stmt, given: str) -> SymgradError:
        return self.source.error(
            TextSyntaxError,
            node,
            given=given,
            expected="declarations, equations, size[i] = ..., if, and return at the end",
            fix="write Y[n, o] = ..., X: real[n, i], or return Y",
        )

    def _fixed_size(self, node: ast.Assign, target: ast.Subscript) -> None:
        letter = dotted(target.slice)
        if letter is None or letter in self.resolved.options:
            raise self._no_statement(node, f"the length {self.source.segment(target)}")
        if letter in self.sizes:
            raise self._redefinition(node, f"size[{letter}]")
        length = self._reader(frozenset()).value(node.value)
        if not is_fixed(length):
            raise self.source.error(
                NonAffineIndexError,
                node.value,
                given=f"the length {self.source.segment(node.value)}",
                expected="sizes and integers with + - * // %",
                fix="write size[h] = (size[y] + 2 * pad - size[p]) // stride + 1",
            )
        self.sizes[letter] = tidy_length(length)

    def _redefinition(self, node: ast.AST, what: str) -> SymgradError:
        return self.source.error(
            RedefinitionError,
            node,
            given=f"a second definition of {what}",
            expected="one definition for each name",
            fix="rename one of the two",
        )

    def _return(self, node: ast.Return) -> None:
        value = node.value
        nodes = value.elts if isinstance(value, ast.Tuple) else [value]
        names = [dotted(n) if n is not None else None for n in nodes]
        for name, at in zip(names, nodes, strict=True):
            if name is None or names.count(name) > 1:
                raise self._no_statement(node, self.source.segment(node))
            self.places.setdefault(("output", name), at or node)
        self.outputs = tuple(str(n) for n in names)

    def _check_outputs(self, system: System) -> None:
        for name in system.outputs:
            if name not in system.defined:
                raise self.complain(
                    OrderError,
                    ("output", name),
                    given=f"return {name}, which no equation defines",
                    expected=f"one of {', '.join(system.defined)}",
                    fix=f"nearest: {nearest(name, system.defined)}",
                )

    # --- equations -------------------------------------------------------------------------------

    def _equation(self, node: ast.Assign, target: ast.expr) -> None:
        name = dotted(target.value if isinstance(target, ast.Subscript) else target)
        if name is None:
            raise self._no_statement(node, self.source.segment(target))
        indices = (
            tuple(self._left_index(n) for n in positions(target))
            if isinstance(target, ast.Subscript)
            else ()
        )
        self._check_target(node, name, indices)
        letters = [i.name for position in indices for i in letters_of(position)]
        if len(set(letters)) < len(letters):
            raise self.source.error(
                BinderError,
                target,
                given=f"{self.source.segment(target)}, with a letter twice",
                expected="a different letter for each axis on the left",
                fix="write where(i == j, ..., 0) for a diagonal",
            )
        self.fresh.target = name.replace(".", "_")
        reader = self._reader(frozenset(letters))
        equation = Equation(name, indices, reader.value(node.value))
        self.places.setdefault(equation.element, node)
        for term, place in reader.places.items():
            self.places.setdefault(term, place)
            self.places[equation.element, term] = place
        self._check_batch(node, equation, reader)
        if not self.internal:
            self._check_left(node, equation)
        self.fresh.equations.append(equation)

    def _implicit(self, node: ast.stmt, comparison: ast.Compare) -> None:
        """Read `left == right`, which defines the one tensor that nothing else gives."""
        self.fresh.target = "implicit"
        reader = self._reader(frozenset(free_letters(comparison, self.names.letters)))
        value = reader.value(comparison)
        if not isinstance(value, Compare) or value.op != "==":
            raise self._no_statement(node, self.source.segment(node))
        known = {d.name for d in self.resolved.tensors} | self._targets()
        known.update(n for e in self.fresh.equations for n in (e.target, *tensors_read(e.value)))
        found = candidates(value, known)
        equation = implicit_equation(value, found[0]) if len(found) == 1 else None
        if equation is None:
            raise self.source.error(
                ImplicitError,
                node,
                given=f"an equation of {' and '.join(found) or 'known tensors only'}",
                expected="one tensor that nothing else gives, with a letter for each axis",
                fix="declare the others: A: real[i, j]",
            )
        self.places.setdefault(equation.element, node)
        for term, place in reader.places.items():
            self.places.setdefault(term, place)
            self.places[equation.element, term] = place
        self.fresh.equations.append(equation)

    def _targets(self) -> set[str]:
        """Return the tensors that assignments define."""
        heads = [n.targets[0] for n in self.resolved.statements if isinstance(n, ast.Assign)]
        names = (dotted(h.value if isinstance(h, ast.Subscript) else h) for h in heads)
        return {name for name in names if name is not None}

    def _check_target(self, node: ast.Assign, name: str, indices: tuple[Expr, ...]) -> None:
        new = Equation(name, indices, Element(name, indices))
        if new.is_main and any(d.name == name for d in self.resolved.tensors):
            raise self._redefinition(node, f"{name}, which is declared as an input")
        if new.is_main and any(e.target == name and e.is_main for e in self.fresh.equations):
            raise self._redefinition(node, name)

    def _left_index(self, node: ast.expr) -> Expr:
        if is_batch(node):
            return BATCH_INDEX
        if isinstance(node, ast.Name) and node.id not in self.resolved.options:
            return Index(node.id, node.id)
        letters = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
        reader = self._reader(letters.intersection(self.names.letters))
        expr = read_index(reader, node)
        if is_fixed(expr) or composite_parts(expr):
            return expr
        raise self.source.error(
            NonAffineIndexError,
            node,
            given=f"{self.source.segment(node)} on the left-hand side",
            expected="letters; -1 or size[t] where a recurrence starts",
            fix="write Y[n, o] = ..., or H[-1, n] = ...",
        )

    def _check_batch(self, node: ast.Assign, equation: Equation, reader: TermReader) -> None:
        if BATCH_INDEX in equation.value.free and BATCH_INDEX not in equation.letters:
            read = next((e for e in elements(equation.value) if BATCH_INDEX in e.free), None)
            raise self.source.error(
                UnboundIndexError,
                node if read is None else reader.places.get(read, node),
                given="... on the right-hand side only",
                expected="... on the left-hand side too, or reduced",
                fix=f"write {equation.target}[..., i] = ..., or sum[...](...)",
            )

    def _check_left(self, node: ast.Assign, equation: Equation) -> None:
        initial = not equation.is_main
        for letter in equation.letters:
            if letter not in equation.value.free and not initial:
                raise self.source.error(
                    LeftOnlyIndexError,
                    node,
                    given=f"index {letter.name} on the left-hand side only",
                    expected="every index of the left-hand side in the expression too",
                    fix=f"remove {letter.name} from the left-hand side, or use it",
                )


def _may_be_equal(one: Expr, other: Expr) -> bool:
    """Return whether two declared lengths can be one: letters can, expressions if they agree."""
    return one is other or (isinstance(one, Size) and isinstance(other, Size))


def _name_of(node: ast.AST) -> str | None:
    return dotted(node) if isinstance(node, (ast.Name, ast.Attribute)) else None


def _unbound(expr: Expr) -> Expr:
    """Return a term with bound indices free again, as it was read."""
    if isinstance(expr, Index):
        return Index(expr.name, expr.axis)
    return expr.with_children(tuple(_unbound(c) for c in expr.children))
