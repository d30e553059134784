"""Which preset a mel is probably of, and how to make it fit a model."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.mel.check import ABOVE_NEPERS, BELOW_NEPERS
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS

SPREAD = (6.0, 0.8)
LEVEL = (-4.0, 2.0)
TILT = 1.0
"""Three figures of speech, as mean and standard deviation in nepers: the spread of a mel's values
from the 5th to the 95th percentile; the mean level of its louder half above `THIRD_OCTAVES`; and
the deviation of its bands from that spectrum's shape, whose mean is 0."""

UNLIKE = 9.0
"""The sum of the three squared deviations above which a mel is not of a preset."""

CLEAR = 2.0
"""The amount by which another preset's sum must exceed the best for it not to be named."""

THIRD_OCTAVES = (
    (63, 38.6), (80, 43.5), (100, 54.4), (125, 57.7), (160, 56.8), (200, 60.2), (250, 60.3),
    (315, 59.0), (400, 62.1), (500, 62.1), (630, 60.5), (800, 56.8), (1000, 53.7), (1250, 53.0),
    (1600, 52.0), (2000, 48.7), (2500, 48.1), (3150, 46.8), (4000, 45.6), (5000, 44.5),
    (6300, 44.3), (8000, 43.7), (10000, 43.4), (12500, 41.3), (16000, 40.7),
)  # fmt: skip
"""The long-term spectrum of speech, in dB for each third of an octave (Byrne et al. 1994, JASA 96,
men and women of twelve languages)."""


class Examination(NamedTuple):
    """What can be said of a mel by its values.

    Attributes:
        facts: Layout, size and range, in words.
        problem: Why the mel is of no preset as it is, in one sentence; None if it may be of one.
        likely: Names of the presets that it may be of, the likeliest first.
        evidence: The figures that suggest each of them, in words.
    """

    facts: str
    problem: str | None
    likely: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


def examine(mel: Tensor) -> Examination:
    """Examines a mel, (n_mels, frames), of which nothing is known.

    A preset is recognised by its number of bands and by three figures that speech has in the
    natural logarithm: `SPREAD`, `LEVEL` and `TILT`. Values do not tell apart presets that differ
    in framing, padding or window alone.
    """
    shape = tuple(mel.shape)
    facts = f"shape {shape}, {str(mel.dtype).removeprefix('torch.')}"
    if problem := _unreadable(mel):
        return Examination(facts, problem)
    low, high = (value.item() for value in mel.aminmax())
    facts += f", values from {low:.4g} to {high:.4g}"
    if problem := _layout(shape):
        return Examination(facts, problem)
    if problem := _scale(mel, low, high):
        return Examination(facts, problem)
    figures = {
        name: _figures(mel, config)
        for name, config in PRESETS.items()
        if config.n_mels == shape[0] and _possible(config, low, high)
    }
    sums = {name: _deviation(*values) for name, values in figures.items()}
    best = min(sums.values(), default=math.inf)
    if best > UNLIKE:
        return Examination(
            facts,
            f"no preset of {shape[0]} bands has such values for speech; find out what made it, "
            "or compute it again with `audiodiff mel`",
        )
    likely = sorted((n for n in sums if sums[n] < best + CLEAR), key=lambda name: sums[name])
    return Examination(
        facts, None, tuple(likely), tuple(_in_words(*figures[name]) for name in likely)
    )


class Advice(NamedTuple):
    """What to do with a mel for a model.

    Attributes:
        fits: Whether the model takes the mel as it is.
        sentence: The advice.
    """

    fits: bool
    sentence: str


def advise(examination: Examination, target: MelConfig) -> Advice:
    """How to make the mel fit a model that takes ``target``."""
    if examination.problem is not None:
        return Advice(False, examination.problem)
    own = [name for name in examination.likely if PRESETS[name] == target]
    if own:
        others = [name for name in examination.likely if name not in own]
        but = f", unless it is {_any_of(others)}, which values do not tell apart" if others else ""
        return Advice(True, f"the model takes it as it stands, as {own[0]}{but}")
    name = examination.likely[0]
    conversion = conversion_to(target, name)
    how = (
        "which is exact"
        if conversion.exact
        else f"which errs by {conversion.error():.2f} nepers on a sound like a voice, since "
        f"{', '.join(conversion.differences)} differ"
    )
    unsure = "" if len(examination.likely) == 1 else f" (or {_any_of(examination.likely[1:])})"
    return Advice(False, f"convert it: --preset {name}{unsure}, {how}")


