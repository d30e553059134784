"""DNSMOS: the opinion that a network has of a sound alone, without its reference."""

import math
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from audiodiff.audio.io import resample
from audiodiff.metrics.libraries import library
from audiodiff.metrics.pairs import Samples, below_speech_limits, check_pair, once_per_wave

_RATE = 16000


def dnsmos(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """The estimate's overall quality by DNSMOS P.835 (Reddy et al. 2022, arXiv:2110.01763).

    A network trained on opinions of noise suppressors hears 9 s at 16 kHz at a time (a shorter clip
    repeats), and never the reference. It knows noise and distortion, not whose voice or which words
    they were.

    Args:
        reference: The recording, of which only the length counts.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The predicted opinion from 1 to 5, or NaN for a silent estimate or a clip under 0.25 s or
        4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `judges` extra is missing.
    """
    check_pair(reference, estimate)
    return _overall(estimate, sample_rate)


def dnsmos_change(reference: Samples, estimate: Samples, sample_rate: int) -> float:
    """`dnsmos` of the estimate less that of the reference; negative: the estimate sounds worse.

    Recordings differ by more than good vocoders do, so that this shows what `dnsmos` hides.

    Args:
        reference: The recording.
        estimate: The resynthesis, of the same length.
        sample_rate: Sample rate of both, in Hz.

    Returns:
        The difference, or NaN if either is silent, or for a clip under 0.25 s or 4000 Hz.

    Raises:
        AudiodiffError: If the pair cannot be compared or the `judges` extra is missing.
    """
    check_pair(reference, estimate)
    return _overall(estimate, sample_rate) - _overall(reference, sample_rate)


@once_per_wave
def _overall(wave: Samples, sample_rate: int) -> float:
    judge = _judge()
    if below_speech_limits(wave, sample_rate) or not wave.any():
        return math.nan
    samples = np.clip(resample(wave, sample_rate, _RATE), -1, 1)
    return float(judge(samples, _RATE, False)["ovrl_mos"])


@cache
def _judge() -> Any:
    speechmos, onnxruntime = library("speechmos.dnsmos"), library("onnxruntime")
    models = files("speechmos") / "dnsmos_models"
    names = {"onnx_sess": "sig_bak_ovr.onnx", "p808_onnx_sess": "model_v8.onnx"}
    judge = speechmos.DNSMOS(*(str(models / name) for name in names.values()))
    # Its own sessions take every core, whatever else computes there.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for attribute, name in names.items():
        setattr(judge, attribute, onnxruntime.InferenceSession(str(models / name), options))
    return judge
