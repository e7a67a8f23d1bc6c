"""Torch operators and modules as Systems with bound arrays.

In: an operator, a module or any function of tensors, and its arguments. Out: its System and the
arrays bound to the inputs. What the table has a row for is written by that row. What it has none
for is taken apart into smaller operators, as far as those have rows: a module by watching what it
calls, a function by tracing it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symgrad.interop.sheet import Binding, NoRowError, Operand, refused
from symgrad.interop.table import need
from symgrad.interop.tracing import Tracer, own_name, row_name
from symgrad.lowering.names import python_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from symgrad.ir.equation import System

#: The modules with rows.
_ROWS = (
    "attention", "binary", "casts", "elementwise", "geometry", "indexing", "losses", "noise",
    "norms", "padding", "parts", "products", "reductions", "resizing", "shapes", "sorts",
    "windows", "writing",
)  # fmt: skip
for _name in _ROWS:
    import_module(f"symgrad.interop.{_name}")


def from_torch(op: Any, *args: Any, **kwargs: Any) -> tuple[System, dict[str, NDArray[Any]]]:
    """Return the System of a torch operator or module, and the arrays bound to its inputs.

    Args:
        op: A function such as `torch.softmax` or its name under torch, a module, or a function of
            tensors that is made of them.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        UnsupportedError: If the table has no equations for it or for one of its arguments.

    Example:
        >>> import torch
        >>> system, arrays = from_torch(torch.softmax, torch.zeros(2, 3), dim=1)
        >>> print(system)
        X: real[i, j]
        Y[i, j] = exp(X[i, j])
        Y2[i] = sum[j](Y[i, j])
        Y3[i, j] = Y[i, j] / Y2[i]
        return Y3
        >>> arrays["X"].shape
        (2, 3)
    """
    binding = bind(op, args, kwargs)
    return binding.system, binding.arrays


def bind(op: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Binding:
    """Return the System of an operator with its arrays and where they come from.

    Raises:
        UnsupportedError: As `from_torch`.
    """
    name = name_of(op)
    tracer = Tracer()
    try:
        found = tracer.apply(op, args, kwargs or {})
        results = [v for v in _leaves(found) if v is not None]
        good = results and all(isinstance(v, Operand) for v in results)
        need(good, "a result that is no tensor")
        return tracer.sheet.binding(python_name(name.replace(".", "_")), results)
    except NoRowError as error:
        raise refused(name, str(error)) from None


def name_of(op: Any) -> str:
    """Return the name of an operator in the table, or what else to call it."""
    return op if isinstance(op, str) else row_name(op) or own_name(op) or type(op).__name__


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in _leaves(v)]
    return [value]
