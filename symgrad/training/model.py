"""A model: composed layers, the loss on top, lengths and start values.

In: parts as for `compose`. Out: the network's System, the objective's System, parameters by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from symgrad.errors import TrainingError
from symgrad.ir.build import const
from symgrad.ir.compose import HasSystem, Part, compose
from symgrad.ir.terms import Const, Expr, Size
from symgrad.ir.visit import walk
from symgrad.training.initializers import Array, starts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import System


@dataclass(frozen=True)
class Model:
    """A network with the loss it is trained on.

    Attributes:
        network: From the data to the prediction.
        objective: The same equations with those of the loss behind them.
        data: Name of the input that holds the rows.
        target: Name of the input that holds the labels or targets.
    """

    network: System
    objective: System
    data: str
    target: str

    @property
    def params(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return self.objective.params

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes, so that accuracy has a meaning."""
        return self.objective.tensor(self.target).kind == "index"

    @property
    def features(self) -> int | None:
        """The length of a row of the data, if it is fixed and rows are vectors."""
        *_, last = self.objective.tensor(self.data).shape
        return self.sizes.get(last.axis) if isinstance(last, Size) else None

    @property
    def sizes(self) -> dict[str, int]:
        """The lengths that are fixed, by axis."""
        return {axis: int(e.value) for axis, e in self.objective.sizes if isinstance(e, Const)}

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a parameter.

        Raises:
            TrainingError: If one of its axes has no fixed length.
        """
        sizes = self.sizes
        lengths = self.objective.tensor(name).shape
        for node in (n for length in lengths for n in walk(length)):
            if isinstance(node, Size) and node.axis not in sizes:
                raise TrainingError(
                    where=f"parameter {name} of {self.network.name}",
                    given=f"axis {node.axis} without a length",
                    expected="every axis of a parameter to have a length",
                    fix="give it a number, as in linear(784, 128)",
                )
        return tuple(_length(length, sizes) for length in lengths)

    def initialise(
        self, seed: int = 0, dtype: str = "float64", scheme: str = "torch"
    ) -> dict[str, Array]:
        """Return start values of the parameters.

        Args:
            seed: What they are drawn with.
            dtype: "float64" or "float32".
            scheme: "torch", as torch does by default; "xavier" or "he".
        """
        rng = np.random.default_rng(seed)
        rows = starts(self.objective)
        return {n: rows[n].draw(self.shape(n), self.sizes, rng, dtype, scheme) for n in self.params}

    def counts(self) -> dict[str, int]:
        """Return the number of values in each parameter."""
        return {name: prod(self.shape(name)) for name in self.params}


def _length(expr: Expr, sizes: Mapping[str, int]) -> int:
    """Return the value of a length: an axis, a number, or a product of these."""
    if isinstance(expr, Size):
        return sizes[expr.axis]
    if isinstance(expr, Const):
        return int(expr.value)
    return prod(_length(child, sizes) for child in expr.children)


def build_model(
    *parts: Part,
    loss: System | HasSystem,
    name: str = "network",
    sizes: Mapping[str, int] | None = None,
) -> Model:
    """Return a model of composed parts and a loss.

    Args:
        parts: As for `compose`.
        loss: A System of a prediction and a target, with a scalar output.
        name: What the network is called.
        sizes: Further lengths, by axis of the objective.

    Raises:
        TrainingError: If the loss is not a scalar, or does not leave one target open.

    >>> from symgrad.layers.registry import get
    >>> linear, relu = get("linear"), get("relu")
    >>> mlp = build_model(linear(64, 32), relu, linear(32, 10), loss=get("cross_entropy"))
    >>> mlp.counts()
    {'linear1.W': 2048, 'linear1.b': 32, 'linear2.W': 320, 'linear2.b': 10}
    """
    network = compose(*parts, name=name)
    objective = compose(*parts, ("loss", loss), name=f"{name}_loss")
    extra = {axis: const(length) for axis, length in (sizes or {}).items()}
    objective = replace(objective, sizes=tuple((dict(objective.sizes) | extra).items()))
    open_inputs = [t for t in objective.inputs if t.name not in objective.params]
    data = [t for t in open_inputs if t.default is None]
    if len(data) != 2 or objective.equation(objective.outputs[0]).indices:
        raise TrainingError(
            where=f"the objective of {name}",
            given=f"inputs {', '.join(t.name for t in data)}; output {_described(objective)}",
            expected="one input for the data, one for the target, and a scalar loss",
            fix="end with a loss such as cross_entropy or mse",
        )
    return Model(network, objective, data=data[0].name, target=data[1].name)


def _described(system: System) -> str:
    name = system.outputs[0]
    axes = ", ".join(i.name for i in system.equation(name).letters)
    return f"{name}[{axes}]" if axes else name
