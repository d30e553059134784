"""Scores that predict those of listeners: PESQ for quality, ESTOI for intelligibility."""

import math
import warnings

import numpy as np

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library, repeatable_numpy
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair

_PESQ_RATE = 16000
_PESQ_SECONDS = 20


def pesq_wb(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Wideband PESQ (ITU-T P.862.2): MOS-LQO from about 1.04 to 4.64, which is the identity's.

    Both waves are resampled to 16 kHz. Above 20 s the score is the mean over equal pieces of at
    most 20 s that hold speech: the standard is meant for utterances, and from 50 of them on, more
    than fit into 20 s, its code overruns its tables and ends the process.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The score, or NaN where PESQ is undefined: no speech in the reference, an estimate of no
        power, or a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    if below_speech_limits(reference, sample_rate):
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
        # Raised where the estimate's power vanishes in float32, so that it cannot be brought to
        # the listening level.
        return math.nan


def estoi(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """Extended short-time objective intelligibility (Jensen & Taal 2016), 1 for the identity.

    The correlation of third-octave envelopes below 5 kHz in windows of 384 ms, over the frames
    in which the reference is within 40 dB of its loudest one.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The score, about 0 for a silent estimate, or NaN where it is undefined: a silent
        reference, or fewer than 30 frames (about 0.4 s) of speech.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `eval` extra is missing.
    """
    check_pair(reference, estimate)
    pystoi = library("pystoi")
    if below_speech_limits(reference, sample_rate) or not reference.any():
        return math.nan
    # pystoi dithers its envelopes, which decides the score of a silent estimate.
    with warnings.catch_warnings(), repeatable_numpy():
        # pystoi warns and returns 1e-5, which must not enter a mean as a score.
        warnings.filterwarnings("error", message="Not enough STFT frames", category=RuntimeWarning)
        try:
            return float(pystoi.stoi(reference, estimate, sample_rate, extended=True))
        except RuntimeWarning:
            return math.nan
