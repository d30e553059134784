"""Reading and writing sound files: mono, float32, full scale at +-1."""

import io
import os
import wave as wave_files
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import numpy as np
import soundfile
from jaxtyping import Float, Float32, Int

from audiodiff.audio.reader import SPLIT, SoundReader, not_finite, opened
from audiodiff.audio.resampling import check_not_empty, check_rate, check_ratio
from audiodiff.audio.resampling import resample as resample
from audiodiff.audio.resampling import resampled as resampled
from audiodiff.audio.tags import Tags, append_tags
from audiodiff.config import MAX_HOURS
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import interrupts_held, replacing

MAX_WAV_SAMPLES = 2**31 - 2**13
"""Samples of 16 bits in the longest wav file, whose header counts all bytes in 32 bits."""

Samples: TypeAlias = Float32[np.ndarray, " samples"]
"""One channel, full scale at +-1."""

Piece: TypeAlias = Float32[np.ndarray, " _"]
"""The same, of a length of its own."""

Result = TypeVar("Result")

Subtype: TypeAlias = Literal["PCM_16", "PCM_24", "FLOAT", "VORBIS"]
"""The format of stored samples."""

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
"""Suffixes of sound files when a folder is searched, in lower case."""

_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
_SUBTYPES = {"WAV": ("PCM_16", "PCM_24", "FLOAT"), "FLAC": ("PCM_16", "PCM_24"), "OGG": ("VORBIS",)}
_BITS = {"PCM_16": 16, "PCM_24": 24}
_BLOCK = 2**20
_WRITTEN = 2**16


def load(
    path: str | os.PathLike[str],
    sample_rate: int | None = None,
    max_hours: float = MAX_HOURS,
    remedy: str = SPLIT,
) -> tuple[Float32[np.ndarray, " samples"], int]:
    """Reads a sound file; several channels become their mean.

    Channels of opposite phase, whose mean would be near silence, are replaced by the loudest of
    them. A wav whose header was never completed is read to its end. An mp3 of variable bit rate
    without a Xing header does not state its length: libsndfile estimates it and reads no further.
    Besides the result, memory holds one block of the file.

    Args:
        path: A wav, flac, ogg or mp3 file, at any sample rate.
        sample_rate: Sample rate to resample to, in Hz; None keeps the file's own.
        max_hours: Length of the longest file to read, in hours.
        remedy: Advice to the user about a longer one.

    Returns:
        The wave and its sample rate in Hz. It is not normalised, so a FLOAT file can exceed +-1.

    Raises:
        AudiodiffError: If the file is missing, empty, cut off, not sound or longer than
            ``max_hours``, holds NaN, infinity or samples beyond `MAX_PEAK`, or has too low a rate
            to be resampled.
    """
    with opened(Path(path), max_hours, remedy) as sound:
        wave = read_wave(sound, sample_rate)
        return wave, sound.sample_rate if sample_rate is None else sample_rate


def read_wave(
    sound: SoundReader, sample_rate: int | None = None
) -> Float32[np.ndarray, " samples"]:
    """Reads all of an open file, as `load` does."""
    wanted = sound.sample_rate if sample_rate is None else sample_rate

    def joined(pieces: Iterator[Samples]) -> Samples:
        # A buffer that grows in place: joined arrays would be in memory twice.
        wave = bytearray()
        for piece in pieces:
            wave += np.ascontiguousarray(piece).data.cast("B")
        made = np.frombuffer(wave, np.float32)
        return check_not_empty(made, sound.n_samples, sound.sample_rate, wanted, str(sound.path))

    return read_through(sound, wanted, joined)


def read_through(
    sound: SoundReader, sample_rate: int, consume: Callable[[Iterator[Samples]], Result]
) -> Result:
    """Gives the wave of an open file in pieces to a function, and returns its result.

    The function is called again with the loudest channel if the channels turn out to be of
    opposite phase.

    Args:
        sound: An open file.
        sample_rate: Sample rate of the pieces, in Hz.
        consume: Function that reads all pieces.

    Raises:
        AudiodiffError: As for `load`.
    """
    check_ratio(sound.sample_rate, sample_rate, str(sound.path))
    result = consume(_pieces(sound, sample_rate, None))
    return consume(_pieces(sound, sample_rate, sound.loudest)) if sound.cancels else result


def _pieces(sound: SoundReader, sample_rate: int, channel: int | None) -> Iterator[Samples]:
    blocks = (block[None] for block in sound.blocks(channel))
    return (piece[0] for piece in resampled(blocks, sound.sample_rate, sample_rate))


