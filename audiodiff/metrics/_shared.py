"""What every metric shares: the libraries of the `eval` extra, and which pairs can be scored."""

import warnings
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from audiodiff.errors import AudiodiffError

Samples: TypeAlias = Float[np.ndarray, " samples"]
"""One channel, full scale at +-1."""

LIBRARIES = ("pesq", "pystoi", "auraloss.freq", "pyworld")
"""The modules that the `eval` extra brings."""


def library(name: str) -> ModuleType:
    """Imports one of `LIBRARIES`.

    Raises:
        AudiodiffError: If it, or something that it needs, is not installed.
    """
    try:
        with warnings.catch_warnings():
            # pyworld reads its version through pkg_resources, which announces its own retirement;
            # the extra pins a setuptools that still has it, so there is nothing for a user to do.
            warnings.filterwarnings("ignore", message=".*pkg_resources")
            return import_module(name)
    except ImportError as error:
        raise AudiodiffError(
            f"evaluation needs {name} ({error}): pip install 'audiodiff-vocoder[eval]'"
        ) from error


def check_pair(reference: Float[np.ndarray, "..."], estimate: Float[np.ndarray, "..."]) -> None:
    """Refuses what no metric can compare.

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
    """Whether a clip is below 0.25 s, PESQ's least, or 2048 samples, the longest window here."""
    return len(wave) < max(2048, sample_rate / 4)
