"""A comment inside a wav file, as the ICMT entry that sound editors show."""

import struct
from pathlib import Path

import soundfile


def append_comment(path: Path, text: str) -> None:
    """Adds a comment after the samples of a wav file."""
    entry = text.encode() + b"\0"
    entry += b"\0" * (len(entry) % 2)
    info = b"INFO" + b"ICMT" + struct.pack("<I", len(entry)) + entry
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        file.write(b"\0" * (end % 2) + b"LIST" + struct.pack("<I", len(info)) + info)
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


def comment_of(path: Path) -> str:
    """The comment in a sound file; empty if there is none, or the file cannot be read."""
    try:
        # By its descriptor: libsndfile refuses names that this locale cannot decode.
        with path.open("rb") as raw, soundfile.SoundFile(raw.fileno(), closefd=False) as file:
            return str(file.comment)
    except (OSError, soundfile.LibsndfileError):
        return ""
