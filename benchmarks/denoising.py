"""Judges noise taken from recordings beside spectral gating and a Wiener filter, as a table.

White and pink noise of several levels are added to the test clips of every voice. PESQ and ViSQOL
compare with the originals; DNSMOS hears the result alone. Figures are means over clips, with 95 %
intervals. Spectral gating is noisereduce's: `pip install noisereduce`.
"""

from pathlib import Path

import numpy as np
import torch
from editing import Data, Limit, Model, Workers, clips_of, editor, head, judged_by, row
from jaxtyping import Float32
from scipy import signal
from script import machine, run_script

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.metrics.dnsmos import dnsmos
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.visqol import visqol

NOISES = [("white", 20), ("white", 10), ("pink", 20), ("pink", 10), ("none", 99)]
"""Colours of the noise, and signal-to-noise ratios in dB."""

PLAIN = ["nothing", "Wiener filter", "spectral gating"]
"""The rows without a model."""

QUIET = 0.15
"""Share of frames, the softest, that the Wiener filter takes for noise alone."""

Samples = Float32[np.ndarray, " _"]


def noise_of(colour: str, n: int, seed: int) -> Samples:
    """Noise of unit power, white, pink (3 dB less with each octave from 50 Hz on) or none."""
    white = np.random.default_rng(seed).standard_normal(n)
    if colour == "none":
        return np.zeros(n, np.float32)
    spectrum = np.fft.rfft(white)
    if colour == "pink":
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 50 * n / 22050))
    made = np.fft.irfft(spectrum, n)
    return (made / made.std()).astype(np.float32)


def wiener(wave: Samples, rate: int) -> Samples:
    """A Wiener filter, ``1 - N / P`` of each bin at least -26 dB, N that of the softest frames."""
    _, _, spectrum = signal.stft(wave, rate, nperseg=1024, noverlap=768)
    power = np.abs(spectrum) ** 2
    level = np.log(power + 1e-12).mean(0)
    floor = power[:, level <= np.quantile(level, QUIET)].mean(1, keepdims=True)
    gain = np.maximum(1 - floor / (power + 1e-12), 0.05)
    _, made = signal.istft(spectrum * gain, rate, nperseg=1024, noverlap=768)
    return made[: len(wave)].astype(np.float32)


def cleaned(wave: Samples, rate: int, by: str) -> Samples:
    """The wave with less noise.

    Args:
        wave: The wave.
        rate: Its sample rate in Hz.
        by: One of `PLAIN`, or a model.
    """
    if by == "nothing":
        return wave
    if by == "Wiener filter":
        return wiener(wave, rate)
    if by == "spectral gating":
        try:
            import noisereduce
        except ImportError as error:
            raise AudiodiffError("noisereduce is missing; pip install noisereduce") from error
        return np.asarray(noisereduce.reduce_noise(wave, rate), np.float32)
    return editor(by).denoise(torch.from_numpy(wave)[None], rate)[0].numpy()


def judged(clip: Path, colour: str, snr: int, by: str, seed: int) -> tuple[float, float, float]:
    """PESQ, ViSQOL and DNSMOS of a clip with noise of a level, after ``by``."""
    torch.set_num_threads(1)
    wave, rate = io.load(clip)
    noise = noise_of(colour, len(wave), seed) * wave.std() * np.float32(10 ** (-snr / 20))
    made = cleaned(wave + noise, rate, by)
    return pesq_wb(wave, made, rate), visqol(wave, made, rate), dnsmos(wave, made, rate)


def main(
    data: Data,
    model: Model = "speech-edit",
    limit: Limit = 10,
    workers: Workers = 2,
) -> None:
    """Measure how well noise is taken from recordings."""
    clips = clips_of(data, limit)
    kinds = [(colour, snr, name) for colour, snr in NOISES for name in (*PLAIN, model)]
    jobs = [(kind, (clip, *kind, seed)) for kind in kinds for seed, clip in enumerate(clips)]
    found = judged_by(judged, jobs, workers)
    print(f"{len(clips)} clips, {machine()}\n")
    print(head("noise", "by", "PESQ", "ViSQOL", "DNSMOS"))
    for (colour, snr, name), figures in found.items():
        noise = "none" if colour == "none" else f"{colour}, {snr} dB below"
        print(row((noise, name), figures, (2, 2, 2)))


if __name__ == "__main__":
    run_script(main)
