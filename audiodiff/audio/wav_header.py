"""The chunks of a wav file, and the size that its header states, which libsndfile ignores."""

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


class Chunk(NamedTuple):
    """A chunk of a wav file.

    Attributes:
        name: Its name, of four bytes.
        start: Place of its content in the file.
        stated: Bytes of content by its own header.
        size: The same, or what the header of the file states instead if they exceed 32 bits.
    """

    name: bytes
    start: int
    stated: int
    size: int


def byte_order(file: BinaryIO) -> str | None:
    """The byte order of a wav file, as `struct` takes it; None for another format."""
    file.seek(0)
    head = file.read(12)
    return FORMS.get(head[:4]) if head[8:] == b"WAVE" else None


def chunks(file: BinaryIO, order: str) -> Iterator[Chunk]:
    """Yields the chunks of a wav file, at most `N_CHUNKS`."""
    place, wide = 12, 0
    for _ in range(N_CHUNKS):
        file.seek(place)
        head = file.read(24)
        if len(head) < 8:
            return
        stated = struct.unpack(f"{order}I", head[4:8])[0]
        if head[:4] == b"ds64" and len(head) == 24:
            wide = struct.unpack("<Q", head[16:])[0]
        size = wide if stated == 2**32 - 1 and 0 < wide < 2**63 else stated
        yield Chunk(head[:4], place + 8, stated, size)
        place += 8 + size + size % 2


def read_wav_size(file: BinaryIO) -> WavSize | None:
    """Reads the size of a wav file's samples; None for another format, or without samples."""
    length = file.seek(0, os.SEEK_END)
    order = byte_order(file)
    if order is None:
        return None
    data = next((chunk for chunk in chunks(file, order) if chunk.name == b"data"), None)
    if data is None:
        return None
    file.seek(4)
    riff = struct.unpack(f"{order}I", file.read(4))[0]
    present = length - data.start
    # A complete header of a file without samples states the length of the file.
    unclosed = data.stated == 0 and present > 0 and riff != length - 8
    return WavSize(_bytes_of(data), present, unclosed)


def _bytes_of(data: Chunk) -> int | None:
    """The size of the samples; None for a placeholder near the limit of 31 or 32 bits."""
    if data.size != data.stated:
        return data.size
    placeholder = data.size >= 2**32 - 2**16 or 2**31 - 2**16 <= data.size <= 2**31
    return None if placeholder else data.size


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
