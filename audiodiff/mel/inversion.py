"""The spectrum behind the bands of a mel."""

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.mel.envelope import Envelope
from audiodiff.mel.log_mel import MelConfig

FALL_BELOW = 6
"""The power of frequency with which amplitudes fall below the source's lowest band.

36 dB an octave: of 12, 24, 36, 48 and 180, the best for speech in PESQ. At 12 the sound has up to
16 dB too much at 40 to 80 Hz.
"""

LEAST_SHARE = 0.1
"""The least share of the envelope that a bin begins with; updates would leave a bin of 0 at 0."""

UPDATES = 10
"""Number of updates, after which the bands match those of speech to within 0.001 nepers."""


class Inversion:
    """Finds amplitudes of bins that give the bands of a mel.

    The first estimate is the filterbank's pseudo-inverse, but at least a share of the envelope. It
    is then updated to match the bands: ``x <- x M^T (m / (M x)) / M^T 1`` (Shepp and Vardi, IEEE
    TMI 1, 1982). Bins outside the source's bands get the level of the nearest one, and fall below
    the lowest as speech does.

    Args:
        source: Preset of the mel.
    """

    def __init__(self, source: MelConfig) -> None:
        self.filterbank = source.filterbank_matrix()
        n_bins = self.filterbank.shape[1]
        hertz = torch.arange(n_bins) * (source.sample_rate / source.n_fft)
        # At the highest frequency itself the last band's weight is 0.
        self.inside = (hertz >= source.f_min) & (hertz < source.highest_frequency)
        self.inverse = torch.linalg.pinv(self.filterbank.double()).float()
        lowest = hertz[self.filterbank[0].argmax()].clamp(min=1.0)
        fall = torch.where(hertz < source.f_min, (hertz / lowest) ** FALL_BELOW, 1.0)
        # The level of a bin as its bands' mean amplitude, without the envelope's factor for noise.
        weights = Envelope(source, source.n_fft, n_bins).weights
        self.level = fall[:, None] * weights / self.filterbank.sum(1).clamp(min=1e-12)

    def __call__(
        self, amplitude: Float[Tensor, "batch n_mels frames"]
    ) -> Float[Tensor, "batch bins frames"]:
        """The amplitudes of the bins, from those of the bands."""
        filterbank, level = self.filterbank.to(amplitude), self.level.to(amplitude) @ amplitude
        inside = self.inside.to(amplitude.device)[:, None]
        share = filterbank.sum(0).clamp(min=1e-12)[:, None]
        found = torch.maximum(self.inverse.to(amplitude) @ amplitude, LEAST_SHARE * level)
        found = torch.where(inside, found, level)
        for _ in range(UPDATES):
            lack = amplitude / (filterbank @ found).clamp(min=1e-12)
            found = torch.where(inside, found * (filterbank.T @ lack) / share, found)
        return found
