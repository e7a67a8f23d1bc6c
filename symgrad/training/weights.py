"""Weights as safetensors files, under the names of the equations or of another program.

In: parameters by name. Out: a file, and back, each array checked against the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symgrad.errors import CheckpointError
from symgrad.training.checkpoints import replace_file
from symgrad.training.runners import fitting
from symgrad.training.tensorfile import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from symgrad.training.initializers import Array
    from symgrad.training.model import Model


def save_weights(
    path: Path, parameters: Mapping[str, Array], names: Mapping[str, str] | None = None
) -> None:
    """Write parameters to a file, replacing an older one in one step.

    Args:
        path: Where to.
        parameters: As `TrainingRun.parameters` has them.
        names: What a parameter is called in the file, where that is not its own name.
    """
    called = names or {}
    replace_file(path, pack({called.get(n, n): v for n, v in parameters.items()}, {}))


def load_weights(
    path: Path, model: Model, names: Mapping[str, str] | None = None, dtype: str = "float64"
) -> dict[str, Array]:
    """Return the parameters of a model from a file, to be the start of `fit`.

    Args:
        path: Where they are.
        model: Whose parameters they are: shapes have to be its own.
        names: What a parameter is called in the file, where that is not its own name.
        dtype: What they are converted to.

    Raises:
        CheckpointError: If the file is damaged, or an array is missing, one too many, or misshapen.
    """
    called = names or {}
    wanted = {called.get(n, n): np.empty(model.shape(n), dtype) for n in model.params}
    try:
        arrays, _ = unpack(path.read_bytes())
        floats = {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}
        found = fitting("weight", floats, wanted)
    except ValueError as error:
        raise CheckpointError(
            where=str(path),
            given=str(error),
            expected=f"the parameters of {model.network.name}: {', '.join(wanted)}",
            fix="give the file of this model, or the names that the file has",
        ) from error
    return {n: found[called.get(n, n)] for n in model.params}
