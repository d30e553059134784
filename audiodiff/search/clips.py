"""The clips of a search: some to search on, others to judge on."""

from collections.abc import Sequence

import numpy as np
import torch

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


def read_clips(corpus: Corpus, split: str, rate: int) -> tuple[list[Samples], list[Samples]]:
    """Clips to search on and others to judge on, spread evenly over the split.

    Half of them are to judge on, but at least `MIN_JUDGED` if that leaves one to search on.

    Raises:
        AudiodiffError: If there are fewer than two.
    """
    clips = getattr(corpus, split)
    if len(clips) < 2:
        raise AudiodiffError(
            f"split={split!r} has {len(clips)} clips; a search needs two or more, to search on "
            "some and judge on others: give more clips or another --split"
        )
    count = min(2 * N_CLIPS, len(clips))
    chosen = [clips[i * len(clips) // count] for i in range(count)]
    waves = [io.load(clip.path, rate)[0] for clip in chosen]
    n_judged = max(count // 2, min(MIN_JUDGED, count - 1))
    judged = {(2 * i + 1) * count // (2 * n_judged) for i in range(n_judged)}
    heard = [wave for i, wave in enumerate(waves) if i not in judged]
    return heard, [waves[i] for i in sorted(judged)]


def loudest(clips: Sequence[Samples], rate: int) -> torch.Tensor:
    """The loudest part of each clip, (clips, samples); shorter clips are padded with silence."""
    n = round(SECONDS * rate)
    parts = []
    for clip in clips:
        power = np.cumsum(np.concatenate([[0], np.square(clip, dtype=np.float64)]))
        first = int(np.argmax(power[n:] - power[:-n])) if len(clip) > n else 0
        part = clip[first : first + n]
        parts.append(np.pad(part, (0, n - len(part))))
    return torch.from_numpy(np.stack(parts))
