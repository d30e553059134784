"""The spectral envelope that a mel describes."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.audio.frames import Gain
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig


class Envelope:
    """The spectral envelope that a mel describes, in units of white noise.

    The mean magnitude of each band, interpolated linearly over the bins between band centres and
    held beyond the outermost, divided by that of white noise of unit variance. White noise
    multiplied by the envelope is thus as loud as the sound in every band.

    Args:
        mel: Preset of the mel.
        n_fft: Length of the spectrum's transform, which may differ from the mel's.
        n_bins: Number of bins of the spectrum, from 0 Hz on.
        above_f_max: Factor for the bins above the mel's highest frequency, of which the mel says
            nothing.

    Attributes:
        weights: (n_bins, n_mels), the interpolation of values of the bands over the bins.

    Raises:
        AudiodiffError: If fewer than two bands of the mel hold any bin.
    """

    def __init__(self, mel: MelConfig, n_fft: int, n_bins: int, above_f_max: float = 1.0) -> None:
        self.mel = mel
        filterbank = mel.filterbank_matrix()
        total = filterbank.sum(1)
        hertz = torch.arange(filterbank.shape[1]) * (mel.sample_rate / mel.n_fft)
        used = total > 0  # narrow bands may fall between two bins and hold nothing
        if used.sum() < 2:
            raise AudiodiffError(
                f"a mel from f_min={mel.f_min} to {mel.highest_frequency} Hz holds too few bins of "
                f"n_fft={mel.n_fft} for an envelope; raise n_fft or f_max"
            )
        centres = (filterbank @ hertz)[used] / total[used]
        bins = torch.arange(n_bins) * (mel.sample_rate / n_fft)
        self.weights = torch.zeros(n_bins, mel.n_mels)
        self.weights[:, used] = _interpolation(centres, bins)
        # |X| of Gaussian noise has mean sqrt(pi) / 2 times its root mean square, which for white
        # noise of unit variance is sqrt(sum w^2) in every bin.
        mean_of_white = math.sqrt(math.pi) / 2 * mel.white_level
        self.matrix = self.weights / (total.clamp(min=1e-12) * mean_of_white)
        self.matrix[bins > mel.highest_frequency] *= above_f_max

    def __call__(self, mel: Mel, floor: float) -> Gain:
        """The envelope of a mel, at least ``floor`` everywhere."""
        amplitude = self.mel.amplitude(mel).float()
        with torch.autocast(amplitude.device.type, enabled=False):
            gain = self.matrix.to(amplitude) @ amplitude
        return gain.clamp(min=floor)


def _interpolation(
    centres: Float[Tensor, " bands"], bins: Float[Tensor, " bins"]
) -> Float[Tensor, "bins bands"]:
    """Weights of linear interpolation from the centres to the bins, held outside the centres."""
    above = torch.searchsorted(centres, bins).clamp(1, len(centres) - 1)
    span = centres[above] - centres[above - 1]
    fraction = ((bins - centres[above - 1]) / span).clamp(0, 1)
    weights = torch.zeros(len(bins), len(centres))
    weights.scatter_(1, above[:, None], fraction[:, None])
    weights.scatter_(1, above[:, None] - 1, 1 - fraction[:, None])
    return weights
