"""Learning curves are drawn into a PNG file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from matplotlib.image import imread

from symgrad.training.plan import Epoch, Score
from symgrad.training.plot import plot_curves

if TYPE_CHECKING:
    from pathlib import Path


def test_curves_become_a_picture(tmp_path: Path) -> None:
    history = [Epoch(k, 1 / k, Score(1 / k, 100, correct=90 + k), float(k)) for k in range(1, 6)]
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert plot_curves({"ours": history}, one, title="a run") == one
    plot_curves({"ours": history, "torch autograd": history[:3]}, two)
    a, b = imread(one), imread(two)
    assert a.shape == b.shape
    assert a.std() > 0.05, "an empty picture"
    assert (a != b).any()


def test_matplotlib_is_loaded_only_to_draw() -> None:
    code = "import sys, symgrad.training.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
