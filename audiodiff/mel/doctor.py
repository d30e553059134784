"""Which preset a mel is probably of, and how to make it fit a model."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from audiodiff.mel.check import ABOVE_NEPERS, BELOW_NEPERS
from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.mel.recognition import OWN, UNKNOWN, Kind, probabilities
from audiodiff.mel.scales import SCALES, Line, alike

MIN_FRAMES = 24
"""Frames of the shortest mel that is judged by its values; none shorter was learned from."""

STATED = 0.01
"""Least probability of a kind of mel that is named."""

EXCLUDED, MISTAKEN = 1e-4, 1e-6
"""Probabilities below which presets are ruled out: if a mel is likeliest in a scale that no preset
has, and if it is likeliest of another preset or of no sound. Of 4028 real mels, the least probable
had 1.8e-3 and 3e-5 (`benchmarks/doctor.py`)."""

AT_FLOOR = 0.005
"""Least share of values at a preset's floor that rules out other floors."""


class Examination(NamedTuple):
    """What can be said of a mel by its values.

    Attributes:
        facts: Layout, size and range, in words.
        problem: Why the mel is of no preset as it is, in one sentence; None if it may be of one.
        likely: Names of the presets that it may be of, the likeliest first.
        evidence: Why it may be of each of them, in words.
        doubts: Other scales that it may be in, each with the remedy, in words.
        doubtful: Whether the first of the doubts is likelier than any preset.
    """

    facts: str
    problem: str | None
    likely: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    doubtful: bool = False


def examine(mel: Tensor) -> Examination:
    """Examines a mel, (n_mels, frames), of which nothing is known.

    Values do not tell apart presets that are `alike`, unless the mel reaches their floors.
    """
    shape = tuple(mel.shape)
    facts = f"shape {shape}, {str(mel.dtype).removeprefix('torch.')}"
    if problem := _unreadable(mel):
        return Examination(facts, problem)
    low, high = (value.item() for value in mel.aminmax())
    facts += f", values from {low:.4g} to {high:.4g}"
    if problem := _layout(shape):
        return Examination(facts, problem)
    if shape[1] < MIN_FRAMES or low == high:
        return _by_range(mel, facts)
    found = probabilities(mel)
    if problem := _problem(found, mel):
        return Examination(facts, problem)
    first, own = next(iter(found)), [kind for kind in found if kind.scale == OWN]
    stated = [kind for kind in own if found[kind] >= STATED] or own[:1]
    likely = {
        name: f"{_percent(found[kind])} by its values, {_analysis(PRESETS[name])}"
        for kind in stated
        for name in _with_floor(mel, alike(str(kind.preset)))
    }
    doubts = tuple(
        _fault(kind, mel) for kind in found if kind.scale != OWN and found[kind] >= STATED
    )
    return Examination(
        facts, None, tuple(likely), tuple(likely.values()), doubts, first.scale != OWN
    )


class Advice(NamedTuple):
    """What to do with a mel for a model.

    Attributes:
        fits: Whether the model takes the mel as it is.
        sentence: The advice.
    """

    fits: bool
    sentence: str


def advise(examination: Examination, target: MelConfig | None) -> Advice:
    """How to make the mel fit a model that takes ``target``, or what is wrong with it if None."""
    if examination.problem is not None:
        return Advice(False, examination.problem)
    if examination.doubtful:
        names = _any_of(examination.likely)
        return Advice(False, f"{examination.doubts[0]}, unless it is {names} after all")
    if target is None:
        return Advice(True, "it is whole")
    own = [name for name in examination.likely if PRESETS[name] == target]
    others = [name for name in examination.likely if name not in own]
    if own:
        named = [name + _other_analysis(name, target) for name in others]
        other = [f"it is {_any_of(named)}, which values do not tell apart"] if named else []
        unless = _unless([*other, *examination.doubts])
        return Advice(True, f"the model takes it as it stands, as {own[0]}{unless}")
    name = others[0]
    conversion = conversion_to(target, name)
    how = (
        "which is exact"
        if conversion.exact
        else f"which errs by {conversion.error():.2f} nepers on a sound like a voice, since "
        f"{', '.join(conversion.differences)} differ"
    )
    unless = _unless(examination.doubts)
    return Advice(False, f"convert it: --preset {name}{_choice(others)}, {how}{unless}")


