"""Torch's own databases of operators and modules, run against generated code.

`python -m tests.op_db` runs all of it, with progress, and writes docs/torch-operators.md. For each
sample: the System of `from_torch`, its derivation, the generated NumPy code; forward and VJP are
compared with torch in float64.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from symgrad.autodiff.derive import derive
from symgrad.autodiff.recurrences import BAR
from symgrad.codegen.generate import build, build_function
from symgrad.errors import TextLimitError, UnsupportedError
from symgrad.interop.torch_ops import bind
from symgrad.interpreter.door import bind_sizes
from symgrad.verification.targets import as_tuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from symgrad.codegen.generate import Generated
    from symgrad.interop.sheet import Binding
    from symgrad.ir.equation import System

TOLERANCE = 1e-7
SINGLE = 1e-4
#: Seconds that the derivation of one sample may take; what takes longer counts as unsupported.
LIMIT = 10
PAGE = Path(__file__).parent.parent / "docs" / "torch-operators.md"

#: Operators at which torch gives nan where ours is finite, and why ours is right.
DEVIATIONS: dict[str, str] = {}


@dataclass(frozen=True)
class Verdict:
    """What came of a sample: "passed", "unsupported", "wrong" or "deviates"."""

    word: str
    why: str = ""


@dataclass
class Row:
    """What came of an operator or module."""

    name: str
    category: str
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The worst word of its samples."""
        words = {v.word for v in self.verdicts}
        return next((w for w in ("wrong", "unsupported", "deviates") if w in words), "passed")

    @property
    def why(self) -> str:
        """What most of the samples that did not pass have in common."""
        found = Counter(v.why for v in self.verdicts if v.word == self.status)
        return found.most_common(1)[0][0] if found else ""


@lru_cache(maxsize=2048)
def built(system: System, wrt: tuple[str, ...], target: str) -> Generated:
    """Return generated code; samples often differ in their numbers only."""
    if not wrt:
        return build_function(system, target, [])
    return build(derive(system, wrt), target, [])


def flat(value: Any) -> list[Any]:
    """Return what nested sequences hold."""
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def judged(
    op: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    process: Callable[[Any], Any] = lambda y: y,
    seed: int = 0,
) -> Verdict:
    """Return what comes of one sample."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT, 5)  # again: a callback may swallow the first
    try:
        torch.manual_seed(seed)
        binding = bind(op, args, kwargs)
        torch.manual_seed(seed)
        expected = [y for y in flat(process(op(*args, **kwargs))) if isinstance(y, torch.Tensor)]
        return compared(binding, expected)
    except (UnsupportedError, TextLimitError) as error:
        return Verdict("unsupported", str(error.given))
    except TimeoutError:
        return Verdict("unsupported", f"more than {LIMIT} s")
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a defect to be listed)
        return Verdict("wrong", f"{type(error).__name__}: {error}"[:300])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _late(*_: object) -> None:
    raise TimeoutError


def compared(binding: Binding, expected: Sequence[Any], target: str = "numpy") -> Verdict:
    """Return whether generated code gives what torch gives, and the same gradients."""
    system = binding.system
    if len(system.outputs) != len(expected):
        return Verdict("wrong", f"{len(system.outputs)} results, not {len(expected)}")
    leaves = {n: s for n, s in binding.sources.items() if s.requires_grad}
    given: dict[str, Any] = {**bind_sizes(system, binding.arrays), **binding.arrays}
    with np.errstate(all="ignore"):
        code = built(system, tuple(leaves), target)
        found = as_tuple(code.forward(*(given[n] for n in code.forward_arguments)))
    given |= dict(zip(code.forward_results, found, strict=True))
    outputs = list(zip(system.outputs, expected, strict=True))
    # A few samples have arguments in single precision.
    single = any(s.dtype == torch.float32 for s in binding.sources.values())
    close = SINGLE if single else TOLERANCE
    verdict = _agree(((n, given[n], y.detach()) for n, y in outputs), close)
    real = {n: y for n, y in outputs if y.requires_grad}
    if not leaves or not real or verdict.word == "wrong":
        return verdict
    generator = torch.Generator().manual_seed(1)
    seeds = {n: torch.randn(y.shape, dtype=y.dtype, generator=generator) for n, y in real.items()}
    theirs = torch.autograd.grad(
        list(real.values()),
        list(leaves.values()),
        list(seeds.values()),
        allow_unused=True,
        materialize_grads=True,
    )
    given |= {n + BAR: seeds[n].numpy() if n in seeds else np.zeros(y.shape) for n, y in outputs}
    assert code.vjp is not None, "a derivation has a VJP"
    with np.errstate(all="ignore"):
        back = as_tuple(code.vjp(*(given[n] for n in code.vjp_arguments)))
    ours = dict(zip(code.vjp_results, back, strict=True))
    pairs = zip(leaves, theirs, strict=True)
    after = _agree(((n + BAR, ours[n + BAR], g) for n, g in pairs), close)
    return verdict if after.word == "passed" else after


def _agree(rows: Iterator[tuple[str, Any, Any]], close: float) -> Verdict:
    """Return the verdict on named results and what torch has for them."""
    verdict = Verdict("passed")
    for name, ours, tensor in rows:
        word = difference(np.asarray(ours), tensor.numpy(force=True), close)
        if word == "nan":
            verdict = Verdict("deviates", f"{name} is nan in torch")
        elif word:
            return Verdict("wrong", f"{name}: {word}")
    return verdict


def difference(ours: Any, theirs: Any, close: float = TOLERANCE) -> str:
    """Return how arrays differ; "nan" where torch has nan and ours is finite."""
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, not {theirs.shape}"
    if np.iscomplexobj(theirs):
        return "complex in torch"
    same = np.isclose(ours, theirs, rtol=close, atol=close, equal_nan=True)
    if same.all():
        return ""
    if (np.isnan(theirs) & np.isfinite(ours))[~same].all():
        return "nan"
    at = np.argmin(same)
    return f"{ours.ravel()[at]}, not {theirs.ravel()[at]} ({(~same).sum()} of {same.size})"


# The databases


def databases() -> tuple[list[Any], list[Any]]:
    """Return the operators that are differentiable in float64, and all modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415
        from torch.testing._internal.common_modules import module_db  # noqa: PLC0415
    known = [op for op in op_db if op.supports_autograd and op.dtypes is not None]
    return [op for op in known if torch.float64 in op.dtypes], list(module_db)


