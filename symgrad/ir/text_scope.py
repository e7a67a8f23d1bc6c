"""What the names of an expression mean, and the names that the language keeps for itself.

In: nothing. Out: the closed lists of functions and reductions, and a record of what is in scope.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symgrad.errors import ReservedNameError, SymgradError
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.macros import BINDING_MACROS, PASSING_MACROS
from symgrad.ir.terms import REDUCTIONS

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from symgrad.ir.text_source import Source

SPECIAL = {"sqrt": 1, "where": 3, "clip": 3, "read": 1}
"""Calls that are no row of the table of functions, with how many arguments they take."""

CALLS = (*FUNCTIONS, *SPECIAL)
BINDERS = (*REDUCTIONS, *BINDING_MACROS, *PASSING_MACROS)
RESERVED = frozenset((*CALLS, *BINDERS, "size", "pi", "inf"))


@dataclass(frozen=True)
class Scope:
    """What the names of an expression mean.

    Attributes:
        letters: The indices in scope.
        options: The static options with their values.
        absent: The optional inputs that are None.
        all_letters: Every letter of the text, in scope or not; None if any may be new.
        tensors: Every tensor of the text that is declared, defined or read in brackets.
        internal: Whether names that only passes write are accepted.
    """

    letters: frozenset[str] = frozenset()
    options: Mapping[str, object] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    all_letters: frozenset[str] | None = None
    tensors: frozenset[str] = frozenset()
    internal: bool = True


def is_reserved(name: str, *, internal: bool) -> bool:
    """Return whether the language keeps a name for itself."""
    derived = name.endswith(("_bar", "_dot")) or "." in name
    return name in RESERVED or name.startswith("_") or (derived and not internal)


def reserved_name(source: Source, node: ast.AST, name: str) -> SymgradError:
    """Return the error about a name that the language keeps for itself."""
    return source.error(
        ReservedNameError,
        node,
        given=f"the name {name}",
        expected="no function, no leading _, no dot, no suffix _bar or _dot",
        fix=f"choose another name, such as {name.strip('_').split('_')[0][:1] or 'a'}2",
    )
