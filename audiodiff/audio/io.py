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

from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import interrupts_held, replacing

Subtype: TypeAlias = Literal["PCM_16", "PCM_24", "FLOAT"]
"""The format of stored samples."""

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
"""Suffixes of sound files when a folder is searched, in lower case."""

MAX_HOURS = 6
"""Hours of the longest file that `load` takes; as float32 at 48 kHz it fills 4 GB."""

_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
_BITS = {"PCM_16": 16, "PCM_24": 24}
_BLOCK = 2**20


def load(
    path: str | os.PathLike[str], sample_rate: int | None = None
) -> tuple[Float32[np.ndarray, " samples"], int]:
    """Reads a sound file; several channels become their mean.

    An mp3 of variable bit rate without a Xing header does not state its length: libsndfile
    estimates it and reads no further.

    Args:
        path: A wav, flac, ogg or mp3 file, at any sample rate.
        sample_rate: Sample rate to resample to, in Hz; None keeps the file's own.

    Returns:
        The wave and its sample rate in Hz. It is not normalised, so a FLOAT file can exceed +-1.

    Raises:
        AudiodiffError: If the file is missing, empty, cut off, not sound or longer than
            `MAX_HOURS`, or holds NaN or infinity.
    """
    path = Path(path)
    _check_present(path)
    try:
        # By its descriptor: libsndfile refuses names that this locale cannot decode, and a Python
        # file would be read through callbacks, in which Ctrl-C is lost.
        with (
            path.open("rb") as raw,
            soundfile.SoundFile(raw.fileno(), closefd=False) as file,
        ):
            rate, promised = file.samplerate, file.frames
            _check_length(path, promised, rate)
            wave = _read_mono(file)
    except soundfile.LibsndfileError as error:
        raise AudiodiffError(
            f"{path} cannot be read as sound ({error.error_string.rstrip('.')}); "
            "give a wav, flac, ogg or mp3 file"
        ) from error
    except OSError as error:
        raise AudiodiffError(
            f"{path} cannot be read ({error.strerror}); check its permissions"
        ) from error
    if len(wave) < promised:
        raise AudiodiffError(
            f"{path} is cut off: its header promises {promised} samples and {len(wave)} can be "
            "read; copy or download it again, or, if it is whole, convert it to wav"
        )
    _check_finite(wave, str(path))
    return (wave, rate) if sample_rate is None else (resample(wave, rate, sample_rate), sample_rate)


def save(
    path: str | os.PathLike[str],
    wave: Float[np.ndarray, " samples"],
    sample_rate: int,
    subtype: Subtype = "PCM_16",
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
    return n_clipped


def resample(
    wave: Float32[np.ndarray, " samples"], from_rate: int, to_rate: int
) -> Float32[np.ndarray, " resampled"]:
    """Band-limited resampling (soxr, high quality); with equal rates, the wave itself.

    Raises:
        AudiodiffError: If a rate is not positive, or the wave is too short to leave a sample.

    >>> resample(np.zeros(22050, np.float32), 22050, 16000).shape
    (16000,)
    """
    _check_rate("from_rate", from_rate)
    _check_rate("to_rate", to_rate)
    if from_rate == to_rate:
        return wave
    resampled = soxr.resample(wave, from_rate, to_rate, quality="HQ")
    if len(resampled) == 0:
        raise AudiodiffError(
            f"the wave has {len(wave)} samples at {from_rate} Hz, less than one at {to_rate} Hz; "
            "give a longer one"
        )
    return resampled


def resampled(
    pieces: Iterable[Float32[np.ndarray, "batch _"]], from_rate: int, to_rate: int
) -> Iterator[Float32[np.ndarray, "batch _"]]:
    """Resamples waves in pieces; joined, the results are the waves as `resample` returns them."""
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


def _check_present(path: Path) -> None:
    if path.is_dir():
        raise AudiodiffError(f"{path} is a folder; give one sound file")
    if not path.exists():
        raise AudiodiffError(f"{path} does not exist; check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise AudiodiffError(f"{path} is empty (0 bytes); copy or download it again")


def _check_length(path: Path, n_samples: int, rate: int) -> None:
    if n_samples == 0:
        raise AudiodiffError(f"{path} holds a header and no samples; record or convert it again")
    hours = n_samples / rate / 3600
    if hours > MAX_HOURS:
        raise AudiodiffError(
            f"{path} lasts {hours:.2f} hours by its header and the limit is {MAX_HOURS}; "
            "split it into shorter files"
        )


def _read_mono(file: soundfile.SoundFile) -> Float32[np.ndarray, " samples"]:
    # In blocks, so that the channels of a long file are never in memory all at once.
    parts = [np.zeros(0, np.float32)]
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        parts.append(block.mean(axis=1))
    return np.concatenate(parts)


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
    if rate < 1:
        raise AudiodiffError(f"{name}={rate} is not a rate; give a positive number of Hz")


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
