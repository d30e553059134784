"""Recordings in files, edited: all that was recorded stays as it is, to the bit."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch

from audiodiff.audio.dropouts import dropouts
from audiodiff.audio.patching import Patch, patched
from audiodiff.audio.reader import MAX_PEAK, OR_ALLOW, SPLIT, SoundReader, opened
from audiodiff.config import MAX_HOURS, Config, Hours, Seed, StepCount
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.editor import Editor
from audiodiff.pipelines.gaps import Gap, Seconds, Window, gaps_of
from audiodiff.system.jobs import Job
from audiodiff.system.memory import enough_memory

OnGaps: TypeAlias = Callable[[Job, int, int], None]
"""Takes a job, the number of its gaps that are filled, and that of all its gaps."""

MAX_GAP_SECONDS = 30.0
"""The longest gap that is filled; its time and memory grow with its length."""


class EditSettings(Config):
    """The settings by which recordings are edited; None stands for the model's own.

    Attributes:
        n_steps: Number of sampler steps of the mel.
        seed: Seed of the noise, the same for every gap.
        max_hours: Length of the longest recording to read, in hours.
    """

    n_steps: StepCount | None = None
    seed: Seed = 0
    max_hours: Hours = MAX_HOURS


class Filled(NamedTuple):
    """The result of a file.

    Attributes:
        gaps: Start and end in seconds of what was made.
        remark: A sentence about gaps longer than the model knows; None if there are none.
    """

    gaps: tuple[Seconds, ...]
    remark: str | None


def inpaint_file(
    editor: Editor,
    job: Job,
    gaps: Sequence[Seconds] | None,
    settings: EditSettings,
    on_gaps: OnGaps,
) -> Filled:
    """Fills gaps in a sound file of any rate, depth, length and number of channels.

    Memory holds the sound around one gap, what fills the others, and a block of the file.

    Args:
        editor: The editor.
        job: The recording and its result.
        gaps: Start and end of each gap in seconds; None for the `dropouts` that are found.
        settings: The settings.
        on_gaps: Callback for gaps that are filled.

    Raises:
        AudiodiffError: If the file or a gap is bad, or the result cannot be written.
    """
    with _opened(job.source, settings) as sound:
        seconds = list(dropouts(sound)) if gaps is None else gaps
        if gaps is None and not seconds:
            patched(job.source, job.target, [], settings.max_hours)
            return Filled((), f"{job.source}: no dropout was found, so the result is a copy")
        own = gaps_of(seconds, sound.sample_rate, sound.n_samples, str(job.source))
        patches = _filled(editor, job, sound, own, settings, on_gaps)
    patched(job.source, job.target, patches, settings.max_hours)
    return _result(editor, job, own, sound.sample_rate)


def continue_file(
    editor: Editor, job: Job, seconds: float, settings: EditSettings, on_gaps: OnGaps
) -> Filled:
    """Lets a recording go on after its end.

    Args:
        editor: The editor.
        job: The recording and its result.
        seconds: Length in seconds of what is added.
        settings: The settings.
        on_gaps: Callback for what is made.

    Raises:
        AudiodiffError: If the file is bad, ``seconds`` is not above 0 or above
            `MAX_GAP_SECONDS`, or the result cannot be written.
    """
    if not 0 < seconds < math.inf:
        raise AudiodiffError(f"seconds={seconds:g} is not above 0; give a length in seconds")
    with _opened(job.source, settings) as sound:
        end = sound.n_samples
        own = [Gap(end, end + max(1, round(seconds * sound.sample_rate)))]
        patches = _filled(editor, job, sound, own, settings, on_gaps)
    patched(job.source, job.target, patches, settings.max_hours)
    return _result(editor, job, own, sound.sample_rate)


def _opened(path: Path, settings: EditSettings) -> AbstractContextManager[SoundReader]:
    return opened(path, settings.max_hours, SPLIT + OR_ALLOW)


def _filled(
    editor: Editor,
    job: Job,
    sound: SoundReader,
    gaps: Sequence[Gap],
    settings: EditSettings,
    on_gaps: OnGaps,
) -> list[Patch]:
    """What fills each gap, those before it being filled already."""
    rate, patches = sound.sample_rate, list[Patch]()
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
            made = editor.filled(part, rate, window, settings.seed, settings.n_steps)
        for gap in window.gaps:
            inside = made[:, gap.first - window.first : gap.last - window.first]
            patches.append(Patch(gap.first, inside.numpy()))
        on_gaps(job, len(patches), len(gaps))
    return patches


def _part(sound: SoundReader, window: Window, patches: Sequence[Patch]) -> torch.Tensor:
    """The samples of a window with what was filled before, (channels, samples)."""
    part = sound.read(window.first, window.last - window.first, "float32").T.copy()
    for first, wave in reversed(patches):
        low, high = max(first, window.first), min(first + wave.shape[1], window.last)
        if low < high:
            part[:, low - window.first : high - window.first] = wave[:, low - first : high - first]
    peak = np.abs(part[np.isfinite(part)]).max(initial=0)
    if peak > MAX_PEAK:
        raise AudiodiffError(
            f"{sound.path} holds floats up to {peak:.0f}, though full scale is 1; divide them"
        )
    return torch.from_numpy(part)


def _result(editor: Editor, job: Job, gaps: Sequence[Gap], rate: int) -> Filled:
    seconds = tuple((gap.first / rate, gap.last / rate) for gap in gaps)
    longest = max(end - start for start, end in seconds)
    remark = None
    if longest > editor.longest:
        remark = (
            f"{job.source}: a gap of {longest:.2g} s is longer than the {editor.longest:.2g} s of "
            "which the model has learned, so it may not sound like what was there"
        )
    return Filled(seconds, remark)
