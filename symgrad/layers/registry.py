"""The table of layers: a name, equations, and the few facts that equations do not show.

In: one `layer(...)` call for each layer. Out: `LAYERS`, and `Layer.system()`, the parsed System.
This module knows no layer and no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from symgrad.errors import CompositionError, UnknownLayerError
from symgrad.ir.build import const
from symgrad.ir.terms import BATCH
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from symgrad.ir.equation import System

LAYERS: dict[str, Layer] = {}


@dataclass(frozen=True)
class Layer:
    """A declared layer, loss or optimizer.

    Attributes:
        name: What it is called everywhere.
        text: Its equations.
        params: The inputs that are parameters, in order.
        source: Where the definition comes from.
        step: Whether it is the step of an optimizer.
    """

    name: str
    text: str
    params: tuple[str, ...] = ()
    source: str = ""
    step: bool = False

    def system(self, **options: object) -> System:
        """Return the parsed equations with static options fixed.

        Args:
            options: Static options that differ from their default.

        >>> from symgrad.layers.registry import get
        >>> print(get("linear").system().equations[0])
        Y[..., o] = sum[i](X[..., i] * W[o, i]) + b[o]
        """
        return _parsed(self, tuple(sorted(options.items())))

    def __call__(self, *lengths: int, **options: object) -> System:
        """Return the System with the lengths of its axes fixed, in order of appearance.

        Args:
            lengths: For each named axis its length; axes without a number stay symbolic.
            options: Static options that differ from their default.

        Raises:
            CompositionError: If there are more numbers than axes, or one is not a length.

        >>> from symgrad.layers.registry import get
        >>> [f"{axis} = {length}" for axis, length in get("linear")(784, 128).sizes]
        ['i = 784', 'o = 128']
        """
        system = self.system(**options)
        axes = [axis for axis in system.axes if axis != BATCH]
        wrong = [n for n in lengths if type(n) is not int or n < 0]
        if len(lengths) > len(axes) or wrong:
            raise CompositionError(
                where=f"{self.name}{lengths}",
                given=f"{len(lengths)} length(s): {', '.join(map(repr, lengths))}",
                expected=f"at most {len(axes)} whole number(s), for the axes {', '.join(axes)}",
                fix=f"{self.name}({', '.join(f'size of {a}' for a in axes)})",
            )
        fixed = dict(system.sizes) | {a: const(n) for a, n in zip(axes, lengths, strict=False)}
        return replace(system, sizes=tuple(fixed.items()))


@cache
def _parsed(entry: Layer, options: tuple[tuple[str, object], ...]) -> System:
    return parse(entry.text, name=entry.name, options=dict(options), params=entry.params)


def layer(name: str, text: str, *, params: str = "", source: str = "", step: bool = False) -> Layer:
    """Register a layer and return it.

    Args:
        name: What it is called everywhere.
        text: Its equations; shapes, inputs and the output are inferred from them.
        params: Names of the parameters, separated by blanks.
        source: Where the definition comes from.
        step: Whether it is the step of an optimizer.

    Raises:
        ValueError: If the name is taken.
    """
    if name in LAYERS:
        raise ValueError(f"a layer named {name!r} is registered already")
    LAYERS[name] = Layer(name, text, tuple(params.split()), source, step)
    return LAYERS[name]


def get(name: str) -> Layer:
    """Return a registered layer.

    Raises:
        UnknownLayerError: If there is none of that name.
    """
    found = LAYERS.get(name)
    if found is None:
        near = get_close_matches(name, LAYERS, n=3, cutoff=0.5)
        raise UnknownLayerError(
            where="the name of a layer",
            given=repr(name),
            expected=f"one of {', '.join(sorted(LAYERS))}",
            fix=f"did you mean {' or '.join(near)}?" if near else "see `symgrad layers`",
        )
    return found
