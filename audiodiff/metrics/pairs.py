"""Which pairs of waves can be scored."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from audiodiff.errors import AudiodiffError

MIN_RATE = 4000
"""The lowest sample rate, in Hz, for metrics of speech; at 500 Hz WORLD crashes the interpreter."""

Samples: TypeAlias = Float[np.ndarray, " samples"]
"""One channel, full scale at +-1."""


def check_pair(reference: Float[np.ndarray, "..."], estimate: Float[np.ndarray, "..."]) -> None:
    """Refuses waves that no metric can compare.

    Raises:
        AudiodiffError: If either is not one channel of finite samples, or the lengths differ.
    """
    for name, wave in (("reference", reference), ("estimate", estimate)):
        if wave.ndim != 1:
            raise AudiodiffError(f"{name} has shape {wave.shape}; give one channel, (samples,)")
        n_bad = len(wave) - np.count_nonzero(np.isfinite(wave))
        if n_bad:
            raise AudiodiffError(
                f"{name} holds NaN or infinity in {n_bad} of {len(wave)} samples; mend what made it"
            )
    if len(reference) != len(estimate):
        raise AudiodiffError(
            f"reference has {len(reference)} samples and estimate {len(estimate)}; "
            "crop both to the same length"
        )


def too_short(wave: Samples, sample_rate: int) -> bool:
    """Whether a clip is below 0.25 s, PESQ's minimum, or 2048 samples, the longest window used."""
    return len(wave) < max(2048, sample_rate / 4)


def below_speech_limits(wave: Samples, sample_rate: int) -> bool:
    """Whether a clip is `too_short`, or its rate below `MIN_RATE`, for a metric of speech."""
    return sample_rate < MIN_RATE or too_short(wave, sample_rate)
