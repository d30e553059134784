"""Wav files of any depth and number of channels, written in blocks and read again."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import soundfile
from jaxtyping import Float, Shaped

from audiodiff.audio.tags import Tags, append_tags
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing

Codes: TypeAlias = Shaped[np.ndarray, "_ channels"]
"""Samples as a file stores them: integers in the upper bits of 16 or 32, or floats."""

_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": "float32", "DOUBLE": "float64"}
_MAX_WAV_BYTES = 2**32 - 2**16
BLOCK = 2**20
"""Samples of all channels in a block."""


class Stored(NamedTuple):
    """How the samples of a file are stored.

    Attributes:
        sample_rate: Sample rate in Hz.
        n_channels: Number of channels.
        subtype: The format of a sample, as soundfile names it: ``PCM_`` and its bits, ``FLOAT`` or
            ``DOUBLE``.
    """

    sample_rate: int
    n_channels: int
    subtype: str

    @property
    def dtype(self) -> str:
        """The type of samples in memory, which holds them exactly."""
        if self.subtype in _FLOATS:
            return _FLOATS[self.subtype]
        return "int16" if _BITS[self.subtype] <= 16 else "int32"

    @property
    def n_bytes(self) -> int:
        """Bytes of a sample of all channels."""
        bits = _BITS.get(self.subtype, 8 * np.dtype(self.dtype).itemsize)
        return self.n_channels * bits // 8

    def codes(self, wave: Float[np.ndarray, "channels _"]) -> Codes:
        """The nearest codes of samples, full scale at +-1; those beyond it are clipped."""
        if self.subtype in _FLOATS:
            return wave.T.astype(self.dtype)
        bits = _BITS[self.subtype]
        full_scale = 2.0 ** (bits - 1)
        codes = np.clip(np.rint(wave.T * full_scale), -full_scale, full_scale - 1)
        made = codes.astype(self.dtype)
        return made << (8 * made.itemsize - bits)


def stored_as(sample_rate: int, n_channels: int, subtype: str) -> Stored:
    """How to store samples of any file; those of a lossy format with 16 bits."""
    lossless = subtype in _BITS or subtype in _FLOATS
    return Stored(sample_rate, n_channels, subtype if lossless else "PCM_16")


def write_blocks(
    path: Path,
    blocks: Iterable[Codes],
    stored: Stored,
    n_samples: int,
    tags: Tags | None = None,
) -> None:
    """Writes a wav whose samples come in blocks, whole or not at all.

    It is read again before it gets its name, as libsndfile does not report a full disk reliably.

    Args:
        path: File to write, ending in .wav; its folder is created, an existing file replaced.
        blocks: Samples of all channels.
        stored: How they are stored.
        n_samples: Number of samples of all blocks; beyond 4 GB the file is an RF64, without tags.
        tags: Texts to store in the file; None stores none.

    Raises:
        AudiodiffError: If the file cannot be written.
    """
    kind = "WAV" if n_samples * stored.n_bytes < _MAX_WAV_BYTES else "RF64"
    with replacing(path) as temporary, temporary.open("w+b") as raw:
        checksum = 0
        # By its descriptor: libsndfile refuses names that this locale cannot decode.
        with soundfile.SoundFile(raw.fileno(), "w", *stored, format=kind, closefd=False) as file:
            for block in blocks:
                checksum = zlib.crc32(np.ascontiguousarray(block).data, checksum)
                file.write(block)
        if _checksum(temporary, stored) != checksum:
            raise AudiodiffError(
                f"{path} was not written as it should be; free space or check the disk"
            )
        if tags is not None and kind == "WAV":
            append_tags(temporary, tags)


def _checksum(path: Path, stored: Stored) -> int:
    checksum, size = 0, max(1, BLOCK // stored.n_channels)
    with path.open("rb") as raw, soundfile.SoundFile(raw.fileno(), closefd=False) as file:
        while len(block := file.read(size, stored.dtype, always_2d=True)):
            checksum = zlib.crc32(block.data, checksum)
    return checksum
