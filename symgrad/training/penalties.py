"""What is done to gradients between the backward pass and the step: penalties, clipping.

In: parameters and their gradients by name. Out: other gradients. A penalty is an equation, and its
gradient is derived, as any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Any

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.training.plan import Plan

PENALTY = """
P: real[...]
l1: nonnegative = 0
l2: nonnegative = 0
R = l1 * sum[...](abs(P[...])) + l2 / 2 * sum[...](P[...]**2)
"""
#: Vectors and numbers are offsets and gains, which are not penalised.
LEAST_RANK = 2
_LETTERS = "ijkpqrsm"
#: torch divides by the length of the gradient and this.
_TINY = 1e-6


@cache
def _penalty(target: str, rank: int) -> Callable[..., Any]:
    derivation = derive(parse(PENALTY, name="penalty"), wrt=("P",))
    built = build(derivation, target, _LETTERS[:rank])
    assert built.vjp is not None, "a derivation has a backward function"
    names, function = built.vjp_arguments, built.vjp

    def gradient(P: Any, l1: float, l2: float) -> Any:
        values = {"P": P, "l1": l1, "l2": l2, "R_bar": 1.0}
        return function(*(values[n] for n in names))

    return gradient


@dataclass(frozen=True)
class Shaping:
    """What a plan does to gradients.

    Attributes:
        l1: Weight of the sum of absolute values.
        l2: Weight of half of the sum of squares.
        clip_norm: A longer gradient is shortened to this.
        clip_value: Entries are brought within this of 0.
        measures: Whether the length of the gradient is wanted, clipped or not.
    """

    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    measures: bool = False

    @classmethod
    def of(cls, plan: Plan) -> Shaping:
        """Return what a plan asks for."""
        measures = plan.stop.gradient_norm is not None
        return cls(plan.l1, plan.l2, plan.clip_norm, plan.clip_value, measures)

    @property
    def measured(self) -> bool:
        """Whether the length of the gradient is known."""
        return self.measures or self.clip_norm is not None

    @property
    def penalises(self) -> bool:
        """Whether there is a penalty."""
        return bool(self.l1 or self.l2)

    def penalised(
        self, target: str, parameters: Mapping[str, Any], gradients: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the gradients with those of the penalty added."""
        if not self.penalises:
            return gradients
        found = dict(gradients)
        for name, value in parameters.items():
            if value.ndim >= LEAST_RANK:
                found[name] = found[name] + _penalty(target, value.ndim)(value, self.l1, self.l2)
        return found

    def clipped(self, gradients: dict[str, Any]) -> tuple[dict[str, Any], float | None]:
        """Return the gradients within their bounds, and how long they were before."""
        length = None
        if self.measured:
            length = norm_of(gradients)
        if self.clip_value is not None:
            bound = self.clip_value
            gradients = {n: g.clip(-bound, bound) for n, g in gradients.items()}
        if self.clip_norm is not None:
            length_now = norm_of(gradients)
            factor = self.clip_norm / (length_now + _TINY)
            if factor < 1:
                gradients = {n: g * factor for n, g in gradients.items()}
        return gradients, length


def norm_of(gradients: Mapping[str, Any]) -> float:
    """Return the length of gradients, all taken together."""
    return sqrt(sum(float((g * g).sum()) for g in gradients.values()))
