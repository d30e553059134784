"""Tries whether the likelihood under the digits model says how usual a recording is.

Held-out digits, drawn by seed 0, are judged as they are, with white noise, reversed in time, and
beside them foreign speech, cut at its loudest to the length of each digit and brought to its level.
The digits were recorded at 8 kHz and end at 4 kHz, which gives wider sounds away, so noise and
foreign speech are judged without what is above that too. None has a label. For each change there is
the area under the ROC curve, the chance that a changed clip has more bits than a digit as it is,
and the share of digits that have fewer bits than their own change.

    python benchmarks/likelihood.py path/to/digits path/to/voices --plot likelihood.png
"""

import json
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from quality import find_voices
from script import machine, run_script

from audiodiff.audio.io import Samples, load
from audiodiff.audio.plots import save_figure
from audiodiff.audio.resampling import resample
from audiodiff.data.corpus import clips_of
from audiodiff.pipelines.likelihood import LikelihoodMeter
from audiodiff.system.atomic import replacing

AS_THEY_ARE = "as they are"
DIGITS_RATE = 8000
"""Sample rate in Hz at which the digits were recorded."""

SNR = 10
"""Ratio of a clip to its noise in dB."""

Bits = Mapping[str, Sequence[float]]
"""The bits of each clip by kind of change."""


def narrow(wave: Samples, rate: int) -> Samples:
    """A sound as a recording at `DIGITS_RATE` has it."""
    return resample(resample(wave, rate, DIGITS_RATE), DIGITS_RATE, rate)[: len(wave)]


def noisy(wave: Samples, noise: Samples) -> Samples:
    """A clip with noise."""
    return wave + 10 ** (-SNR / 20) * as_loud(noise, wave)


def loudest(wave: Samples, n_samples: int) -> Samples:
    """The part of a sound with the most energy; a shorter sound has silence after it."""
    wave = np.pad(wave, (0, max(0, n_samples + 1 - len(wave))))
    energy = np.cumsum(np.concatenate([[0], np.square(wave, dtype=np.float64)]))
    first = int(np.argmax(energy[n_samples:] - energy[:-n_samples]))
    return wave[first : first + n_samples]


def faded(wave: Samples, rate: int) -> Samples:
    """A sound without clicks at its ends: 10 ms of it rise and fall."""
    n_edge = rate // 100
    edge = (1 - np.cos(np.pi * np.arange(n_edge) / n_edge)).astype(np.float32) / 2
    return np.concatenate([wave[:n_edge] * edge, wave[n_edge:-n_edge], wave[-n_edge:] * edge[::-1]])


def as_loud(wave: Samples, like: Samples) -> Samples:
    """A sound at the level of another."""
    return wave * (like.std() / wave.std())


def changed(wave: Samples, rate: int, other: Samples, seed: int) -> dict[str, Samples]:
    """A clip as it is and changed."""
    white = np.random.default_rng(seed).standard_normal(len(wave)).astype(np.float32)
    white, part = faded(white, rate), faded(loudest(other, len(wave)), rate)
    return {
        AS_THEY_ARE: wave,
        f"white noise at {SNR} dB": noisy(wave, white),
        "the same below 4 kHz": noisy(wave, narrow(white, rate)),
        "reversed": wave[::-1].copy(),
        "foreign speech": as_loud(part, wave),
        "its part below 4 kHz": as_loud(narrow(part, rate), wave),
    }


def area(usual: Sequence[float], unusual: Sequence[float]) -> float:
    """The area under the ROC curve: how often an unusual one has more, ties counting half."""
    differences = np.subtract.outer(np.array(unusual), np.array(usual))
    return float(((differences > 0) + (differences == 0) / 2).mean())


