"""Mels of many sounds, as they are and in scales that no preset has, for the doctor.

A sound is speech of one voice, or one in eight times tones, noise and clicks; it is cut, filtered,
made noisy, silenced in parts, turned down and rounded at random. A third of the mels are smoothed
in time and frequency, as predicted ones are.
"""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff import PRESETS, AudiodiffError, LogMel
from audiodiff.audio import frames, io
from audiodiff.mel.figures import figures
from audiodiff.mel.recognition import OWN, UNKNOWN, Kind, kinds
from audiodiff.mel.scales import SCALES, Bands, alike
from audiodiff.system.folders import files_below

RATE = 24000
"""The highest rate of a preset, at which sounds are made."""

SECONDS = (0.3, 10.0)
LEVELS = (-40.0, 0.0)
"""The least and the greatest length, and peak in dBFS."""

CLIPS_PER_VOICE = 60

N_SCALES = 3
"""Number of scales of each preset in which a sound is seen."""

PART = 25
"""Number of sounds that a process makes at once."""

FLOAT_LEAST = 1e-9

Samples = Float[np.ndarray, " samples"]
Example = tuple[Kind, str, Bands]
"""What a mel is, the very preset, and the mel."""


def voices(folders: Sequence[Path], listed: str) -> list[list[Path]]:
    """Some clips of each voice: those that the folder's list names, or all below the folder.

    Raises:
        AudiodiffError: If a folder holds no clips.
    """
    return [_clips(folder, folder / listed) for folder in folders]


def _clips(folder: Path, names: Path) -> list[Path]:
    found = files_below(folder, io.AUDIO_SUFFIXES)
    if names.is_file():
        by_name = {path.stem: path for path in found}
        found = [by_name[name] for name in names.read_text().split()]
    if not found:
        raise AudiodiffError(f"{folder} holds no clips; give folders of voices")
    return found[:CLIPS_PER_VOICE]


def parts(first: int, n_sounds: int) -> list[range]:
    """The seeds of sounds, `PART` in each range."""
    seeds = range(first, first + n_sounds)
    return [seeds[start : start + PART] for start in range(0, n_sounds, PART)]


@lru_cache(maxsize=2048)
def _clip(path: Path) -> Samples:
    return io.load(path, RATE)[0]


def examples(
    clips: Sequence[Sequence[Path]], seeds: Iterable[int], n_scales: int
) -> Iterator[Example]:
    """For each seed, a sound's mels: of each group of presets its own, and of some scales."""
    for seed in seeds:
        rnd = random.Random(seed)
        wave = _sound(clips, rnd)
        smooth = (rnd.uniform(0.3, 2.5), rnd.uniform(0.2, 1.5)) if rnd.random() < 0.33 else None
        for n_mels in sorted({config.n_mels for config in PRESETS.values()}):
            yield from _of_bands(wave, n_mels, smooth, n_scales, rnd)


def _of_bands(
    wave: Samples,
    n_mels: int,
    smooth: tuple[float, float] | None,
    n_scales: int,
    rnd: random.Random,
) -> Iterator[Example]:
    known = kinds(n_mels)
    for preset in dict.fromkeys(kind.preset for kind in known if kind.preset):
        name = rnd.choice(alike(preset))
        mel, energy = _bands(name, wave)
        scales = [kind.scale for kind in known if kind.preset == preset and kind.scale != OWN]
        for scale in [OWN, *rnd.sample(scales, min(n_scales, len(scales)))]:
            values = _in_scale(scale, mel, energy, name, rnd)
            yield (
                Kind(preset, scale),
                name,
                values if smooth is None else _smoothed(values, *smooth),
            )
    for standard in (False, True):
        yield Kind(None, UNKNOWN), UNKNOWN, _no_sound(n_mels, standard, rnd)


def _in_scale(scale: str, mel: Bands, energy: Bands, name: str, rnd: random.Random) -> Bands:
    config = PRESETS[name]
    if scale == OWN:
        return config.compress(mel)
    values = SCALES[scale].values(mel, energy, config)
    if scale.startswith("normalised"):
        # By the figures of a corpus, which are not those of the clip.
        values = values * rnd.uniform(0.8, 1.25) + rnd.uniform(-0.4, 0.4)
    return values


@cache
def _front_end(name: str) -> LogMel:
    return LogMel(PRESETS[name])


def _bands(name: str, wave: Samples) -> tuple[Bands, Bands]:
    """Magnitudes and energies of a preset's bands."""
    config, front_end = PRESETS[name], _front_end(name)
    at_rate = io.resample(wave.astype(np.float32), RATE, config.sample_rate)
    padded = frames.pad(torch.from_numpy(at_rate)[None], config.n_padding, config.pad_mode)
    magnitude = frames.stft(padded, front_end.window, config.hop_length).abs()[0]
    return front_end.filterbank @ magnitude, front_end.filterbank @ magnitude.square()


