"""Which pairs of waves can be scored, and what is found in each wave once for several scores."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeAlias, TypeVar

import numpy as np
from jaxtyping import Float

from audiodiff.errors import AudiodiffError

MIN_RATE = 4000
"""The lowest sample rate, in Hz, for metrics of speech; at 500 Hz WORLD crashes the interpreter."""

Samples: TypeAlias = Float[np.ndarray, " samples"]
"""One channel, full scale at +-1."""

Found = TypeVar("Found")


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


def once_per_wave(
    analyse: Callable[[Samples, int], Found],
) -> Callable[[Samples, int], Found]:
    """Keeps what is found in the last two waves.

    Several metrics read it, and one recording is compared with many outputs in turn.
    """

    @lru_cache(maxsize=2)
    def kept(samples: bytes, sample_rate: int) -> Found:
        # A copy, as torch warns of arrays that cannot be written to.
        return analyse(np.frombuffer(samples, np.float32).copy(), sample_rate)

    @wraps(analyse)
    def found(wave: Samples, sample_rate: int) -> Found:
        return kept(np.asarray(wave, np.float32).tobytes(), sample_rate)

    return found
