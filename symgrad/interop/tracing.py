"""Functions of tensors taken apart into operators that have rows.

In: a function or module and its arguments. Out: equations on a sheet, and operands for the results.
What torch's Python code calls is watched; an operator without a row is traced into the smaller ones
that it is made of.
"""

from __future__ import annotations

import operator as python_operator
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.sheet import NoRowError, Operand, Sheet
from symgrad.interop.table import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symgrad.interop.table import Row

_KNOWN: dict[Any, str] = {}


def row_name(op: Any) -> str | None:
    """Return the name in the table of a torch function, None if it has no row."""
    if not _KNOWN:
        import torch  # noqa: PLC0415 (heavy, and not everyone has it)

        for name in OPERATORS:
            for root in (torch, torch.Tensor):
                found: Any = root
                for part in name.split("."):
                    found = getattr(found, part, None)
                if callable(found):
                    _KNOWN.setdefault(found, name)
    try:
        return _KNOWN.get(op)
    except TypeError:  # what has no hash is no function of torch
        return None


def own_name(op: Any) -> str:
    """Return the name that a function has in Python; that of a property for its getter."""
    name: str = getattr(op, "__name__", "")
    if name == "__get__":
        return str(getattr(op.__self__, "__name__", ""))
    return name


class Tracer:
    """Writes what is called on a sheet.

    Attributes:
        sheet: The sheet.
    """

    def __init__(self) -> None:
        self.sheet = Sheet()
        self._seen: dict[int, tuple[Any, Operand]] = {}

    def apply(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Return the results of an operator or module as operands.

        Raises:
            NoRowError: If there are no equations for it.
        """
        if isinstance(op, str):
            row = OPERATORS.get(op)
            if row is None:
                raise NoRowError(f"the operator {op}")
            return self.write(row, args, kwargs)
        name = row_name(op)
        if name is not None:
            return self.write(OPERATORS[name], args, kwargs)
        if any(type(p).__name__.startswith("Uninit") for p in _parameters(op)):
            op(*args, **kwargs)  # a lazy module finds its lengths
        with _watching(self):
            found = op(*args, **kwargs)
        known = {*self._seen, *(id(a) for a in _flat((args, kwargs)))}
        if any(hasattr(v, "detach") and id(v) not in known for v in _flat(found)):
            raise NoRowError("a result that does not depend on a tensor")
        return self.lifted(found)

    def called(self, function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Run what was called and write its equations; return its result.

        Raises:
            NoRowError: If there are no equations for it.
        """
        import torch  # noqa: PLC0415 (heavy, and not everyone has it)

        name = row_name(function) or own_name(function).strip("_")
        changes = own_name(function).endswith("_") and not own_name(function).startswith("_")
        row = OPERATORS.get(name)
        given = [a for a in _flat((args, kwargs)) if isinstance(a, torch.Tensor)]
        known = [self._seen[id(a)][1] for a in given if id(a) in self._seen]
        whole = not any(a.is_floating_point() or a.is_complex() for a in given)
        if whole and not changes and all(o.values is not None for o in known):
            return function(*args, **kwargs)  # positions and the like: data, not equations
        if row is not None and given:
            written = self.write(row, args, kwargs)
            result = function(*args, **kwargs)
        else:
            if changes and given:
                raise NoRowError(f"{name}, which changes a tensor")
            before = torch.get_rng_state()
            result = function(*args, **kwargs)
            if not given or not any(isinstance(r, torch.Tensor) for r in _flat(result)):
                return result
            after = torch.get_rng_state()
            written = self.decomposed(function, args, kwargs, before)
            torch.set_rng_state(after)
        tensors = [r for r in _flat(result) if isinstance(r, torch.Tensor)]
        operands = [o for o in _flat(written) if isinstance(o, Operand)]
        shapes = [tuple(t.shape) for t in tensors]
        if shapes != [o.shape for o in operands]:
            raise NoRowError(f"{name}, whose parts in torch have other shapes than it has")
        for tensor, operand in zip(tensors, operands, strict=True):
            self._seen[id(tensor)] = (tensor, operand)
        return result

    def write(self, row: Row, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Return what a row writes for arguments.

        Raises:
            NoRowError: If it does not cover them.
        """
        lifted = [self.lifted(a) for a in args]
        named = {n: self.lifted(a) for n, a in kwargs.items()}
        try:
            return row(self.sheet, *lifted, **named)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            raise NoRowError(str(error).partition("() ")[2]) from None

    def lifted(self, value: Any) -> Any:
        """Return an argument with its tensors as operands."""
        import torch  # noqa: PLC0415 (heavy, and not everyone has it)

        if isinstance(value, (list, tuple)):
            items = [self.lifted(v) for v in value]
            return tuple(items) if isinstance(value, tuple) else items
        if not isinstance(value, torch.Tensor):
            return value
        seen = self._seen.get(id(value))
        if seen is None:
            if value.layout != torch.strided:
                raise NoRowError("a sparse tensor")
            array = value.detach().numpy(force=True)
            seen = (value, self.sheet.input(np.array(array), source=value))
            whole = value.untyped_storage().nbytes() == value.numel() * value.element_size()
            if not (whole and value.is_contiguous()):
                self.sheet.views.add(seen[1].name)
            self._seen[id(value)] = seen
        return seen[1]

    def decomposed(
        self, function: Any, args: Sequence[Any], kwargs: dict[str, Any], noise: Any
    ) -> Any:
        """Write the operators that a function is made of; return its results as operands.

        Args:
            function: The function.
            args: Its arguments.
            kwargs: Its arguments by name.
            noise: The state of torch's generator before the call: noise is drawn from it.

        Raises:
            NoRowError: If one of them has no row.
        """
        import torch  # noqa: PLC0415 (heavy, and not everyone has it)
        from torch.func import functionalize  # noqa: PLC0415 (as torch)
        from torch.fx.experimental.proxy_tensor import make_fx  # noqa: PLC0415 (as torch)

        given: list[Any] = []
        self.lifted([args, list(kwargs.values())])  # refuses what is no tensor of numbers

        def opened(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return [opened(v) for v in value]
            if isinstance(value, torch.Tensor):
                given.append(value)
                return _Slot(len(given) - 1)
            return value

        slots = opened(args), {n: opened(v) for n, v in kwargs.items()}

        def flat(*tensors: Any) -> Any:
            def filled(value: Any) -> Any:
                if isinstance(value, list):
                    return [filled(v) for v in value]
                return tensors[value.at] if isinstance(value, _Slot) else value

            return function(*filled(slots[0]), **{n: filled(v) for n, v in slots[1].items()})

        made = make_fx(functionalize(flat), decomposition_table=_smaller())
        try:
            graph = made(*(t.detach() for t in given))
        except RuntimeError as error:
            if "tracing tensor" not in str(error) and "allocated" not in str(error):
                raise
            raise NoRowError(f"{own_name(function)}, which depends on values") from None
        torch.set_rng_state(noise)
        return self._interpreted(graph, [self.lifted(t) for t in given])

    def _interpreted(self, graph: Any, given: list[Operand]) -> Any:
        """Return the results of a traced graph over operands."""
        values: dict[Any, Any] = {}
        places = iter(given)

        def known(value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return [known(v) for v in value]
            if isinstance(value, slice):
                return value
            return values[value] if type(value).__name__ == "Node" else value

        for node in graph.graph.nodes:
            if node.op == "placeholder":
                values[node] = next(places)
            elif node.op == "get_attr":
                values[node] = self.lifted(getattr(graph, node.target))
            elif node.op == "output":
                return known(node.args[0])
            else:
                args, kwargs = known(node.args), {n: known(v) for n, v in node.kwargs.items()}
                values[node] = self._node(node.target, args, kwargs)
                if _changes(node.target):
                    values[node.args[0]] = values[node]
        raise AssertionError("a graph without output")

    def _node(self, target: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if target is python_operator.getitem:
            return args[0][args[1]]
        name = target._schema.name.partition("::")[2]  # noqa: SLF001 (its name, nothing else)
        operands = [a for a in _flat((args, kwargs)) if isinstance(a, Operand)]
        if all(o.values is not None and o.kind != "real" for o in operands):
            plain = {n: _plain(a) for n, a in kwargs.items()}
            return target(*_plain(args), **plain)  # positions and the like: data, not equations
        row = OPERATORS.get(name) or OPERATORS.get(name.removesuffix("_"))
        if row is None:
            raise NoRowError(f"the operator {name}")
        return self.write(row, args, kwargs)


def _plain(value: Any) -> Any:
    """Return an argument with operands as tensors of their values."""
    import torch  # noqa: PLC0415 (heavy, and not everyone has it)

    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return torch.from_numpy(np.array(value.values)) if isinstance(value, Operand) else value


class _Slot:
    """The place of a tensor among arguments."""

    def __init__(self, at: int) -> None:
        self.at = at


def _parameters(op: Any) -> list[Any]:
    return list(op.parameters()) if hasattr(op, "parameters") else []


def _changes(target: Any) -> bool:
    """Return whether an operator of a graph writes into its first argument."""
    schema = getattr(target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def _smaller() -> dict[Any, Callable[..., Any]]:
    """Return torch's own decompositions of operators without a row."""
    from torch._decomp import core_aten_decompositions  # noqa: PLC0415 (as torch)

    table: Any = core_aten_decompositions()
    names = {op: op._schema.name.partition("::")[2] for op in table}  # noqa: SLF001 (as above)
    return {op: made for op, made in table.items() if names[op] not in OPERATORS}


def _watching(tracer: Tracer) -> Any:
    """Return a context in which a tracer sees each function of torch that is called."""
    from torch.overrides import TorchFunctionMode  # noqa: PLC0415 (as torch)

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Any,
            types: Any,
            args: Any = (),
            kwargs: Any = None,
        ) -> Any:
            return tracer.called(func, args, kwargs or {})

    return Watch()


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in _flat(v)]
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in _flat(v)]
    return [value]
