"""Checkpoints: all that a run needs to go on as if it had never stopped.

In: a `Checkpoint`. Out: one safetensors file with the parameters, the states of the optimizer, the
position in the epoch, the history, and what the run was. The order of the rows is drawn from the
seed and the number of the epoch, so the position is the state of the generator.

A file is replaced in one step, after the new one is on the disk: whenever a run is killed, the path
holds the old checkpoint or the new one, whole. A checksum tells whether it still does.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import CheckpointError
from symgrad.training.plan import Epoch, Score
from symgrad.training.tensorfile import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from symgrad.training.initializers import Array

FORMAT = "symgrad checkpoint 1"


@dataclass(frozen=True)
class Position:
    """Where a run is.

    Attributes:
        epoch: The epoch that is going on, counted from 1.
        step: Steps of it that are done.
        steps: Steps of the whole run that are done.
        loss: Sum of the losses of this epoch so far, each times its rows.
        rows: Rows of this epoch so far.
        norm: Length of the longest gradient of this epoch so far.
        seconds: Time since the start, without that between a stop and going on.
        stopped: Why the run stopped before its last epoch; empty if it did not.
    """

    epoch: int = 1
    step: int = 0
    steps: int = 0
    loss: float = 0.0
    rows: int = 0
    norm: float = 0.0
    seconds: float = 0.0
    stopped: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """A run at some moment.

    Attributes:
        run: What was asked for: model, data, plan, in words and checksums.
        position: Where it is.
        history: One row for each epoch that is over.
        parameters: The parameters by name.
        state: The states of the optimizer by name.
    """

    run: dict[str, str]
    position: Position
    history: tuple[Epoch, ...]
    parameters: dict[str, Array] = field(default_factory=dict)
    state: dict[str, Array] = field(default_factory=dict)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing an older one in one step.

    Raises:
        CheckpointError: If it cannot be written; an older one is still there then.
    """
    arrays = {f"parameters/{n}": v for n, v in checkpoint.parameters.items()}
    arrays |= {f"optimizer/{n}": v for n, v in checkpoint.state.items()}
    texts = {
        "format": FORMAT,
        "run": json.dumps(checkpoint.run),
        "position": json.dumps(asdict(checkpoint.position)),
        "history": json.dumps([asdict(e) for e in checkpoint.history]),
    }
    content = pack(arrays, texts | {"sha256": _checksum(arrays, texts)})
    try:
        replace_file(path, content)
    except OSError as error:
        raise CheckpointError(
            where=str(path),
            given=f"{error.strerror or error}, after {checkpoint.position.steps} steps",
            expected="a place for the checkpoint",
            fix="make room or choose another path; the checkpoint before it is still whole",
        ) from error


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in its place in one step, once all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too
    finally:
        os.close(folder)


def load(path: Path, run: dict[str, str]) -> Checkpoint:
    """Return the checkpoint of a run.

    Args:
        path: Where it is.
        run: What was asked for; the checkpoint has to be of the same.

    Raises:
        CheckpointError: If the file is damaged, or of another run.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    try:
        arrays, texts = unpack(content)
    except ValueError as error:
        raise _unreadable(path, str(error)) from error
    if texts.get("format") != FORMAT:
        raise CheckpointError(
            where=str(path),
            given=f"a safetensors file with the format {texts.get('format', 'of another program')}",
            expected=f"a file that symgrad wrote, with the format {FORMAT}",
            fix="give the path of a checkpoint, or of no file to start anew",
        )
    if texts.pop("sha256", "") != _checksum(arrays, texts):
        raise _unreadable(path, "content that its checksum does not fit")
    _compare(path, json.loads(texts["run"]), run)
    return Checkpoint(
        run,
        Position(**json.loads(texts["position"])),
        tuple(map(_epoch, json.loads(texts["history"]))),
        _under("parameters/", arrays),
        _under("optimizer/", arrays),
    )


def misshapen(path: Path, problem: str) -> CheckpointError:
    """Return the error of a checkpoint whose arrays do not fit the model."""
    return CheckpointError(
        where=str(path),
        given=problem,
        expected="the arrays of this model and optimizer",
        fix="go on with the model that was trained, or start anew under another path",
    )


def _unreadable(path: Path, given: str) -> CheckpointError:
    return CheckpointError(
        where=str(path),
        given=given,
        expected="a whole checkpoint; symgrad never leaves a part of one",
        fix="restore the file from a copy, or remove it to start anew",
    )


def _compare(path: Path, found: dict[str, str], wanted: dict[str, str]) -> None:
    names = [n for n in {**wanted, **found} if found.get(n) != wanted.get(n)]
    if names:
        raise CheckpointError(
            where=str(path),
            given=", ".join(f"{n}: {found.get(n, 'nothing')}" for n in names),
            expected=", ".join(f"{n}: {wanted.get(n, 'nothing')}" for n in names),
            fix="go on with what the run began with, or start anew under another path",
        )


def _under(prefix: str, arrays: dict[str, Any]) -> dict[str, Array]:
    return {n.removeprefix(prefix): v for n, v in arrays.items() if n.startswith(prefix)}


def _epoch(row: dict[str, Any]) -> Epoch:
    validation = row["validation"] and Score(**row["validation"])
    return Epoch(**{**row, "test": Score(**row["test"]), "validation": validation})


def _checksum(arrays: dict[str, Any], texts: dict[str, str]) -> str:
    digest = sha256(json.dumps(texts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.name} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
