"""Learning curves as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from symgrad.training.plan import Epoch


def plot_curves(
    histories: Mapping[str, Sequence[Epoch]],
    path: Path,
    title: str = "",
    measure: str = "test accuracy",
) -> Path:
    """Draw loss and test score of one or several runs by epoch; return the path of the PNG.

    Args:
        histories: The rows of each run, by the name in the legend.
        path: Where the picture goes.
        title: Text above it.
        measure: What the score is called.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (slow to load)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, scores = figure.subplots(1, 2)
    percent = measure == "test accuracy"
    styles = ("-", "--", ":", "-.")
    for k, (label, history) in enumerate(histories.items()):
        numbers = [e.number for e in history]
        style = styles[k % len(styles)]
        losses.plot(numbers, [e.loss for e in history], style, label=label)
        values = [(100 if percent else 1) * e.test.value for e in history]
        scores.plot(numbers, values, style, label=label)
    losses.set(xlabel="epoch", ylabel="training loss", yscale="log")
    scores.set(xlabel="epoch", ylabel=f"{measure}, %" if percent else measure)
    for axes in (losses, scores):
        axes.grid(visible=True, alpha=0.3)
        axes.locator_params(axis="x", integer=True)
        axes.legend(fontsize="small")
    if title:
        figure.suptitle(title)
    figure.savefig(path, dpi=120)
    return path
