"""The comment in a sound file, read within limits, as the file may be damaged or hostile."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from audiodiff.audio.vorbis_comments import MAGICS, vorbis_comment
from audiodiff.audio.wav_header import Chunk, byte_order, chunks
from audiodiff.errors import AudiodiffError

MAX_COMMENT = 2**20
"""Bytes of the longest comment that is read."""

MAX_ENTRIES = 1000
"""The most texts of an INFO chunk that are looked through for the comment."""


def read_comment(path: Path) -> str:
    """The comment in a wav, flac or ogg file; empty if there is none, or in another format.

    Raises:
        AudiodiffError: If the file cannot be read, its tags are damaged, or the comment is longer
            than `MAX_COMMENT`.
    """
    try:
        with path.open("rb") as file:
            comment = _comment(file)
    except OSError as error:
        raise AudiodiffError(f"{path} cannot be read ({error.strerror}); check the path") from error
    except struct.error as error:
        raise AudiodiffError(
            f"the tags of {path} are damaged; copy or download it again"
        ) from error
    if len(comment) > MAX_COMMENT:
        raise AudiodiffError(
            f"{path} holds a comment of more than {MAX_COMMENT} bytes; remove it by a tag editor"
        )
    return comment.split(b"\0", 1)[0].decode(errors="replace")


def _comment(file: BinaryIO) -> bytes:
    """The comment, or its first bytes if it is longer than `MAX_COMMENT`.

    Raises:
        struct.error: If the tags end too early.
    """
    order = byte_order(file)
    if order is not None:
        return _wav_comment(file, order)
    file.seek(0)
    return vorbis_comment(file) if file.read(4) in MAGICS else b""


def _wav_comment(file: BinaryIO, order: str) -> bytes:
    """The ICMT text of a wav file; empty if there is none."""
    for chunk in chunks(file, order):
        file.seek(chunk.start)
        if chunk.name == b"LIST" and file.read(4) == b"INFO":
            for name, start, size in _entries(file, chunk, order):
                if name == b"ICMT":
                    file.seek(start)
                    return _whole(file, min(size, MAX_COMMENT + 1))
    return b""


def _entries(file: BinaryIO, info: Chunk, order: str) -> Iterator[tuple[bytes, int, int]]:
    """The name, place and size of each text in an INFO chunk."""
    place, end = info.start + 4, info.start + info.size
    for _ in range(MAX_ENTRIES):
        if place + 8 > end:
            return
        file.seek(place)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        yield name, place + 8, size
        place += 8 + size + size % 2


def _whole(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise struct.error(f"{len(content)} bytes of {size}")
    return content
