"""Voices made of tones, and noise of known level, for metrics."""

import numpy as np

RATE = 22050


def tone(f0, seconds=1.5, rate=RATE):
    """Harmonics of f0 up to 5 kHz, their amplitudes falling as 1/k."""
    t = np.arange(round(seconds * rate)) / rate
    harmonics = range(1, int(5000 / f0) + 1)
    return 0.1 * sum(np.sin(2 * np.pi * k * f0 * t) / k for k in harmonics).astype(np.float32)


def babble(seconds=1.5, rate=RATE, rhythm=3.0):
    """A gliding voice in syllables of noise-free vowels over a faint floor."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (140 * t - 10 * np.cos(2 * np.pi * t) / (2 * np.pi))
    voice = sum(np.sin(k * phase) / k for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * rhythm * t), 0, 1)
    floor = 1e-4 * np.random.default_rng(7).standard_normal(len(t))
    return (0.1 * voice * syllables + floor).astype(np.float32)


def noisy(wave, snr, seed=0):
    noise = np.random.default_rng(seed).standard_normal(len(wave)) * wave.std()
    return (wave + 10 ** (-snr / 20) * noise).astype(np.float32)


def pauses(floor=0.0, seconds=2.0):
    """Tone and pause, half a second each, over noise of ``floor`` dBFS (0 for none)."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = tone(150, seconds) * (t % 1 < 0.5)
    return wave + at_level(floor, len(wave), seed=3) if floor else wave


def at_level(dbfs, n_samples, seed=0):
    noise = np.random.default_rng(seed).standard_normal(n_samples)
    return (10 ** (dbfs / 20) * noise).astype(np.float32)
