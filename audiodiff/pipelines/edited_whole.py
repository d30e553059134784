"""Whole recordings in files, edited: made wide, varied, in another style, with less noise."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch

from audiodiff._types import WavePiece
from audiodiff.audio.bandwidth import bandwidth_of, power_of
from audiodiff.audio.reader import SoundReader
from audiodiff.audio.writer import Codes, Stored, stored_as, write_blocks
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.edit_settings import EditSettings, OnParts, read_part
from audiodiff.pipelines.editor import VARY_STEPS, Editor
from audiodiff.pipelines.infill import Infill
from audiodiff.pipelines.passages import Make, Recording, remade
from audiodiff.pipelines.upsampler import Upsampler
from audiodiff.pipelines.varying import Move, Style
from audiodiff.provenance.record import Setting
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory


def upsample_file(upsampler: Upsampler, job: Job, settings: EditSettings, on_parts: OnParts) -> str:
    """Makes a recording wide, as a wav of 24 bits at the model's rate.

    Args:
        upsampler: The upsampler.
        job: The recording and its result.
        settings: The settings.
        on_parts: Callback for seconds that are made.

    Returns:
        A sentence about where its spectrum ends.

    Raises:
        AudiodiffError: If the file is bad or wide already, or the result cannot be written.
    """
    with settings.opened(job.source) as sound:
        bandwidth = bandwidth_of(power_of(sound.blocks()), sound.sample_rate)
        upsampler.check_bandwidth(bandwidth, str(job.source))
        recording = _recording(sound)
        pieces = upsampler.pieces(recording, bandwidth, settings.seed, settings.n_steps)
        stored = Stored(upsampler.sample_rate, sound.n_channels, "PCM_24")
        made: dict[str, Setting] = {"edit": "upsample", "above_hz": round(bandwidth)}
        _write(upsampler, job, recording, pieces, stored, settings, made, on_parts)
    return f"{job.source}: its spectrum ends at {bandwidth:.0f} Hz; what is above is made"


def vary_file(
    editor: Editor, job: Job, strength: float, settings: EditSettings, on_parts: OnParts
) -> None:
    """Varies a recording, as `Editor.vary` does, at its own rate and depth.

    Args:
        editor: The editor.
        job: The recording and its result.
        strength: Time of the noise from which it is made anew.
        settings: The settings.
        on_parts: Callback for seconds that are made.

    Raises:
        AudiodiffError: If the file is bad, or the result cannot be written.
    """
    settings = settings.or_steps(VARY_STEPS)
    run = editor.run(settings.seed, settings.n_steps)
    with settings.opened(job.source) as sound:
        make = editor.varying(sound.sample_rate, run, strength)
        made: dict[str, Setting] = {"edit": "vary", "strength": strength}
        _remade(editor, job, sound, make, settings, made, on_parts)


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
        return editor.style_of(_recording(sound), str(path))


def style_file(
    editor: Editor,
    job: Job,
    wanted: Style,
    strength: float,
    settings: EditSettings,
    on_parts: OnParts,
) -> None:
    """Gives a recording another style, as `Editor.style` does, at its own rate and depth.

    Args:
        editor: The editor.
        job: The recording and its result.
        wanted: The style.
        strength: Time of the noise from which it is made anew.
        settings: The settings.
        on_parts: Callback for seconds that are made.

    Raises:
        AudiodiffError: If the file is bad or silent, or the result cannot be written.
    """
    settings = settings.or_steps(VARY_STEPS)
    run = editor.run(settings.seed, settings.n_steps)
    move = Move(style_of_file(editor, job.source, settings), wanted)
    with settings.opened(job.source) as sound:
        make = editor.varying(sound.sample_rate, run, strength, move)
        made: dict[str, Setting] = {"edit": "style", "strength": strength}
        _remade(editor, job, sound, make, settings, made, on_parts)


def denoise_file(editor: Editor, job: Job, settings: EditSettings, on_parts: OnParts) -> None:
    """Takes noise from a recording, as `Editor.denoise` does, at its own rate and depth.

    Args:
        editor: The editor.
        job: The recording and its result.
        settings: The settings.
        on_parts: Callback for seconds that are made.

    Raises:
        AudiodiffError: If the file is bad, or the result cannot be written.
    """
    run = editor.run(settings.seed, settings.n_steps)
    with settings.opened(job.source) as sound:
        make = editor.denoising(sound.sample_rate, run)
        _remade(editor, job, sound, make, settings, {"edit": "denoise"}, on_parts)


def _recording(sound: SoundReader) -> Recording:
    """A recording whose samples are checked as they are read."""

    def read(first: int, n: int) -> WavePiece:
        part = read_part(sound, first, n)
        if not torch.isfinite(part).all():
            raise AudiodiffError(f"{sound.path} holds NaN or infinity; mend what made it")
        return part

    return Recording(read, sound.n_samples, sound.sample_rate)


def _remade(
    editor: Editor,
    job: Job,
    sound: SoundReader,
    make: Make,
    settings: EditSettings,
    made: Mapping[str, Setting],
    on_parts: OnParts,
) -> None:
    """Writes a recording that is made anew at its own rate and depth."""
    recording, rate = _recording(sound), sound.sample_rate
    stored = stored_as(rate, sound.n_channels, sound.subtype)
    pieces = remade(recording, make, rate)
    _write(editor, job, recording, pieces, stored, settings, made, on_parts)


def _write(
    infill: Infill,
    job: Job,
    recording: Recording,
    pieces: Iterable[WavePiece],
    stored: Stored,
    settings: EditSettings,
    made: Mapping[str, Setting],
    on_parts: OnParts,
) -> None:
    """Writes the pieces of a recording that is made anew."""
    seconds, rate = recording.n_samples / recording.rate, stored.sample_rate

    def blocks() -> Iterator[Codes]:
        done = 0
        for piece in pieces:
            done += piece.shape[1]
            on_parts(job, round(done / rate), round(seconds))
            yield stored.codes(piece.numpy())

    tags = settings.tags(infill, job, [(0.0, seconds)], made)
    with enough_memory(job.source, "split it into mono files"):
        write_blocks(job.target, blocks(), stored, round(seconds * rate), tags)
