"""The names of a text and their roles: tensor, index, option. A name has one role.

In: the statements of a text. Out: its letters in order of appearance, its tensors, and where each
name is first seen.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symgrad.errors import RoleError
from symgrad.ir.text_scope import BINDERS, is_reserved, reserved_name
from symgrad.ir.text_source import dotted, positions

if TYPE_CHECKING:
    from collections.abc import Collection

    from symgrad.ir.text_options import Resolved
    from symgrad.ir.text_source import Source


@dataclass
class Names:
    """The names of a text.

    Attributes:
        letters: Its indices, in order of appearance.
        tensors: Its tensors and scalars.
        places: Where each name is first seen.
    """

    letters: tuple[str, ...] = ()
    tensors: frozenset[str] = frozenset()
    places: dict[object, ast.AST] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        """Every name of the text."""
        return self.tensors.union(self.letters)


@dataclass
class _Collector:
    """Walks a text and notes which role each name has."""

    source: Source
    options: frozenset[str]
    internal: bool
    letters: dict[str, ast.AST] = field(default_factory=dict)
    tensors: dict[str, ast.AST] = field(default_factory=dict)

    def letter(self, node: ast.expr) -> None:
        """Note the letters of an index position on the left, in a shape or in a binder."""
        if isinstance(node, ast.Tuple):
            for part in node.elts:
                self.letter(part)
        elif isinstance(node, ast.Name) and node.id not in self.options:
            self.letters.setdefault(node.id, node)

    def tensor(self, name: str | None, node: ast.AST) -> None:
        """Note a tensor."""
        if name is not None and name != "size" and name not in BINDERS:
            self.tensors.setdefault(name, node)

    def shape(self, nodes: tuple[ast.expr, ...]) -> None:
        """Note the letters of a declared shape."""
        for node in nodes:
            if isinstance(node, (ast.Name, ast.Tuple)):
                self.letter(node)
            else:
                self.expression(node)

    def target(self, node: ast.expr) -> None:
        """Note the names on the left of an equation."""
        if isinstance(node, ast.Subscript):
            self.tensor(dotted(node.value), node)
            for position in positions(node):
                if isinstance(position, (ast.Name, ast.Tuple)):
                    self.letter(position)
                else:
                    self.expression(position)
        else:
            self.tensor(dotted(node), node)

    def expression(self, node: ast.AST) -> None:
        """Note the letters that reductions bind and the tensors that are read in brackets."""
        stack = [node]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript):
                if dotted(node.func.value) in BINDERS:
                    self._binder(node.func)
                stack += [node.func.slice, *node.args, *(k.value for k in node.keywords)]
                continue
            if isinstance(node, ast.Subscript):
                self.tensor(dotted(node.value), node)
            stack.extend(reversed(list(ast.iter_child_nodes(node))))

    def plain(self, node: ast.AST) -> None:
        """Note the letters that stand alone in a position, as in an implicit equation."""
        for read in ast.walk(node):
            if isinstance(read, ast.Subscript) and dotted(read.value) not in (*BINDERS, "size"):
                for position in positions(read):
                    if isinstance(position, ast.Name):
                        self.letter(position)

    def _binder(self, head: ast.Subscript) -> None:
        for position in positions(head):
            if isinstance(position, ast.Name):
                self.letter(position)
            elif not isinstance(position, ast.Constant):
                break

    def check(self) -> None:
        """Refuse reserved names and names with two roles."""
        for name, node in (self.tensors | self.letters).items():
            if is_reserved(name, internal=self.internal):
                raise reserved_name(self.source, node, name)
        for name in self.letters:
            if name in self.tensors:
                raise self._clash(name, "an index", "a tensor")
        for name in (self.tensors | self.letters).keys() & self.options:
            raise self._clash(name, "an option", "a tensor or an index")

    def _clash(self, name: str, one: str, other: str) -> RoleError:
        error = self.source.error(
            RoleError,
            self.tensors.get(name) or self.letters.get(name),
            given=f"{name} as {one} and as {other}",
            expected="one role for each name",
            fix="rename one of the two",
        )
        assert isinstance(error, RoleError), "an error is of the kind that was asked for"
        return error


def free_letters(node: ast.AST, letters: Collection[str]) -> set[str]:
    """Return the letters in an expression that no reduction in it binds."""
    bound: set[str] = set()
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Subscript):
            names = (p.id for p in positions(call.func) if isinstance(p, ast.Name))
            bound.update(names)
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in letters}
    return found - bound


def collect_names(source: Source, resolved: Resolved, *, internal: bool) -> Names:
    """Return the names of a text with their roles.

    Raises:
        RoleError: If a name has two roles.
        ReservedNameError: If the language keeps a name for itself.
    """
    found = _Collector(source, frozenset(resolved.options), internal)
    for declared in resolved.tensors:
        found.tensor(declared.name, declared.node)
        found.shape(declared.axes)
        if declared.limit is not None:
            found.letters.setdefault(declared.limit, declared.node)
    for node in resolved.statements:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found.target(target)
            found.expression(node.value)
        elif not isinstance(node, ast.Return):
            found.expression(node)
            found.plain(node)
    found.check()
    places: dict[object, ast.AST] = {}
    places.update(found.letters)
    places.update(found.tensors)
    return Names(tuple(found.letters), frozenset(found.tensors), places)
