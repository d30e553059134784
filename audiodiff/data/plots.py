"""Histograms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def histogram_figure(panels: Sequence[tuple[str, Sequence[float]]], what: str) -> "Figure":
    """Histograms side by side.

    Args:
        panels: What is measured, and the values.
        what: What is counted.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(panels), 3), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (name, values) in zip(axes, panels, strict=True):
        axis.hist(values, bins=40)
        axis.set_xlabel(name)
    axes[0].set_ylabel(what)
    return figure
