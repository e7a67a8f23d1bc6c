"""The checks know windows and recurrences: derived lengths, empty results, steps of time."""

from __future__ import annotations

import pytest

from symgrad.ir.text import parse
from symgrad.verification.verify import verify

TEXTS = {
    "convolution": "X: real[n, c, y]\nsize[h] = size[y] - size[p] + 1\n"
    "Y[n, o, h] = sum[c, p](X[n, c, h + p] * K[o, c, p])",
    "max pool": "X: real[n, y]\nsize[p] = 2\nsize[h] = size[y] // 2 + 1\n"
    'Y[n, h] = max[p](read(X[n, 2 * h + p - 1], outside=-inf), ties="first")',
    "recurrence": "H[t, k] = tanh(X[t, k] + sum[j](H[t-1, j] * W[k, j]))\n"
    "H[-1, k] = H0[k]\nreturn H",
}

#: SymPy is not shown the place of a maximum.
UNDECIDED = {"max pool": {"vjp is proved at small sizes"}}


@pytest.mark.parametrize("name", TEXTS)
def test_every_check_passes(name: str) -> None:
    report = verify(parse(TEXTS[name], name="case"), examples=3)
    assert report.ok, str(report)
    undecided = {row.check for row in report.rows if row.verdict != "ok"}
    assert undecided == UNDECIDED.get(name, set())
