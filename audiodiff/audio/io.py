"""Reading and writing sound files: mono, float32, full scale at +-1."""

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import soundfile
import soxr
from jaxtyping import Float, Float32, Int

from audiodiff.audio.comments import append_comment
from audiodiff.audio.reader import MAX_HOURS, SoundReader, opened
from audiodiff.errors import AudiodiffError
from audiodiff.limits import MAX_RATE
from audiodiff.system.atomic import interrupts_held, replacing

Subtype: TypeAlias = Literal["PCM_16", "PCM_24", "FLOAT"]
"""The format of stored samples."""

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
"""Suffixes of sound files when a folder is searched, in lower case."""

MAX_PEAK = 32.0
"""The greatest sample of a file, 30 dB above full scale; integers stored as floats exceed it."""

MAX_RATIO = 64
"""The greatest factor by which a sample rate is raised."""

_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
_BITS = {"PCM_16": 16, "PCM_24": 24}
_INTEGER_SCALES = (2**15, 2**23, 2**31)
_BLOCK = 2**20


def load(
    path: str | os.PathLike[str], sample_rate: int | None = None, max_hours: float = MAX_HOURS
) -> tuple[Float32[np.ndarray, " samples"], int]:
    """Reads a sound file; several channels become their mean.

    Channels of opposite phase, whose mean would be near silence, are replaced by the loudest of
    them. A wav whose header was never completed is read to its end. An mp3 of variable bit rate
    without a Xing header does not state its length: libsndfile estimates it and reads no further.
    Memory holds one block of the file besides the result.

    Args:
        path: A wav, flac, ogg or mp3 file, at any sample rate.
        sample_rate: Sample rate to resample to, in Hz; None keeps the file's own.
        max_hours: Length of the longest file to read, in hours.

    Returns:
        The wave and its sample rate in Hz. It is not normalised, so a FLOAT file can exceed +-1.

    Raises:
        AudiodiffError: If the file is missing, empty, cut off, not sound or longer than
            ``max_hours``, holds NaN, infinity or samples beyond `MAX_PEAK`, or has too low a rate
            to be resampled.
    """
    with opened(Path(path), max_hours) as sound:
        wave = read_wave(sound, sample_rate)
        return wave, sound.sample_rate if sample_rate is None else sample_rate


def read_wave(
    sound: SoundReader, sample_rate: int | None = None
) -> Float32[np.ndarray, " samples"]:
    """Reads all of an open file, as `load` does."""
    wave = _joined(sound, None, sample_rate)
    if sound.cancels:
        wave = _joined(sound, sound.loudest, sample_rate)
    _check_finite(wave, str(sound.path))
    peak = float(np.abs(wave).max())
    if peak > MAX_PEAK:
        full_scale = next(n for n in _INTEGER_SCALES if peak <= n or n == _INTEGER_SCALES[-1])
        raise AudiodiffError(
            f"{sound.path} holds floats up to {peak:.0f}, though full scale is 1; divide its "
            f"samples by {full_scale}"
        )
    return wave


def _joined(
    sound: SoundReader, channel: int | None, sample_rate: int | None
) -> Float32[np.ndarray, " samples"]:
    """One channel, or the mean of all, resampled block by block."""
    rate = sound.sample_rate
    wanted = rate if sample_rate is None else sample_rate
    _check_ratio(rate, wanted, str(sound.path))
    # A buffer that grows in place: joined arrays would be in memory twice.
    wave = bytearray()
    for piece in resampled((block[None] for block in sound.blocks(channel)), rate, wanted):
        wave += np.ascontiguousarray(piece[0]).data.cast("B")
    made = np.frombuffer(wave, np.float32)
    return _not_empty(made, sound.n_samples, rate, wanted, str(sound.path))


def save(
    path: str | os.PathLike[str],
    wave: Float[np.ndarray, " samples"],
    sample_rate: int,
    subtype: Subtype = "PCM_16",
    comment: str = "",
) -> int:
    """Writes a mono file, whole or not at all, at the wave's own level.

    PCM rounds to the nearest code without dither, ``code = round(wave * 2^(bits - 1))``, so `load`
    returns the wave to within half a step (a sample of +1, which has no code, to within one).

    Args:
        path: File to write, ending in .wav or .flac; its folder is created, an existing file
            replaced.
        wave: Wave to write, full scale at +-1.
        sample_rate: Sample rate of the wave, in Hz.
        subtype: ``PCM_16``, ``PCM_24`` or, in .wav only, ``FLOAT``, which does not clip.
        comment: Text that a .wav file holds besides the wave.

    Returns:
        Number of samples that exceeded +-1 and were clipped: always 0 for ``FLOAT``.

    Raises:
        AudiodiffError: If the wave, the suffix or the subtype cannot be stored, or the file cannot
            be written.
    """
    path = Path(path)
    file_format = _check_target(path, subtype)
    _check_rate("sample_rate", sample_rate)
    _check_wave(wave, path)
    samples, n_clipped = encode(wave, subtype)
    # In memory first: libsndfile does not report a full disk reliably.
    encoded = io.BytesIO()
    try:
        with interrupts_held():
            soundfile.write(encoded, samples, sample_rate, subtype=subtype, format=file_format)
    except soundfile.LibsndfileError as error:
        raise AudiodiffError(
            f"{path} cannot hold sample_rate={sample_rate} as {subtype} ({error.error_string}); "
            "resample or choose another format"
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())
        if comment and file_format == "WAV":
            append_comment(temporary, comment)
    return n_clipped


