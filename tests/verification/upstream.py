"""Where operators of torch 2.13 have wrong derivatives: paths as in `verification.operators`."""

from __future__ import annotations

import torch

#: Versions of torch that have these defects.
AFFECTED = ("2.13.",)
IS_AFFECTED = torch.__version__.startswith(AFFECTED)

#: A tangent, and a gradient of a gradient, treat saved means and deviations as constants: whatever
#: differentiates them again is wrong.
_NORM = frozenset({"FF", "FR", "FFF", "FFR", "FRF", "FRR", "RRF", "RRR"})

#: What is wrong, by operator.
WRONG: dict[str, frozenset[str]] = {
    "layer_norm": _NORM,
    "batch_norm": _NORM,
    # 2**exponent is computed in integers, where it is 0.
    "ldexp": frozenset({"F", "R"}),
}

#: What is not implemented, by operator.
MISSING = {"huber": frozenset({"RF", "FF"})}
