"""What a prepared corpus holds: sound, split lists, settings and what was found of each clip."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveFloat

from audiodiff.config import MAX_HOURS, Config, Hours, SampleRate
from audiodiff.data.cache import ClipFile
from audiodiff.errors import AudiodiffError
from audiodiff.system.documents import read_json_lines

MANIFEST_NAME = "manifest.jsonl"
SUFFIX = ".flac"


class PrepareSettings(Config):
    """What is done to each clip.

    Attributes:
        sample_rate: Sample rate that clips are converted to, in Hz.
        min_seconds: Duration in seconds below which a clip is left out.
        high_pass: Frequency in Hz below which sound is filtered out; None filters nothing.
        gain_db: Decibels by which clips are raised; negative ones lower them.
        max_hours: Duration in hours above which a clip is left out.
        loudness: Loudness that clips are brought to, in LUFS (ITU-R BS.1770); None keeps their
            levels.
        trim_db: Decibels below the loudest part at which quiet ends are cut off; None keeps them.
    """

    sample_rate: SampleRate
    min_seconds: PositiveFloat = 0.5
    high_pass: PositiveFloat | None = None
    gain_db: float = Field(default=0.0, ge=-100, le=100)
    max_hours: Hours = MAX_HOURS
    loudness: float | None = Field(default=None, ge=-70, lt=0)
    trim_db: PositiveFloat | None = None


class Facts(Config):
    """What was found of one clip.

    Attributes:
        source: The clip's id and the state of its file.
        rate: Sample rate of the source file, in Hz.
        channels: Number of channels of the source file.
        seconds: Duration of the sound written.
        peak_db: Peak of the sound written, in dB re full scale.
        rms_db: Root mean square of the sound written, in dB re full scale.
        remarks: Sentences on a clip that was kept, such as that it is clipped.
        digest: Hash of the samples written.
        reason: Why the clip was left out; None if it was kept.
    """

    source: ClipFile
    rate: int = 0
    channels: int = 0
    seconds: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    peak_db: float | None = None
    rms_db: float | None = None
    remarks: tuple[str, ...] = ()
    digest: str = ""
    reason: str | None = None

    @property
    def id(self) -> str:
        """The name of the clip in lists."""
        return self.source.id


Manifest = dict[str, Facts]
"""What was found of each clip, by its id."""


def target(out: Path, id_: str) -> Path:
    """Where a prepared corpus keeps a clip."""
    return out / "wavs" / f"{id_}{SUFFIX}"


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest; a damaged line, such as one that a kill cut short, is ignored."""
    facts: Manifest = {}
    for line in read_json_lines(path):
        try:
            one = Facts.parse(line, str(path))
        except AudiodiffError:
            continue
        facts[one.id] = one
    return facts