def _unreadable(mel: Tensor) -> str | None:
    """Why the mel has no values that could be judged."""
    if mel.ndim != 2:
        return f"a mel has two axes, (n_mels, frames), and this has {mel.ndim}; give one at a time"
    if not mel.is_floating_point():
        return (
            f"it holds integers ({str(mel.dtype).removeprefix('torch.')}), so it is quantised or a "
            "picture; undo that, or compute it again"
        )
    if mel.numel() == 0:
        return "it is empty; what made it found no sound"
    bad = int((~torch.isfinite(mel)).sum())
    if bad:
        return f"{bad} of its {mel.numel()} values are NaN or infinite; mend what made it"
    return None


def _layout(shape: tuple[int, ...]) -> str | None:
    """Why the mel does not have the bands of a preset on its first axis."""
    known = sorted({config.n_mels for config in PRESETS.values()})
    if shape[0] in known:
        return None
    if shape[1] in known:
        return f"it is transposed: {shape[0]} frames of {shape[1]} bands; give (n_mels, frames)"
    few = "too few" if shape[0] < known[0] else "unknown"
    return (
        f"{shape[0]} bands are {few}: presets have {_any_of([str(n) for n in known])}; compute it "
        "again with one of them"
    )


def _scale(mel: Tensor, low: float, high: float) -> str | None:
    """Why the values are not the logarithm of a mel: amplitudes, or normalised or scaled."""
    median = mel.median().item()
    if low >= 0 and high > 8 * max(median, 1e-12):
        return (
            f"it holds amplitudes and not their logarithm: all are positive and the greatest is "
            f"{high / max(median, 1e-12):.0f} times the median; take log(max(mel, 1e-5))"
        )
    mean, std = mel.mean().item(), mel.std().item()
    if abs(mean) < 0.3 and 0.7 < std < 1.3:
        return (
            f"it is normalised: mean {mean:.2f}, standard deviation {std:.2f}; undo it by the "
            "figures of the model that made it: mel * std + mean"
        )
    if low >= -0.02 and high <= 1.02 and mel.shape[0] not in _bands_within_0_and_1():
        return (
            f"it is scaled to [0, 1], which no preset of {mel.shape[0]} bands is; undo the scaling"
        )
    return None


def _bands_within_0_and_1() -> set[int]:
    return {config.n_mels for config in PRESETS.values() if config.clip == (0.0, 1.0)}


def _possible(config: MelConfig, low: float, high: float) -> bool:
    """Whether a preset can have such values, with a margin for those that models predict."""
    least, greatest = config.value_range()
    return (
        low >= least - BELOW_NEPERS / config.nepers_per_unit
        and high <= greatest + ABOVE_NEPERS / config.nepers_per_unit
    )


def _figures(mel: Tensor, config: MelConfig) -> tuple[float, float, float]:
    """Spread, level and tilt of the mel as this preset's."""
    values = config.amplitude(mel.double()).log().float()
    by_frame = values.mean(0)
    bands = values[:, by_frame >= by_frame.median()].mean(1)
    # For hours of sound, some of the values suffice.
    some = values.flatten()[:: max(1, values.numel() // 2**20)]
    spread = (some.quantile(0.95) - some.quantile(0.05)).item()
    above = bands - _spectrum(config)
    return spread, above.mean().item(), above.std().item()


@cache
def _spectrum(config: MelConfig) -> Float[Tensor, " n_mels"]:
    """The logarithm of each band for noise with the long-term spectrum of speech.

    Levels are relative to those with a Hann window of 1024 samples, whose energy is 384.
    """
    hertz, levels = np.array(THIRD_OCTAVES).T
    density = levels - 10 * np.log10(0.2316 * hertz)  # the width of a third of an octave
    bins = np.arange(config.n_fft // 2 + 1) * config.sample_rate / config.n_fft
    decibels = np.interp(np.log(np.maximum(bins, 20)), np.log(hertz), density)
    amplitude = torch.from_numpy(10 ** (decibels / 20)).float()
    amplitude = amplitude * config.white_level / math.sqrt(384)
    energies = config.filterbank_matrix() @ amplitude**config.power
    return energies.clamp(min=1e-20).log() / config.power


def _deviation(spread: float, level: float, tilt: float) -> float:
    return (
        ((spread - SPREAD[0]) / SPREAD[1]) ** 2
        + ((level - LEVEL[0]) / LEVEL[1]) ** 2
        + (tilt / TILT) ** 2
    )


def _in_words(spread: float, level: float, tilt: float) -> str:
    return (
        f"values spread over {spread:.1f} nepers (speech {SPREAD[0]:.0f}), level {level:.1f} "
        f"({LEVEL[0]:.0f}), deviation from the spectrum of speech {tilt:.1f}"
    )


def _any_of(names: list[str] | tuple[str, ...]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
