"""Pictures of spectrograms and waveforms, and figures as files."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.audio import frames
from audiodiff.system.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_FFT = 1024
HOP_LENGTH = 256

DEPTH_DB = 90
"""Decibels below the loudest bin that the scale covers."""

MAX_COLUMNS = 4000
"""The most frames of a picture; those of a longer wave are further apart."""

N_EXTREMES = 2000
"""About the most pairs of extremes by which a waveform is drawn."""

Spans: TypeAlias = Sequence[tuple[float, float]]
"""Starts and ends in seconds."""


def spectrogram_figure(
    waves: Sequence[tuple[str, Float[Tensor, " _"]]], sample_rate: int, spans: Spans = ()
) -> "Figure":
    """Spectrograms one above the other on one scale in dB, with the loudest bin of the first at 0.

    Args:
        waves: Title and wave of each spectrogram.
        sample_rate: Sample rate of all waves, in Hz.
        spans: Parts to mark.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.6 * len(waves) + 0.4), layout="constrained")
    axes = figure.subplots(len(waves), 1, squeeze=False, sharex=True)[:, 0]
    levels = [_levels(wave) for _, wave in waves]
    top = float(levels[0].max())
    for axis, (title, wave), level in zip(axes, waves, levels, strict=True):
        image = axis.imshow(
            level - top,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=-DEPTH_DB,
            vmax=0,
            extent=(0, len(wave) / sample_rate, 0, sample_rate / 2000),
        )
        axis.set_ylabel("kHz")
        # A title may be a file name: not a formula, and perhaps not valid text.
        axis.set_title(title.encode(errors="replace").decode(), parse_math=False)
        _mark(axis, spans, "white")
    axes[-1].set_xlabel("s")
    figure.colorbar(image, ax=list(axes), label="dB")
    return figure


def waveform_figure(
    wave: Float[Tensor, " samples"], sample_rate: int, spans: Spans = ()
) -> "Figure":
    """The least and the greatest samples of a wave over time.

    Args:
        wave: The wave.
        sample_rate: Its sample rate in Hz.
        spans: Parts to mark.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2), layout="constrained")
    axis = figure.subplots()
    n = -(-len(wave) // N_EXTREMES)
    columns = np.pad(wave.float().numpy(), (0, -len(wave) % n), "edge").reshape(-1, n)
    seconds = (np.arange(len(columns)) + 0.5) * n / sample_rate
    axis.fill_between(seconds, columns.min(1), columns.max(1), linewidth=0.5, edgecolor="C0")
    axis.set_xlim(0, len(wave) / sample_rate)
    axis.set_xlabel("s")
    for span in spans:
        axis.axvspan(*span, color="C3", alpha=0.2, linewidth=0)
    _mark(axis, spans, "C3")
    return figure


def _mark(axis: "Axes", spans: Spans, colour: str) -> None:
    for second in (second for span in spans for second in span):
        axis.axvline(second, color=colour, linestyle="dashed", linewidth=1)


def _levels(wave: Float[Tensor, " samples"]) -> Float[np.ndarray, "bins columns"]:
    """Magnitudes in dB, in about `MAX_COLUMNS` frames at most."""
    hop = max(HOP_LENGTH, len(wave) // MAX_COLUMNS)
    padded = frames.pad(wave[None].float(), N_FFT // 2, "zeros")
    window = frames.hann(N_FFT, N_FFT, "periodic")
    magnitude = frames.stft(padded, window, hop)[0].abs()
    return (20 * torch.log10(magnitude.clamp(min=1e-7))).numpy()


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a PNG that appears whole or not at all."""
    with replacing(path) as temporary, warnings.catch_warnings():
        # A title in a script that the font lacks shows as boxes, which needs no warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(temporary, dpi=110)
