"""A mark in the sound itself, by Perth of Resemble AI (the extra ``provenance``).

A network shifts the magnitudes of the spectrogram below 2 kHz, by about 2 dB, where it was trained
to be heard least, and another tells marked spectrograms from others. The mark holds no message.
"""

import importlib
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audiodiff.audio.io import Piece, Samples
from audiodiff.audio.resampling import resample
from audiodiff.errors import AudiodiffError
from audiodiff.system.untrusted import DAMAGED, load_torch, why

NAME = "perth"
"""Its name in records."""

SURE = 0.9
"""The least confidence that is called a mark; `benchmarks/watermark.py` says how often it errs."""

RATE = 32000
"""Sample rate in Hz at which it is added and looked for."""

_HOP = 320
_SHORTEST = 7
"""Frames of the shortest sound, a little more than a window."""

_BLOCK = 20
"""Seconds of sound in memory at once."""

_CONTEXT = 1
"""Seconds on each side of a block that its mark depends on: what the networks see, and more."""

_WEIGHTS = "implicit/perth_net_250000.pth.tar"

_FAULTS: tuple[type[Exception], ...] = (ImportError, *DAMAGED)


def add(wave: Samples, sample_rate: int) -> Samples:
    """A sound with the mark.

    Args:
        wave: The sound, full scale at +-1; marked, it may exceed that.
        sample_rate: Its sample rate in Hz.

    Raises:
        AudiodiffError: If Perth is not installed, or the sample rate is below 500 Hz.
    """
    return np.concatenate(list(marked([wave], sample_rate)))


def marked(pieces: Iterable[Piece], sample_rate: int) -> Iterator[Piece]:
    """A sound with the mark, in pieces; joined, they do not depend on how they were cut.

    Args:
        pieces: The sound, full scale at +-1.
        sample_rate: Its sample rate in Hz.

    Raises:
        AudiodiffError: As for `add`.
    """
    size, context = _BLOCK * sample_rate, _CONTEXT * sample_rate
    held, before = np.zeros(0, np.float32), 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) >= before + size + context:
            seen = held[: before + size + context]
            yield (seen + _mark_of(seen, sample_rate))[before : before + size]
            held, before = held[before + size - context :], context
    if len(held):
        yield (held + _mark_of(held, sample_rate))[before:]


def confidence(pieces: Iterable[Piece], sample_rate: int) -> float:
    """How sure the detector is that a sound is marked, from 0 to 1; of silence, 0.

    It is the mean over blocks of 20 seconds: a marked part counts by its share of the sound.

    Args:
        pieces: The sound.
        sample_rate: Its sample rate in Hz.

    Raises:
        AudiodiffError: As for `add`.
    """
    size = _BLOCK * sample_rate
    held, total, n_samples = np.zeros(0, np.float32), 0.0, 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) >= size:
            total, n_samples = total + _found(held[:size], sample_rate) * size, n_samples + size
            held = held[size:]
    if len(held):
        total, n_samples = total + _found(held, sample_rate) * len(held), n_samples + len(held)
    return total / max(1, n_samples)


def check_installed() -> None:
    """Loads Perth.

    Raises:
        AudiodiffError: If it is not installed.
    """
    _perth()


def _mark_of(wave: Samples, sample_rate: int) -> Samples:
    """What the mark adds to a sound: above 16 kHz nothing, so that all else stays as it is."""
    heard = _heard(wave, sample_rate)
    with torch.no_grad():
        added = _perth().apply_watermark(heard, sample_rate=RATE) - heard
    added = resample(added, RATE, sample_rate)[: len(wave)]
    return np.pad(added, (0, len(wave) - len(added)))


def _found(wave: Piece, sample_rate: int) -> float:
    """The detector's confidence in one block."""
    heard = _heard(wave, sample_rate)
    if not heard.any():
        return 0.0
    with torch.no_grad():
        return float(_perth().get_watermark(heard, sample_rate=RATE, round=False))


def _heard(wave: Piece, sample_rate: int) -> Piece:
    """The sound as Perth takes it: at its rate, in whole frames, and not too short for one."""
    heard = resample(wave, sample_rate, RATE)
    n_frames = max(_SHORTEST, -(-len(heard) // _HOP))
    return np.pad(heard, (0, n_frames * _HOP - len(heard)))


@cache
def _perth() -> Any:
    """Perth's networks, with the weights that lie in its package.

    Its own loader would run code from the file of weights.
    """
    inside = "perth.perth_net.perth_net_implicit"
    try:
        with warnings.catch_warnings():
            # It finds its files by pkg_resources, which warns that it is deprecated.
            warnings.filterwarnings("ignore", message=".*pkg_resources")
            watermarker = importlib.import_module(f"{inside}.perth_watermarker")
        network = importlib.import_module(f"{inside}.model.perth_net")
        config = importlib.import_module(f"{inside}.config").default_hp
        net = network.PerthNet(config).eval()
        net.load_state_dict(
            load_torch(Path(watermarker.PREPACKAGED_MODELS_DIR) / _WEIGHTS)["model"]
        )
        return watermarker.PerthImplicitWatermarker(None, perth_net=net)
    except _FAULTS as error:
        raise AudiodiffError(
            f"the watermark needs resemble-perth, which does not load ({why(error)}); "
            'pip install "audiodiff-vocoder[provenance]"'
        ) from error
