"""ViSQOL: quality predicted from how alike two auditory spectrograms are."""

import math
from functools import cache
from typing import Any

import numpy as np

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair

_RATE = 16000
_SHORTEST = 0.7
"""Seconds of the shortest clip: a patch of 0.4 s and the half patch that is skipped, and frames."""


def visqol(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """ViSQOL v3 (Chinen et al. 2020, arXiv:2004.09584) in speech mode, by its exponential mapping.

    Gammatone spectrograms of both waves at 16 kHz, 21 bands from 50 Hz to 8 kHz, are cut into
    patches of 0.4 s where the reference is active, each matched to the estimate's most alike, and
    their mean NSIM becomes ``1.245 (-262.8 + exp(0.01543 (NSIM + 361.1)))``: 5 for the identity.
    Google's library has this mapping unless told otherwise, so that published figures of vocoders
    are by it. The other, a lattice network, which its command line takes, gives some recordings
    less than what a vocoder makes of them.

    Neither level nor place counts, and the scale is a gentle one: 4 is a plainly noisy sound.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The predicted opinion from 1 to 5, or NaN if either is silent, or for a clip under 0.7 s or
        4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `judges` extra is missing.
    """
    check_pair(reference, estimate)
    api = _api()
    if below_speech_limits(reference, sample_rate) or len(reference) < _SHORTEST * sample_rate:
        return math.nan
    pair = [
        resample(np.asarray(wave, np.float32), sample_rate, _RATE).astype(np.float64)
        for wave in (reference, estimate)
    ]
    if not all(wave.any() for wave in pair):
        return math.nan
    return float(api.measure_from_arrays(*pair, _RATE).moslqo)


@cache
def _api() -> Any:
    api = library("visqol").VisqolApi()
    api.create(mode="speech", use_lattice_model=False)
    return api
