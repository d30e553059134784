"""Priors: Gaussian noise whose covariance the mel decides, ``eps = color(white)``.

A network learns faster when the noise already has the loudness, or the colour, of the speech to
be made. `whiten` is the inverse: the network works in whitened coordinates and its loss is
measured there, so that quiet passages and quiet frequencies weigh as much as loud ones.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from audiodiff._types import Mel, Prior, Wave
from audiodiff.audio import frames
from audiodiff.audio.mel import MelConfig
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError


class PriorConfig(Config):
    """Which prior, and its figures.

    Attributes:
        kind: ``unit``, ``mel-energy`` (PriorGrad) or ``mel-spectral`` (SpecGrad-like).
        std_min: The least standard deviation, so that silence keeps some noise. With
            ``mel-energy`` it is a fraction of the greatest, with ``mel-spectral`` the level of
            noise, against full scale, under which the envelope never falls.
        energy_min: Of ``mel-energy``: frame energy, in mel amplitude, of a standard deviation 0.
        energy_max: Of ``mel-energy``: frame energy from which on the standard deviation is 1.
    """

    kind: Literal["unit", "mel-energy", "mel-spectral"] = "unit"
    std_min: float = Field(default=0.1, gt=0, le=1)
    energy_min: float = Field(default=0.0, ge=0)
    energy_max: float = Field(default=4.0, gt=0)

    @model_validator(mode="after")
    def _rising(self) -> "PriorConfig":
        if self.energy_min >= self.energy_max:
            raise ValueError(
                f"energy_min={self.energy_min} must be below energy_max={self.energy_max}"
            )
        return self


class Unit:
    """White noise of unit variance, whatever the mel."""

    radius = 0

    def __init__(self, config: PriorConfig, mel: MelConfig | None) -> None:
        """Needs nothing of either."""

    def color(self, white: Wave, mel: Mel | None) -> Wave:
        """The noise as it is."""
        return white

    def whiten(self, x: Wave, mel: Mel | None) -> Wave:
        """The wave as it is."""
        return x


class MelEnergy:
    """PriorGrad: white noise as loud as the frame (arXiv:2106.06406).

    ``std = clamp((min(sqrt(sum_m M_m), E_max) - E_min) / (E_max - E_min), std_min, 1)`` with M the
    linear mel amplitude, held over the frame's hop.
    """

    radius = 0

    def __init__(self, config: PriorConfig, mel: MelConfig | None) -> None:
        self.config = config
        self.mel = _needed(config, mel)

    def _std(self, mel: Mel | None) -> Wave:
        config = self.config
        energy = self.mel.amplitude(_given(mel)).sum(1).sqrt().clamp(max=config.energy_max)
        std = (energy - config.energy_min) / (config.energy_max - config.energy_min)
        return std.clamp(config.std_min, 1).repeat_interleave(self.mel.hop_length, -1)

    def color(self, white: Wave, mel: Mel | None) -> Wave:
        """Multiplies by the standard deviation."""
        return white * self._std(mel)

    def whiten(self, x: Wave, mel: Mel | None) -> Wave:
        """Divides by it."""
        return x / self._std(mel)


class MelSpectral:
    """Noise with the mel's spectral envelope, after SpecGrad (arXiv:2203.16749).

    ``color(x) = STFT^-1(G STFT(x))`` with a gain G per frame and bin, zero phase: the band's mean
    magnitude, interpolated over the bins between band centres and held beyond the outermost.
    `whiten` divides by G; it undoes `color` but for what neighbouring frames differ in.
    """

    def __init__(self, config: PriorConfig, mel: MelConfig | None) -> None:
        self.config = config
        self.mel = _needed(config, mel)
        self.radius = math.ceil(self.mel.n_fft / self.mel.hop_length)
        self.window = frames.hann(self.mel.win_length, self.mel.n_fft, self.mel.window)
        self.bands = _bin_weights(self.mel)
        # |X| of Gaussian noise has mean sqrt(pi) / 2 times its root mean square, which for white
        # noise of unit variance is sqrt(sum w^2) in every bin.
        mean_of_white = math.sqrt(math.pi) / 2 * self.mel.stft_window().square().sum().sqrt().item()
        self.bands /= mean_of_white

    def _gain(self, mel: Mel | None) -> Float[Tensor, "batch bins frames"]:
        amplitude = self.mel.amplitude(_given(mel)).float()
        with torch.autocast(amplitude.device.type, enabled=False):
            gain = self.bands.to(amplitude) @ amplitude
        return gain.clamp(min=self.config.std_min)

    def color(self, white: Wave, mel: Mel | None) -> Wave:
        """Filters by the envelope."""
        return self._filter(white, self._gain(mel))

    def whiten(self, x: Wave, mel: Mel | None) -> Wave:
        """Filters by the envelope's inverse."""
        return self._filter(x, 1 / self._gain(mel))

    def _filter(self, x: Wave, gain: Float[Tensor, "batch bins frames"]) -> Wave:
        config = self.mel
        window = self.window.to(x.device)
        spectrum = frames.stft(self._padded(x.float()), window, config.hop_length)
        return frames.overlap_add(
            spectrum * gain, window, config.hop_length, config.n_padding, x.shape[-1]
        )

    def _padded(self, x: Wave) -> Float[Tensor, "batch padded"]:
        """Silence around the wave, so that it has exactly the mel's frames."""
        left = self.mel.n_padding
        right = self.mel.n_fft - self.mel.hop_length - left
        return torch.nn.functional.pad(x, (left, right))


def _needed(config: PriorConfig, mel: MelConfig | None) -> MelConfig:
    if mel is None:
        raise AudiodiffError(
            f"prior.kind={config.kind!r} needs a mel, and this model has none; use 'unit'"
        )
    return mel


def _given(mel: Mel | None) -> Mel:
    assert mel is not None, "a prior that needs a mel belongs to a model that has one"
    return mel


def _bin_weights(config: MelConfig) -> Float[Tensor, "bins n_mels"]:
    """The matrix from mel amplitudes to mean magnitudes per bin, by linear interpolation."""
    filterbank = config.filterbank_matrix()
    bins = torch.arange(filterbank.shape[1], dtype=torch.float32)
    total = filterbank.sum(1)
    used = total > 0  # with many bands some fall between two bins and say nothing
    centres = ((filterbank @ bins) / total)[used]
    above = torch.searchsorted(centres, bins).clamp(1, len(centres) - 1)
    span = centres[above] - centres[above - 1]
    fraction = ((bins - centres[above - 1]) / span).clamp(0, 1)
    weights = torch.zeros(len(bins), len(centres))
    weights.scatter_(1, above[:, None], fraction[:, None])
    weights.scatter_(1, above[:, None] - 1, 1 - fraction[:, None])
    result = torch.zeros(len(bins), config.n_mels)
    result[:, used] = weights / total[used]
    return result


PRIORS: dict[str, Callable[[PriorConfig, MelConfig | None], Prior]] = {
    "unit": Unit,
    "mel-energy": MelEnergy,
    "mel-spectral": MelSpectral,
}
"""Every prior by the name that a config gives as ``kind``."""
