"""Damaged and forged sound files: the reader raises nothing but the project's own error."""

import io
import struct
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audiodiff.audio.io import load
from audiodiff.errors import AudiodiffError

FORMATS = {
    ".wav": ["PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"],
    ".flac": ["PCM_16", "PCM_24"],
    ".ogg": ["VORBIS"],
    ".mp3": ["MPEG_LAYER_III"],
}
KINDS = [(suffix, subtype) for suffix, subtypes in FORMATS.items() for subtype in subtypes]
EDGES = [0, 1, 2, 8, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1]
LIKELY = 128
"""Bytes at a file's start, where its header lies, which half of the changes hit."""


def encoded(suffix: str, subtype: str, channels: int) -> bytes:
    wave = 0.2 * np.random.default_rng(0).standard_normal((3000, channels))
    content = io.BytesIO()
    soundfile.write(content, wave, 16000, format=suffix[1:].upper(), subtype=subtype)
    return content.getvalue()


WHOLE = {(kind, n): encoded(*kind, n) for kind in KINDS for n in (1, 2)}


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file's suffix and its bytes, some of them changed, cut off or doubled."""
    kind, channels = draw(st.sampled_from(KINDS)), draw(st.sampled_from([1, 2]))
    content = bytearray(WHOLE[kind, channels])
    for _ in range(draw(st.integers(0, 4))):
        last = min(LIKELY, len(content)) if draw(st.booleans()) else len(content)
        place = draw(st.integers(0, max(0, last - 4)))
        value = draw(st.one_of(st.sampled_from(EDGES), st.integers(0, 2**32 - 1)))
        width = draw(st.sampled_from(["<B", "<H", "<I"]))
        size = struct.calcsize(width)
        content[place : place + size] = struct.pack(width, value % 256**size)
    if draw(st.booleans()):
        content = content[: draw(st.integers(0, len(content)))]
    return kind[0], bytes(content)


# Quick to read, so several times as many as of other files.
@settings(max_examples=20 * settings.default.max_examples)
@given(damaged(), st.sampled_from([None, 16000, 22050]))
def test_a_damaged_file_is_sound_or_one_sentence(file: tuple[str, bytes], rate: int | None) -> None:
    suffix, content = file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        path.write_bytes(content)
        try:
            wave, _ = load(path, rate, max_hours=0.1)
        except AudiodiffError as error:
            wave, message = np.ones(1, np.float32), str(error)
        else:
            message = str(path)
    assert str(path) in message
    assert wave.dtype == np.float32
    assert wave.ndim == 1
    assert len(wave) > 0
    assert np.isfinite(wave).all()
