"""Whole recordings in files, edited: made wide, varied, in another style, with less noise."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch

from audiodiff._types import WavePiece
from audiodiff.audio.bandwidth import bandwidth_of, power_of
from audiodiff.audio.io import Piece
from audiodiff.audio.reader import SoundReader
from audiodiff.audio.tags import Tags
from audiodiff.audio.writer import Codes, Stored, stored_as, write_blocks
from audiodiff.errors import AudiodiffError
from audiodiff.model.run import Run
from audiodiff.pipelines.edit_settings import EditSettings, OnParts, read_part
from audiodiff.pipelines.editor import VARY_STEPS, Editor
from audiodiff.pipelines.passages import Make, Recording, remade
from audiodiff.pipelines.upsampler import Upsampler
from audiodiff.pipelines.varying import Move, Style
from audiodiff.provenance import watermark
from audiodiff.provenance.record import Setting
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory


class _Whole(ABC):
    """An edit that makes whole recordings anew, at their own rate and depth."""

    parts: ClassVar[str] = "seconds"
    n_steps: ClassVar[int | None] = None
    spans: ClassVar[None] = None
    watermark: bool = False

    @property
    @abstractmethod
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""

    @abstractmethod
    def making(self, editor: Editor, sound: SoundReader, run: Run) -> Make:
        """What makes parts of a recording anew."""

    def __call__(self, editor: Editor, job: Job, settings: EditSettings, on_parts: OnParts) -> None:
        """Writes a recording that is made anew.

        Args:
            editor: The editor.
            job: The recording and its result.
            settings: The settings.
            on_parts: Callback for seconds that are made.

        Raises:
            AudiodiffError: If the file is bad, or the result cannot be written.
        """
        run = editor.run(settings.seed, settings.steps(self))
        with settings.opened(job.source) as sound:
            recording, rate = _recording(sound), sound.sample_rate
            pieces = remade(recording, self.making(editor, sound, run), rate)
            if self.watermark:
                pieces = _marked(pieces, sound.n_channels, rate)
            stored = stored_as(rate, sound.n_channels, sound.subtype)
            tags = settings.tags(self, editor, job, [(0.0, _seconds(recording))])
            _write(job, recording, pieces, stored, tags, on_parts)


@dataclass(frozen=True)
class Vary(_Whole):
    """Varies recordings, as `Editor.vary` does.

    Attributes:
        strength: Time of the noise from which they are made anew.
        watermark: Whether the sound itself is marked.
    """

    n_steps: ClassVar[int | None] = VARY_STEPS

    strength: float
    watermark: bool = False

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""
        return {"edit": "vary", "strength": self.strength, **_mark(self.watermark)}

    def making(self, editor: Editor, sound: SoundReader, run: Run) -> Make:
        """What varies parts of a recording."""
        return editor.varying(sound.sample_rate, run, self.strength)


@dataclass(frozen=True)
class Restyle(_Whole):
    """Gives recordings another style, as `Editor.style` does.

    Attributes:
        wanted: The style.
        strength: Time of the noise from which they are made anew.
        watermark: Whether the sound itself is marked.
    """

    n_steps: ClassVar[int | None] = VARY_STEPS

    wanted: Style
    strength: float
    watermark: bool = False

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""
        return {"edit": "style", "strength": self.strength, **_mark(self.watermark)}

    def making(self, editor: Editor, sound: SoundReader, run: Run) -> Make:
        """What moves parts of a recording to the style."""
        move = Move(_style_of(editor, sound), self.wanted)
        return editor.varying(sound.sample_rate, run, self.strength, move)


@dataclass(frozen=True)
class Denoise(_Whole):
    """Takes noise from recordings, as `Editor.denoise` does."""

    made: ClassVar[Mapping[str, Setting]] = MappingProxyType({"edit": "denoise"})

    def making(self, editor: Editor, sound: SoundReader, run: Run) -> Make:
        """What takes noise from parts of a recording."""
        return editor.denoising(sound.sample_rate, run)


@dataclass(frozen=True)
class Upsample:
    """Makes recordings wide, as wavs of 24 bits at the model's rate.

    Attributes:
        bandwidth: Frequency in Hz at which their spectra end; found in each if None.
    """

    parts: ClassVar[str] = "seconds"
    n_steps: ClassVar[int | None] = None
    spans: ClassVar[None] = None

    bandwidth: float | None = None

    @property
    def made(self) -> Mapping[str, Setting]:
        """What is done, by name, for the record in each file."""
        given = {} if self.bandwidth is None else {"bandwidth": self.bandwidth}
        return {"edit": "upsample", **given}

    def __call__(
        self, upsampler: Upsampler, job: Job, settings: EditSettings, on_parts: OnParts
    ) -> str | None:
        """Makes a recording wide.

        Args:
            upsampler: The upsampler.
            job: The recording and its result.
            settings: The settings.
            on_parts: Callback for seconds that are made.

        Returns:
            A sentence about where its spectrum ends, if that was found.

        Raises:
            AudiodiffError: If the file is bad, wide already or of less than the bandwidth, or the
                result cannot be written.
        """
        with settings.opened(job.source) as sound:
            bandwidth = self.bandwidth
            if bandwidth is None:
                bandwidth = bandwidth_of(power_of(sound.blocks()), sound.sample_rate)
            upsampler.check_bandwidth(bandwidth, sound.sample_rate, str(job.source))
            recording = _recording(sound)
            pieces = upsampler.pieces(recording, bandwidth, settings.seed, settings.n_steps)
            stored = Stored(upsampler.sample_rate, sound.n_channels, "PCM_24")
            spans, found = [(0.0, _seconds(recording))], {"above_hz": round(bandwidth)}
            tags = settings.tags(self, upsampler, job, spans, found)
            _write(job, recording, pieces, stored, tags, on_parts)
        if self.bandwidth is None:
            return f"{job.source}: its spectrum ends at {bandwidth:.0f} Hz; what is above is made"
        return None


def style_of_file(editor: Editor, path: Path, settings: EditSettings) -> Style:
    """The style of a recording.

    Args:
        editor: The editor.
        path: The recording.
        settings: The settings.

    Raises:
        AudiodiffError: If the file is bad or silent.
    """
    with settings.opened(path) as sound:
        return _style_of(editor, sound)


def _style_of(editor: Editor, sound: SoundReader) -> Style:
    return editor.style_of(_recording(sound), str(sound.path))


def _recording(sound: SoundReader) -> Recording:
    """A recording whose samples are checked as they are read."""

    def read(first: int, n: int) -> WavePiece:
        part = read_part(sound, first, n)
        if not torch.isfinite(part).all():
            raise AudiodiffError(f"{sound.path} holds NaN or infinity; mend what made it")
        return part

    return Recording(read, sound.n_samples, sound.sample_rate)


def _mark(wanted: bool) -> dict[str, Setting]:
    """The setting that says that a sound is marked."""
    return {"watermark": watermark.NAME} if wanted else {}


def _marked(pieces: Iterable[WavePiece], n_channels: int, rate: int) -> Iterator[WavePiece]:
    """A recording of which each channel has the watermark."""

    def channel(number: int, own: Iterable[WavePiece]) -> Iterator[Piece]:
        return watermark.marked((piece[number].numpy() for piece in own), rate)

    copies = enumerate(tee(pieces, n_channels))
    for parts in zip(*(channel(*copy) for copy in copies), strict=True):
        yield torch.from_numpy(np.stack(parts))


def _seconds(recording: Recording) -> float:
    return recording.n_samples / recording.rate


def _write(
    job: Job,
    recording: Recording,
    pieces: Iterable[WavePiece],
    stored: Stored,
    tags: Tags | None,
    on_parts: OnParts,
) -> None:
    """Writes the pieces of a recording that is made anew."""
    seconds, rate = _seconds(recording), stored.sample_rate

    def blocks() -> Iterator[Codes]:
        done = 0
        for piece in pieces:
            done += piece.shape[1]
            on_parts(job, round(done / rate), round(seconds))
            yield stored.codes(piece.numpy())

    with enough_memory(job.source, "split it into mono files"):
        write_blocks(job.target, blocks(), stored, round(seconds * rate), tags)
