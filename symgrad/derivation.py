"""What a derivation is: a primal System, its backward System, and how they hang together.

In: Systems and a trace. Out: the one record that code generation, verification, pages and the
command line read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System
    from symgrad.rewriting.checked import Cell
    from symgrad.rewriting.trace import Step


@dataclass(frozen=True)
class Derivation:
    """A System with its vector-Jacobian product.

    Attributes:
        system: The primal System as it was given.
        forward: The System to run forward: the outputs of `system`, then the saved tensors that it
            defines itself.
        backward: The System to run backward. Inputs: the saved tensors, under their own names, and
            a cotangent `Y_bar` for each real output Y. Outputs: `X_bar` for each X in `wrt`, in
            order.
        wrt: The inputs that are differentiated.
        saved: The primal tensors that `backward` reads, inputs and defined ones, in order.
        steps: The steps from the raw adjoint to the closed form.
        suffix: What cotangents end in: `_bar2` where the System has cotangents of its own.
        cells: The parts that were derived as a whole; what `steps` tells is checked on them.
    """

    system: System
    forward: System
    backward: System
    wrt: tuple[str, ...]
    saved: tuple[str, ...]
    steps: tuple[Step, ...]
    suffix: str = "_bar"
    cells: tuple[Cell, ...] = field(default=(), compare=False, repr=False)

    @property
    def gradient(self) -> tuple[Equation, ...]:
        """The equations of `backward` that say something new: not the given initial values."""
        given = set(self.system.equations)
        return tuple(e for e in self.backward.equations if e.is_main or e not in given)

    @property
    def gradient_system(self) -> System:
        """The System to run backward, as it is shown: with `gradient` for its equations."""
        return self.backward.with_equations(self.gradient)

    @property
    def saved_results(self) -> tuple[str, ...]:
        """The saved tensors that are computed on the way forward and are not outputs."""
        defined = self.system.defined + self.forward.defined
        return tuple(s for s in self.saved if s in defined and s not in self.system.outputs)
