"""One clip checked, converted to a corpus's rate and level, and written."""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from audiodiff.audio import io
from audiodiff.audio.filters import high_passed
from audiodiff.audio.reader import OR_ALLOW, SPLIT, SoundReader, opened
from audiodiff.data.cache import ClipFile
from audiodiff.data.corpus import Clip
from audiodiff.data.prepared import Facts, PrepareSettings, target
from audiodiff.errors import AudiodiffError

SILENCE_DB = -65.0
"""The root mean square, in dB re full scale, below which a clip counts as silent."""

TRIM_FRAME, TRIM_HOP = 2048, 512
"""Length of the frames whose levels decide on trimming, and the hop between them, in samples."""

CLIPPED_SHARE = 1e-4
"""The share of samples at full scale from which on a clip gets a remark."""

LOUDNESS_SECONDS = 0.4
"""The length of the blocks that loudness is measured in."""

MAX_RAISED = 0.999
"""The highest peak that a change of level leaves."""


def prepare_clip(settings: PrepareSettings, out: Path, clip: Clip) -> Facts:
    """Checks, converts and writes one clip; an unfit one is not written, and the facts say why.

    Raises:
        AudiodiffError: If the result cannot be written.
    """
    facts = Facts(source=ClipFile.of(clip))
    try:
        with opened(clip.path, settings.max_hours, SPLIT + OR_ALLOW) as sound:
            wave = io.read_wave(sound)
        facts = facts.model_copy(update={"rate": sound.sample_rate, "channels": sound.n_channels})
        wave, remarks = _converted(wave, sound, settings)
    except AudiodiffError as error:
        return facts.model_copy(update={"reason": str(error)})
    io.save(target(out, clip.id), wave, settings.sample_rate)
    return facts.model_copy(
        update={
            "seconds": len(wave) / settings.sample_rate,
            "peak_db": round(_decibels(float(np.abs(wave).max())), 2),
            "rms_db": round(_decibels(_rms(wave)), 2),
            "remarks": remarks,
            "digest": hashlib.sha256(io.encode(wave, "PCM_16")[0].tobytes()).hexdigest()[:16],
        }
    )


def _converted(
    wave: Float32[np.ndarray, " samples"], sound: SoundReader, settings: PrepareSettings
) -> tuple[Float32[np.ndarray, " _"], tuple[str, ...]]:
    """The wave at the rate, length and level asked for, with remarks on it.

    Raises:
        AudiodiffError: If it is silent, too short or at too low a rate.
    """
    level = _decibels(_rms(wave))
    if level < SILENCE_DB:
        raise AudiodiffError(f"it is silent: its root mean square is {level:.0f} dB")
    remarks = _remarks(wave, sound, settings.sample_rate)
    if settings.trim_db is not None:
        wave = _trimmed(wave, settings.trim_db)
    wave = io.resample(wave, sound.sample_rate, settings.sample_rate)
    seconds = len(wave) / settings.sample_rate
    if seconds < settings.min_seconds:
        raise AudiodiffError(
            f"it lasts {seconds:.2f} s, under the {settings.min_seconds} s asked for"
        )
    if settings.high_pass is not None:
        wave = high_passed(wave, settings.sample_rate, settings.high_pass)
    if settings.gain_db:
        wave, remark = _raised(wave, settings.gain_db, "gain")
        remarks += (remark,) if remark else ()
    if settings.loudness is not None:
        wave, remark = _at_loudness(wave, settings.sample_rate, settings.loudness)
        remarks += (remark,) if remark else ()
    return wave, remarks


def _remarks(
    wave: Float32[np.ndarray, " samples"], sound: SoundReader, wanted: int
) -> tuple[str, ...]:
    remarks, rate = [], sound.sample_rate
    if sound.cancels:
        remarks.append(f"{sound.n_channels} channels of opposite phase, only the loudest kept")
    elif sound.n_channels > 1:
        remarks.append(f"{sound.n_channels} channels mixed into one")
    if rate < wanted:
        remarks.append(f"from {rate} Hz, so nothing above {rate // 2} Hz")
    clipped = float(np.mean(np.abs(wave) >= 1 - 2**-14))
    if clipped >= CLIPPED_SHARE:
        remarks.append(f"{100 * clipped:.2f} % of its samples at full scale")
    return tuple(remarks)


def _trimmed(wave: Float32[np.ndarray, " samples"], trim_db: float) -> Float32[np.ndarray, " _"]:
    """The wave without quiet ends, cut as ``librosa.effects.trim`` cuts them."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    centres = np.arange(0, len(wave) + 1, TRIM_HOP)
    first, last = (
        np.clip(centres + half, 0, len(wave)) for half in (-TRIM_FRAME // 2, TRIM_FRAME // 2)
    )
    power = energy[last] - energy[first]
    loud = np.flatnonzero(power > power.max() * 10 ** (-trim_db / 10))
    return wave[loud[0] * TRIM_HOP : (loud[-1] + 1) * TRIM_HOP].copy()


def _at_loudness(
    wave: Float32[np.ndarray, " samples"], rate: int, loudness: float
) -> tuple[Float32[np.ndarray, " samples"], str]:
    """The wave at a loudness, as far as its peak allows, with a remark if it falls short.

    A wave that is too short or too quiet to have a loudness (ITU-R BS.1770) stays as it is.
    """
    import pyloudnorm

    if len(wave) < LOUDNESS_SECONDS * rate:
        return (
            wave,
            f"under {LOUDNESS_SECONDS} s, too short to have a loudness, so its level is kept",
        )
    own = pyloudnorm.Meter(rate).integrated_loudness(wave)
    if not np.isfinite(own):
        return wave, "below the gate of -70 LUFS, so its level is kept"
    return _raised(wave, loudness - own, "loudness")


def _raised(
    wave: Float32[np.ndarray, " samples"], gain_db: float, aim: str
) -> tuple[Float32[np.ndarray, " samples"], str]:
    """The wave raised as far as its peak allows, with a remark if it falls short of the aim."""
    gain, most = 10 ** (gain_db / 20), MAX_RAISED / float(np.abs(wave).max())
    limited = f"{_decibels(gain / most):.1f} dB under the {aim}, for its peaks"
    return wave * np.float32(min(gain, most)), limited if gain > most else ""


def _rms(wave: Float32[np.ndarray, " samples"]) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-10)))
