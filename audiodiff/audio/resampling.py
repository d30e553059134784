"""Band-limited resampling (soxr, high quality), whole or in pieces."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from jaxtyping import Float32

from audiodiff.config import MAX_RATE
from audiodiff.errors import AudiodiffError

MAX_RATIO = 64
"""The greatest factor by which a sample rate is raised."""


def resample(
    wave: Float32[np.ndarray, " samples"], from_rate: int, to_rate: int
) -> Float32[np.ndarray, " resampled"]:
    """The wave at another rate; with equal rates, the wave itself.

    Raises:
        AudiodiffError: If a rate is not positive or is to be raised by more than `MAX_RATIO`, or
            the wave is too short to leave a sample.

    >>> resample(np.zeros(22050, np.float32), 22050, 16000).shape
    (16000,)
    """
    check_ratio(from_rate, to_rate)
    if from_rate == to_rate:
        return wave
    made = soxr.resample(wave, from_rate, to_rate, quality="HQ")
    return check_not_empty(made, len(wave), from_rate, to_rate)


def check_not_empty(
    made: Float32[np.ndarray, " resampled"],
    n_samples: int,
    from_rate: int,
    to_rate: int,
    name: str = "the wave",
) -> Float32[np.ndarray, " resampled"]:
    """Returns a resampled wave; refuses one without samples."""
    if len(made) == 0:
        raise AudiodiffError(
            f"{name} has {n_samples} samples at {from_rate} Hz, less than one at {to_rate} Hz; "
            "give a longer one"
        )
    return made


def resampled(
    pieces: Iterable[Float32[np.ndarray, "batch _"]], from_rate: int, to_rate: int
) -> Iterator[Float32[np.ndarray, "batch _"]]:
    """Resamples waves in pieces; joined, the results are the waves as `resample` returns them.

    Raises:
        AudiodiffError: If a rate is not positive, or is to be raised by more than `MAX_RATIO`.
    """
    check_ratio(from_rate, to_rate)
    if from_rate == to_rate:
        yield from pieces
        return
    stream: soxr.ResampleStream | None = None
    held: Float32[np.ndarray, "batch _"] | None = None
    for piece in pieces:
        if stream is None:
            stream = soxr.ResampleStream(from_rate, to_rate, len(piece), "float32", "HQ")
        elif held is not None:
            yield stream.resample_chunk(np.ascontiguousarray(held.T)).T
        held = piece
    if stream is not None and held is not None:
        yield stream.resample_chunk(np.ascontiguousarray(held.T), last=True).T


def check_rate(name: str, rate: int) -> None:
    """Refuses an impossible sample rate."""
    if not 1 <= rate <= MAX_RATE:
        raise AudiodiffError(f"{name}={rate} is not a rate; give 1 to {MAX_RATE} Hz")


def check_ratio(from_rate: int, to_rate: int, name: str = "the wave") -> None:
    """Refuses rates between which sound cannot be resampled; ``name`` names it in the message."""
    check_rate("from_rate", from_rate)
    check_rate("to_rate", to_rate)
    if to_rate > MAX_RATIO * from_rate:
        raise AudiodiffError(
            f"{name} has a sample rate of {from_rate} Hz, too low to be resampled to {to_rate}; "
            f"give sound of {-(-to_rate // MAX_RATIO)} Hz or more"
        )
