"""Decoded clips that training crops from, in memory or in a file."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int16, Int64

from audiodiff._types import Condition
from audiodiff.errors import AudiodiffError

FULL_SCALE = 32768
SAMPLE = np.dtype("<i2")
"""The type of decoded samples: 16 bit, with rounding noise at -98 dBFS."""


class Clips:
    """Clips one after another in an array of 16-bit samples, in memory or mapped from a file.

    Attributes:
        sample_rate: Sample rate of all clips, in Hz.
        ids: Id of each clip.
        lengths: Length of each clip in samples.
        offsets: First sample of each clip in ``samples``.
        samples: Samples of all clips, one clip after another.
        n_samples: Number of samples of all clips.
        hop_length: Number of samples of which the first sample of a crop is a multiple.

    Args:
        samples: Samples of all clips, one clip after another.
        ids: Id of each clip.
        lengths: Length of each clip in samples.
        sample_rate: Sample rate of all clips, in Hz.
    """

    hop_length = 1

    def __init__(
        self,
        samples: Int16[np.ndarray, " n_samples"],
        ids: Sequence[str],
        lengths: Sequence[int],
        sample_rate: int,
    ) -> None:
        self.samples, self.sample_rate, self.ids = samples, sample_rate, tuple(ids)
        self.lengths: Int64[np.ndarray, " clips"] = np.array(lengths, dtype=np.int64)
        self.offsets: Int64[np.ndarray, " clips"] = np.cumsum(self.lengths) - self.lengths
        self.n_samples = len(samples)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def duration(self) -> float:
        """Duration of all clips in seconds."""
        return self.n_samples / self.sample_rate

    def condition(
        self, i: int, start: int, n_samples: int, rng: np.random.Generator | None = None
    ) -> Condition:
        """What goes with part of clip i beside its sound, as a batch of one: nothing here.

        Args:
            i: Index of the clip.
            start: First sample within the clip.
            n_samples: Length of the part in samples.
            rng: What draws one of several possibilities, such as the phrasing of a text; None for
                the first.
        """
        return {}

    def at(self, k: int) -> "Clips":
        """The clips that item k of the training sequence is cut from: all of them, see `Source`."""
        return self

    def wave(self, i: int) -> Float[np.ndarray, " samples"]:
        """Clip i in full, float32 in [-1, 1)."""
        return self.crop(i, 0, int(self.lengths[i]))

    def crop(self, i: int, start: int, n_samples: int) -> Float[np.ndarray, " n_samples"]:
        """Part of clip i in float32, with zeros after the clip's end.

        Args:
            i: Index of the clip.
            start: First sample within the clip.
            n_samples: Length of the crop in samples.

        Raises:
            AudiodiffError: If the clip has no sample ``start``.
        """
        length = int(self.lengths[i])
        if not 0 <= start < length:
            raise AudiodiffError(
                f"start={start} lies outside clip {self.ids[i]} of {length} samples; "
                f"choose 0 to {length - 1}"
            )
        begin = int(self.offsets[i]) + start
        kept = self.samples[begin : begin + min(n_samples, length - start)]
        wave = np.zeros(n_samples, dtype=np.float32)
        np.divide(kept, np.float32(FULL_SCALE), out=wave[: len(kept)])
        return wave


@runtime_checkable
class Source(Protocol):
    """What the items of the training sequence are cut from.

    Attributes:
        ids: Names of the clips or shards, which identify the source.
    """

    ids: tuple[str, ...]

    def at(self, k: int) -> Clips:
        """The clips that item k is cut from."""
        ...
