"""Systems as JSON, versioned, and back.

In: a System, or a JSON document. Out: the other. Terms are one table in which each row refers to
earlier ones, so shared terms stay shared. A document is data: whatever is in it, reading it gives a
System or a `SerialFormatError`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symgrad.errors import SerialFormatError
from symgrad.ir.equation import INTEGER_KINDS, NOISE_KINDS, REAL_KINDS, Equation, System, Tensor
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import (
    REDUCTIONS,
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
from symgrad.ir.wellformed import defects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORMAT = "symgrad-system"
VERSION = 1
MAX_TERMS = 100_000

_KINDS = (*REAL_KINDS, *NOISE_KINDS, *INTEGER_KINDS, "bool")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_RATIONAL = re.compile(r"-?[0-9]{1,1000}(/[1-9][0-9]{0,999})?")
_CALLS = {name: row.arity for name, row in FUNCTIONS.items()} | {"floordiv": 2, "mod": 2}


def dump_json(system: System) -> str:
    """Return a System as a JSON document.

    >>> from symgrad.ir.text import parse
    >>> system = parse("Y[n] = sum[i](X[n, i])")
    >>> load_json(dump_json(system)) == system
    True
    """
    table = _Writer()
    document = {
        "format": FORMAT,
        "version": VERSION,
        "name": system.name,
        "inputs": [
            {
                "name": t.name,
                "kind": t.kind,
                "shape": table.refs(t.shape),
                "limit": t.limit,
                "default": None if t.default is None else str(t.default),
                "optional": t.optional,
            }
            for t in system.inputs
        ],
        "equations": [
            {
                "target": e.target,
                "indices": table.refs(e.indices),
                "value": table.ref(e.value),
                **({"implicit": True} if e.implicit else {}),
            }
            for e in system.equations
        ],
        "outputs": list(system.outputs),
        "params": list(system.params),
        "sizes": [[axis, table.ref(length)] for axis, length in system.sizes],
        "terms": table.rows,
    }
    return json.dumps(document)


def load_json(text: str) -> System:
    """Return the System of a JSON document.

    Raises:
        SerialFormatError: If the document is not a System of a known version.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(f"no JSON: {error}") from None
    _need(isinstance(document, dict), "no object")
    _need(document.get("format") == FORMAT, f"format {document.get('format')!r}")
    _need(document.get("version") == VERSION, f"version {document.get('version')!r}")
    system = _Reader(document).system()
    found = defects(system)
    _need(not found, "; ".join(found[:3]))
    return system


def _broken(given: str) -> SerialFormatError:
    return SerialFormatError(
        where="a JSON document",
        given=given if len(given) < 200 else given[:200] + "...",
        expected=f"a {FORMAT} of version {VERSION}, as dump_json writes it",
        fix="write the document again with dump_json",
    )


def _need(condition: bool, given: str) -> None:
    if not condition:
        raise _broken(given)


@dataclass
class _Writer:
    """Collects the table of terms."""

    rows: list[list[Any]] = field(default_factory=list)
    numbers: dict[Expr, int] = field(default_factory=dict)

    def refs(self, terms: Sequence[Expr]) -> list[int]:
        """Return the numbers of terms."""
        return [self.ref(t) for t in terms]

    def ref(self, term: Expr) -> int:
        """Return the number of a term, adding it and what it is made of to the table."""
        if term not in self.numbers:
            children = self.refs(term.children)
            self.numbers[term] = len(self.rows)
            self.rows.append(self._row(term, children))
        return self.numbers[term]

    @staticmethod
    def _row(term: Expr, children: list[int]) -> list[Any]:
        kind = type(term).__name__
        match term:
            case Const():
                return [kind, str(term.value), children]
            case Named():
                return [kind, term.name, children]
            case Size():
                return [kind, term.axis, children]
            case Index():
                return [kind, [term.name, term.axis, term.serial], children]
            case Element():
                return [kind, [term.tensor, term.outside is not None], children]
            case Power():
                return [kind, str(term.exponent), children]
            case Call():
                return [kind, term.function, children]
            case Compare() | Logic():
                return [kind, term.op, children]
            case Reduce():
                return [kind, [term.op, len(term.bound), term.ties], children]
            case _:
                return [kind, None, children]


