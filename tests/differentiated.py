"""Which layers the costly tests of derivatives go through: all but most steps of optimizers."""

from __future__ import annotations

import symgrad.layers  # noqa: F401 (fills the table)
from symgrad.layers.registry import LAYERS, Layer

#: Steps that stand for all of them: nothing uses the derivative of a step, and
#: tests/training/test_optimizers.py compares the values of every one.
STEPS = ("sgd", "gradient_descent")

DIFFERENTIATED: dict[str, Layer] = {
    name: layer for name, layer in LAYERS.items() if not layer.step or name in STEPS
}

#: Steps that exact arithmetic cannot judge: the degree of Adafactor's nested quotients makes the
#: odds of a coincidence too high, and Muon's loop has a fixed length. torch's autograd judges them.
BEYOND_FIELDS = ("adafactor", "muon")
