"""Recordings made anew from a noised state of their mel, as they were or in another's style."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel, WavePiece
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.statistics import BandStatistics, statistics
from audiodiff.model.run import Run
from audiodiff.pipelines.infill import Infill, each_resampled

HEARD = 3.5
"""Nepers below its loud frames to which a frame of a recording is taken for sound."""

LOUD = 0.95
"""Share of frames that are softer than a loud one."""

RANGES = (0.5, 2.0)
"""The least and the greatest factor by which a band's deviation changes."""


class Style(NamedTuple):
    """The long-term mel of a recording, at the model's level.

    Attributes:
        mean: Mean of each band, in nepers.
        std: Standard deviation of each band.
    """

    mean: Float[Tensor, " n_mels"]
    std: Float[Tensor, " n_mels"]


def style_of(infill: Infill, parts: Iterable[WavePiece], rate: int, name: str) -> Style:
    """The style of a recording.

    Args:
        infill: The model.
        parts: The recording in parts.
        rate: Its sample rate in Hz.
        name: What the recording is called in messages.

    Raises:
        AudiodiffError: If it is silent.
    """
    n, total, squares = 0.0, torch.zeros(1), torch.zeros(1)
    for part in parts:
        low, _ = infill.levelled(part, rate)
        mel = infill.mel(low).cpu().double()
        heard = _heard(mel) * (low.abs().amax().cpu() > 0)
        n += heard.sum().item()
        total = total + (heard * mel).sum((0, 2))
        squares = squares + (heard * mel.square()).sum((0, 2))
    if n == 0:
        raise AudiodiffError(f"{name} is silent, so it has no style; give a recording with sound")
    mean = total / n
    return Style(mean.float(), (squares / n - mean.square()).clamp(min=1e-4).sqrt().float())


class Move(NamedTuple):
    """A change of style.

    Attributes:
        own: The style of the recording.
        wanted: The style to give it.
    """

    own: Style
    wanted: Style

    def __call__(self, mel: Mel) -> Mel:
        """A mel of the recording in the wanted style."""
        factor = (self.wanted.std / self.own.std).clamp(*RANGES)[:, None].to(mel)
        own, wanted = self.own.mean[:, None].to(mel), self.wanted.mean[:, None].to(mel)
        return wanted + factor * (mel - own)


def varied(
    infill: Infill,
    part: WavePiece,
    first: int,
    *,
    rate: int,
    run: Run,
    strength: float,
    move: Move | None = None,
) -> WavePiece:
    """A part of a recording, made anew from its mel at the noise of a time (SDEdit).

    Args:
        infill: The model.
        part: The part.
        first: Whole seconds of the recording before it.
        rate: Its sample rate in Hz.
        run: The run.
        strength: The time: near 0 the mel stays as it is, at 1 nothing of it remains.
        move: A change of style, by which the mel is moved first and whose statistics the model
            keeps to; None for none.
    """
    low, gain = infill.levelled(part, rate)
    mel, guidance = infill.mel(low), []
    if move is not None:
        heard = _heard(mel)
        share = heard / heard.sum(2, keepdim=True)
        mel = move(mel).clamp(min=infill.mel_config.floor_value)
        guidance = [BandStatistics(*statistics(infill.codec.normal(mel), share), share)]
    nothing = torch.zeros_like(mel)
    made = infill.filled_mel(mel, nothing, run, strength, guidance, infill.frames(first))
    sound = infill.sound(made, run).cpu() / gain
    return each_resampled(sound, infill.sample_rate, rate, part.shape[1])


def _heard(mel: Float[Tensor, "channels n_mels frames"]) -> Float[Tensor, "channels 1 frames"]:
    """1 for the frames of a mel that are no pause."""
    level = mel.mean(1, keepdim=True)
    return (level > level.quantile(LOUD, dim=2, keepdim=True) - HEARD).to(mel)
