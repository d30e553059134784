"""Filters of waves."""

import numpy as np
from jaxtyping import Float32

from audiodiff.errors import AudiodiffError


def high_passed(
    wave: Float32[np.ndarray, " samples"], sample_rate: int, cutoff: float
) -> Float32[np.ndarray, " samples"]:
    """The wave without what lies below a frequency, and all else in its place.

    A Butterworth filter of order 2 runs over it forwards and then backwards, which cancels its
    phase: the gain at ``f`` is ``1 / (1 + (cutoff / f)^4)``, -6 dB at the cutoff.

    Args:
        wave: Wave to filter.
        sample_rate: Sample rate of the wave, in Hz.
        cutoff: Frequency in Hz.

    Raises:
        AudiodiffError: If the cutoff is not between 0 and half the sample rate.

    Examples:
        >>> time = np.arange(22050, dtype=np.float32) / 22050
        >>> hum, tone = (np.sin(2 * np.pi * f * time) for f in (10, 1000))
        >>> made = high_passed(hum + tone, 22050, 40.0)
        >>> bool(np.abs(made - tone)[2000:-2000].max() < 0.01)
        True
    """
    from scipy.signal import butter, sosfiltfilt

    check_cutoff("cutoff", cutoff, sample_rate)
    sections = butter(2, cutoff, "highpass", fs=sample_rate, output="sos")
    # The nine samples that scipy continues a wave by at its ends, if it has so many.
    return sosfiltfilt(sections, wave, padlen=min(9, len(wave) - 1)).astype(np.float32)


def check_cutoff(name: str, cutoff: float, sample_rate: int) -> None:
    """Refuses a frequency that a wave of this sample rate does not have."""
    if not 0 < cutoff < sample_rate / 2:
        raise AudiodiffError(
            f"{name}={cutoff:g} must lie between 0 and half the sample rate of {sample_rate} Hz"
        )
