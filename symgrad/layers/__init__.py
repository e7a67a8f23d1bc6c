"""Every layer, loss and optimizer: declarations only, in the equation language.

Importing the package fills the table: a new module in this folder is found by itself. A layer is
also an attribute of the package, `symgrad.layers.linear`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from symgrad.layers.registry import Layer, get

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def __getattr__(name: str) -> Layer:
    """Return the registered layer of that name."""
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return get(name)
    except LookupError as error:
        raise AttributeError(str(error)) from error
