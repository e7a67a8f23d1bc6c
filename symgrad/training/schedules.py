"""Schedules: the factor of the learning rate at a point of the run."""

from __future__ import annotations

from math import cos, pi
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def constant(_: float) -> float:
    """Return 1 throughout."""
    return 1.0


def linear_decay(done: float) -> float:
    """Return a factor that falls from 1 to 0 in a straight line."""
    return 1.0 - done


def cosine_decay(done: float) -> float:
    """Return a factor that falls from 1 to 0 along half a cosine.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """
    return (1 + cos(pi * done)) / 2


#: Every schedule by name: a function of the share of the steps that is done, in [0, 1).
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "linear": linear_decay,
    "cosine": cosine_decay,
}
