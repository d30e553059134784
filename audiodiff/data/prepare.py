"""A corpus made ready for training: every clip checked, brought to one rate and written once.

Beside the sound lie the split lists, ``manifest.jsonl`` with what was found of each clip, and
``prepare.json`` with the settings. Each clip is on disk before its line is, so a killed run goes on
where it was, and ends with the same files.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from audiodiff.audio import io
from audiodiff.config import Config
from audiodiff.data.cache import Source
from audiodiff.data.corpus import Clip
from audiodiff.data.layouts import Layout
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.workers import completed

MANIFEST_NAME = "manifest.jsonl"
SETTINGS_NAME = "prepare.json"
SUFFIX = ".flac"

SILENCE_DB = -65.0
"""The root mean square, re full scale, of clips that hold no sound."""

CLIPPED_SHARE = 1e-4
"""Of samples at full scale, from which on a clip is remarked."""


class PrepareSettings(Config):
    """What becomes of each clip.

    Attributes:
        sample_rate: In Hz.
        min_seconds: Shorter clips are left out.
        loudness: In LUFS (ITU-R BS.1770), to which clips are brought; None keeps their levels.
        trim_db: Ends that lie so far below the loudest part are cut off; None keeps them.
    """

    sample_rate: PositiveInt
    min_seconds: PositiveFloat = 0.5
    loudness: float | None = Field(default=None, ge=-70, lt=0)
    trim_db: PositiveFloat | None = None


class Facts(Config):
    """What was found of one clip.

    Attributes:
        source: Its id and its file.
        rate: Of that file, in Hz.
        channels: Of that file.
        seconds: Of what was written.
        peak_db: Of what was written, re full scale.
        rms_db: The same of the root mean square.
        remarks: What a person should know of it, though it was kept.
        digest: Of the samples that were written.
        reason: Why it was left out; None if it was not.
    """

    source: Source
    rate: int = 0
    channels: int = 0
    seconds: float = 0.0
    peak_db: float | None = None
    rms_db: float | None = None
    remarks: tuple[str, ...] = ()
    digest: str = ""
    reason: str | None = None

    @property
    def id(self) -> str:
        """Its name in lists."""
        return self.source.id


Found = dict[str, Facts]
"""By id."""


def prepare(
    layout: Layout,
    out: Path,
    settings: PrepareSettings,
    pool: Executor,
    on_clips: Callable[[int], None],
) -> Found:
    """Writes a corpus, and gives what was found of its clips, in the order of the layout.

    Args:
        layout: The clips and their splits.
        out: The folder to write, or to go on with.
        settings: What becomes of each clip.
        pool: Where clips are done.
        on_clips: Called with the number of clips done, each time some are.

    Raises:
        AudiodiffError: If out holds a corpus of other settings, or cannot be written, no clip is
            left to train or to validate on, or a process of the pool was killed.
    """
    _claim(out, settings)
    journal = out / f".{MANIFEST_NAME}"
    known = _still_true(layout, out, read_manifest(out / MANIFEST_NAME) | read_manifest(journal))
    pending = [id_ for id_ in layout.files if id_ not in known]
    on_clips(len(layout.files) - len(pending))
    clips = (Clip(id=id_, path=layout.files[id_]) for id_ in pending)
    work = partial(prepare_clip, settings, out)
    with journal.open("a", encoding="utf-8") as file:
        for _, future in completed(pool, work, clips):
            facts = future.result()
            known[facts.id] = facts
            file.write(facts.model_dump_json() + "\n")
            file.flush()
            on_clips(1)
    found = dict(_without_duplicates(known[id_] for id_ in layout.files))
    for id_, facts in found.items():
        if facts.reason is not None:
            target(out, id_).unlink(missing_ok=True)
    _write_lists(layout, out, found)
    with replacing(out / MANIFEST_NAME) as temporary:
        lines = (facts.model_dump_json() + "\n" for facts in found.values())
        temporary.write_text("".join(lines), encoding="utf-8")
    journal.unlink()
    return found


def prepare_clip(settings: PrepareSettings, out: Path, clip: Clip) -> Facts:
    """Checks, converts and writes one clip; a bad one is not written, and the facts say why.

    Raises:
        AudiodiffError: If the result cannot be written.
    """
    facts = Facts(source=Source.of(clip))
    try:
        wave, rate = io.load(clip.path)
    except AudiodiffError as error:
        return facts.model_copy(update={"reason": str(error)})
    channels = soundfile.info(clip.path).channels
    facts = facts.model_copy(update={"rate": rate, "channels": channels})
    if _decibels(_rms(wave)) < SILENCE_DB:
        reason = f"it is silent: its root mean square is {_decibels(_rms(wave)):.0f} dB"
        return facts.model_copy(update={"reason": reason})
    remarks = _remarks(wave, rate, channels, settings.sample_rate)
    if settings.trim_db is not None:
        wave = _trimmed(wave, settings.trim_db)
    wave = io.resample(wave, rate, settings.sample_rate)
    seconds = len(wave) / settings.sample_rate
    if seconds < settings.min_seconds:
        reason = f"it lasts {seconds:.2f} s, under the {settings.min_seconds} s asked for"
        return facts.model_copy(update={"reason": reason})
    if settings.loudness is not None:
        wave, limited = _at_loudness(wave, settings.sample_rate, settings.loudness)
        remarks += (limited,) if limited else ()
    io.save(target(out, clip.id), wave, settings.sample_rate)
    return facts.model_copy(
        update={
            "seconds": seconds,
            "peak_db": round(_decibels(float(np.abs(wave).max())), 2),
            "rms_db": round(_decibels(_rms(wave)), 2),
            "remarks": remarks,
            "digest": hashlib.sha256(io.encode(wave, "PCM_16")[0].tobytes()).hexdigest()[:16],
        }
    )


def _claim(out: Path, settings: PrepareSettings) -> None:
    path = out / SETTINGS_NAME
    text = settings.model_dump_json(indent=2) + "\n"
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise AudiodiffError(
                f"{out} was prepared with other settings, see {path}; choose another --out or "
                "remove that folder"
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AudiodiffError(f"{out} holds something else; choose another --out")
    else:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for stale in out.rglob(".*.part.*"):
        stale.unlink()


def read_manifest(path: Path) -> Found:
    """The lines of a manifest; one that a kill has cut short counts for nothing."""
    facts: Found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            one = Facts.model_validate_json(line)
        except ValidationError:
            continue
        facts[one.id] = one
    return facts


def _still_true(layout: Layout, out: Path, known: Found) -> Found:
    """What is known of files that have not changed, and whose results are there."""
    true: Found = {}
    for id_, path in layout.files.items():
        facts = known.get(id_)
        if facts is None or facts.source != Source.of(Clip(id=id_, path=path)):
            continue
        # A duplicate has a digest and no file: whether it is still one, only doing it again tells.
        if not facts.digest or target(out, id_).is_file():
            true[id_] = facts
    return true


def _without_duplicates(all_facts: Iterator[Facts]) -> Iterator[tuple[str, Facts]]:
    owners: dict[str, str] = {}
    for facts in all_facts:
        if facts.digest:
            owner = owners.setdefault(facts.digest, facts.id)
            if owner != facts.id:
                facts = facts.model_copy(update={"reason": f"it is the same sound as {owner}"})
        yield facts.id, facts


def _write_lists(layout: Layout, out: Path, found: Found) -> None:
    kept = {
        split: [id_ for id_ in ids if found[id_].reason is None]
        for split, ids in layout.lists.items()
    }
    for split in ("train", "dev"):
        if not kept[split]:
            raise AudiodiffError(
                f"no clip of {split} is fit for use; the first fault: {_first_fault(found)}"
            )
    for split, ids in kept.items():
        with replacing(out / f"{split}.txt") as temporary:
            temporary.write_text("".join(f"{id_}\n" for id_ in ids), encoding="utf-8")


def _first_fault(found: Mapping[str, Facts]) -> str:
    for facts in found.values():
        if facts.reason is not None:
            return f"{facts.id}: {facts.reason}"
    return "its list names no clip"


def target(out: Path, id_: str) -> Path:
    """Where a prepared corpus keeps a clip."""
    return out / "wavs" / f"{id_}{SUFFIX}"


def _remarks(
    wave: Float32[np.ndarray, " samples"], rate: int, channels: int, wanted: int
) -> tuple[str, ...]:
    remarks = []
    if channels > 1:
        remarks.append(f"{channels} channels mixed into one")
    if rate < wanted:
        remarks.append(f"from {rate} Hz, so nothing above {rate // 2} Hz")
    clipped = float(np.mean(np.abs(wave) >= 1 - 2**-14))
    if clipped >= CLIPPED_SHARE:
        remarks.append(f"{100 * clipped:.2f} % of its samples at full scale")
    return tuple(remarks)


def _trimmed(wave: Float32[np.ndarray, " samples"], trim_db: float) -> Float32[np.ndarray, " _"]:
    import librosa

    return np.ascontiguousarray(librosa.effects.trim(wave, top_db=trim_db)[0])


def _at_loudness(
    wave: Float32[np.ndarray, " samples"], rate: int, loudness: float
) -> tuple[Float32[np.ndarray, " samples"], str]:
    """The wave at a loudness, as far as its peak lets it, and a remark if that does not."""
    import pyloudnorm

    own = pyloudnorm.Meter(rate).integrated_loudness(wave)
    gain, most = 10 ** ((loudness - own) / 20), 0.999 / float(np.abs(wave).max())
    limited = f"{_decibels(gain / most):.1f} dB under the loudness, for its peaks"
    return wave * np.float32(min(gain, most)), limited if gain > most else ""


def _rms(wave: Float32[np.ndarray, " samples"]) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def _decibels(amplitude: float) -> float:
    return float(20 * np.log10(max(amplitude, 1e-10)))
