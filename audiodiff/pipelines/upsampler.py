"""Narrow recordings made wide: what lies above their band is made, and the band stays."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy import signal
from torch import Tensor

from audiodiff._types import Wave, WavePiece
from audiodiff.audio.bandwidth import bandwidth_of, power_of
from audiodiff.config import SampleRate, Seed, checked
from audiodiff.errors import AudiodiffError
from audiodiff.model.run import Run
from audiodiff.pipelines.infill import Infill, check_shape, each_resampled, gain_to_level

PIECE_SECONDS, CONTEXT_SECONDS = 30, 1
"""Length of the pieces in which a long recording is made, and what each hears on either side."""

SEAM_SECONDS = 0.05
"""Length of the crossfade from one piece to the next."""

KEPT = 0.95
"""Share of a recording's bandwidth that is kept; its last part fades."""

WIDE = 0.9
"""Share of the model's bandwidth from which a recording is wide already."""

TRANSITION = 300.0
"""Hz in which what is made begins."""

Read: TypeAlias = Callable[[int, int], Float[Tensor, "channels _"]]
"""Gives samples of a recording by the first of them and their number."""


class Upsampler(Infill):
    """Makes recordings of a narrow band wide with a diffusion model.

    The bands of the mel above the recording's are made from those that it holds, a vocoder makes
    the sound, and what it has above the recording's band is added to the recording.

    Example:
        >>> upsampler = Upsampler.from_pretrained("speech-edit")
        >>> upsampler.upsample(torch.randn(1, 8000) / 10, 8000).shape
        torch.Size([1, 22050])
    """

    def upsample(
        self,
        wave: Float[Tensor, "channels samples"],
        sample_rate: int,
        bandwidth: float | None = None,
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Float[Tensor, "channels upsampled"]:
        """A recording at the model's rate, with sound above its own band.

        Args:
            wave: The recording, full scale at +-1.
            sample_rate: Its sample rate in Hz.
            bandwidth: Frequency in Hz at which its spectrum ends; found if None.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; the model's default if None.

        Raises:
            AudiodiffError: If the wave has another shape or holds NaN, or there is nothing to add.
        """
        rate = checked(SampleRate, sample_rate, "sample_rate")
        check_shape(wave)
        if not torch.isfinite(wave).all():
            raise AudiodiffError("the wave holds NaN or infinity; mend what made it")
        if bandwidth is None:
            bandwidth = bandwidth_of(power_of([wave.mean(0).numpy()]), rate)
        self.check_bandwidth(bandwidth, "the wave")

        def read(first: int, n: int) -> Float[Tensor, "channels n"]:
            return wave[:, first : first + n]

        pieces = self.pieces(read, wave.shape[1], rate, bandwidth, seed, n_steps)
        return torch.cat(list(pieces), 1)

    def check_bandwidth(self, bandwidth: float, name: str) -> None:
        """Refuses a recording that is wide already, or a bandwidth without a band.

        Raises:
            AudiodiffError: Naming the bandwidth.
        """
        top = self.sample_rate / 2
        if not bandwidth > 0:
            raise AudiodiffError(f"bandwidth={bandwidth:g} is not above 0; give it in Hz")
        if bandwidth > WIDE * top:
            raise AudiodiffError(
                f"{name} holds sound up to {bandwidth:.0f} Hz and the model makes it up to "
                f"{top:.0f}; there is nothing to add"
            )

    def pieces(
        self,
        read: Read,
        n_samples: int,
        rate: int,
        bandwidth: float,
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Iterator[WavePiece]:
        """The same in pieces, in bounded memory.

        Args:
            read: Gives parts of the recording.
            n_samples: Its length in samples.
            rate: Its sample rate in Hz.
            bandwidth: Frequency in Hz at which its spectrum ends.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; the model's default if None.
        """
        seed = checked(Seed, seed, "seed")
        n_seam, tail = round(SEAM_SECONDS * self.sample_rate), None
        for start in range(0, n_samples, PIECE_SECONDS * rate):
            end = min(n_samples, start + PIECE_SECONDS * rate)
            first = max(0, start - CONTEXT_SECONDS * rate)
            part = read(first, min(n_samples, end + CONTEXT_SECONDS * rate) - first)
            made = self._made(part, rate, bandwidth, self.run(len(part), seed, n_steps))
            # A piece begins with a second, so at a whole sample at every rate.
            made = made[:, (start - first) // rate * self.sample_rate :]
            n = round((end - start) * self.sample_rate / rate)
            if tail is not None:
                made = _faded(tail, made)
            tail = made[:, n : n + n_seam]
            yield made[:, :n]

    def _made(
        self, part: Float[Tensor, "channels _"], rate: int, bandwidth: float, run: Run
    ) -> WavePiece:
        """A part at the model's rate, with what it lacks."""
        n = round(part.shape[1] * self.sample_rate / rate)
        low = each_resampled(part.float(), rate, self.sample_rate, self.whole(n))
        gain = gain_to_level(low, torch.ones(1, low.shape[1]))
        mel = self.mel((gain * low).to(self.model.device))
        mask = torch.ones_like(mel)
        mask[:, self.mel_config.n_bands_below(KEPT * bandwidth) :] = 0
        if not mask.all():
            mel = self.filled_mel(mel, mask, run)
        sound = self.sound(mel, run).cpu() / gain
        return (low + _above(KEPT * bandwidth, self.sample_rate, sound))[:, :n]


def _faded(before: WavePiece, after: WavePiece) -> WavePiece:
    """A piece that begins as the one before it ends."""
    n = min(before.shape[1], after.shape[1])
    rising = (torch.arange(n) + 0.5) / n
    start = (1 - rising) * before[:, :n] + rising * after[:, :n]
    return torch.cat([start, after[:, n:]], 1)


def _above(hertz: float, rate: int, wave: Wave) -> Wave:
    """What a wave holds above a frequency, below which it has less than -90 dB."""
    filtered = signal.fftconvolve(wave.numpy(), _high_pass(hertz, rate)[None], "same", axes=1)
    return torch.from_numpy(filtered).to(wave)


@cache
def _high_pass(hertz: float, rate: int) -> Float64[np.ndarray, " taps"]:
    """A filter of linear phase (a Kaiser window's of 100 dB)."""
    n, beta = signal.kaiserord(100.0, TRANSITION / (rate / 2))
    window = ("kaiser", beta)
    made: Float64[np.ndarray, " taps"] = signal.firwin(
        n | 1, hertz + TRANSITION / 2, window=window, pass_zero=False, fs=rate
    )
    return made
