"""Narrow recordings made wide: what lies above their band is made, and the band stays."""

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy import signal
from torch import Tensor

from audiodiff._types import Wave, WavePiece
from audiodiff.audio.bandwidth import bandwidth_of, power_of
from audiodiff.config import SampleRate, checked
from audiodiff.errors import AudiodiffError
from audiodiff.model.run import Run
from audiodiff.pipelines.infill import Infill, check_finite
from audiodiff.pipelines.passages import Recording, recording_of, remade

KEPT = 0.95
"""Share of a recording's bandwidth that is kept; its last part fades."""

WIDE = 0.85
"""Share of the model's bandwidth from which a recording is wide already."""

TRANSITION = 300.0
"""Hz in which what is made begins."""


class Upsampler(Infill):
    """Makes recordings of a narrow band wide with a diffusion model.

    The bands of the mel above the recording's are made from those that it holds, a vocoder makes
    the sound, and what it has above the recording's band takes the place of what the recording has
    there, such as the images that a resampler left.

    Examples:
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
        check_finite(wave)
        if bandwidth is None:
            bandwidth = bandwidth_of(power_of([wave.mean(0).numpy()]), rate)
        self.check_bandwidth(bandwidth, rate, "the wave")

        return torch.cat(list(self.pieces(recording_of(wave, rate), bandwidth, seed, n_steps)), 1)

    def check_bandwidth(self, bandwidth: float, rate: int, name: str) -> None:
        """Refuses a recording that is wide already, or a bandwidth that it cannot have.

        Args:
            bandwidth: Frequency in Hz at which its spectrum ends.
            rate: Its sample rate in Hz.
            name: What it is called in messages.

        Raises:
            AudiodiffError: Naming the bandwidth.
        """
        top = self.sample_rate / 2
        if not bandwidth > 0:
            raise AudiodiffError(f"bandwidth={bandwidth:g} is not above 0; give it in Hz")
        if bandwidth > rate / 2:
            raise AudiodiffError(
                f"bandwidth={bandwidth:g} but {name} of {rate} Hz holds nothing above "
                f"{rate / 2:g} Hz; give at most that"
            )
        if bandwidth > WIDE * top:
            raise AudiodiffError(
                f"{name} holds sound up to {bandwidth:.0f} Hz and the model makes it up to "
                f"{top:.0f}; there is nothing to add"
            )

    def pieces(
        self,
        recording: Recording,
        bandwidth: float,
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Iterator[WavePiece]:
        """The same in pieces, in bounded memory.

        Args:
            recording: The recording.
            bandwidth: Frequency in Hz at which its spectrum ends.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; the model's default if None.
        """
        run = self.run(seed, n_steps)
        make = partial(self._made, rate=recording.rate, bandwidth=bandwidth, run=run)
        return remade(recording, make, self.sample_rate)

    def _made(
        self, part: WavePiece, first: int, *, rate: int, bandwidth: float, run: Run
    ) -> WavePiece:
        """A part at the model's rate, with what it lacks."""
        n = round(part.shape[1] * self.sample_rate / rate)
        low, gain = self.levelled(part, rate)
        mel = self.mel(low)
        mask = torch.ones_like(mel)
        mask[:, self.mel_config.n_bands_below(KEPT * bandwidth) :] = 0
        if not mask.all():
            mel = self.filled_mel(mel, mask, run, offset=self.frames(first))
        sound = self.sound(mel, run).cpu()
        low = low.cpu()
        return ((low + _above(KEPT * bandwidth, self.sample_rate, sound - low)) / gain)[:, :n]


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
