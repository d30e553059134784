"""Judges narrow recordings made wide beside plain resampling, as a Markdown table.

The test clips of every voice are resampled to each rate and made wide again. LSD and ViSQOL
compare with the originals; the part of the error in the given band is that up to 0.95 of what the
clip kept. Figures are means over clips, with 95 % intervals.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from editing import Data, Limit, Model, Workers, clips_of, head, in_words, judged_by
from jaxtyping import Float32
from script import machine, run_script

from audiodiff import Upsampler
from audiodiff.audio import io
from audiodiff.metrics.bands import lsd
from audiodiff.metrics.visqol import visqol

RATES = (8000, 11025, 16000)
RESAMPLING = "resampling"
"""The name of the row without a model."""

KEPT = 0.85
"""Share of half the rate that resampling leaves as it is."""

Samples = Float32[np.ndarray, " _"]


@cache
def upsampler(name: str) -> Upsampler:
    """The upsampler, which a process loads once."""
    return Upsampler.from_pretrained(name)


def judged(clip: Path, rate: int, name: str) -> tuple[float, float, float]:
    """LSD, ViSQOL, and the change of the given band in dB of its power.

    Args:
        clip: The clip.
        rate: The sample rate to which it is brought in Hz.
        name: A model, or `RESAMPLING`.
    """
    torch.set_num_threads(1)
    wave, own_rate = io.load(clip)
    narrow = io.resample(wave, own_rate, rate)
    plain = _fitted(io.resample(narrow, rate, own_rate), len(wave))
    made = plain
    if name != RESAMPLING:
        upsampled = upsampler(name).upsample(torch.from_numpy(narrow)[None], rate)[0].numpy()
        made = _fitted(io.resample(upsampled, upsampler(name).sample_rate, own_rate), len(wave))
    change = _power(made - plain, own_rate, KEPT * rate / 2) / _power(
        plain, own_rate, KEPT * rate / 2
    )
    change_db = float(10 * np.log10(change + 1e-20))
    return lsd(wave, made, own_rate), visqol(wave, made, own_rate), change_db


def _fitted(wave: Samples, n: int) -> Samples:
    return np.pad(wave[:n], (0, max(0, n - len(wave))))


def _power(wave: Samples, rate: int, below: float) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    return float(spectrum[np.fft.rfftfreq(len(wave), 1 / rate) < below].sum())


def main(
    data: Data,
    model: Model = "speech-edit",
    limit: Limit = 10,
    workers: Workers = 2,
) -> None:
    """Measure how well narrow recordings are made wide."""
    clips = clips_of(data, limit)
    kinds = [(rate, name) for rate in RATES for name in (RESAMPLING, model)]
    jobs = [(kind, (clip, *kind)) for kind in kinds for clip in clips]
    print(f"{len(clips)} clips, {machine()}\n")
    print(head("from (Hz)", "by", "LSD (dB)", "ViSQOL", "change of the given band (dB)"))
    for (rate, name), figures in judged_by(judged, jobs, workers).items():
        far, vis, change = zip(*figures, strict=True)
        worst = "-" if name == RESAMPLING else f"{max(change):.0f} at most"
        print(f"| {rate} | {name} | {in_words(far, 1)} | {in_words(vis, 2)} | {worst} |")


if __name__ == "__main__":
    run_script(main)
