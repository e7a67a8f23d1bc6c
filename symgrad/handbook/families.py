"""The families of layers: one for each module that declares some.

In: the table of layers. Out: families with their layers, in the order of the modules.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from symgrad import layers
from symgrad.layers.registry import LAYERS, Layer, get

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Family:
    """Layers that are declared in one module.

    Attributes:
        name: The name of the module; "other" for layers that no module of the package declares.
        summary: What the module says they are.
        layers: The layers, in order.
    """

    name: str
    summary: str
    layers: tuple[Layer, ...]

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ").capitalize()


def families() -> list[Family]:
    """Return every family.

    >>> [f.title for f in families() if LAYERS["softmax"] in f.layers]
    ['Activation']
    """
    found = []
    rest = dict(LAYERS)
    for info in iter_modules(layers.__path__):
        module = import_module(f"{layers.__name__}.{info.name}")
        declared = {v.name: v for v in vars(module).values() if isinstance(v, Layer)}
        mine = tuple(rest.pop(name) for name in declared if name in rest)
        if mine:
            summary = inspect.cleandoc(module.__doc__ or "").partition("\n\n")[0]
            found.append(Family(info.name, " ".join(summary.split()), mine))
    if rest:
        found.append(Family("other", "Layers of your own.", tuple(rest.values())))
    return found


def chosen(names: Sequence[str] | None = None) -> list[Family]:
    """Return the families of some layers, without the others; all if none is named.

    Raises:
        UnknownLayerError: If there is no layer of a name.
    """
    if not names:
        return families()
    wanted = {get(name).name for name in names}
    kept = (
        replace(f, layers=tuple(entry for entry in f.layers if entry.name in wanted))
        for f in families()
    )
    return [f for f in kept if f.layers]
