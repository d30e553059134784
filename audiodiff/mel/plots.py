"""Pictures of mels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def mels_grid(mels: Sequence[tuple[str, Float[Tensor, "n_mels _"]]], n_columns: int) -> "Figure":
    """Mels side by side on one scale, each under its title."""
    from matplotlib.figure import Figure

    n_rows = -(-len(mels) // n_columns)
    figure = Figure(figsize=(3 * n_columns, 2 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flatten()
    low = min(mel.min().item() for _, mel in mels)
    high = max(mel.max().item() for _, mel in mels)
    for axis, (title, mel) in zip(axes, mels, strict=False):
        axis.imshow(mel.numpy(), origin="lower", aspect="auto", cmap="magma", vmin=low, vmax=high)
        axis.set_title(title)
    for axis in axes:
        axis.set_axis_off()
    return figure


def mels_figure(
    original: Float[Tensor, "n_mels frames"], made: Float[Tensor, "n_mels frames"]
) -> "Figure":
    """Two mels and their difference, one above the other, in the mels' unit."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    low, high = original.min().item(), original.max().item()
    difference = made - original
    most = max(difference.abs().max().item(), 1e-6)
    panels = (
        ("given", original, "magma", low, high),
        ("made", made, "magma", low, high),
        ("made less given", difference, "coolwarm", -most, most),
    )
    for axis, (title, mel, colours, least, greatest) in zip(
        figure.subplots(3, 1, sharex=True), panels, strict=True
    ):
        image = axis.imshow(
            mel.numpy(), origin="lower", aspect="auto", cmap=colours, vmin=least, vmax=greatest
        )
        axis.set(title=title, ylabel="band")
        figure.colorbar(image, ax=axis)
    axis.set_xlabel("frame")
    return figure
