"""Torch's own databases of operators and modules, run against generated code.

`python -m tests.op_db` runs all of it and writes docs/torch-operators.md.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from symgrad.autodiff.derive import derive
from symgrad.autodiff.recurrences import BAR
from symgrad.codegen.generate import build
from symgrad.errors import SymgradError, UnsupportedError
from symgrad.interop.torch_ops import bind
from symgrad.interpreter.door import bind_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from symgrad.codegen.generate import Generated
    from symgrad.interop.sheet import Binding
    from symgrad.ir.equation import System

TOLERANCE = 1e-7


@lru_cache(maxsize=4096)
def built(system: System, wrt: tuple[str, ...], target: str) -> Generated:
    return build(derive(system, wrt), target, [])


def lengths(system: System, arrays: dict[str, Any]) -> dict[str, int]:
    return dict(bind_sizes(system, arrays))


@dataclass(frozen=True)
class Verdict:
    """What came of a sample: "passed", "unsupported", "wrong" or "deviates"."""

    word: str
    why: str = ""


def judged(op: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], process: Callable[[Any], Any] = lambda y: y, seed: int = 0) -> Verdict:
    torch.manual_seed(seed)
    try:
        binding = bind(op, args, kwargs)
    except UnsupportedError as error:
        return Verdict("unsupported", str(error.given))
    torch.manual_seed(seed)
    expected = [y for y in flat(process(op(*args, **kwargs))) if isinstance(y, torch.Tensor)]
    try:
        return compared(binding, expected)
    except UnsupportedError as error:
        return Verdict("unsupported", f"no code: {error.given}")


def flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def compared(binding: Binding, expected: list[torch.Tensor], target: str = "numpy") -> Verdict:
    system = binding.system
    if len(system.outputs) != len(expected):
        return Verdict("wrong", f"{len(system.outputs)} results, not {len(expected)}")
    leaves = {n: s for n, s in binding.sources.items() if s.requires_grad}
    wrt = tuple(leaves)
    sizes = lengths(system, binding.arrays)
    with np.errstate(all="ignore"):
        code = built(system, wrt, target)
        given: dict[str, Any] = {**sizes, **binding.arrays}
        found = code.forward(*(given[n] for n in code.forward_arguments))
        results = dict(zip(code.forward_results, found if isinstance(found, tuple) else (found,), strict=True))
    deviates = ""
    pairs = [(n, results[n], y.detach().numpy(force=True)) for n, y in zip(system.outputs, expected, strict=True)]
    for name, ours, theirs in pairs:
        word = difference(np.asarray(ours), theirs)
        if word == "nan":
            deviates = f"{name} is nan in torch"
        elif word:
            return Verdict("wrong", f"{name}: {word}")
    real = [(n, y) for n, y in zip(system.outputs, expected, strict=True) if y.requires_grad]
    if not wrt or not real:
        return Verdict("deviates" if deviates else "passed", deviates)
    generator = torch.Generator().manual_seed(1)
    seeds = {n: torch.randn(y.shape, dtype=y.dtype, generator=generator) for n, y in real}
    gradients = torch.autograd.grad([y for _, y in real], list(leaves.values()), [seeds[n] for n, _ in real], allow_unused=True, materialize_grads=True)
    given |= results
    for n, y in zip(system.outputs, expected, strict=True):
        given[n + BAR] = seeds[n].numpy() if n in seeds else np.zeros(y.shape)
    with np.errstate(all="ignore"):
        back = code.vjp(*(given[n] for n in code.vjp_arguments))
    ours_all = dict(zip(code.vjp_results, back if isinstance(back, tuple) else (back,), strict=True))
    for n, theirs in zip(wrt, gradients, strict=True):
        word = difference(np.asarray(ours_all[n + BAR]), theirs.numpy(force=True))
        if word == "nan":
            deviates = f"{n}{BAR} is nan in torch"
        elif word:
            return Verdict("wrong", f"{n}{BAR}: {word}")
    return Verdict("deviates" if deviates else "passed", deviates)


def difference(ours: Any, theirs: Any) -> str:
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, not {theirs.shape}"
    if np.iscomplexobj(theirs):
        return "complex in torch"
    same = np.isclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if same.all():
        return ""
    if (np.isnan(theirs) & np.isfinite(ours))[~same].all():
        return "nan"
    at = np.argmin(same)
    return f"{ours.ravel()[at]} at {at}, not {theirs.ravel()[at]} ({(~same).sum()} of {same.size})"


@dataclass
class Row:
    """What came of an operator."""

    name: str
    kind: str
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def status(self) -> str:
        words = {v.word for v in self.verdicts}
        for word in ("wrong", "unsupported", "deviates"):
            if word in words:
                return word
        return "passed"


def operators() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415
    for op in op_db:
        if op.supports_autograd and op.dtypes is not None and torch.float64 in op.dtypes:
            yield op


def run_operator(op: Any, most: int | None = None) -> Row:
    name = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
    row = Row(name, type(op).__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        for count, sample in enumerate(op.sample_inputs("cpu", torch.float64, requires_grad=True)):
            if most is not None and count >= most:
                break
            args = (sample.input, *sample.args)
            try:
                verdict = judged(op.op, args, sample.kwargs, sample.output_process_fn_grad, count)
            except Exception as error:  # noqa: BLE001
                verdict = Verdict("wrong", f"{type(error).__name__}: {error}"[:300])
            row.verdicts.append(verdict)
    return row
