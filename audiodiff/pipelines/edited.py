"""Parts of recordings in files, edited: all else stays as it is, to the bit."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from audiodiff.audio.dropouts import dropouts
from audiodiff.audio.patching import Patch, patched
from audiodiff.audio.reader import SoundReader
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.edit_settings import EditSettings, OnParts, read_part
from audiodiff.pipelines.editor import VARY_STEPS, Editor
from audiodiff.pipelines.gaps import Gap, Seconds, Window, gaps_of
from audiodiff.pipelines.unfinished import Unfinished
from audiodiff.provenance.record import Setting, software
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory

MAX_GAP_SECONDS = 30.0
"""The longest gap that is filled; its time and memory grow with its length."""


def inpaint_file(
    editor: Editor,
    job: Job,
    gaps: Sequence[Seconds] | None,
    settings: EditSettings,
    on_parts: OnParts,
    channel: int | None = None,
) -> str | None:
    """Fills gaps in a sound file of any rate, depth, length and number of channels.

    Memory holds the sound around one gap, what fills the others, and a block of the file.

    Args:
        editor: The editor.
        job: The recording and its result.
        gaps: Start and end of each gap in seconds; None for the `dropouts` that are found.
        settings: The settings.
        on_parts: Callback for gaps that are filled.
        channel: The only channel whose gaps are filled, counted from 1; None for all.

    Returns:
        A sentence if no dropout was found, or a gap is longer than the model knows; else None.

    Raises:
        AudiodiffError: If the file or a gap is bad, or the result cannot be written.
    """

    def found(sound: SoundReader) -> list[Gap]:
        seconds = list(dropouts(sound)) if gaps is None else gaps
        if gaps is None and not seconds:
            return []
        return gaps_of(seconds, sound.sample_rate, sound.n_samples, str(job.source))

    return _edited(editor, job, found, settings, on_parts, {"edit": "inpaint"}, channel)


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

    def found(sound: SoundReader) -> list[Gap]:
        n = max(1, round(seconds * sound.sample_rate))
        return [Gap(sound.n_samples, sound.n_samples + n)]

    return _edited(editor, job, found, settings, on_parts, {"edit": "continue"})


def vary_part_of_file(
    editor: Editor,
    job: Job,
    interval: Seconds,
    strength: float,
    settings: EditSettings,
    on_parts: OnParts,
) -> str | None:
    """Varies one part of a recording, as `Editor.vary` does.

    Args:
        editor: The editor.
        job: The recording and its result.
        interval: Start and end of the part in seconds.
        strength: Time of the noise from which it is made anew.
        settings: The settings.
        on_parts: Callback for what is made.

    Returns:
        A sentence if it is longer than the model knows; else None.

    Raises:
        AudiodiffError: If the file or the interval is bad, or the result cannot be written.
    """

    def found(sound: SoundReader) -> list[Gap]:
        return gaps_of([interval], sound.sample_rate, sound.n_samples, str(job.source))

    made: dict[str, Setting] = {"edit": "vary", "strength": strength}
    settings = settings.or_steps(VARY_STEPS)
    return _edited(editor, job, found, settings, on_parts, made, strength=strength)


def _edited(
    editor: Editor,
    job: Job,
    find: Callable[[SoundReader], Sequence[Gap]],
    settings: EditSettings,
    on_parts: OnParts,
    made: dict[str, Setting],
    channel: int | None = None,
    strength: float = 1.0,
) -> str | None:
    """Writes the recording with the gaps that ``find`` finds filled; a copy if there is none."""
    with settings.opened(job.source) as sound:
        gaps, rate = find(sound), sound.sample_rate
        if not gaps:
            patched(job.source, job.target, [], settings.max_hours, settings.copied_tags(job))
            return f"{job.source}: no dropout was found, so the result is a copy"
        kept = Unfinished(job.target, _settings(editor, job, gaps, settings, channel, strength))
        patches = _filled(editor, job, sound, gaps, settings, on_parts, channel, strength, kept)
        spans = [(gap.first / rate, gap.last / rate) for gap in gaps]
        tags = settings.tags(editor, job, spans, made)
    patched(job.source, job.target, patches, settings.max_hours, tags)
    kept.discard()
    longest = max(gap.last - gap.first for gap in gaps) / rate
    if longest <= editor.longest:
        return None
    return (
        f"{job.source}: a gap of {longest:.2g} s is longer than the {editor.longest:.2g} s of "
        "which the model has learned, so it may not sound like what was there"
    )


def _filled(
    editor: Editor,
    job: Job,
    sound: SoundReader,
    gaps: Sequence[Gap],
    settings: EditSettings,
    on_parts: OnParts,
    channel: int | None,
    strength: float,
    kept: Unfinished,
) -> list[Patch]:
    """What fills each gap, those before it being filled already."""
    rate, patches = sound.sample_rate, list[Patch]()
    run = editor.run(settings.seed, settings.n_steps)
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
                filled = editor.filled(part, rate, window, run, strength).numpy()
            places = (slice(g.first - window.first, g.last - window.first) for g in window.gaps)
            made = np.concatenate([filled[:, place] for place in places], 1)
            if len(windows) > 1:
                kept.keep(number, made)
        waves = np.split(made, np.cumsum(lengths)[:-1], 1)
        patches += [Patch(g.first, w, channels) for g, w in zip(window.gaps, waves, strict=True)]
        on_parts(job, len(patches), len(gaps))
    return patches


def _settings(
    editor: Editor,
    job: Job,
    gaps: Sequence[Gap],
    settings: EditSettings,
    channel: int | None,
    strength: float,
) -> str:
    """All that what fills the gaps depends on."""
    file = job.source.stat()
    digests = editor.model.digest, editor.vocoder.model.digest, editor.precision
    source = str(job.source.resolve()), file.st_size, file.st_mtime_ns
    run = settings.seed, settings.n_steps, channel, strength
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
