"""Scales that no preset has but mels are found in, and how to undo them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS

Bands = Float[Tensor, "n_mels frames"]

FULL_SCALE = 32768
"""The greatest sample in 16 bits."""

DECIBELS = 20 / math.log(10)
"""Decibels in a neper."""

VALUES = (
    "n_mels",
    "f_min",
    "highest_frequency",
    "filterbank",
    "power",
    "normalized",
    "log_base",
    "scale",
    "offset",
    "clip",
)
"""Fields that show in a mel's values; presets that agree in them differ only in floor."""


@cache
def alike(preset: str) -> tuple[str, ...]:
    """The presets, itself among them, that agree with a preset in `VALUES`.

    >>> alike("vocos"), alike("fastdiff")
    (('vocos',), ('speecht5', 'espnet', 'fastdiff'))
    """
    own = PRESETS[preset]
    return tuple(
        name
        for name, other in PRESETS.items()
        if all(getattr(own, field) == getattr(other, field) for field in VALUES)
    )


class Scale(NamedTuple):
    """A scale that no preset has.

    Attributes:
        words: What is wrong with a mel in it, to follow "it".
        values: The values in it, from magnitudes and energies of a preset's bands.
        undo: How to bring a mel to the preset's scale, in words.
        of: Whether mels of a preset are found in it.
    """

    words: str
    values: Callable[[Bands, Bands, MelConfig], Bands]
    undo: Callable[[MelConfig], str]
    of: Callable[[MelConfig], bool] = lambda config: True


@dataclass(frozen=True)
class Line:
    """How to undo ``factor * ln M + offset``.

    Attributes:
        factor: The factor.
        offset: The offset.
    """

    factor: float
    offset: float = 0.0

    def coefficients(self, config: MelConfig) -> tuple[float, float]:
        """A and b of ``a * value + b``, which is the preset's value."""
        a = 1 / (self.factor * config.nepers_per_unit)
        return a, config.offset - a * self.offset

    def values(self, mel: Bands, config: MelConfig) -> Bands:
        """The preset's values of a mel in the scale."""
        a, b = self.coefficients(config)
        return a * mel + b

    def __call__(self, config: MelConfig) -> str:
        """The same in words."""
        a, b = self.coefficients(config)
        scaled = "mel" if a == 1 else f"mel * {a:.6g}"
        return f"take {scaled}" + (f" {'-' if b < 0 else '+'} {abs(b):.6g}" if b else "")


class Logarithm:
    """How to undo values of which no logarithm was taken."""

    def values(self, mel: Bands, config: MelConfig) -> Bands:
        """The preset's values of a mel in the scale."""
        return config.compress(mel)

    def __call__(self, config: MelConfig) -> str:
        """The same in words."""
        log = "log" if config.log_base == "e" else "log10"
        factor = "" if config.scale == 1 else f"{config.scale:g} * "
        offset = "" if config.offset == 0 else f" + {config.offset:g}"
        return f"take {factor}{log}(max(mel, {config.floor:g})){offset}"


def _figures_of_the_maker(config: MelConfig) -> str:
    return "undo it by the figures of the model that made it: mel * std + mean"


def _ends_of_the_maker(config: MelConfig) -> str:
    return "undo the scaling by the ends that its maker used"


def _again(config: MelConfig) -> str:
    return "compute it again with `audiodiff mel`"


def _natural(config: MelConfig) -> bool:
    return config.clip is None and config.log_base == "e"


def _unit(values: Bands) -> Bands:
    low, high = values.aminmax()
    return (values - low) / (high - low).clamp(min=1e-6)


def _below_peak(energy: Bands) -> Bands:
    decibels = 10 * energy.clamp(min=1e-10).log10()
    return (decibels - decibels.max()).clamp(min=-80)


def _standard(values: Bands) -> Bands:
    return (values - values.mean()) / values.std().clamp(min=1e-3)


def _standard_bands(values: Bands) -> Bands:
    spread = values.std(1, keepdim=True).clamp(min=1e-3)
    return (values - values.mean(1, keepdim=True)) / spread


SCALES: dict[str, Scale] = {
    "log10": Scale(
        "holds logarithms to base 10 instead of natural ones",
        lambda mel, energy, config: mel.clamp(min=config.floor).log10(),
        Line(1 / math.log(10)),
        _natural,
    ),
    "decibels": Scale(
        "holds decibels",
        lambda mel, energy, config: 20 * mel.clamp(min=1e-5).log10(),
        Line(DECIBELS),
    ),
    "decibels below the peak": Scale(
        "holds decibels below its own peak, so that its level is lost",
        lambda mel, energy, config: _below_peak(energy),
        _again,
    ),
    "energies in ln": Scale(
        "holds logarithms of energies instead of magnitudes",
        lambda mel, energy, config: energy.clamp(min=1e-10).log(),
        _again,
        _natural,
    ),
    "int16": Scale(
        "was computed from samples in the range of 16 bits",
        lambda mel, energy, config: (FULL_SCALE * mel).clamp(min=config.floor).log(),
        Line(1.0, math.log(FULL_SCALE)),
        _natural,
    ),
    "amplitudes": Scale(
        "holds amplitudes and not their logarithm",
        lambda mel, energy, config: mel,
        Logarithm(),
    ),
    "energies": Scale(
        "holds energies and not a logarithm",
        lambda mel, energy, config: energy,
        _again,
    ),
    "normalised": Scale(
        "is normalised by a mean and a standard deviation",
        lambda mel, energy, config: _standard(config.compress(mel)),
        _figures_of_the_maker,
    ),
    "normalised by band": Scale(
        "is normalised by a mean and a standard deviation of each band",
        lambda mel, energy, config: _standard_bands(config.compress(mel)),
        _figures_of_the_maker,
    ),
    "0 to 1": Scale(
        "is scaled to [0, 1]",
        lambda mel, energy, config: _unit(config.compress(mel)),
        _ends_of_the_maker,
        lambda config: config.clip != (0.0, 1.0),
    ),
    "-1 to 1": Scale(
        "is scaled to [-1, 1]",
        lambda mel, energy, config: 2 * _unit(config.compress(mel)) - 1,
        _ends_of_the_maker,
    ),
}
"""Scales by name."""

INVERSES: dict[str, Line | Logarithm] = {
    name: scale.undo for name, scale in SCALES.items() if isinstance(scale.undo, Line | Logarithm)
}
"""What undoes a scale by the mel and its preset alone, by name."""


def check_scale(scale: str) -> None:
    """Refuses a scale that is unknown, or that cannot be undone.

    Raises:
        AudiodiffError: Naming those that can.
    """
    if scale not in INVERSES:
        raise AudiodiffError(f"scale={scale!r} cannot be undone; choose from {', '.join(INVERSES)}")


def undone(mel: Float[Tensor, "*batch n_mels frames"], scale: str, config: MelConfig) -> Tensor:
    """A mel in its preset's own scale.

    Args:
        mel: The mel, in another scale.
        scale: Name in `INVERSES` of that scale.
        config: Its preset.

    Raises:
        AudiodiffError: As `check_scale` does.
    """
    check_scale(scale)
    return INVERSES[scale].values(mel, config)
