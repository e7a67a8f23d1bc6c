"""Inputs that broadcast: tensors with fewer batch axes than others.

In: a System whose batch axes are ordinary ones, and what some tensors have of them. Out: the same
System over the smaller inputs, each cotangent of theirs summed over the axes they lack.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation
from symgrad.ir.show import unused
from symgrad.ir.terms import ONE, ZERO, Element, Expr, Index, Reduce, Size
from symgrad.ir.visit import (
    close_reduce,
    fresh,
    open_reduce,
    replace_elements,
    substitute,
    tensors_read,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.ir.equation import System

#: What a tensor has of each batch axis: its letter, `1`, or nothing.
Pattern = tuple[str, ...]


def narrowed(system: System, patterns: Mapping[str, Pattern], axes: Sequence[str]) -> System:
    """Return a System in which some tensors lack some of the leading axes.

    Args:
        system: The System.
        patterns: What each such tensor has.
        axes: The batch axes, which lead in every tensor that has a pattern.
    """
    return _Narrowing(system, patterns, axes).system()


class _Narrowing:
    def __init__(
        self, system: System, patterns: Mapping[str, Pattern], axes: Sequence[str]
    ) -> None:
        self.old, self.patterns, self.rank = system, patterns, len(axes)
        used = {*system.axes, *system.defined, *(t.name for t in system.inputs)}
        self.units: dict[int, str] = {}
        for pattern in patterns.values():
            for k, word in enumerate(pattern):
                if word == "1" and k not in self.units:
                    self.units[k] = unused("one", used)
                    used.add(self.units[k])
        #: A cotangent that other equations read is kept as it was, under another name.
        self.whole: dict[str, str] = {}
        for name in (n for e in system.equations for n in tensors_read(e.value)):
            if name in patterns and name in system.defined and name not in self.whole:
                self.whole[name] = unused(f"{name}_all", used)
                used.add(self.whole[name])

    def system(self) -> System:
        """Return the System over smaller inputs."""
        old = self.old
        inputs = tuple(
            replace(t, shape=self._shape(t.name, t.shape)) if t.name in self.patterns else t
            for t in old.inputs
        )
        equations: list[Equation] = []
        for equation in old.equations:
            new = replace(equation, value=replace_elements(equation.value, self._read))
            if equation.target not in self.patterns:
                equations.append(new)
            elif equation.target in self.whole:
                equations.append(replace(new, target=self.whole[equation.target]))
                equations.append(self._summed(equation, equations[-1].element))
            else:
                equations.append(self._summed(equation, new.value))
        sizes = (*old.sizes, *((name, ONE) for name in self.units.values()))
        return replace(old, inputs=inputs, equations=tuple(equations), sizes=sizes)

    def _shape(self, name: str, shape: tuple[Expr, ...]) -> tuple[Expr, ...]:
        kept: list[Expr] = []
        for k, word in enumerate(self.patterns[name]):
            if word:
                kept.append(Size(self.units[k]) if word == "1" else shape[k])
        return (*kept, *shape[self.rank :])

    def _read(self, node: Element) -> Expr | None:
        if node.tensor in self.whole:
            return Element(self.whole[node.tensor], node.indices, node.outside)
        if node.tensor not in self.patterns:
            return None
        kept: list[Expr] = []
        for k, word in enumerate(self.patterns[node.tensor]):
            if word:
                kept.append(ZERO if word == "1" else node.indices[k])
        return Element(node.tensor, (*kept, *node.indices[self.rank :]), node.outside)

    def _summed(self, equation: Equation, value: Expr) -> Equation:
        """Return a cotangent summed over the batch axes that its tensor lacks."""
        kept: list[Expr] = []
        gone: list[Index] = []
        for k, word in enumerate(self.patterns[equation.target]):
            letter = equation.indices[k]
            assert isinstance(letter, Index), "a batch axis is a plain one"
            if word == "1":
                kept.append(Index(self.units[k], self.units[k]))
            if word in ("", "1"):
                gone.append(letter)
            else:
                kept.append(letter)
        indices = (*kept, *equation.indices[self.rank :])
        if not gone:
            return Equation(equation.target, indices, value)
        inner: tuple[Index, ...] = ()
        if isinstance(value, Reduce) and value.op == "sum" and value.condition is None:
            inner, value, _ = open_reduce(value)
        bound = fresh(gone, [*value.free, *inner])
        body = substitute(value, dict(zip(gone, bound, strict=True)))
        return Equation(equation.target, indices, close_reduce("sum", (*bound, *inner), body))
