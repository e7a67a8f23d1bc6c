"""Learning curves as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from symgrad.training.plan import Epoch


def plot_curves(histories: Mapping[str, Sequence[Epoch]], path: Path, title: str = "") -> Path:
    """Draw loss and test accuracy of one or several runs by epoch; return the path of the PNG.

    Args:
        histories: The rows of each run, by the name in the legend.
        path: Where the picture goes.
        title: Text above it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (slow to load)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, accuracies = figure.subplots(1, 2)
    styles = ("-", "--", ":", "-.")
    for k, (label, history) in enumerate(histories.items()):
        numbers = [e.number for e in history]
        style = styles[k % len(styles)]
        losses.plot(numbers, [e.loss for e in history], style, label=label)
        accuracies.plot(numbers, [100 * e.accuracy for e in history], style, label=label)
    losses.set(xlabel="epoch", ylabel="training loss", yscale="log")
    accuracies.set(xlabel="epoch", ylabel="test accuracy, %")
    for axes in (losses, accuracies):
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    if title:
        figure.suptitle(title)
    figure.savefig(path, dpi=120)
    return path
