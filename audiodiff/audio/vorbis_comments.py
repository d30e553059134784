"""The comment in a flac or ogg file: COMMENT among its Vorbis comments."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

MAGICS = (b"fLaC", b"OggS")
"""First bytes of the formats that hold Vorbis comments."""

MAX_BLOCKS = 1000
"""The most metadata blocks of a flac file, and pages of an ogg file, that are looked through."""

MAX_ENTRIES = 10_000
"""The most comments of a file that are looked through."""

MAX_PACKET = 2**24
"""Bytes of the longest comments that are read; they may hold pictures."""

_FLAC_COMMENTS = 4  # type of the metadata block
_OGG_COMMENTS = b"\x03vorbis", b"OpusTags"


def vorbis_comment(file: BinaryIO) -> bytes:
    """The first COMMENT of a file that begins with one of `MAGICS`; empty if there is none.

    Raises:
        struct.error: If the comments end too early.
    """
    file.seek(0)
    content = _flac_comments(file) if file.read(4) == b"fLaC" else _ogg_comments(file)
    for entry in _entries(content):
        name, _, text = entry.partition(b"=")
        if name.upper() == b"COMMENT":
            return text
    return b""


def _entries(content: bytes) -> Iterator[bytes]:
    """The comments, each as ``NAME=text``."""
    if not content:
        return
    (vendor,) = struct.unpack_from("<I", content)
    place = 8 + vendor
    (n,) = struct.unpack_from("<I", content, place - 4)
    for _ in range(min(n, MAX_ENTRIES)):
        (size,) = struct.unpack_from("<I", content, place)
        (entry,) = struct.unpack_from(f"{size}s", content, place + 4)
        yield entry
        place += 4 + size


def _flac_comments(file: BinaryIO) -> bytes:
    """The content of the block of comments; empty if there is none."""
    for _ in range(MAX_BLOCKS):
        (head,) = struct.unpack(">I", file.read(4))
        is_last, kind, size = head >> 31, head >> 24 & 0x7F, head & 0xFFFFFF
        if kind == _FLAC_COMMENTS:
            return file.read(size)
        if is_last:
            break
        file.seek(size, 1)
    return b""


def _ogg_comments(file: BinaryIO) -> bytes:
    """The content of the second packet, if it holds comments; empty otherwise."""
    file.seek(0)
    packets = _ogg_packets(file)
    next(packets, b"")
    packet = next(packets, b"")
    magic = next((magic for magic in _OGG_COMMENTS if packet.startswith(magic)), None)
    return b"" if magic is None else packet[len(magic) :]


def _ogg_packets(file: BinaryIO) -> Iterator[bytes]:
    """Yields the packets of the first stream, up to `MAX_PACKET` bytes."""
    packet, serial = bytearray(), None
    for _ in range(MAX_BLOCKS):
        head = file.read(27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        lacing = file.read(head[26])
        body = file.read(sum(lacing))
        serial = head[14:18] if serial is None else serial
        if head[14:18] != serial:
            continue
        place = 0
        for size in lacing:
            packet += body[place : place + size]
            place += size
            if size < 255:  # a packet ends
                yield bytes(packet)
                packet.clear()
        if len(packet) > MAX_PACKET:
            return
