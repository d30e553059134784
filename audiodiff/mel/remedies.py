"""What is wrong with a mel and how to make it right, in words."""

from collections.abc import Sequence

from torch import Tensor

from audiodiff.mel.check import ABOVE_NEPERS, BELOW_NEPERS
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.mel.recognition import Kind
from audiodiff.mel.scales import INVERSES, SCALES, Line

AT_FLOOR = 0.005
"""Least share of values at a preset's floor that rules out other floors."""


def fault(kind: Kind, mel: Tensor) -> str:
    """What is wrong with a mel of such a kind, and the remedy."""
    if kind.preset is None or not _can_be_undone(kind.scale, PRESETS[kind.preset], mel):
        return "its values are like those of no sound; find out what made it"
    scale = SCALES[kind.scale]
    said = f"it {scale.words}; for {kind.preset}, {scale.undo(PRESETS[kind.preset])}"
    if kind.scale not in INVERSES:
        return said
    return f"{said}, as `audiodiff vocode --preset {kind.preset} --scale {kind.scale}` does"


def _can_be_undone(scale: str, config: MelConfig, mel: Tensor) -> bool:
    """Whether a mel would be no louder than the preset allows once its scale was undone."""
    undo = SCALES[scale].undo
    if not isinstance(undo, Line):
        return True
    a, b = undo.coefficients(config)
    return possible(config, config.floor_value, a * mel.max().item() + b)


def possible(config: MelConfig, low: float, high: float) -> bool:
    """Whether a preset can have such values, with a margin for those that models predict."""
    least, greatest = config.value_range()
    return (
        low >= least - BELOW_NEPERS / config.nepers_per_unit
        and high <= greatest + ABOVE_NEPERS / config.nepers_per_unit
    )


def with_floor(mel: Tensor, names: Sequence[str]) -> list[str]:
    """Those of presets that are alike whose floor is the mel's; all if it reaches none."""
    low, high = (value.item() for value in mel.aminmax())
    able = [name for name in names if possible(PRESETS[name], low, high)]
    reached = [
        name
        for name in able
        if ((mel - PRESETS[name].floor_value).abs() < 1e-3).float().mean() >= AT_FLOOR
    ]
    return reached or able or list(names)


def analysis(config: MelConfig) -> str:
    """The rate and hop of a mel."""
    return f"made at {config.sample_rate} Hz with hop {config.hop_length}"


def choice(names: Sequence[str]) -> str:
    """What else it may be, and what must be known to choose."""
    if len(names) == 1:
        return ""
    by_analysis: dict[str, list[str]] = {}
    for name in names:
        by_analysis.setdefault(analysis(PRESETS[name]), []).append(name)
    if len(by_analysis) == 1:
        return f" (or {any_of(names[1:])})"
    each = [f"{any_of(several)} if {made}" for made, several in by_analysis.items()]
    return f" (choose {', '.join(each)}; values do not tell)"


def any_of(names: Sequence[str]) -> str:
    """Names as alternatives: ``a, b or c``."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
