"""Parts of recordings in files, edited: all else stays as it is, to the bit."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from audiodiff.audio.dropouts import dropouts
from audiodiff.audio.patching import Patch, patched
from audiodiff.audio.reader import SoundReader
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.edit_settings import EditSettings, OnParts, read_part
from audiodiff.pipelines.editor import VARY_STEPS, Editor
from audiodiff.pipelines.gaps import Gap, Seconds, Window, check_gap, gaps_of
from audiodiff.pipelines.unfinished import Unfinished
from audiodiff.provenance.record import Setting, software
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory

MAX_GAP_SECONDS = 30.0
"""The longest gap that is filled; its time and memory grow with its length."""


class _Parts(ABC):
    """An edit that makes parts of recordings anew.

    Recordings are of any rate, depth, length and number of channels. Memory holds the sound around
    one part, what was made of the others, and a block of the file.
    """

    parts: ClassVar[str] = "gaps"
    n_steps: ClassVar[int | None] = None
    spans: Sequence[Seconds] | None = None
    channel: int | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        for start, end in self.spans or ():
            check_gap(start, end)

    @property
    @abstractmethod
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""

    @abstractmethod
    def found(self, sound: SoundReader) -> list[Gap]:
        """The parts of a recording that are made."""

    def __call__(
        self, editor: Editor, job: Job, settings: EditSettings, on_parts: OnParts
    ) -> str | None:
        """Writes a recording with its parts made; a copy if there are none.

        Args:
            editor: The editor.
            job: The recording and its result.
            settings: The settings.
            on_parts: Callback for parts that are made.

        Returns:
            A sentence if no dropout was found, or a part is longer than the model knows; else None.

        Raises:
            AudiodiffError: If the file or a part is bad, or the result cannot be written.
        """
        with settings.opened(job.source) as sound:
            gaps, rate = self.found(sound), sound.sample_rate
            if not gaps:
                patched(job.source, job.target, [], settings.max_hours, settings.copied_tags(job))
                copied = "no dropout was found, so the result is a copy; name gaps by --gap"
                return f"{job.source}: {copied}"
            kept = Unfinished(job.target, _settings(self, editor, job, gaps, settings))
            patches = _filled(self, editor, job, sound, gaps, settings, on_parts, kept)
            spans = [(gap.first / rate, gap.last / rate) for gap in gaps]
            tags = settings.tags(self, editor, job, spans)
        patched(job.source, job.target, patches, settings.max_hours, tags)
        kept.discard()
        longest = max(gap.last - gap.first for gap in gaps) / rate
        if longest <= editor.longest:
            return None
        return (
            f"{job.source}: a gap of {longest:.2g} s is longer than the {editor.longest:.2g} s of "
            "which the model has learned, so it may not sound like what was there"
        )


@dataclass(frozen=True)
class Inpaint(_Parts):
    """Fills gaps in recordings.

    Attributes:
        spans: Start and end of each gap in seconds; None for the `dropouts` that are found.
        channel: The only channel whose gaps are filled, counted from 1; None for all.
    """

    spans: Sequence[Seconds] | None
    channel: int | None = None

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""
        return {"edit": "inpaint"} | ({} if self.channel is None else {"channel": self.channel})

    def found(self, sound: SoundReader) -> list[Gap]:
        """The gaps of a recording."""
        seconds = list(dropouts(sound)) if self.spans is None else self.spans
        return [] if self.spans is None and not seconds else _gaps_of(seconds, sound)


@dataclass(frozen=True)
class Continue(_Parts):
    """Lets recordings go on after their end.

    Attributes:
        seconds: Length in seconds of what is added, at most `MAX_GAP_SECONDS`.

    Raises:
        AudiodiffError: If the length is not above 0.
    """

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise AudiodiffError(
                f"seconds={self.seconds:g} is not above 0; give a length in seconds"
            )

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""
        return {"edit": "continue", "seconds": self.seconds}

    def found(self, sound: SoundReader) -> list[Gap]:
        """What comes after the end of a recording."""
        n = max(1, round(self.seconds * sound.sample_rate))
        return [Gap(sound.n_samples, sound.n_samples + n)]


@dataclass(frozen=True)
class VaryParts(_Parts):
    """Varies parts of recordings, as `Editor.vary` does.

    Attributes:
        spans: Start and end of each part in seconds.
        strength: Time of the noise from which they are made anew.
    """

    parts: ClassVar[str] = "parts"
    n_steps: ClassVar[int | None] = VARY_STEPS

    spans: Sequence[Seconds]
    strength: float

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""
        return {"edit": "vary", "strength": self.strength}

    def found(self, sound: SoundReader) -> list[Gap]:
        """The parts of a recording."""
        return _gaps_of(self.spans, sound)


def _gaps_of(seconds: Sequence[Seconds], sound: SoundReader) -> list[Gap]:
    return gaps_of(seconds, sound.sample_rate, sound.n_samples, str(sound.path))


def _filled(
    edit: _Parts,
    editor: Editor,
    job: Job,
    sound: SoundReader,
    gaps: Sequence[Gap],
    settings: EditSettings,
    on_parts: OnParts,
    kept: Unfinished,
) -> list[Patch]:
    """What fills each gap, those before it being filled already."""
    rate, channel, patches = sound.sample_rate, edit.channel, list[Patch]()
    run = editor.run(settings.seed, settings.steps(edit))
    if channel is not None and channel > sound.n_channels:
        raise AudiodiffError(
            f"channel={channel} but {job.source} has {sound.n_channels}; count them from 1"
        )
    channels = slice(None) if channel is None else slice(channel - 1, channel)
    for gap in gaps:
        if gap.last - gap.first > MAX_GAP_SECONDS * rate:
            raise AudiodiffError(
                f"{job.source}: a gap of {(gap.last - gap.first) / rate:g} s is too long; the "
                f"limit is {MAX_GAP_SECONDS:g} s"
            )
    windows = editor.windows(gaps, rate, max(sound.n_samples, gaps[-1].last))
    for number, window in enumerate(windows):
        part = _part(sound, window, patches)[channels]
        lengths = [gap.last - gap.first for gap in window.gaps]
        made = kept.load(number, (len(part), sum(lengths)))
        if made is None:
            with enough_memory(job.source, "fill shorter gaps"):
                filled = editor.filled(part, rate, window, run, edit.strength).numpy()
            places = (slice(g.first - window.first, g.last - window.first) for g in window.gaps)
            made = np.concatenate([filled[:, place] for place in places], 1)
            if len(windows) > 1:
                kept.keep(number, made)
        waves = np.split(made, np.cumsum(lengths)[:-1], 1)
        patches += [Patch(g.first, w, channels) for g, w in zip(window.gaps, waves, strict=True)]
        on_parts(job, len(patches), len(gaps))
    return patches


def _settings(
    edit: _Parts, editor: Editor, job: Job, gaps: Sequence[Gap], settings: EditSettings
) -> str:
    """All that what fills the gaps depends on."""
    file = job.source.stat()
    digests = editor.model.digest, editor.vocoder.model.digest, editor.precision
    source = str(job.source.resolve()), file.st_size, file.st_mtime_ns
    run = settings.seed, settings.steps(edit), edit.channel, edit.strength
    return repr((software(), digests, source, run, gaps))


def _part(sound: SoundReader, window: Window, patches: Sequence[Patch]) -> torch.Tensor:
    """The samples of a window with what was filled before, (channels, samples)."""
    part = read_part(sound, window.first, window.last - window.first).numpy()
    for first, wave, channels in reversed(patches):
        low, high = max(first, window.first), min(first + wave.shape[1], window.last)
        if low < high:
            inside = slice(low - window.first, high - window.first)
            part[channels, inside] = wave[:, low - first : high - first]
    return torch.from_numpy(part)
