"""Scores made to follow listeners: PESQ for quality, ESTOI for intelligibility."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from audiodiff.audio.io import resample
from audiodiff.metrics._shared import Samples, check_pair, library, too_short

_PESQ_RATE = 16000
_PESQ_SECONDS = 20


def pesq_wb(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Wideband PESQ (ITU-T P.862.2), as MOS-LQO from about 1.04 to 4.64, the identity.

    Both are resampled to 16 kHz. Above 20 s the score is the mean over equal pieces of at most
    20 s that hold speech: the standard is made for utterances, and its code overruns its tables
    (and ends the process) from 50 utterances on, which 20 s cannot hold.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Of both, in Hz.

    Returns:
        The score, or NaN where PESQ is undefined: no speech found in the reference, an estimate
        without any power, or a clip under 0.25 s.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    if too_short(reference, sample_rate):
        return math.nan
    pair = [
        resample(np.asarray(wave, np.float32), sample_rate, _PESQ_RATE)
        for wave in (reference, estimate)
    ]
    n_pieces = math.ceil(len(pair[0]) / (_PESQ_SECONDS * _PESQ_RATE))
    pieces = zip(*(np.array_split(wave, n_pieces) for wave in pair), strict=True)
    scores = [score for piece in pieces if math.isfinite(score := _pesq_of_piece(*piece))]
    return float(np.mean(scores)) if scores else math.nan


def _pesq_of_piece(reference: Samples, estimate: Samples) -> float:
    pesq = library("pesq")
    if not (reference.any() and estimate.any()):
        return math.nan
    try:
        return float(pesq.pesq(_PESQ_RATE, reference, estimate, "wb"))
    except (pesq.NoUtterancesError, pesq.BufferTooShortError):
        return math.nan
    except ValueError:
        # Its answer to an estimate whose power vanishes in float32, which it cannot bring to
        # the listening level.
        return math.nan


def estoi(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Extended short-time objective intelligibility (Jensen & Taal 2016), 1 for the identity.

    The correlation of third-octave envelopes below 5 kHz in windows of 384 ms, over the frames
    in which the reference is within 40 dB of its loudest.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Of both, in Hz.

    Returns:
        The score, about 0 for a silent estimate, or NaN where it is undefined: a silent
        reference, or fewer than 30 frames (about 0.4 s) of speech.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    pystoi = library("pystoi")
    if too_short(reference, sample_rate) or not reference.any():
        return math.nan
    with warnings.catch_warnings(), _repeatable_numpy():
        # It warns and returns 1e-5, which a mean must not take for a score.
        warnings.filterwarnings("error", message="Not enough STFT frames", category=RuntimeWarning)
        try:
            return float(pystoi.stoi(reference, estimate, sample_rate, extended=True))
        except RuntimeWarning:
            return math.nan


@contextmanager
def _repeatable_numpy() -> Iterator[None]:
    # pystoi dithers its envelopes from numpy's global generator, which decides the score where
    # an estimate is silent; scoring shall neither depend on that generator nor move it.
    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)
