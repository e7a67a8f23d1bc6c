"""A program that shows a defect again, at one instance, in a process of its own.

In: a check, what is on trial and an instance. Out: the text of a program. It holds the formulas as
they were on trial, right or wrong, so that it does not depend on what is derived today. It needs
symgrad, and exits with 1 while the defect is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symgrad.errors import SymgradError
from symgrad.ir.serial import dump_json
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from symgrad.ir.equation import System
    from symgrad.verification.instances import Instance
    from symgrad.verification.registry import Check
    from symgrad.verification.subject import Subject


def script(check: Check, subject: Subject, instance: Instance | None, detail: str) -> str:
    """Return a program that runs a check on what is on trial again.

    Args:
        check: The check that failed.
        subject: What is on trial.
        instance: The point; None if the check needs none.
        detail: What was found.
    """
    trial = subject.derivation
    own = subject.oracles.derivation is trial
    needed = {"loads": "", "tail": "    None,\n" if instance is None else "    instance,\n"}
    systems = {
        "system": trial.system,
        "forward": trial.forward,
        "backward": trial.backward,
        **({} if own else {"truth": subject.system}),
    }
    spelled = {name: _spelled(name, system) for name, system in systems.items()}
    if any("load_json" in text for text in spelled.values()):
        needed["loads"] = "from symgrad.ir.serial import load_json\n"
    return _SCRIPT.format(
        title=_comment(f"{check.name}, {subject.name}, {subject.target}: {detail}"),
        systems="\n".join(spelled.values()),
        wrt=trial.wrt,
        saved=trial.saved,
        suffix=trial.suffix,
        numpy="" if instance is None else "import numpy as np\n\n",
        imported="" if instance is None else _IMPORTED,
        instance="" if instance is None else _instance(instance),
        check=check.name,
        target=subject.target,
        truth="" if own else "    truth=truth,\n",
        **needed,
    )


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def _spelled(name: str, system: System) -> str:
    """Return a statement that makes a System: from its text, if that says all there is to it."""
    text = str(system)
    if _is_all_there(text, system):
        return (
            f'{name} = parse(\n    """\n{text}\n""",\n'
            f"    name={system.name!r},\n    params={system.params!r},\n    internal=True,\n)"
        )
    # The terms of a formula are computed in an order that its text does not show.
    return f"{_comment(text)}\n{name} = load_json(\n    {dump_json(system)!r}\n)"


def _is_all_there(text: str, system: System) -> bool:
    try:
        return parse(text, name=system.name, params=system.params, internal=True) == system
    except SymgradError:  # a mistake may be one that nobody can write
        return False


def _instance(instance: Instance) -> str:
    return _INSTANCE.format(
        note=_comment(str(instance)),
        inputs=_literals(instance.inputs),
        cotangents=_literals(instance.cotangents),
        lengths=dict(instance.lengths),
        batch=instance.batch,
        layouts={n: layout for n, layout in instance.layouts.items() if layout != "C"},
        dtype=instance.dtype,
        own=instance.own,
    )


def _literals(arrays: Mapping[str, NDArray[Any]]) -> str:
    rows = [f"    {name!r}: {_literal(array)},\n" for name, array in arrays.items()]
    return "{\n" + "".join(rows) + "}"


def _literal(array: NDArray[Any]) -> str:
    values = repr(array.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    shape = f".reshape({array.shape})" if array.size == 0 else ""
    return f"np.array({values}, dtype={str(array.dtype)!r}){shape}"


_IMPORTED = "from symgrad.verification.instances import Instance\n"

_INSTANCE = """
{note}
inputs = {inputs}
cotangents = {cotangents}
instance = Instance(
    system,
    lengths={lengths!r},
    batch={batch!r},
    inputs=inputs,
    cotangents=cotangents,
    layouts={layouts!r},
    dtype={dtype!r},
    own={own!r},
)
"""

_SCRIPT = """\
{title}
#
# This program runs the check again, on the formulas as they were on trial. It exits with 1 while
# the defect is there.

{numpy}from symgrad.derivation import Derivation
{loads}from symgrad.ir.text import parse
{imported}from symgrad.verification.verify import replay

{systems}
trial = Derivation(system, forward, backward, {wrt!r}, {saved!r}, (), {suffix!r})
{instance}
outcome = replay(
    trial,
    {check!r},
{tail}    target={target!r},
{truth})
print(f"{{outcome.verdict}}: {{outcome.detail}}")
raise SystemExit(outcome.is_wrong)
"""
