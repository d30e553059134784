"""Measures the cost of a stream at each latency and whether its seams stand out, as a table.

A recording's mel is given to `Vocoder.stream` frame by frame. The first sound comes after the
latency, spent waiting, plus the time to compute the first piece. The spectral flux is the mean
change of the log-magnitudes from frame to frame. The flux at each seam is ranked among that of all
frames of the same stream: seams that stand out have ranks near 1, seams like any other frame 0.5 on
average. What the recording itself does there is shown by the ranks at the same places of the whole.
"""

import statistics
import time
from pathlib import Path
from typing import Annotated

import torch
import typer
from script import run_script

from audiodiff import Vocoder
from audiodiff._types import Mel, Wave
from audiodiff.audio import frames, io

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
LATENCIES = (0.1, 0.25, 0.5, 1.0, 2.0)
N_FFT, HOP = 512, 128


def flux(wave: Wave) -> list[float]:
    """The spectral flux at each frame; frame m begins at sample m * HOP."""
    window = frames.hann(N_FFT, N_FFT, "periodic")
    levels = frames.stft(wave, window, HOP)[0].abs().clamp(min=1e-4).log()
    return levels.diff(dim=1).abs().mean(0).tolist()


def mean_rank(wave: Wave, seams: list[int]) -> float:
    """The mean rank, from 0 to 1, of the peak flux near each seam among the peaks everywhere."""
    values = flux(wave)
    reach = N_FFT // HOP
    peaks = [max(values[m : m + reach]) for m in range(len(values) - reach)]
    at_seams = [peaks[(seam - N_FFT) // HOP] for seam in seams if 0 <= seam - N_FFT < len(wave[0])]
    return statistics.mean(sum(peak < here for peak in peaks) / len(peaks) for here in at_seams)


def row(vocoder: Vocoder, mel: Mel, whole: Wave, latency: float) -> list[str]:
    """The table cells of one latency."""
    pieces, first = [], 0.0
    start = time.perf_counter()
    for piece in vocoder.stream(mel.split(1, 2), latency):
        first = first or time.perf_counter() - start
        pieces.append(piece)
    spent = time.perf_counter() - start
    stream = torch.cat(pieces, 1)
    seams = torch.tensor([piece.shape[1] for piece in pieces[:-1]]).cumsum(0).tolist()
    difference = (stream - whole).square().mean().sqrt() / whole.square().mean().sqrt()
    seconds = whole.shape[1] / vocoder.sample_rate
    return [
        f"{latency:g}",
        f"{latency + first:.2f}",
        f"{spent / seconds:.3f}",
        f"{len(seams)}",
        f"{mean_rank(stream, seams):.2f}",
        f"{mean_rank(whole, seams):.2f}",
        f"{difference:.2f}",
    ]


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")] = CLIP,
    seconds: Annotated[
        float,
        typer.Option(help="Seconds of the recording to stream; it is repeated if shorter.", min=1),
    ] = 30,
    threads: Annotated[int, typer.Option(help="Number of CPU threads.", min=1)] = 2,
    model: Annotated[str, typer.Option(help="Model: a directory, a hub id or a name.")] = "default",
) -> None:
    """Measure the cost and the seams of a stream at several latencies."""
    torch.set_num_threads(threads)
    vocoder = Vocoder.from_pretrained(model)
    wave = torch.from_numpy(io.load(clip, vocoder.sample_rate)[0])
    n = int(seconds * vocoder.sample_rate)
    mel = vocoder.mel(vocoder.whole_frames(wave.repeat(n // len(wave) + 1)[None, :n]))
    whole = vocoder(mel)
    print(f"Model {model}, {seconds:g} s of {clip.name}, {threads} threads.\n")
    heads = ["latency, s", "first sound, s", "real-time factor", "seams", "rank of their flux"]
    heads += ["in the whole", "RMS difference from the whole"]
    lines = [heads, ["---"] * len(heads), *(row(vocoder, mel, whole, at) for at in LATENCIES)]
    print("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


if __name__ == "__main__":
    run_script(main)
