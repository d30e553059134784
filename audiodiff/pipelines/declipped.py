"""Clipped recordings in files, restored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from audiodiff.audio.declipping import Restored, clip_levels, restorations
from audiodiff.audio.patching import patched
from audiodiff.audio.reader import SoundReader
from audiodiff.audio.writer import BLOCK, Codes, Stored, write_blocks
from audiodiff.pipelines.edit_settings import EditSettings, OnParts
from audiodiff.pipelines.gaps import Seconds
from audiodiff.provenance.record import Setting
from audiodiff.system.jobs import Job

FULL_SCALE = 1 - 2**-15
"""The greatest sample of a result."""

_DEEP = ("PCM_32", "FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Declip:
    """Restores the clipped tops of recordings, which are made softer if they would not fit.

    The results are wavs of 24 bits, or as deep as the recordings if those are deeper. Memory holds
    half a minute of a recording and what was restored.
    """

    parts: ClassVar[str] = "seconds"
    n_steps: ClassVar[None] = None
    spans: ClassVar[None] = None
    made: ClassVar[Mapping[str, Setting]] = MappingProxyType({"edit": "declip"})

    def __call__(self, by: None, job: Job, settings: EditSettings, on_parts: OnParts) -> str:
        """Restores a recording.

        Args:
            by: Nothing: no model is needed.
            job: The recording and its result.
            settings: The settings.
            on_parts: Callback for seconds that are done.

        Returns:
            A sentence about what was found.

        Raises:
            AudiodiffError: If the file is bad, or the result cannot be written.
        """
        with settings.opened(job.source) as sound:
            levels = clip_levels(sound)
            if not np.isfinite(levels).any():
                patched(job.source, job.target, [], settings.max_hours, settings.copied_tags(job))
                return f"{job.source}: no clipping was found, so the result is a copy"
            restored, rate = list[Restored](), sound.sample_rate
            for part, done in restorations(sound, levels):
                restored.append(part)
                on_parts(job, done // rate, sound.n_samples // rate)
            tops = [top for part in restored for top in _tops(part, rate)]
            peaks = [np.abs(part.wave).max(initial=0) for part in restored]
            gain = min(1.0, FULL_SCALE / max(peaks))
            subtype = sound.subtype if sound.subtype in _DEEP else "PCM_24"
            stored = Stored(rate, sound.n_channels, subtype)
            tags = settings.tags(self, by, job, tops, {"gain": gain})
            blocks = _blocks(sound, restored, gain, stored)
            write_blocks(job.target, blocks, stored, sound.n_samples, tags)
        softer = f"; the sound is {-20 * np.log10(gain):.1f} dB softer to fit them"
        said = f"{job.source}: {len(tops)} clipped tops were restored"
        return said if gain == 1 else said + softer


def _tops(restored: Restored, rate: int) -> Iterator[Seconds]:
    """Start and end in seconds of each stretch of restored samples."""
    for run in np.split(restored.places, np.flatnonzero(np.diff(restored.places) > 1) + 1):
        if len(run):
            yield run[0] / rate, (run[-1] + 1) / rate


def _blocks(
    sound: SoundReader, restored: Sequence[Restored], gain: float, stored: Stored
) -> Iterator[Codes]:
    """The samples of the result."""
    size = max(1, BLOCK // sound.n_channels)
    for start in range(0, sound.n_samples, size):
        block = sound.read(start, min(size, sound.n_samples - start), "float64")
        for channel, places, wave in restored:
            low, high = np.searchsorted(places, [start, start + len(block)])
            block[places[low:high] - start, channel] = wave[low:high]
        yield stored.codes(gain * block.T)
