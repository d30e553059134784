"""The clips of a search: some to search on, others to judge on."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from audiodiff._types import Condition, Wave
from audiodiff.audio import io
from audiodiff.data.corpus import Corpus
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.pairs import Samples

N_CLIPS = 16
"""Most clips to search on, and most others to judge on."""

MIN_JUDGED = 4
"""Fewest clips to judge on: with one or two, times that suit only these look better."""

SECONDS = 1.5
"""Length of the loudest part of each clip, which searches hear; judges hear whole clips."""


class Recording(NamedTuple):
    """A clip of a search.

    Attributes:
        wave: Its samples.
        cond: Its labels as indices, (1,) for each kind, and its text; empty for a model without.
    """

    wave: Samples
    cond: Condition


def read_clips(
    corpus: Corpus, split: str, rate: int, labels: Callable[[str], Condition] = lambda id_: {}
) -> tuple[list[Recording], list[Recording]]:
    """Clips to search on and others to judge on, spread evenly over the split.

    Half of them are to judge on, but at least `MIN_JUDGED` if that leaves one to search on.

    Args:
        corpus: The clips.
        split: The split to take them from.
        rate: Sample rate in Hz to which they are brought.
        labels: Gives the labels of a clip by its id.

    Raises:
        AudiodiffError: If there are fewer than two, or one cannot be read or has other labels.
    """
    clips = getattr(corpus, split)
    if len(clips) < 2:
        raise AudiodiffError(
            f"split={split!r} has {len(clips)} clips; a search needs two or more, to search on "
            "some and judge on others: give more clips or another --split"
        )
    count = min(2 * N_CLIPS, len(clips))
    chosen = [clips[i * len(clips) // count] for i in range(count)]
    read = [Recording(io.load(clip.path, rate)[0], labels(clip.id)) for clip in chosen]
    n_judged = max(count // 2, min(MIN_JUDGED, count - 1))
    judged = {(2 * i + 1) * count // (2 * n_judged) for i in range(n_judged)}
    heard = [clip for i, clip in enumerate(read) if i not in judged]
    return heard, [read[i] for i in sorted(judged)]


def of_length(clip: Recording, n_samples: int) -> Recording:
    """The beginning of a clip, with silence after a shorter one."""
    wave = clip.wave[:n_samples]
    return clip._replace(wave=np.pad(wave, (0, n_samples - len(wave))))


def loudest(clips: Sequence[Recording], rate: int) -> Wave:
    """The loudest part of each clip, `SECONDS` long; shorter clips have silence after them."""
    n = round(SECONDS * rate)
    parts = []
    for clip in clips:
        power = np.cumsum(np.concatenate([[0], np.square(clip.wave, dtype=np.float64)]))
        first = int(np.argmax(power[n:] - power[:-n])) if len(clip.wave) > n else 0
        part = clip.wave[first : first + n]
        parts.append(np.pad(part, (0, n - len(part))))
    return torch.from_numpy(np.stack(parts))
