"""A sound file with some of its samples replaced, and all others as they are, to the bit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import soundfile
from jaxtyping import Float, Shaped

from audiodiff.audio.reader import SoundReader, opened
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing

Codes: TypeAlias = Shaped[np.ndarray, "_ channels"]
"""Samples as a file stores them: integers in the upper bits of 16 or 32, or floats."""

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": np.float32, "DOUBLE": np.float64}
_BLOCK = 2**20
_MAX_WAV_BYTES = 2**32 - 2**16


class Patch(NamedTuple):
    """Samples that replace those of a file.

    Attributes:
        first: Place of the first of them in the file; beyond its end to add to it.
        wave: The samples, full scale at +-1.
    """

    first: int
    wave: Float[np.ndarray, "channels _"]


class Stored(NamedTuple):
    """The format in which samples are stored, as soundfile names it."""

    subtype: str

    @classmethod
    def of(cls, sound: SoundReader) -> "Stored":
        """That of a file, or 16 bits for a lossy one."""
        own = sound.subtype
        return cls(own if own in _BITS or own in _FLOATS else "PCM_16")

    @property
    def dtype(self) -> str:
        """The type of its samples in memory, which holds them exactly."""
        if self.subtype in _FLOATS:
            return np.dtype(_FLOATS[self.subtype]).name
        return "int16" if _BITS[self.subtype] <= 16 else "int32"

    @property
    def n_bytes(self) -> int:
        """Bytes of a sample in a file."""
        if self.subtype in _FLOATS:
            return np.dtype(self.dtype).itemsize
        return _BITS[self.subtype] // 8

    def codes(self, wave: Float[np.ndarray, "channels _"]) -> Codes:
        """The nearest codes of samples; those beyond full scale are clipped."""
        if self.subtype in _FLOATS:
            return wave.T.astype(self.dtype)
        bits = _BITS[self.subtype]
        full_scale = 2.0 ** (bits - 1)
        codes = np.clip(np.rint(wave.T * full_scale), -full_scale, full_scale - 1)
        made = codes.astype(self.dtype)
        return made << (8 * made.itemsize - bits)


def patched(source: Path, target: Path, patches: Sequence[Patch], max_hours: float) -> None:
    """Writes a copy of a sound file as a wav of the same rate, channels and depth, with patches.

    A file of a lossy format, such as mp3, is decoded to 16 bits. The copy is read again and
    compared before it gets its name.

    Args:
        source: The file.
        target: The copy, ending in .wav.
        patches: What to replace; they do not overlap.
        max_hours: Length of the longest file to read, in hours.

    Raises:
        AudiodiffError: If the file cannot be read, or the copy cannot be written.
    """
    with opened(source, max_hours) as sound:
        stored = Stored.of(sound)
        coded = {patch.first: stored.codes(patch.wave) for patch in patches}
        length = max([sound.n_samples, *(first + len(codes) for first, codes in coded.items())])
        n_bytes = length * sound.n_channels * stored.n_bytes
        kind = "WAV" if n_bytes < _MAX_WAV_BYTES else "RF64"
        with replacing(target) as temporary:
            # By descriptors, as `opened` reads.
            form = (sound.sample_rate, sound.n_channels, stored.subtype)
            with (
                temporary.open("w+b") as raw,
                soundfile.SoundFile(raw.fileno(), "w", *form, format=kind, closefd=False) as file,
            ):
                for block in _blocks(sound, stored, coded, length):
                    file.write(block)
            _compare(target, temporary, _blocks(sound, stored, coded, length), stored)


def _blocks(
    sound: SoundReader, stored: Stored, coded: Mapping[int, Codes], length: int
) -> Iterator[Codes]:
    """The samples of the copy."""
    size = max(1, _BLOCK // sound.n_channels)
    for start in range(0, length, size):
        block = sound.read(start, min(size, length - start), stored.dtype)
        for first, codes in coded.items():
            low, high = max(first, start), min(first + len(codes), start + len(block))
            if low < high:
                block[low - start : high - start] = codes[low - first : high - first]
        yield block


def _compare(name: Path, path: Path, blocks: Iterator[Codes], stored: Stored) -> None:
    """Reads a written file again, as libsndfile does not report a full disk reliably."""
    with path.open("rb") as raw, soundfile.SoundFile(raw.fileno(), closefd=False) as file:
        for block in blocks:
            if not np.array_equal(file.read(len(block), stored.dtype, always_2d=True), block):
                raise AudiodiffError(
                    f"{name} was not written as it should be; free space or check the disk"
                )
