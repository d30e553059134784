"""Triangular filters that are evenly spaced on the mel scale.

librosa makes the same filters, but importing it compiles code and stores it in a folder of the
user's, which not every machine has.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

Scale = Literal["slaney", "htk"]
Values = Float64[np.ndarray, " values"]

LINEAR = 200 / 3
"""Hz of one mel of Slaney's scale below `KNEE`."""

KNEE = 1000.0
"""Frequency in Hz from which Slaney's scale is logarithmic."""

LOG_STEP = np.log(6.4) / 27
"""Logarithm of the ratio of frequencies one mel of Slaney's scale apart, from `KNEE`."""


def filterbank(
    sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float, scale: Scale
) -> Float32[np.ndarray, "n_mels bins"]:
    """The weight of each bin of an STFT in each band.

    Args:
        sample_rate: Sample rate in Hz.
        n_fft: Length of the transform in samples.
        n_mels: Number of bands.
        f_min: Lowest frequency of the first band, in Hz.
        f_max: Highest frequency of the last band, in Hz.
        scale: ``slaney`` with filters of unit area, or ``htk`` with filters of unit height.
    """
    ends = mels_of_hz(np.array([f_min, f_max], np.float64), scale)
    corners = hz_of_mels(np.linspace(ends[0], ends[1], n_mels + 2), scale)
    offsets = corners[:, None] - np.fft.rfftfreq(n_fft, 1 / sample_rate)[None]
    widths = np.diff(corners)[:, None]
    rising, falling = -offsets[:-2] / widths[:-1], offsets[2:] / widths[1:]
    weights = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    if scale == "htk":
        return weights
    areas = (corners[2:] - corners[:-2])[:, None] / 2
    return (weights * (1 / areas)).astype(np.float32)


def mels_of_hz(frequencies: Values, scale: Scale) -> Values:
    """Frequencies in mel."""
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + frequencies / 700.0)
    above = KNEE / LINEAR + np.log(np.maximum(frequencies, KNEE) / KNEE) / LOG_STEP
    return np.where(frequencies >= KNEE, above, frequencies / LINEAR)


def hz_of_mels(mels: Values, scale: Scale) -> Values:
    """The inverse of `mels_of_hz`."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    knee = KNEE / LINEAR
    above = KNEE * np.exp(LOG_STEP * (mels - knee))
    return np.where(mels >= knee, above, mels * LINEAR)