def mismatch(mel: Tensor, config: MelConfig) -> str | None:
    """Why a mel is not of the preset that it is said to be of, with the remedy; None if it may be.

    Short mels, silence, values like those of no sound and mels of no known preset are not judged.

    Args:
        mel: Mels of shape (batch, n_mels, frames) with finite values, taken together.
        config: The preset.
    """
    whole = mel.movedim(0, 1).flatten(1)
    own = {name for name in PRESETS if PRESETS[name] == config}
    if not own or whole.shape[1] < MIN_FRAMES or whole.min() == whole.max():
        return None
    found = probabilities(whole)
    may_be = sum(
        p
        for kind, p in found.items()
        if kind.scale == UNKNOWN or (kind.scale == OWN and own & set(alike(str(kind.preset))))
    )
    first = next(iter(found))
    if may_be >= _least(first):
        return None
    if first.scale != OWN:
        return _fault(first, whole)
    return (
        f"its values are those of {_any_of(alike(str(first.preset)))}: name that preset, or "
        "compute it again"
    )


def _problem(found: dict[Kind, float], mel: Tensor) -> str | None:
    """Why a mel is in no preset's own scale, if that is all but certain."""
    first = next(iter(found))
    if sum(p for kind, p in found.items() if kind.scale == OWN) >= _least(first):
        return None
    return _fault(first, mel)


def _least(first: Kind) -> float:
    """The probability below which presets are ruled out, by the likeliest kind."""
    return MISTAKEN if first.scale in (OWN, UNKNOWN) else EXCLUDED


def _fault(kind: Kind, mel: Tensor) -> str:
    """What is wrong with a mel of such a kind, and the remedy."""
    if kind.preset is None or not _can_be_undone(kind.scale, PRESETS[kind.preset], mel):
        return "its values are like those of no sound; find out what made it"
    scale = SCALES[kind.scale]
    return f"it {scale.words}; for {kind.preset}, {scale.undo(PRESETS[kind.preset])}"


def _can_be_undone(scale: str, config: MelConfig, mel: Tensor) -> bool:
    """Whether a mel would be no louder than the preset allows once its scale was undone."""
    undo = SCALES[scale].undo
    if not isinstance(undo, Line):
        return True
    a, b = undo.coefficients(config)
    return _possible(config, config.floor_value, a * mel.max().item() + b)


def _by_range(mel: Tensor, facts: str) -> Examination:
    """What the range alone says of a mel that is too short, or constant as silence is."""
    low, high = (value.item() for value in mel.aminmax())
    likely = [
        name
        for name, config in PRESETS.items()
        if config.n_mels == len(mel) and _possible(config, low, high)
    ]
    why = "constant" if low == high else f"shorter than {MIN_FRAMES} frames"
    if not likely:
        return Examination(facts, f"it is {why}, and no preset of {len(mel)} bands has such values")
    evidence = tuple(f"by its range alone, as it is {why}" for _ in likely)
    return Examination(facts, None, tuple(likely), evidence)


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
        return (
            f"it is transposed: {shape[0]} frames of {shape[1]} bands; give (n_mels, frames), or "
            "--transpose"
        )
    few = "too few" if shape[0] < known[0] else "unknown"
    return (
        f"{shape[0]} bands are {few}: presets have {_any_of([str(n) for n in known])}; compute it "
        "again with one of them"
    )


def _possible(config: MelConfig, low: float, high: float) -> bool:
    """Whether a preset can have such values, with a margin for those that models predict."""
    least, greatest = config.value_range()
    return (
        low >= least - BELOW_NEPERS / config.nepers_per_unit
        and high <= greatest + ABOVE_NEPERS / config.nepers_per_unit
    )


def _with_floor(mel: Tensor, names: Sequence[str]) -> list[str]:
    """Those of presets that are alike whose floor is the mel's; all if it reaches none."""
    low, high = (value.item() for value in mel.aminmax())
    possible = [name for name in names if _possible(PRESETS[name], low, high)]
    reached = [
        name
        for name in possible
        if ((mel - PRESETS[name].floor_value).abs() < 1e-3).float().mean() >= AT_FLOOR
    ]
    return reached or possible or list(names)


def _percent(probability: float) -> str:
    return "under 1%" if probability < 0.01 else f"{probability:.0%}"


def _analysis(config: MelConfig) -> str:
    return f"made at {config.sample_rate} Hz with hop {config.hop_length}"


def _other_analysis(name: str, target: MelConfig) -> str:
    """The analysis of a preset, if it is not that of the target."""
    analysis = _analysis(PRESETS[name])
    return "" if analysis == _analysis(target) else f" ({analysis})"


def _choice(names: Sequence[str]) -> str:
    """What else it may be, and what must be known to choose."""
    if len(names) == 1:
        return ""
    by_analysis: dict[str, list[str]] = {}
    for name in names:
        by_analysis.setdefault(_analysis(PRESETS[name]), []).append(name)
    if len(by_analysis) == 1:
        return f" (or {_any_of(names[1:])})"
    each = [f"{_any_of(several)} if {analysis}" for analysis, several in by_analysis.items()]
    return f" (choose {', '.join(each)}; values do not tell)"


def _unless(cases: Sequence[str]) -> str:
    return f", unless {' or '.join(cases)}" if cases else ""


def _any_of(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
