"""The record of what made a sound."""

import json
import os
import re
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from audiodiff.config import Config, GuidanceScale, Seed, StepCount
from audiodiff.errors import AudiodiffError
from audiodiff.provenance.spans import Spans, in_words
from audiodiff.system.documents import parse_json

MAKER = "audiodiff"
"""Key of the record in a file's comment."""

_BEGINNING = re.compile(rf'\s*{{\s*"{MAKER}"\s*:')

LAST_DATE = 253402300799
"""Seconds from 1970 to the end of the year 9999."""

Text = Annotated[str, Field(max_length=1000)]
Setting = Text | int | float


class Record(Config):
    """What made a sound; None or nothing where it is not known.

    It holds no path, no host and no user's name.

    Attributes:
        software: Name and version of the program.
        model: Name of the model without its owner's; None for a model directory, which has none.
        weights: SHA-256 digest of the model's weights, as 64 hexadecimal digits.
        sampler: Name of the sampler.
        steps: Number of sampler steps.
        seed: Seed of the noise.
        guidance_scale: Scale of the guidance.
        labels: The label of each kind that was asked for.
        settings: Other settings that the sound depends on, by name.
        date: Time at which the file was written, in UTC, as ``2026-01-31T12:00:00Z``; None before
            that.
        synthetic: The parts that were made: ``all``, or spans of (start, end) in seconds.
    """

    # A later version may know more.
    model_config = ConfigDict(extra="ignore")

    software: Text
    model: Text | None = None
    weights: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    sampler: Text | None = None
    steps: StepCount | None = None
    seed: Seed | None = None
    guidance_scale: GuidanceScale | None = None
    labels: Mapping[Text, Text] = {}
    settings: Mapping[Text, Setting] = {}
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")] | None = None
    synthetic: Literal["all"] | Spans

    def comment(self) -> str:
        """The record as the comment of a file."""
        return json.dumps({MAKER: self.model_dump(mode="json", exclude_defaults=True)})

    @property
    def description(self) -> str:
        """One sentence on the sound, in ASCII."""
        return f"Synthetic sound by {self.software}: {in_words(self.synthetic)}"


def record_from(comment: str, source: str) -> Record | None:
    """The record in a file's comment; None if there is none.

    Args:
        comment: The comment.
        source: Name of the file, for messages.

    Raises:
        AudiodiffError: If the record is damaged.
    """
    if not _BEGINNING.match(comment):
        return None
    found = parse_json(comment, f"the comment of {source}")
    return Record.parse(found[MAKER], f"the record in {source}")


def software() -> str:
    """Name and version of this program; the name alone if it is not installed."""
    try:
        return f"audiodiff {version('audiodiff-vocoder')}"
    except PackageNotFoundError:
        return "audiodiff"


def now() -> str:
    """The time in UTC; that of SOURCE_DATE_EPOCH where it is set, so that a run can be repeated.

    Raises:
        AudiodiffError: If SOURCE_DATE_EPOCH is no number of seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        seconds = int(time.time())
    elif given.isascii() and given.isdigit() and len(given) < 13 and int(given) <= LAST_DATE:
        seconds = int(given)
    else:
        raise AudiodiffError(
            f"SOURCE_DATE_EPOCH={given!r:.80} is no number of seconds since 1970; unset it, or "
            "give one like 1767225600"
        )
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