def resample(
    wave: Float32[np.ndarray, " samples"], from_rate: int, to_rate: int
) -> Float32[np.ndarray, " resampled"]:
    """Band-limited resampling (soxr, high quality); with equal rates, the wave itself.

    Raises:
        AudiodiffError: If a rate is not positive or is to be raised by more than `MAX_RATIO`, or
            the wave is too short to leave a sample.

    >>> resample(np.zeros(22050, np.float32), 22050, 16000).shape
    (16000,)
    """
    _check_ratio(from_rate, to_rate)
    if from_rate == to_rate:
        return wave
    made = soxr.resample(wave, from_rate, to_rate, quality="HQ")
    return _not_empty(made, len(wave), from_rate, to_rate)


def _not_empty(
    made: Float32[np.ndarray, " resampled"],
    n_samples: int,
    from_rate: int,
    to_rate: int,
    name: str = "the wave",
) -> Float32[np.ndarray, " resampled"]:
    if len(made) == 0:
        raise AudiodiffError(
            f"{name} has {n_samples} samples at {from_rate} Hz, less than one at {to_rate} Hz; "
            "give a longer one"
        )
    return made


def resampled(
    pieces: Iterable[Float32[np.ndarray, "batch _"]], from_rate: int, to_rate: int
) -> Iterator[Float32[np.ndarray, "batch _"]]:
    """Resamples waves in pieces; joined, the results are the waves as `resample` returns them.

    Raises:
        AudiodiffError: If a rate is not positive, or is to be raised by more than `MAX_RATIO`.
    """
    _check_ratio(from_rate, to_rate)
    if from_rate == to_rate:
        yield from pieces
        return
    stream: soxr.ResampleStream | None = None
    held: Float32[np.ndarray, "batch _"] | None = None
    for piece in pieces:
        if stream is None:
            stream = soxr.ResampleStream(from_rate, to_rate, len(piece), "float32", "HQ")
        elif held is not None:
            yield stream.resample_chunk(np.ascontiguousarray(held.T)).T
        held = piece
    if stream is not None and held is not None:
        yield stream.resample_chunk(np.ascontiguousarray(held.T), last=True).T


def _check_finite(wave: Float[np.ndarray, " samples"], name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(wave))
    if len(bad):
        raise AudiodiffError(
            f"{name} holds NaN or infinity in {len(bad)} of {len(wave)} samples, the first being "
            f"sample {bad[0]} ({wave[bad[0]]}); mend what made it"
        )


def _check_target(path: Path, subtype: str) -> str:
    if path.suffix.lower() not in _FORMATS:
        raise AudiodiffError(
            f"{path} ends in {path.suffix!r}, which cannot be written; use .wav or .flac"
        )
    if subtype not in (*_BITS, "FLOAT"):
        raise AudiodiffError(f"subtype={subtype!r} is not one of PCM_16, PCM_24, FLOAT")
    file_format = _FORMATS[path.suffix.lower()]
    if subtype == "FLOAT" and file_format == "FLAC":
        raise AudiodiffError(f"{path}: FLAC holds no subtype='FLOAT'; use .wav, PCM_16 or PCM_24")
    if path.is_dir():
        raise AudiodiffError(f"{path} is a folder; give a file name")
    return file_format


def _check_rate(name: str, rate: int) -> None:
    if not 1 <= rate <= MAX_RATE:
        raise AudiodiffError(f"{name}={rate} is not a rate; give 1 to {MAX_RATE} Hz")


def _check_ratio(from_rate: int, to_rate: int, name: str = "the wave") -> None:
    _check_rate("from_rate", from_rate)
    _check_rate("to_rate", to_rate)
    if to_rate > MAX_RATIO * from_rate:
        raise AudiodiffError(
            f"{name} has a sample rate of {from_rate} Hz, too low to be resampled to {to_rate}; "
            f"give sound of {-(-to_rate // MAX_RATIO)} Hz or more"
        )


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
