"""The size that a wav header states, which libsndfile does not compare with the file's."""

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

N_CHUNKS = 1000
"""The most chunks that are looked through for the samples."""

SLACK = 64
"""Bytes by which a header may overstate the size: some writers count the header itself."""

FORMS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"BW64": "<"}
"""Byte orders of wav files by their first bytes."""


class WavSize(NamedTuple):
    """The size of a wav file's samples.

    Attributes:
        stated: Bytes of samples by the header; None if it leaves that open, as a stream's does.
        present: Bytes from the first sample to the end of the file.
        unclosed: Whether the header states no bytes and was never completed.
    """

    stated: int | None
    present: int
    unclosed: bool

    @property
    def cut(self) -> bool:
        """Whether samples are missing."""
        return self.stated is not None and self.stated > self.present + SLACK


def read_wav_size(file: BinaryIO) -> WavSize | None:
    """Reads the size of a wav file's samples; None for another format, or without samples."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    order = FORMS.get(head[:4])
    if order is None or head[8:] != b"WAVE":
        return None
    riff, wide = struct.unpack(f"{order}I", head[4:8])[0], 0
    place = 12
    for _ in range(N_CHUNKS):
        file.seek(place)
        chunk = file.read(24)
        if len(chunk) < 8:
            return None
        size = struct.unpack(f"{order}I", chunk[4:8])[0]
        if chunk[:4] == b"data":
            present = length - place - 8
            # A complete header of a file without samples states the length of the file.
            unclosed = size == 0 and present > 0 and riff != length - 8
            return WavSize(_stated(size, wide), present, unclosed)
        if chunk[:4] == b"ds64" and len(chunk) == 24:
            wide = struct.unpack("<Q", chunk[16:])[0]
        place += 8 + size + size % 2
    return None


def _stated(size: int, wide: int) -> int | None:
    """The size of the samples; None for a placeholder near the limit of 31 or 32 bits."""
    if size == 2**32 - 1 and 0 < wide < 2**63:
        return wide
    placeholder = size >= 2**32 - 2**16 or 2**31 - 2**16 <= size <= 2**31
    return None if placeholder else size


@contextmanager
def closed(file: BinaryIO) -> Iterator[BinaryIO]:
    """A temporary copy of a wav file that was never closed, with a size by which it is read whole.

    libsndfile takes all that follows for samples if the header states 8 bytes as the file's size.
    """
    with tempfile.TemporaryFile() as copy:
        file.seek(0)
        order = FORMS[file.read(4)]
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.seek(4)
        copy.write(struct.pack(f"{order}I", 8))
        copy.flush()
        yield copy
