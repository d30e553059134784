"""A sound file with some of its samples replaced, and all others as they are, to the bit."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from audiodiff.audio.reader import SoundReader, opened
from audiodiff.audio.tags import Tags
from audiodiff.audio.writer import BLOCK, Codes, stored_as, write_blocks


class Patch(NamedTuple):
    """Samples that replace those of a file.

    Attributes:
        first: Place of the first of them in the file; at its end to add to it.
        wave: The samples, full scale at +-1.
        channels: The channels of the file that they belong to.
    """

    first: int
    wave: Float[np.ndarray, "channels _"]
    channels: slice = slice(None)


def patched(
    source: Path,
    target: Path,
    patches: Sequence[Patch],
    max_hours: float,
    tags: Tags | None = None,
) -> None:
    """Writes a copy of a sound file as a wav of the same rate, channels and depth, with patches.

    A file of a lossy format, such as mp3, is decoded to 16 bits.

    Args:
        source: The file.
        target: The copy, ending in .wav.
        patches: What to replace; they do not overlap.
        max_hours: Length of the longest file to read, in hours.
        tags: Texts to store in the copy; None stores none.

    Raises:
        AudiodiffError: If the file cannot be read, or the copy cannot be written.
    """
    with opened(source, max_hours) as sound:
        stored = stored_as(sound.sample_rate, sound.n_channels, sound.subtype)
        coded = [(patch, stored.codes(patch.wave)) for patch in patches]
        length = max([sound.n_samples, *(patch.first + len(codes) for patch, codes in coded)])
        write_blocks(target, _blocks(sound, stored.dtype, coded, length), stored, length, tags)


def _blocks(
    sound: SoundReader, dtype: str, coded: Sequence[tuple[Patch, Codes]], length: int
) -> Iterator[Codes]:
    """The samples of the copy."""
    size = max(1, BLOCK // sound.n_channels)
    for start in range(0, length, size):
        block = sound.read(start, min(size, length - start), dtype)
        for (first, _, channels), codes in coded:
            low, high = max(first, start), min(first + len(codes), start + len(block))
            if low < high:
                block[low - start : high - start, channels] = codes[low - first : high - first]
        yield block
