"""The equation language: texts to Systems.

In: a text and the values of its static options. Out: a `System` with every shape inferred, or one
positioned error. Nothing is ever evaluated from a text. `symgrad.ir.show` is the inverse.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symgrad.errors import (
    BinderError,
    LeftOnlyIndexError,
    NonAffineIndexError,
    OrderError,
    RankError,
    RedefinitionError,
    SymgradError,
    TextSyntaxError,
    UnsupportedError,
)
from symgrad.ir.batch import BATCH_INDEX
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.macros import Fresh
from symgrad.ir.shapes import infer
from symgrad.ir.terms import BATCH, Element, Expr, Index, Size
from symgrad.ir.text_affine import is_fixed
from symgrad.ir.text_binders import is_batch, positions
from symgrad.ir.text_build import written_product
from symgrad.ir.text_names import Names, collect_names
from symgrad.ir.text_options import legal_values, resolve
from symgrad.ir.text_source import Source, dotted, nearest, read_source
from symgrad.ir.text_terms import Scope, TermReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.ir.text_options import Resolved
    from symgrad.ir.text_types import Declared


def parse(
    text: str,
    *,
    name: str = "system",
    options: Mapping[str, object] | None = None,
    params: Sequence[str] = (),
    internal: bool = False,
) -> System:
    """Return the System that a text describes.

    Args:
        text: Declarations, equations and `return`, in the equation language.
        name: What the System is called.
        options: Values of static options, and presence of optional inputs, that differ from their
            default.
        params: The inputs that are parameters.
        internal: Whether to accept what only passes write: dotted names, the suffixes `_bar` and
            `_dot`, and indices on the left-hand side only.

    Raises:
        SymgradError: If the text is not a System; the class says what is wrong, and where.

    >>> print(parse("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]"))
    X: real[n, i]
    W: real[o, i]
    b: real[o]
    Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]
    return Y
    """
    source = read_source(text)
    resolved = resolve(source, options or {})
    return SystemReader(source, resolved, internal=internal).system(name, tuple(params))


def options_of(text: str) -> dict[str, tuple[object, ...]]:
    """Return the legal values of each static option, and of the presence of each optional input.

    >>> options_of('reduction: "mean" | "sum" = "mean"')
    {'reduction': ('mean', 'sum')}
    """
    return legal_values(read_source(text))


def parse_expression(text: str, *, letters: Sequence[str] = ()) -> Expr:
    """Return the term that one expression describes, each index over an axis of its own letter.

    Args:
        text: The expression. Bare names are scalars; names in brackets are indices.
        letters: Bare names that are indices as well.

    >>> parse_expression("2 * x + 1").children[0].children[1]
    Element(tensor='x', indices=(), outside=None)
    """
    source = read_source(text.strip())
    body = source.body
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise source.error(
            TextSyntaxError,
            body[0] if body else None,
            given="no expression, or more than that",
            expected="one expression",
            fix="write sum[i](X[n, i] ** 2)",
        )
    fresh = Fresh()
    value = TermReader(source, Scope(frozenset(letters)), fresh).value(body[0].value)
    if fresh.equations:
        raise source.error(
            UnsupportedError,
            body[0],
            given="a macro that needs equations of its own",
            expected="an expression without var or softmax",
            fix="write a System: Y[n, k] = ...",
        )
    return value


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
        inferred = infer(declared, equations, self.sizes, self.names.letters, self.complain)
        outputs = self.outputs or (equations[-1].target,)
        system = System(name, inferred.inputs, inferred.equations, outputs, params, inferred.sizes)
        self._check_outputs(system)
        return system

    def complain(
        self, kind: type[SymgradError], at: object, *, given: str, expected: str, fix: str
    ) -> SymgradError:
        """Return an error that points at a term, a tensor or a letter."""
        node = self.places.get(at)
        if node is None and isinstance(at, Element):
            node = self.places.get(at.tensor)
        return self.source.error(kind, node, given=given, expected=expected, fix=fix)

    def _reader(self, letters: frozenset[str]) -> TermReader:
        scope = Scope(letters, self.resolved.options, frozenset(self.names.letters))
        reader = TermReader(self.source, scope, self.fresh)
        reader.first_node = self.places
        return reader

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
            case ast.Expr(value=ast.Compare()):
                raise self.source.error(
                    UnsupportedError,
                    node,
                    given="an implicit equation",
                    expected="a definition, Z[j, k] = ...",
                    fix="solve it for the tensor; implicit equations are not supported yet",
                )
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
        self.sizes[letter] = length

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
        self._check_target(node, name)
        indices = (
            tuple(self._left_index(n) for n in positions(target))
            if isinstance(target, ast.Subscript)
            else ()
        )
        letters = [i.name for i in indices if isinstance(i, Index)]
        if len(set(letters)) < len(letters):
            raise self.source.error(
                BinderError,
                target,
                given=f"{self.source.segment(target)}, with a letter twice",
                expected="a different letter for each axis on the left",
                fix="write where(i == j, ..., 0) for a diagonal",
            )
        self.fresh.target = name.replace(".", "_")
        value = self._reader(frozenset(letters)).value(node.value)
        equation = Equation(name, indices, value)
        self.places.setdefault(equation.element, node)
        if not self.internal:
            self._check_left(node, equation)
        self.fresh.equations.append(equation)

    def _check_target(self, node: ast.Assign, name: str) -> None:
        if any(d.name == name for d in self.resolved.tensors):
            raise self._redefinition(node, f"{name}, which is declared as an input")

    def _left_index(self, node: ast.expr) -> Expr:
        if is_batch(node):
            return BATCH_INDEX
        if isinstance(node, ast.Name) and node.id not in self.resolved.options:
            return Index(node.id, node.id)
        if isinstance(node, ast.Tuple):
            raise self.source.error(
                UnsupportedError,
                node,
                given="a composite index on the left-hand side",
                expected="one letter for each axis",
                fix="define the tensor with one axis for each letter",
            )
        expr = self._reader(frozenset()).value(node)
        if is_fixed(expr):
            return expr
        raise self.source.error(
            NonAffineIndexError,
            node,
            given=f"{self.source.segment(node)} on the left-hand side",
            expected="letters; -1 or size[t] where a recurrence starts",
            fix="write Y[n, o] = ..., or H[-1, n] = ...",
        )

    def _check_left(self, node: ast.Assign, equation: Equation) -> None:
        initial = len(equation.letters) < len(equation.indices)
        for letter in equation.letters:
            if letter not in equation.value.free and not initial:
                raise self.source.error(
                    LeftOnlyIndexError,
                    node,
                    given=f"index {letter.name} on the left-hand side only",
                    expected="every index of the left-hand side in the expression too",
                    fix=f"remove {letter.name} from the left-hand side, or use it",
                )
