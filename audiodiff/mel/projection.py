"""The projection onto a mel: a wave filtered until it has a given mel."""

import math
from collections.abc import Iterator
from fractions import Fraction

import torch
from jaxtyping import Complex
from torch import Tensor

from audiodiff._types import Mel, Wave
from audiodiff.audio import frames
from audiodiff.mel.envelope import Envelope
from audiodiff.mel.log_mel import LogMel, MelConfig

LIMIT = 1.2
"""Greatest correction of a band in one pass, in nepers: factors from 0.3 to 3.3."""

MOMENTUM = (0.95, 0.8)
"""The share of a pass's change that is added again, after the first pass and after the last. Much
momentum finds better phases, little settles on them. With more than this, the last bit of a sum
decides some phases, so that two runtimes would make two sounds."""

GUARD_BINS = 8
"""Bins between the mel's highest frequency and half the rate at which passes work."""


def momentum(n_passes: int) -> Iterator[float]:
    """The share of its change that each pass after the first adds again."""
    first, last = MOMENTUM
    for n in range(1, n_passes):
        yield first + (last - first) * n / n_passes


class MelProjection:
    """Filters a wave until its mel is the given one: phase retrieval from a mel.

    A pass multiplies the spectrum, per frame and bin, by the ratio of the given mel to the
    wave's own, interpolated from bands to bins in the logarithm, and turns it back into a wave.
    That is an iteration of Griffin and Lim's algorithm (IEEE TASSP 32, 1984) with the momentum of
    its fast form (Perraudin, Balazs and Sondergaard, WASPAA 2013), here falling from pass to pass.
    Unlike there, magnitudes are not fixed: the fine structure within a band, which the mel does not
    describe, stays the wave's own, and so does everything below the mel's lowest frequency and
    above its highest. Passes work below the highest, at the lowest sample rate that allows it.

    Args:
        log_mel: Front-end that computes the mel.
    """

    def __init__(self, log_mel: LogMel) -> None:
        config = log_mel.config
        self.log_mel = log_mel
        self.top = config.n_covered_bins(config.n_fft)
        n_fft = _reduced(config, 2 * (self.top + GUARD_BINS))
        n_bins = n_fft // 2 + 1
        scale = Fraction(n_fft, config.n_fft)
        self.hop_length, self.n_padding, win_length = (
            int(n * scale) for n in (config.hop_length, config.n_padding, config.win_length)
        )
        self.window = frames.hann(win_length, n_fft, config.window)
        # Magnitudes at the lower rate are sums over fewer samples, by this factor.
        self.factor = (config.stft_window().sum() / self.window.sum()).item()
        self.filterbank = log_mel.filterbank[:, :n_bins]
        self.weights = Envelope(config, config.n_fft, n_bins).weights
        # Bins below the first band, such as 0 Hz, would otherwise grow with its corrections.
        self.weights[: self.filterbank.sum(0).nonzero()[0, 0]] = 0

    def __call__(self, wave: Wave, mel: Mel, n_passes: int) -> Wave:
        """The wave after ``n_passes`` passes.

        Args:
            wave: Wave to project, (batch, frames x hop_length).
            mel: Mel to project it onto, (batch, n_mels, frames).
            n_passes: Number of passes.
        """
        if not n_passes:
            return wave
        config = self.log_mel.config
        sizes, window = (config.hop_length, config.n_padding), config.stft_window().to(wave.device)
        spectrum = frames.stft(frames.silence_around(wave, config.n_fft, *sizes), window, sizes[0])
        low = self._sound(spectrum[:, : len(self.window) // 2 + 1] / self.factor, mel.shape[2])
        low = self._passes(low, config.amplitude(mel).log(), n_passes)
        n_kept = min(self.top, len(self.window) // 2 + 1)
        kept = self._spectrum(low)[:, :n_kept] * self.factor
        joined = torch.cat([kept, spectrum[:, n_kept:]], 1)
        return frames.overlap_add(joined, window, *sizes, wave.shape[-1])

    def _passes(self, wave: Wave, wanted: Mel, n_passes: int) -> Wave:
        """Passes at the lower rate, with momentum."""
        before = wave = self._pass(wave, wanted)
        for factor in momentum(n_passes):
            after = self._pass(wave, wanted)
            wave = after + factor * (after - before)
            before = after
        return before

    def _pass(self, wave: Wave, wanted: Mel) -> Wave:
        config, spectrum = self.log_mel.config, self._spectrum(wave)
        magnitude = spectrum.abs() * self.factor
        energy = magnitude if config.power == 1 else magnitude**config.power
        own = config.amplitude(config.compress(self.filterbank.to(energy) @ energy)).log()
        correction = torch.clamp(wanted - own, -LIMIT, LIMIT)
        gain = (self.weights.to(correction) @ correction).exp()
        return self._sound(spectrum * gain, wanted.shape[2])

    def _spectrum(self, wave: Wave) -> Complex[Tensor, "batch bins frames"]:
        """The STFT of a wave at the lower rate."""
        n_fft, window = len(self.window), self.window.to(wave.device)
        padded = frames.silence_around(wave, n_fft, self.hop_length, self.n_padding)
        return frames.stft(padded, window, self.hop_length)

    def _sound(self, spectrum: Complex[Tensor, "batch bins frames"], n_frames: int) -> Wave:
        """The wave of an STFT at the lower rate."""
        window, n_samples = self.window.to(spectrum.device), n_frames * self.hop_length
        return frames.overlap_add(spectrum, window, self.hop_length, self.n_padding, n_samples)


def _reduced(config: MelConfig, at_least: int) -> int:
    """The shortest transform for a lower rate at which hop, padding and window are whole numbers.

    It is even and has no prime factor above 5, so that it is fast.
    """
    unit = config.n_fft // math.gcd(
        config.n_fft, config.hop_length, config.n_padding, config.win_length
    )
    # A transform that is only a little shorter would save nothing.
    lengths = (n for n in range(unit, config.n_fft * 9 // 10, unit) if n >= at_least and n % 2 == 0)
    return next((n for n in lengths if _is_smooth(n)), config.n_fft)


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1
