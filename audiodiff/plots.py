"""Pictures: spectrograms, loss curves and the times of runs."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Schedule
from audiodiff.atomic import replacing
from audiodiff.audio import frames
from audiodiff.diffusion.times import log_snr
from audiodiff.searched import Schedules

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_FFT = 1024
HOP_LENGTH = 256
DEPTH_DB = 90
MAX_COLUMNS = 4000


def spectrogram_figure(
    waves: Sequence[tuple[str, Float[Tensor, " _"]]], sample_rate: int
) -> "Figure":
    """Spectrograms above each other, on one scale in dB, the loudest bin of the first at 0.

    Args:
        waves: A title and a wave each.
        sample_rate: Of all of them, in Hz.
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
        # A file name is no formula, and may hold bytes that are no text.
        axis.set_title(title.encode(errors="replace").decode(), parse_math=False)
    axes[-1].set_xlabel("s")
    figure.colorbar(image, ax=list(axes), label="dB")
    return figure


def _levels(wave: Float[Tensor, " samples"]) -> Float[np.ndarray, "bins columns"]:
    """Magnitudes in dB; of a long wave only as many columns as a picture can show."""
    hop = max(HOP_LENGTH, len(wave) // MAX_COLUMNS)
    padded = frames.pad(wave[None].float(), N_FFT // 2, "zeros")
    window = frames.hann(N_FFT, N_FFT, "periodic")
    magnitude = frames.stft(padded, window, hop)[0].abs()
    return (20 * torch.log10(magnitude.clamp(min=1e-7))).numpy()


def curves_figure(records: Sequence[dict[str, Any]]) -> "Figure":
    """Training and dev loss against the step, from the records of a run's log."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    spectral = {name for record in records for name in record if name.startswith("dev/spectral")}
    for name in ("train/loss", "dev/loss", *sorted(spectral)):
        points = [(record["step"], record[name]) for record in records if name in record]
        if points:
            axis.plot(*zip(*points, strict=True), label=name)
            axis.set_yscale("log")
    axis.set(xlabel="step", ylabel="loss")
    axis.grid(alpha=0.3, which="both")
    if axis.lines:
        axis.legend()
    return figure


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


def schedules_figure(schedule: Schedule, schedules: Schedules) -> "Figure":
    """Each run's times as levels of log-SNR, and PESQ against the number of steps.

    Args:
        schedule: Of the model.
        schedules: What was found.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for sampler in sorted({name for name, _ in schedules}):
        found = [schedules[key] for key in sorted(schedules) if key[0] == sampler]
        for run in found:
            times = torch.tensor(run.times[:-1], dtype=torch.float64)
            # A time without any signal has no level: it is drawn at the nearest that has.
            levels = log_snr(schedule, times.clamp(max=1 - schedule.t_min))
            label = f"{sampler}, {run.n_steps}"
            left.plot(levels, [run.n_steps] * len(levels), "o-", label=label, alpha=0.7)
        counts = [run.n_steps for run in found]
        right.plot(counts, [run.pesq_wb for run in found], "o-", label=sampler)
    left.set(xlabel="log-SNR at the calls of the network", ylabel="steps")
    right.set(xlabel="steps", ylabel="PESQ")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(fontsize="small")
    return figure


def mels_figure(
    original: Float[Tensor, "n_mels frames"], made: Float[Tensor, "n_mels frames"]
) -> "Figure":
    """Two mels and their difference above each other, in the mels' own unit."""
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


def run_figure(schedule: Schedule, times: Float[Tensor, " times"]) -> "Figure":
    """The log-SNR of a schedule over time, with the times at which a run calls the network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    axis = figure.subplots()
    # Where there is no signal there is no level: drawn is the nearest time that has one.
    grid = torch.linspace(schedule.t_min, 1 - schedule.t_min, 200, dtype=torch.float64)
    axis.plot(grid, log_snr(schedule, grid), color="grey")
    calls = times[:-1].clamp(max=1 - schedule.t_min)
    axis.plot(calls, log_snr(schedule, calls), "o")
    axis.set(xlabel="time, from data to noise", ylabel="log-SNR")
    axis.grid(alpha=0.3)
    return figure


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes a PNG that appears whole or not at all."""
    with replacing(path) as temporary, warnings.catch_warnings():
        # A title in a script that the font lacks shows boxes, which is no reason to warn.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(temporary, dpi=110)