def save(
    path: str | os.PathLike[str],
    wave: Float[np.ndarray, " samples"],
    sample_rate: int,
    subtype: Subtype = "PCM_16",
    tags: Tags | None = None,
) -> int:
    """Writes a mono file, whole or not at all, at the wave's own level.

    PCM rounds to the nearest code without dither, ``code = round(wave * 2^(bits - 1))``, so `load`
    returns the wave to within half a step (a sample of +1, which has no code, to within one).

    Args:
        path: File to write, ending in .wav, .flac or .ogg; its folder is created, an existing file
            replaced.
        wave: Wave to write, full scale at +-1.
        sample_rate: Sample rate of the wave, in Hz.
        subtype: ``PCM_16`` or ``PCM_24``; in .wav also ``FLOAT``, which does not clip; in .ogg
            only ``VORBIS``, which loses detail.
        tags: Texts to store in the file; None stores none.

    Returns:
        Number of samples that exceeded +-1 and were clipped: always 0 for ``FLOAT``.

    Raises:
        AudiodiffError: If the wave, the suffix or the subtype cannot be stored, the tags are to be
            signed and the file is no wav, or the file cannot be written.
    """
    path = Path(path)
    file_format = _check_target(path, subtype)
    if tags is not None and tags.sign is not None and file_format != "WAV":
        raise AudiodiffError(f"{path} cannot be signed; use .wav, or tags without `sign`")
    check_rate("sample_rate", sample_rate)
    _check_wave(wave, path)
    samples, n_clipped = encode(wave, subtype)
    # In memory first: libsndfile does not report a full disk reliably.
    encoded = io.BytesIO()
    try:
        with (
            interrupts_held(),
            soundfile.SoundFile(encoded, "w", sample_rate, 1, subtype, None, file_format) as file,
        ):
            if tags is not None and file_format != "WAV":
                file.comment, file.software, file.date = tags.comment, tags.software, tags.date
            # In blocks: libsndfile puts a whole one on the stack for Vorbis.
            for first in range(0, len(samples), _WRITTEN):
                file.write(samples[first : first + _WRITTEN])
    except soundfile.LibsndfileError as error:
        raise AudiodiffError(
            f"{path} cannot hold sample_rate={sample_rate} as {subtype} ({error.error_string}); "
            "resample or choose another format"
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())
        if tags is not None and file_format == "WAV":
            append_tags(temporary, tags)
    return n_clipped


def save_pieces(
    path: Path, pieces: Iterable[Piece], sample_rate: int, tags: Tags | None = None
) -> tuple[int, int]:
    """Writes a mono wav of 16 bits whose samples come in pieces, whole or not at all.

    Args:
        path: File to write, ending in .wav; its folder is created, an existing file replaced.
        pieces: The wave, full scale at +-1.
        sample_rate: Sample rate of the wave, in Hz.
        tags: Texts to store in the file; None stores none.

    Returns:
        Number of samples written, and of those that exceeded +-1 and were clipped.

    Raises:
        AudiodiffError: If there are no samples or too many, or the file cannot be written.
    """
    file_format = _check_target(path, "PCM_16")
    assert file_format == "WAV", "no other format is written in pieces"
    check_rate("sample_rate", sample_rate)
    n_samples = n_clipped = 0
    # Not by libsndfile, which does not report a full disk reliably.
    with replacing(path) as temporary:
        with wave_files.open(str(temporary), "wb") as file:
            file.setparams((1, 2, sample_rate, 0, "NONE", ""))
            for piece in pieces:
                _check_wave(piece, path)
                codes, n = encode(piece, "PCM_16")
                file.writeframesraw(codes.astype("<i2").tobytes())
                n_samples, n_clipped = n_samples + len(codes), n_clipped + n
                if n_samples > MAX_WAV_SAMPLES:
                    raise AudiodiffError(
                        f"{path} at {sample_rate} Hz exceeds the 4 GB of a wav file; choose a "
                        "lower rate or split the input"
                    )
        if n_samples == 0:
            raise AudiodiffError(f"{path} would hold no sample; give a longer sound")
        if tags is not None:
            append_tags(temporary, tags)
    return n_samples, n_clipped


def _check_finite(wave: Float[np.ndarray, " samples"], name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(wave))
    if len(bad):
        raise not_finite(name, len(bad), len(wave), int(bad[0]), float(wave[bad[0]]))


def _check_target(path: Path, subtype: str) -> str:
    if path.suffix.lower() not in _FORMATS:
        raise AudiodiffError(
            f"{path} ends in {path.suffix!r}, which cannot be written; use .wav, .flac or .ogg"
        )
    file_format = _FORMATS[path.suffix.lower()]
    known = _SUBTYPES[file_format]
    if subtype not in {name for names in _SUBTYPES.values() for name in names}:
        raise AudiodiffError(f"subtype={subtype!r} is not one of PCM_16, PCM_24, FLOAT, VORBIS")
    if subtype not in known:
        raise AudiodiffError(
            f"{path}: {file_format} holds no subtype={subtype!r}; use {' or '.join(known)}, or "
            "another suffix"
        )
    if path.is_dir():
        raise AudiodiffError(f"{path} is a folder; give a file name")
    return file_format


def _check_wave(wave: Float[np.ndarray, " samples"], path: Path) -> None:
    if not np.issubdtype(wave.dtype, np.floating):
        raise AudiodiffError(
            f"the wave for {path} is {wave.dtype}; give floats with full scale at +-1"
        )
    if wave.ndim != 1 or len(wave) == 0:
        raise AudiodiffError(
            f"the wave for {path} has shape {wave.shape}; give one channel, (samples,), not empty"
        )
    _check_finite(wave, f"the wave for {path}")


def encode(wave: Float[np.ndarray, " samples"], subtype: str) -> tuple[np.ndarray, int]:
    """The codes of a wave in a file of this subtype, and how many samples were clipped."""
    if subtype == "FLOAT":
        return wave.astype(np.float32), 0
    if subtype == "VORBIS":
        return np.clip(wave, -1, 1).astype(np.float32), int(np.count_nonzero(np.abs(wave) > 1))
    full_scale = 2 ** (_BITS[subtype] - 1)
    samples: Int[np.ndarray, " samples"] = np.empty(
        len(wave), np.int16 if subtype == "PCM_16" else np.int32
    )
    n_clipped = 0
    for first in range(0, len(wave), _BLOCK):
        # float64: float32 cannot hold 24 bits and a half.
        block = wave[first : first + _BLOCK].astype(np.float64)
        codes = np.clip(np.rint(block * full_scale), -full_scale, full_scale - 1)
        samples[first : first + _BLOCK] = codes
        n_clipped += int(np.count_nonzero(np.abs(block) > 1))
    if subtype == "PCM_24":
        samples <<= 8  # libsndfile expects them in the upper bits of 32
    return samples, n_clipped
