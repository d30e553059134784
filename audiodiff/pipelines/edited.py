"""Recordings in files, edited: all that was recorded stays as it is, to the bit."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from audiodiff.audio.bandwidth import bandwidth_of, power_of
from audiodiff.audio.dropouts import dropouts
from audiodiff.audio.patching import Patch, patched
from audiodiff.audio.reader import MAX_PEAK, OR_ALLOW, SPLIT, SoundReader, opened
from audiodiff.audio.tags import Tags
from audiodiff.audio.writer import Codes, Stored, write_blocks
from audiodiff.config import MAX_HOURS, Config, Count, Hours, Seed, StepCount
from audiodiff.errors import AudiodiffError
from audiodiff.model.run import Run
from audiodiff.pipelines.editor import Editor
from audiodiff.pipelines.gaps import Gap, Seconds, Window, gaps_of
from audiodiff.pipelines.infill import Infill
from audiodiff.pipelines.upsampler import Upsampler
from audiodiff.provenance.files import record_in, tags_of
from audiodiff.provenance.making import record_of
from audiodiff.provenance.record import Setting
from audiodiff.provenance.spans import together
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory

OnParts: TypeAlias = Callable[[Job, int, int], None]
"""Takes a job, the number of its parts that are done, such as gaps, and that of all of them."""

MAX_GAP_SECONDS = 30.0
"""The longest gap that is filled; its time and memory grow with its length."""


class EditSettings(Config):
    """The settings by which recordings are edited; None stands for the model's own.

    Attributes:
        n_steps: Number of sampler steps of the mel.
        seed: Seed of the noise, the same for every gap.
        max_hours: Length of the longest recording to read, in hours.
        model: Name of the model, for the record in each file.
        provenance: Whether each file stores what made it.
        channel: The only channel whose gaps are filled, counted from 1; None for all.
    """

    n_steps: StepCount | None = None
    seed: Seed = 0
    max_hours: Hours = MAX_HOURS
    model: str = ""
    provenance: bool = True
    channel: Count | None = None


def inpaint_file(
    editor: Editor,
    job: Job,
    gaps: Sequence[Seconds] | None,
    settings: EditSettings,
    on_parts: OnParts,
) -> str | None:
    """Fills gaps in a sound file of any rate, depth, length and number of channels.

    Memory holds the sound around one gap, what fills the others, and a block of the file.

    Args:
        editor: The editor.
        job: The recording and its result.
        gaps: Start and end of each gap in seconds; None for the `dropouts` that are found.
        settings: The settings.
        on_parts: Callback for gaps that are filled.

    Returns:
        A sentence if no dropout was found, or a gap is longer than the model knows; else None.

    Raises:
        AudiodiffError: If the file or a gap is bad, or the result cannot be written.
    """
    with _opened(job.source, settings) as sound:
        seconds = list(dropouts(sound)) if gaps is None else gaps
        if gaps is None and not seconds:
            record = record_in(job.source) if settings.provenance else None
            tags = None if record is None else tags_of(record)
            patched(job.source, job.target, [], settings.max_hours, tags)
            return f"{job.source}: no dropout was found, so the result is a copy"
        own = gaps_of(seconds, sound.sample_rate, sound.n_samples, str(job.source))
        patches = _filled(editor, job, sound, own, settings, on_parts)
        tags = _tags(editor, job, settings, _spans(own, sound.sample_rate), {"edit": "inpaint"})
    patched(job.source, job.target, patches, settings.max_hours, tags)
    return _remark(editor, job, own, sound.sample_rate)


def continue_file(
    editor: Editor, job: Job, seconds: float, settings: EditSettings, on_parts: OnParts
) -> str | None:
    """Lets a recording go on after its end.

    Args:
        editor: The editor.
        job: The recording and its result.
        seconds: Length in seconds of what is added.
        settings: The settings.
        on_parts: Callback for what is made.

    Returns:
        A sentence if it is longer than the model knows; else None.

    Raises:
        AudiodiffError: If the file is bad, ``seconds`` is not above 0 or above
            `MAX_GAP_SECONDS`, or the result cannot be written.
    """
    if not 0 < seconds < math.inf:
        raise AudiodiffError(f"seconds={seconds:g} is not above 0; give a length in seconds")
    with _opened(job.source, settings) as sound:
        end = sound.n_samples
        own = [Gap(end, end + max(1, round(seconds * sound.sample_rate)))]
        patches = _filled(editor, job, sound, own, settings, on_parts)
        tags = _tags(editor, job, settings, _spans(own, sound.sample_rate), {"edit": "continue"})
    patched(job.source, job.target, patches, settings.max_hours, tags)
    return _remark(editor, job, own, sound.sample_rate)


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
    with _opened(job.source, settings) as sound:
        rate, n_samples, wanted = sound.sample_rate, sound.n_samples, upsampler.sample_rate
        bandwidth = bandwidth_of(power_of(sound.blocks()), rate)
        upsampler.check_bandwidth(bandwidth, str(job.source))
        stored = Stored(wanted, sound.n_channels, "PCM_24")

        def read(first: int, n: int) -> torch.Tensor:
            return torch.from_numpy(sound.read(first, n, "float32").T.copy())

        def blocks() -> Iterator[Codes]:
            done = 0
            pieces = upsampler.pieces(
                read, n_samples, rate, bandwidth, settings.seed, settings.n_steps
            )
            for piece in pieces:
                done += piece.shape[1]
                on_parts(job, round(done / wanted), round(n_samples / rate))
                yield stored.codes(piece.numpy())

        made: dict[str, Setting] = {"edit": "upsample", "above_hz": round(bandwidth)}
        tags = _tags(upsampler, job, settings, [(0.0, n_samples / rate)], made)
        with enough_memory(job.source, "split it into mono files"):
            write_blocks(job.target, blocks(), stored, round(n_samples * wanted / rate), tags)
    return f"{job.source}: its spectrum ends at {bandwidth:.0f} Hz; what is above is made"


def _tags(
    infill: Infill,
    job: Job,
    settings: EditSettings,
    spans: Sequence[Seconds],
    made: Mapping[str, Setting],
) -> Tags | None:
    """The record of an edit, with the synthetic parts that the recording had before it."""
    if not settings.provenance:
        return None
    earlier = record_in(job.source)
    synthetic = spans if earlier is None else together(spans, earlier.synthetic)
    run = Run(n_steps=settings.n_steps, seed=settings.seed)
    return tags_of(record_of(infill.model, settings.model, run, made, synthetic))


def _spans(gaps: Sequence[Gap], rate: int) -> list[Seconds]:
    return [(gap.first / rate, gap.last / rate) for gap in gaps]


def _opened(path: Path, settings: EditSettings) -> AbstractContextManager[SoundReader]:
    return opened(path, settings.max_hours, SPLIT + OR_ALLOW)


def _filled(
    editor: Editor,
    job: Job,
    sound: SoundReader,
    gaps: Sequence[Gap],
    settings: EditSettings,
    on_parts: OnParts,
) -> list[Patch]:
    """What fills each gap, those before it being filled already."""
    rate, patches, channel = sound.sample_rate, list[Patch](), settings.channel
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
    whole = max(sound.n_samples, gaps[-1].last)
    for window in editor.windows(gaps, rate, whole):
        part = _part(sound, window, patches)
        with enough_memory(job.source, "fill shorter gaps"):
            made = editor.filled(part[channels], rate, window, settings.seed, settings.n_steps)
        for gap in window.gaps:
            inside = made[:, gap.first - window.first : gap.last - window.first]
            patches.append(Patch(gap.first, inside.numpy(), channels))
        on_parts(job, len(patches), len(gaps))
    return patches


def _part(sound: SoundReader, window: Window, patches: Sequence[Patch]) -> torch.Tensor:
    """The samples of a window with what was filled before, (channels, samples)."""
    part = sound.read(window.first, window.last - window.first, "float32").T.copy()
    for first, wave, channels in reversed(patches):
        low, high = max(first, window.first), min(first + wave.shape[1], window.last)
        if low < high:
            inside = slice(low - window.first, high - window.first)
            part[channels, inside] = wave[:, low - first : high - first]
    peak = np.abs(part[np.isfinite(part)]).max(initial=0)
    if peak > MAX_PEAK:
        raise AudiodiffError(
            f"{sound.path} holds floats up to {peak:.0f}, though full scale is 1; divide them"
        )
    return torch.from_numpy(part)


def _remark(editor: Editor, job: Job, gaps: Sequence[Gap], rate: int) -> str | None:
    longest = max(gap.last - gap.first for gap in gaps) / rate
    if longest <= editor.longest:
        return None
    return (
        f"{job.source}: a gap of {longest:.2g} s is longer than the {editor.longest:.2g} s of "
        "which the model has learned, so it may not sound like what was there"
    )