_KINDS = {"UnaryUfuncInfo": "element-wise, of one", "BinaryUfuncInfo": "element-wise, of two"}
_SPACES = {"nn.functional": "nn.functional", "linalg": "linear algebra", "fft": "Fourier",
           "masked": "masked", "special": "special functions", "sparse": "sparse"}  # fmt: skip


def full_name(op: Any) -> str:
    """Return the name of an operator with its variant."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


def category_of(op: Any) -> str:
    """Return the category of an operator."""
    space = op.name.rpartition(".")[0]
    return _SPACES.get(space) or _KINDS.get(type(op).__name__, "tensor functions")


def run_operator(op: Any, most: int | None = None) -> Row:
    """Return what comes of the samples of an operator, the first few if asked."""
    row = Row(full_name(op), category_of(op))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        samples = op.sample_inputs("cpu", torch.float64, requires_grad=True)
        for count, sample in enumerate(samples):
            if count == most:
                break
            process = sample.output_process_fn_grad
            args = (sample.input, *sample.args)
            row.verdicts.append(judged(op.op, args, sample.kwargs, process, count))
    return row


def run_module(info: Any, most: int | None = None) -> Row:
    """Return what comes of the samples of a module, in training and not."""
    row = Row(info.name, "modules")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for training in (True, False):
            torch.manual_seed(0)
            samples = info.module_inputs_func(
                info, device="cpu", dtype=torch.float64, requires_grad=True, training=training
            )
            for count, sample in enumerate(samples):
                if count == most:
                    break
                made = sample.constructor_input
                module = info.module_cls(*made.args, **made.kwargs).to(torch.float64)
                module.train(training)
                call = sample.forward_input
                row.verdicts.append(judged(module, call.args, call.kwargs, seed=count))
    return row


# The page


def page(rows: Sequence[Row], most: int | None) -> str:
    """Return the page with the table."""
    kinds = list(dict.fromkeys(r.category for r in rows))
    samples = "every sample" if most is None else f"the first {most} samples"
    lines = [
        "# Torch operators",
        "",
        "`symgrad.from_torch(op, *args)` returns the System of a torch operator or module, or of a",
        "function that is made of them, and the arrays bound to its inputs:",
        "",
        "```pycon",
        ">>> import symgrad, torch",
        ">>> system, arrays = symgrad.from_torch(torch.logsumexp, torch.zeros(2, 3), dim=1)",
        ">>> print(system.equations[0])",
        "Y[i] = logsumexp[j](X[i, j])",
        ">>> print(symgrad.derive(system).backward.equations[0])",
        "X_bar[i, j] = Y_bar[i] * exp(X[i, j] - Y[i])",
        "",
        "```",
        "",
        "Here torch's own databases of operators and modules run",
        f"against it: for {samples} of each in float64, forward and VJP of the generated NumPy",
        "code are compared with torch, to 1e-7. Counted are all operators that torch can",
        "differentiate in float64; one counts as passed if all samples do. Nothing is left out of",
        "the denominator. This page is made by `python -m tests.op_db`.",
        "",
        "| category | passed | of | samples passed | of |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in [*kinds, None]:
        some = [r for r in rows if kind in (r.category, None)]
        good = sum(r.status in ("passed", "deviates") for r in some)
        verdicts = [v for r in some for v in r.verdicts]
        passed = sum(v.word in ("passed", "deviates") for v in verdicts)
        lines.append(f"| {kind or 'all'} | {good} | {len(some)} | {passed} | {len(verdicts)} |")
    lines += ["", "## Passed", ""]
    for kind in kinds:
        names = [f"`{r.name}`" for r in rows if r.category == kind and r.status == "passed"]
        lines += [f"**{kind}**: {', '.join(names)}", ""] if names else []
    lines += _listed(rows, "deviates", "Torch gives nan, ours is finite", ("where", "why"))
    lines += _listed(rows, "wrong", "Wrong", ("samples", "what"))
    lines += _listed(rows, "unsupported", "Not supported", ("samples", "what is missing"))
    return "\n".join(lines).rstrip() + "\n"


def _listed(rows: Sequence[Row], word: str, title: str, heads: tuple[str, str]) -> list[str]:
    some = [r for r in rows if r.status == word]
    if not some:
        return []
    lines = [f"## {title}", "", f"| name | {heads[0]} | {heads[1]} |", "| --- | --- | --- |"]
    for row in some:
        count = sum(v.word == word for v in row.verdicts)
        where = row.why if word == "deviates" else f"{count} of {len(row.verdicts)}"
        why = DEVIATIONS.get(row.name, "") if word == "deviates" else row.why
        lines.append(f"| `{row.name}` | {where} | {' '.join(why.split())[:120]} |")
    return [*lines, ""]


def loaded(path: Path | None) -> dict[str, Row]:
    """Return the results in a file, if there is one, by name."""
    if path is None or not path.exists():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))
    made = [Row(r["name"], r["category"], [Verdict(**v) for v in r["verdicts"]]) for r in rows]
    return {r.name: r for r in made}


def main() -> int:
    """Run the databases; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.op_db", description=main.__doc__)
    parser.add_argument("pattern", nargs="?", default=".", help="a regular expression for names")
    parser.add_argument("--samples", type=int, help="at most so many of each")
    parser.add_argument("--results", type=Path, help="a file of results to complete or renew")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _late)
    operators, modules = databases()
    chosen = [op for op in operators if re.search(options.pattern, full_name(op))]
    chosen += [m for m in modules if re.search(options.pattern, m.name)]
    found, start = loaded(options.results), perf_counter()
    for at, item in enumerate(chosen):
        run = run_module if item in modules else run_operator
        last = run(item, options.samples)
        found[last.name] = last
        if options.results:
            options.results.write_text(json.dumps([asdict(r) for r in found.values()]))
        words = dict(Counter(v.word for v in last.verdicts))
        clock = f"{at + 1}/{len(chosen)} {perf_counter() - start:.0f} s"
        why = f": {' '.join(last.why.split())[:200]}" if last.status != "passed" else ""
        print(f"[{clock}] {last.name} {words}{why}", file=sys.stderr, flush=True)  # noqa: T201
    names = [full_name(op) for op in operators] + [m.name for m in modules]
    rows = [found[n] for n in names if n in found]
    if len(rows) == len(names):
        PAGE.write_text(page(rows, options.samples), encoding="utf-8")
    print(dict(Counter(r.status for r in rows)))  # noqa: T201
    unexplained = [r for r in rows if r.status == "deviates" and r.name not in DEVIATIONS]
    return int(any(r.status == "wrong" for r in rows) or bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
