"""What differs between the targets beside the spelling of operations: types, imports, helpers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.codegen.door import NUMPY_DOOR, TORCH_DOOR, DoorText
from symgrad.codegen.helpers import NUMPY_HELPERS, TORCH_HELPERS
from symgrad.codegen.numpy_emit import NumpyEmitter
from symgrad.codegen.torch_emit import TorchEmitter
from symgrad.errors import TargetError
from symgrad.ir.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.codegen.emit import Emitter


@dataclass(frozen=True)
class Target:
    """A target.

    Attributes:
        name: What users call it.
        title: Its name in prose.
        emitter: The class that spells operations.
        array: The type of an array in annotations.
        imports: The lines after `from __future__ import annotations`.
        aliases: Lines below the imports.
        door: Source of the checks at the door.
        helpers: Source of the functions that the target's library lacks.
        quiet: Decorators of functions that divide by zero where the result does not depend on it.
    """

    name: str
    title: str
    emitter: type[Emitter]
    array: str
    imports: tuple[str, ...]
    aliases: tuple[str, ...]
    door: DoorText
    helpers: Mapping[str, str]
    quiet: tuple[str, ...]

    def as_array(self, name: str, like: str) -> str:
        """Return a number as an array of the type of another argument."""
        if self.name == "numpy":
            return f"np.asarray({name}, dtype={like}.dtype)" if like else f"np.asarray({name})"
        place = f", dtype={like}.dtype, device={like}.device" if like else ""
        return f"torch.as_tensor({name}{place})"

    def as_whole_array(self, name: str, like: str) -> str:
        """Return an integer as an array that is where another argument is."""
        if self.name == "numpy":
            return f"np.asarray({name})"
        return f"torch.as_tensor({name}{f', device={like}.device' if like else ''})"

    def helper_texts(self, names: Sequence[str]) -> list[str]:
        """Return the source of the helpers that were needed, in a fixed order."""
        texts = [self.helpers[n].strip() for n in self.helpers if n in names]
        rows = [FUNCTIONS[n] for n in FUNCTIONS if n in names and n not in self.helpers]
        return texts + [self._from_row(row.name) for row in rows]

    def _from_row(self, name: str) -> str:
        """Return a helper for a function whose spelling reads its argument twice."""
        row = FUNCTIONS[name]
        template: str = getattr(row, self.name)
        meaning = (row.definition or f"{name}(x)").replace("minimum", "min")
        return (
            f"def _{name}(x: {self.array}) -> {self.array}:\n"
            f'    """Return {meaning}, without overflow."""\n'
            f"    return {template.format(x='x')}"
        )


TARGETS = {
    "numpy": Target(
        name="numpy",
        title="NumPy",
        emitter=NumpyEmitter,
        array="Array",
        imports=(
            "from typing import Any",
            "",
            "import numpy as np",
            "from numpy.typing import NDArray",
        ),
        aliases=("Array = NDArray[Any]",),
        door=NUMPY_DOOR,
        helpers=NUMPY_HELPERS,
        quiet=('@np.errstate(divide="ignore", invalid="ignore", over="ignore")',),
    ),
    "torch": Target(
        name="torch",
        title="torch",
        emitter=TorchEmitter,
        array="Tensor",
        imports=("from typing import Any", "", "import torch", "from torch import Tensor"),
        aliases=(),
        door=TORCH_DOOR,
        helpers=TORCH_HELPERS,
        quiet=(),
    ),
}


def get_target(name: str) -> Target:
    """Return a target by name.

    Raises:
        TargetError: If there is none of that name.
    """
    found = TARGETS.get(name)
    if found is None:
        raise TargetError(
            where="the target of generated code",
            given=repr(name),
            expected=" or ".join(map(repr, TARGETS)),
            fix="choose one of these",
        )
    return found
