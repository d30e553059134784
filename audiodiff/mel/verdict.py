"""Whether mels are of the preset that they are said to be of, by their values."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.mel.recognition import OWN, UNKNOWN, Kind, probabilities
from audiodiff.mel.remedies import any_of, choice, fault, with_floor
from audiodiff.mel.scales import alike

MIN_FRAMES = 24
"""Frames of the shortest mel that is judged by its values; none shorter was learned from."""

EXCLUDED, MISTAKEN = 1e-4, 1e-6
"""Probabilities below which presets are ruled out: if a mel is likeliest in a scale that no preset
has, and if it is likeliest of another preset or of no sound. Of 4028 real mels, the least probable
had 1.8e-3 and 3e-5 (`benchmarks/doctor.py`)."""

DOUBTED = 0.01
"""Probability below which a preset is doubted. If it were greater, white noise and mels that were
converted from those of another preset would often be doubted."""

TOGETHER = 1e-3
"""Probability below which several mels together rule a preset out. Each alone may be less probable,
but not all on average."""

MAX_JUDGED = 32
"""Most files of a folder that are judged together."""


class Verdict(NamedTuple):
    """Why mels are not of the preset that they are said to be of.

    Attributes:
        sentence: What they are, and the remedy.
        certain: Whether they cannot be of the preset; otherwise they may be, after all.
    """

    sentence: str
    certain: bool

    def about(self, name: str) -> str:
        """The sentence, with the name of the mels and how they are taken after all."""
        probably = "" if self.certain else "probably "
        return f"{name}: {probably}{self.sentence} (--force or force=True takes it as it is)"


def verdict(mels: Sequence[Tensor], config: MelConfig) -> Verdict | None:
    """Whether mels are something else than they are said to be; None if nothing speaks for it.

    Short mels, silence, values like those of no sound and mels of no known preset are not judged.

    Args:
        mels: Mels of finite values, (n_mels, frames), which are of one kind.
        config: The preset that they are said to be of.
    """
    own = {name for name in PRESETS if PRESETS[name] == config}
    judged = [mel for mel in mels if judgeable(mel)]
    if not judged:
        return None
    found = probabilities(*judged)
    may_be = [kind for kind in found if kind.scale == OWN and own & set(alike(str(kind.preset)))]
    if not may_be:  # a preset that was never learned
        return None
    probability = sum(p for kind, p in found.items() if kind in may_be or kind.scale == UNKNOWN)
    if probability >= DOUBTED:
        return None
    first, whole = next(iter(found)), torch.cat(judged, 1)
    certain = probability < (least(first) if len(judged) == 1 else TOGETHER)
    if first.scale != OWN:
        return Verdict(fault(first, whole), certain)
    names = with_floor(whole, alike(str(first.preset)))
    return Verdict(
        f"its values are those of {any_of(names)}: name that preset, --preset {names[0]} or "
        f"preset={names[0]!r}{choice(names)}, or compute it again",
        certain,
    )


def some_of(paths: Sequence[Path]) -> list[Path]:
    """At most `MAX_JUDGED` files of many, evenly spread."""
    n = min(len(paths), MAX_JUDGED)
    return [paths[i * len(paths) // n] for i in range(n)]


def judgeable(mel: Tensor) -> bool:
    """Whether a mel is long enough to be judged by its values, and no silence."""
    return mel.shape[-1] >= MIN_FRAMES and bool(mel.min() < mel.max())


def least(first: Kind) -> float:
    """The probability below which presets are ruled out, by the likeliest kind."""
    return MISTAKEN if first.scale in (OWN, UNKNOWN) else EXCLUDED