def row(kind: str, flow: Bits, bound: Bits) -> str:
    """A row of the table."""
    cells = [kind]
    for bits in (flow, bound):
        usual, own = bits[AS_THEY_ARE], bits[kind]
        cells.append(f"{np.mean(own):.2f} ± {np.std(own):.2f}")
        above = np.mean(np.array(own) > np.array(usual))
        cells += ["", ""] if kind == AS_THEY_ARE else [f"{area(usual, own):.2f}", f"{above:.2f}"]
    return f"| {' | '.join(cells)} |"


def plot(path: Path, bits: Bits, title: str) -> None:
    """A point for each clip, with lines from a clip as it is to what was made of it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axis = figure.subplots()
    for values in zip(*bits.values(), strict=True):
        axis.plot(range(len(values)), values, "o-", color="C0", alpha=0.4, linewidth=0.5)
    axis.set_xticks(range(len(bits)), [textwrap.fill(kind, 14) for kind in bits])
    axis.set(ylabel=title)
    axis.grid(alpha=0.3)
    save_figure(figure, path)


def main(
    data: Annotated[Path, typer.Argument(help="Folder of digits, with test.txt.")],
    voices: Annotated[Path, typer.Argument(help="Folder of voices, each with wavs/ and test.txt.")],
    clips: Annotated[int, typer.Option(help="Number of digits.", min=2)] = 30,
    steps: Annotated[int, typer.Option(help="Number of steps.", min=1)] = 8,
    probes: Annotated[int, typer.Option(help="Number of probes.", min=2)] = 2,
    model: Annotated[str, typer.Option(help="Model.")] = "digits",
    plot_to: Annotated[Path | None, typer.Option("--plot", help="Picture of all clips.")] = None,
    store: Annotated[Path | None, typer.Option("--json", help="File for all figures.")] = None,
) -> None:
    """Rank held-out digits and changed ones by their likelihood."""
    torch.set_num_threads(1)
    meter = LikelihoodMeter.from_pretrained(model, n_steps=steps, n_draws=probes)
    rate, digits = meter.sample_rate, list(clips_of(data, "test").items())
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
    chosen = [digits[i] for i in sorted(order[:clips].tolist())]
    speech = [path for voice in find_voices(voices, clips).values() for path in voice]
    start, names = time.process_time(), []
    flow: dict[str, list[float]] = {}
    bound: dict[str, list[float]] = {}
    errors, lengths = [], []
    for i, (id_, path) in enumerate(chosen):
        other = load(speech[i * len(speech) // clips], rate)[0]
        wave = load(path, rate)[0]
        kinds = changed(wave, rate, other, i)
        found = meter(torch.from_numpy(np.stack(list(kinds.values()))))
        for kind, *values in zip(kinds, found.flow.mean, found.bound.mean, strict=True):
            flow.setdefault(kind, []).append(values[0].item())
            bound.setdefault(kind, []).append(values[1].item())
        errors.append([found.flow.error.mean(), found.bound.error.mean()])
        lengths.append(len(wave))
        names.append(id_)
    seconds = time.process_time() - start
    error = "{:.3f} and {:.3f}".format(*np.mean(errors, 0))
    print(
        f"{len(names)} digits, {steps} steps, {probes} probes, mean error {error}, "
        f"{seconds:.0f} CPU s, {machine()}\n"
    )
    print("| clips | flow | area | pairs | bound | area | pairs |\n|---|---|---|---|---|---|---|")
    for kind in flow:
        print(row(kind, flow, bound))
    correlation = np.corrcoef(lengths, flow[AS_THEY_ARE])[0, 1]
    print(f"\nCorrelation of a digit's flow with its length: {correlation:.2f}")
    print(f"\n| flow of | {' | '.join(flow)} |\n|---{'|---' * len(flow)}|")
    for id_, *values in zip(names, *flow.values(), strict=True):
        print(f"| {id_} | {' | '.join(f'{value:.2f}' for value in values)} |")
    if plot_to is not None:
        plot(plot_to, flow, f"bits per number of the {meter.quantity}")
    if store is not None:
        with replacing(store) as temporary:
            figures = {"clips": names, "flow": flow, "bound": bound}
            temporary.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    run_script(main)
