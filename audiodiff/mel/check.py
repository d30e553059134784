"""Whether a mel can be of the preset that it is said to be of."""

import torch
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS

ABOVE_NEPERS, BELOW_NEPERS = 0.5, 2.0
"""Nepers by which values may exceed the preset's range: models overshoot peaks a little and
undershoot silence by more. The next preset's floor is 4.6 nepers away."""

NEAR = 0.05
"""The distance within which an extreme value counts as the end of a preset's range."""


def looks_like(mel: Tensor) -> tuple[str, ...]:
    """Presets that the mel's extreme values suggest: it reaches their floor or fills their clip.

    A hint, not a proof: speech without silence reaches no floor, and presets share floors.

    Args:
        mel: A mel of any shape, with finite values.

    >>> looks_like(torch.tensor([-11.5129, 0.3]))
    ('hifigan', 'bigvgan-24k', 'tacotron2', 'speechbrain', 'nemo', 'audioldm2')
    """
    least, greatest = (value.item() for value in mel.detach().aminmax())
    return tuple(name for name, config in PRESETS.items() if _ends_match(config, least, greatest))


def _ends_match(config: MelConfig, least: float, greatest: float) -> bool:
    if config.clip is None:
        return abs(least - config.floor_value) < NEAR
    low, high = config.clip
    inside = low - NEAR < least and greatest < high + NEAR
    return inside and greatest - least > 0.75 * (high - low)


def check_mel(mel: Tensor, config: MelConfig, name: str) -> Mel:
    """Refuses a mel that the preset cannot have produced, by `check_layout` and `check_range`.

    Args:
        mel: Mel to check, (n_mels, frames) or (batch, n_mels, frames).
        config: Preset that the mel is said to be of.
        name: Name of the argument or file, for messages.

    Returns:
        The mel as (batch, n_mels, frames).

    Raises:
        AudiodiffError: If the shape or the type is wrong, there are no frames, or values are NaN,
            infinite, out of range or clearly of another preset.
    """
    whole = check_layout(mel, config, name)
    check_range(whole, config, name)
    return whole


def check_layout(mel: Tensor, config: MelConfig, name: str) -> Mel:
    """Refuses a mel of another shape or type, or with values that are not finite.

    Args and errors are those of `check_mel`.

    Returns:
        The mel as (batch, n_mels, frames).
    """
    if not mel.is_floating_point():
        raise AudiodiffError(f"{name} is {mel.dtype}; give floats in the preset's units")
    _check_shape(mel, config.n_mels, name)
    if not torch.isfinite(torch.stack(mel.detach().aminmax())).all():
        bad = (~torch.isfinite(mel)).nonzero()
        raise AudiodiffError(
            f"{name} holds NaN or infinity in {len(bad)} of {mel.numel()} values, the first at "
            f"index {tuple(bad[0].tolist())}; mend what made it"
        )
    return mel if mel.ndim == 3 else mel[None]


def check_range(mel: Tensor, config: MelConfig, name: str) -> None:
    """Refuses a mel of finite values that are out of the preset's range.

    Values may exceed `MelConfig.value_range` by 2 nepers of M below and by 0.5 above, as those
    that models predict do. Args and errors are those of `check_mel`.
    """
    least, greatest = (value.item() for value in mel.detach().aminmax())
    low, high = config.value_range()
    below, above = (n / config.nepers_per_unit for n in (BELOW_NEPERS, ABOVE_NEPERS))
    if least < low - below or greatest > high + above:
        raise AudiodiffError(
            f"{name} ranges over [{least:.4g}, {greatest:.4g}] but the preset gives "
            f"[{low:.4g}, {high:.4g}]; {_remedy(mel)}"
        )
    foreign = _foreign(mel, config)
    if foreign:
        raise AudiodiffError(
            f"{name} fills [{least:.4g}, {greatest:.4g}], the range of {' or '.join(foreign)}, "
            "which this model does not take; compute it with this model's preset"
        )


def _foreign(mel: Tensor, config: MelConfig) -> tuple[str, ...]:
    """Other presets that the mel is clearly of, although this one could have such values.

    It fills their clip, and either that whole range would be less than 3 nepers here, less than
    any sound has, or its least value is exactly the lower end of their clip.
    """
    least, greatest = (value.item() for value in mel.detach().aminmax())
    return tuple(
        name
        for name, other in PRESETS.items()
        if other.clip is not None
        and other.clip != config.clip
        and _ends_match(other, least, greatest)
        and ((other.clip[1] - other.clip[0]) * config.nepers_per_unit < 3 or least == other.clip[0])
    )


def _check_shape(mel: Tensor, n_mels: int, name: str) -> None:
    shape = tuple(mel.shape)
    if mel.ndim not in (2, 3):
        raise AudiodiffError(
            f"{name} has shape {shape} but must be (batch, n_mels, frames) or (n_mels, frames)"
        )
    if mel.shape[-2] != n_mels:
        alike = [preset for preset, other in PRESETS.items() if other.n_mels == mel.shape[-2]]
        remedy = "compute it with this model's preset"
        if mel.shape[-1] == n_mels:
            layout = "(batch, frames, n_mels)" if mel.ndim == 3 else "(frames, n_mels)"
            remedy = (
                f"it looks like {layout}: transpose it (--transpose does so for files, "
                "transpose=True in an adapter)"
            )
        elif alike:
            remedy += f", or name its own, such as {alike[0]}; `audiodiff doctor` says which"
        raise AudiodiffError(
            f"{name} has shape {shape}, {mel.shape[-2]} bands, but the preset has "
            f"n_mels={n_mels}; {remedy}"
        )
    if mel.numel() == 0:
        raise AudiodiffError(f"{name} has shape {shape}, which holds no frames; give at least one")


def _remedy(mel: Tensor) -> str:
    names = looks_like(mel)
    if names:
        return f"by its range it is a mel of {' or '.join(names)}: convert it or choose that preset"
    return "choose the preset that it was computed with, or undo a normalisation by mean and std"