def _sound(clips: Sequence[Sequence[Path]], rnd: random.Random) -> Samples:
    low, high = SECONDS
    n = int(math.exp(rnd.uniform(math.log(low), math.log(high))) * RATE)
    noise = np.random.default_rng(rnd.getrandbits(32))
    wave = (
        _artificial(n, rnd, noise) if rnd.random() < 0.125 else _speech(n, rnd.choice(clips), rnd)
    )
    if rnd.random() < 0.3:
        wave = _with_pauses(wave, rnd)
    if rnd.random() < 0.3:
        wave = _within_a_band(wave, rnd)
    wave = wave / max(np.abs(wave).max(), FLOAT_LEAST)
    if rnd.random() < 0.35:
        level = wave.std() * 10 ** (-rnd.uniform(0, 45) / 20)
        wave = wave + level * _noise(n, noise, pink=rnd.random() < 0.5)
    wave = wave * 10 ** (rnd.uniform(*LEVELS) / 20) / max(np.abs(wave).max(), FLOAT_LEAST)
    return np.round(wave * 32768) / 32768 if rnd.random() < 0.4 else wave


def _speech(n: int, clips: Sequence[Path], rnd: random.Random) -> Samples:
    parts: list[Samples] = []
    while (left := n - sum(map(len, parts))) > 0:
        clip = _clip(rnd.choice(clips))
        start = rnd.randrange(max(1, len(clip) - left + 1))
        parts.append(clip[start : start + left])
    return np.concatenate(parts).astype(np.float64)


def _artificial(n: int, rnd: random.Random, noise: np.random.Generator) -> Samples:
    """Gliding tones, noise and clicks, each of them at a random level."""
    t = np.arange(n) / RATE
    f0 = math.exp(rnd.uniform(math.log(60), math.log(2000)))
    phase = 2 * np.pi * f0 * (t + 0.05 * rnd.random() * np.sin(2 * np.pi * rnd.uniform(0.2, 6) * t))
    n_harmonics = rnd.choice([1, 3, min(40, int(9000 / f0) + 1)])
    tone = np.sum([np.sin(k * phase) / k for k in range(1, n_harmonics + 1)], axis=0)
    clicks = (noise.random(n) < 2 / RATE).astype(float)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * rnd.uniform(0.1, 4) * t)
    parts = (tone * swell, 0.3 * _noise(n, noise, pink=rnd.random() < 0.5), clicks)
    levels = [rnd.choice([0, 1, rnd.random()]) for _ in parts]
    return np.sum([level * part for level, part in zip(levels, parts, strict=True)], axis=0)


def _noise(n: int, noise: np.random.Generator, pink: bool) -> Samples:
    white = noise.standard_normal(n)
    if not pink:
        return white
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(1, np.arange(n // 2 + 1)))
    made = np.fft.irfft(spectrum, n)
    return made / max(made.std(), FLOAT_LEAST)


def _with_pauses(wave: Samples, rnd: random.Random) -> Samples:
    """The wave with up to three pauses of digital silence, each in less than most of it."""
    wave = wave.copy()
    for _ in range(rnd.randint(1, 3)):
        start, length = rnd.randrange(len(wave)), int(rnd.uniform(0.1, 1.0) * RATE)
        if length < 0.7 * len(wave):
            wave[start : start + length] = 0
    return wave


def _within_a_band(wave: Samples, rnd: random.Random) -> Samples:
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    high = rnd.choice([3400, 4000, 5500, 7000, 8000, 9500])
    low = rnd.choice([0, 0, 60, 80, 150, 300])
    gain = 1 / np.sqrt(1 + (hertz / high) ** (2 * rnd.choice([8, 20, 60])))
    if low:
        gain /= np.sqrt(1 + (low / np.maximum(hertz, 1)) ** (2 * rnd.choice([2, 4, 8])))
    return np.fft.irfft(np.fft.rfft(wave) * gain, len(wave))


def _smoothed(values: Bands, frames_: float, bands: float) -> Bands:
    """The values smoothed by Gaussians of these standard deviations, in frames and bands."""
    padded = torch.nn.functional.pad(values[None, None], (6, 6, 4, 4), mode="replicate")
    kernel = _gaussian(bands, 4)[:, None] * _gaussian(frames_, 6)[None]
    return torch.nn.functional.conv2d(padded, kernel[None, None])[0, 0]


def _gaussian(std: float, radius: int) -> Float[Tensor, " width"]:
    weights = (-0.5 * (torch.arange(-radius, radius + 1) / std) ** 2).exp()
    return weights / weights.sum()


def _no_sound(n_mels: int, standard: bool, rnd: random.Random) -> Bands:
    """Random numbers instead of a mel, some smoothed, as they are drawn or of any spread."""
    generator = torch.Generator().manual_seed(rnd.getrandbits(32))
    size = (n_mels, int(math.exp(rnd.uniform(math.log(26), math.log(900)))))
    drawn = rnd.choice([torch.randn, torch.rand])(size, generator=generator)
    if rnd.random() < 0.3:
        drawn = _smoothed(drawn, rnd.uniform(0.3, 2.0), rnd.uniform(0.3, 1.5))
        drawn = (drawn - drawn.mean()) / drawn.std()
    return drawn if standard else drawn * math.exp(rnd.uniform(-4, 2)) + rnd.uniform(-12, 2)


def figures_of(
    clips: Sequence[Sequence[Path]], seeds: Iterable[int], n_scales: int
) -> dict[tuple[int, Kind], Float[np.ndarray, "several n_figures"]]:
    """The figures of examples, by number of bands and kind."""
    found: dict[tuple[int, Kind], list[Tensor]] = {}
    for kind, _, mel in examples(clips, seeds, n_scales):
        found.setdefault((len(mel), kind), []).append(figures(mel))
    return {key: torch.stack(several).numpy() for key, several in found.items()}
