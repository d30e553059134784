"""Texts about a sound, inside its file, and how a wav file holds them.

Wav files get RIFF INFO, which sound editors show, and the Broadcast Audio Extension (EBU Tech 3285,
version 1), which broadcasters read.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from audiodiff.audio.wav_header import byte_order, chunks


class Tags(NamedTuple):
    """Texts to store in a sound file.

    Attributes:
        comment: A comment.
        software: Name and version of the program that made the sound.
        date: Time at which it was made, in UTC, as ``2026-01-31T12:00:00Z``.
        description: What the sound is, in ASCII, for the Broadcast Audio Extension of wav files.
        sign: Signs a wav file, which has all else; None if nothing does.
    """

    comment: str
    software: str
    date: str
    description: str
    sign: Callable[[Path], None] | None = None


def append_tags(path: Path, tags: Tags) -> None:
    """Adds tags after the samples of a wav file, and signs it."""
    with path.open("r+b") as file:
        extension = _extension(tags, *_form(file))
        texts = {b"ICMT": tags.comment, b"ISFT": tags.software, b"ICRD": tags.date[:10]}
        info = b"".join(_chunk(name, text.encode() + b"\0") for name, text in texts.items())
        end = file.seek(0, 2)
        file.write(b"\0" * (end % 2) + _chunk(b"bext", extension) + _chunk(b"LIST", b"INFO" + info))
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))
    if tags.sign is not None:
        tags.sign(path)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _form(file: BinaryIO) -> tuple[int, int, int]:
    """The sample rate in Hz, the number of channels, and the bits of a sample."""
    order = byte_order(file)
    assert order == "<", "this package writes no other"
    fmt = next(chunk for chunk in chunks(file, order) if chunk.name == b"fmt ")
    file.seek(fmt.start)
    _, n_channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(16))
    return rate, n_channels, bits


def _extension(tags: Tags, rate: int, n_channels: int, bits: int) -> bytes:
    """The content of a bext chunk; its coding history has the form of EBU R 98."""
    day, time = tags.date[:10], tags.date[11:19]
    mode = {1: "mono", 2: "stereo"}.get(n_channels, "multichannel")
    history = f"A=PCM,F={rate},W={bits},M={mode},T={tags.software.replace(',', ' ')}\r\n"
    texts = (tags.description[:255], tags.software[:31], "", day, time)
    fixed = struct.pack(
        "<256s32s32s10s8sQH64s190x",
        *(text.encode("ascii", "replace") for text in texts),
        0,  # samples since midnight
        1,  # version
        b"",  # UMID
    )
    return fixed + history.encode("ascii", "replace")