class _Reader:
    """Reads a document, trusting nothing in it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.terms: list[Expr] = []
        rows = self._list(document.get("terms"))
        _need(len(rows) <= MAX_TERMS, f"{len(rows)} terms")
        for row in rows:
            self.terms.append(self._term(self._list(row)))

    def system(self) -> System:
        """Return the System."""
        inputs = tuple(self._tensor(r) for r in self._list(self.document.get("inputs")))
        equations = tuple(self._equation(r) for r in self._list(self.document.get("equations")))
        names = [self._names(self.document.get(k)) for k in ("outputs", "params")]
        sizes = []
        for row in self._list(self.document.get("sizes")):
            _need(isinstance(row, list) and len(row) == 2, f"a length {row!r}")
            sizes.append((self._axis(row[0]), self._ref(row[1])))
        name = self._name(self.document.get("name"))
        return System(name, inputs, equations, names[0], names[1], tuple(sizes))

    # --- parts -----------------------------------------------------------------------------------

    def _list(self, value: Any) -> list[Any]:
        _need(isinstance(value, list), f"{value!r} for a list")
        return list(value)

    def _name(self, value: Any) -> str:
        _need(isinstance(value, str) and _NAME.fullmatch(value) is not None, f"the name {value!r}")
        return str(value)

    def _axis(self, value: Any) -> str:
        return "..." if value == "..." else self._name(value)

    def _names(self, value: Any) -> tuple[str, ...]:
        return tuple(self._name(n) for n in self._list(value))

    def _rational(self, value: Any) -> Fraction:
        good = isinstance(value, str) and _RATIONAL.fullmatch(value) is not None
        _need(good, f"the number {value!r}")
        return Fraction(value)

    def _ref(self, value: Any) -> Expr:
        good = isinstance(value, int) and not isinstance(value, bool)
        _need(good and 0 <= value < len(self.terms), f"the term {value!r}")
        return self.terms[value]

    def _refs(self, value: Any) -> tuple[Expr, ...]:
        return tuple(self._ref(v) for v in self._list(value))

    def _tensor(self, row: Any) -> Tensor:
        _need(isinstance(row, dict), f"an input {row!r}")
        kind, limit, default = row.get("kind"), row.get("limit"), row.get("default")
        _need(kind in _KINDS and isinstance(row.get("optional"), bool), f"an input {row!r}")
        return Tensor(
            self._name(row.get("name")),
            kind,
            self._refs(row.get("shape")),
            None if limit is None else self._axis(limit),
            None if default is None else self._rational(default),
            row["optional"],
        )

    def _equation(self, row: Any) -> Equation:
        _need(isinstance(row, dict), f"an equation {row!r}")
        target = self._name(row.get("target"))
        implicit = row.get("implicit", False)
        _need(isinstance(implicit, bool), f"an equation {row!r}")
        value = self._ref(row.get("value"))
        return Equation(target, self._refs(row.get("indices")), value, implicit)

    # --- terms -----------------------------------------------------------------------------------

    def _term(self, row: list[Any]) -> Expr:
        _need(len(row) == 3 and isinstance(row[0], str), f"a term {row!r}")
        make = _MAKERS.get(row[0])
        children = self._refs(row[2])
        _need(make is not None, f"a term of kind {row[0]!r}")
        assert make is not None, "checked above"
        return make(self, row[1], children)

    def _const(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(not children, "a number with parts")
        return Const(self._rational(label))

    def _named(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(label in ("pi", "inf") and not children, f"the constant {label!r}")
        return Named(label)

    def _size(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(not children, "a length with parts")
        return Size(self._axis(label))

    def _index(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(isinstance(label, list) and len(label) == 3 and not children, f"an index {label!r}")
        serial = label[2]
        good = isinstance(serial, int) and not isinstance(serial, bool) and serial >= 0
        _need(good, f"an index {label!r}")
        return Index(self._axis(label[0]), self._axis(label[1]), serial)

    def _element(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(isinstance(label, list) and len(label) == 2, f"an element {label!r}")
        bounded = label[1] is True
        _need(bool(children) or not bounded, f"an element {label!r}")
        indices = children[:-1] if bounded else children
        return Element(self._name(label[0]), indices, children[-1] if bounded else None)

    def _several(self, kind: type[Add] | type[Mul], children: tuple[Expr, ...]) -> Expr:
        _need(len(children) >= 2, "a sum or product of fewer than two")
        return kind(children)

    def _power(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(len(children) == 1, "a power of other than one term")
        return Power(children[0], self._rational(label))

    def _call(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(isinstance(label, str) and _CALLS.get(label) == len(children), f"a call {label!r}")
        return Call(label, children)

    def _compare(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(label in ("<", "<=", "==", "!=") and len(children) == 2, f"a comparison {label!r}")
        return Compare(label, *children)

    def _logic(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(label in ("and", "or", "not") and bool(children), f"a connective {label!r}")
        _need(label != "not" or len(children) == 1, "a negation of several")
        return Logic(label, children)

    def _where(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(label is None and len(children) == 3, "a where without three parts")
        return Where(*children)

    def _reduce(self, label: Any, children: tuple[Expr, ...]) -> Expr:
        _need(isinstance(label, list) and len(label) == 3, f"a reduction {label!r}")
        op, count, ties = label
        good = op in REDUCTIONS and ties in ("share", "first") and isinstance(count, int)
        _need(good and count >= 1 and len(children) - count in (1, 2), f"a reduction {label!r}")
        bound = tuple(c for c in children[:count] if isinstance(c, Index))
        rest = children[count:]
        inner = max(c.height for c in rest)
        fresh = len(set(bound)) == count and all(i.serial > inner for i in bound)
        _need(fresh, "a reduction that binds anything but fresh indices")
        return Reduce(op, bound, rest[0], rest[1] if len(rest) == 2 else None, ties)


_MAKERS: dict[str, Callable[[_Reader, Any, tuple[Expr, ...]], Expr]] = {
    "Const": _Reader._const,  # noqa: SLF001 (a table of its own methods)
    "Named": _Reader._named,  # noqa: SLF001
    "Size": _Reader._size,  # noqa: SLF001
    "Index": _Reader._index,  # noqa: SLF001
    "Element": _Reader._element,  # noqa: SLF001
    "Add": lambda reader, _, children: reader._several(Add, children),  # noqa: SLF001
    "Mul": lambda reader, _, children: reader._several(Mul, children),  # noqa: SLF001
    "Power": _Reader._power,  # noqa: SLF001
    "Call": _Reader._call,  # noqa: SLF001
    "Compare": _Reader._compare,  # noqa: SLF001
    "Logic": _Reader._logic,  # noqa: SLF001
    "Where": _Reader._where,  # noqa: SLF001
    "Reduce": _Reader._reduce,  # noqa: SLF001
}
