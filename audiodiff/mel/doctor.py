"""Which preset a mel is probably of, and how to make it fit a model."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from audiodiff.mel.conversion import conversion_to
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.mel.recognition import OWN, Kind, probabilities
from audiodiff.mel.remedies import analysis, any_of, choice, fault, possible, with_floor
from audiodiff.mel.scales import alike
from audiodiff.mel.verdict import MIN_FRAMES, judgeable, least

STATED = 0.01
"""Least probability of a kind of mel that is named."""


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

    def agrees(self, other: "Examination") -> bool:
        """Whether a mel may be of the same kind as another."""
        if self.problem is not None or other.problem is not None:
            return self.problem == other.problem
        if self.doubtful or other.doubtful:
            return self.doubtful == other.doubtful and self.doubts[0] == other.doubts[0]
        return not set(self.likely).isdisjoint(other.likely)


def examine(*mels: Tensor) -> Examination:
    """Examines a mel, (n_mels, frames), of which nothing is known, or several of one kind.

    Values do not tell apart presets that are `alike`, unless the mel reaches their floors.

    Args:
        mels: The mel; if there are several, of equal numbers of bands.
    """
    mel = mels[0] if len(mels) == 1 else torch.cat(mels, 1)
    shape = tuple(mel.shape)
    facts = f"shape {shape}, {str(mel.dtype).removeprefix('torch.')}"
    problem = unreadable(mel)
    if mel.is_floating_point() and mel.numel() and mel.isfinite().all():
        low, high = (value.item() for value in mel.aminmax())
        facts += f", values from {low:.4g} to {high:.4g}"
    if problem is not None:
        return Examination(facts, problem)
    judged = [one for one in mels if judgeable(one)]
    if not judged:
        return _by_range(mel, facts)
    found = probabilities(*judged)
    if problem := _problem(found, mel):
        return Examination(facts, problem)
    first, own = next(iter(found)), [kind for kind in found if kind.scale == OWN]
    stated = [kind for kind in own if found[kind] >= STATED] or own[:1]
    likely = {
        name: f"{_percent(found[kind])} by its values, {analysis(PRESETS[name])}"
        for kind in stated
        for name in with_floor(mel, alike(str(kind.preset)))
    }
    doubts = tuple(
        fault(kind, mel) for kind in found if kind.scale != OWN and found[kind] >= STATED
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
        names = any_of(examination.likely)
        return Advice(False, f"{examination.doubts[0]}, unless it is {names} after all")
    if target is None:
        return Advice(True, "it is whole")
    own = [name for name in examination.likely if PRESETS[name] == target]
    others = [name for name in examination.likely if name not in own]
    if own:
        named = [name + _other_analysis(name, target) for name in others]
        other = [f"it is {any_of(named)}, which values do not tell apart"] if named else []
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
    return Advice(False, f"convert it: --preset {name}{choice(others)}, {how}{unless}")


def _problem(found: dict[Kind, float], mel: Tensor) -> str | None:
    """Why a mel is in no preset's own scale, if that is all but certain."""
    first = next(iter(found))
    if sum(p for kind, p in found.items() if kind.scale == OWN) >= least(first):
        return None
    return fault(first, mel)


def _by_range(mel: Tensor, facts: str) -> Examination:
    """What the range alone says of a mel that is too short, or constant as silence is."""
    low, high = (value.item() for value in mel.aminmax())
    likely = [
        name
        for name, config in PRESETS.items()
        if config.n_mels == len(mel) and possible(config, low, high)
    ]
    why = "constant" if low == high else f"shorter than {MIN_FRAMES} frames"
    if not likely:
        return Examination(facts, f"it is {why}, and no preset of {len(mel)} bands has such values")
    evidence = tuple(f"by its range alone, as it is {why}" for _ in likely)
    return Examination(facts, None, tuple(likely), evidence)


def unreadable(mel: Tensor) -> str | None:
    """Why a mel has no values that could be judged, or other bands than any preset's."""
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
    return _layout(tuple(mel.shape))


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
        f"{shape[0]} bands are {few}: presets have {any_of([str(n) for n in known])}; compute it "
        "again with one of them"
    )


def _percent(probability: float) -> str:
    return "under 1%" if probability < 0.01 else f"{probability:.0%}"


def _other_analysis(name: str, target: MelConfig) -> str:
    """The analysis of a preset, if it is not that of the target."""
    made = analysis(PRESETS[name])
    return "" if made == analysis(target) else f" ({made})"


def _unless(cases: Sequence[str]) -> str:
    return f", unless {' or '.join(cases)}" if cases else ""
