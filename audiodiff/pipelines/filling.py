"""Gaps in a stretch of a recording, filled."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import Mel, Wave
from audiodiff.audio.prediction import interpolated
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.ceiling import Ceiling, LevelCeiling, level
from audiodiff.guidance.contract import Guidance
from audiodiff.guidance.inpainting import KnownWave
from audiodiff.model.run import Run
from audiodiff.pipelines.gaps import Gap, Window, windows_of
from audiodiff.pipelines.infill import Infill, each_resampled

CONTEXT_FRAMES = 56
"""Frames on either side of a gap that the model hears."""

TOGETHER_FRAMES = 48
"""Frames of the longest stretch in which gaps are filled at once."""

TURNS, PASSES = 4, 8
"""Turns of the known samples with passes onto the mel, and passes in each."""

PREDICTED_SECONDS, JOINT_SECONDS = 0.01, 0.025
"""What linear prediction alone fills at either end of a gap, and the crossfade to what is made."""

NEAR_FRAMES = 3
"""Frames on either side of a gap, which hear 70 ms of sound, that bound its level."""

HEADROOM = math.log(10 ** (12 / 20))
"""Nepers above the loudest of those frames that a band of a gap may reach, so that speech may go on
in other bands; a frame as a whole is no louder than they.
"""

WIDER = 8
"""Samples on either side of a gap that resampling may have touched."""


class Filler(Infill):
    """Fills gaps in a stretch of a recording with a diffusion model.

    The mel of a gap is made from what is around it; a vocoder makes its sound, while the recorded
    samples are put in again and again, so that its phases fit at both ends.
    """

    def windows(self, gaps: Sequence[Gap], rate: int, n_samples: int) -> Sequence[Window]:
        """The stretches of a recording around its gaps, in the order in which to fill them."""
        per_frame = self.hop_length * rate / self.sample_rate
        context, together = (round(n * per_frame) for n in (CONTEXT_FRAMES, TOGETHER_FRAMES))
        return list(windows_of(gaps, n_samples, context, together))

    def filled(
        self,
        part: Float[Tensor, "channels _"],
        rate: int,
        window: Window,
        run: Run,
        strength: float = 1.0,
    ) -> Float[Tensor, "channels _"]:
        """The sound of a window, right in the gaps that it fills.

        Args:
            part: The window's own samples.
            rate: Their sample rate in Hz.
            window: Where it lies, and its gaps.
            run: The run.
            strength: Time at which the run starts from what the gaps hold; at 1 that is ignored.

        Raises:
            AudiodiffError: If a sample outside the gaps is not finite.
        """
        holes = [
            Gap(gap.first - window.first, gap.last - window.first)
            for gap in (*window.gaps, *window.later)
        ]
        if strength < 1:
            bridged, n_kept = part.double(), 0
        else:
            bridged = torch.from_numpy(np.stack([_bridged(x, holes, rate) for x in part.numpy()]))
            n_kept = round(PREDICTED_SECONDS * rate)
        if max(gap.last - gap.first for gap in window.gaps) <= 2 * n_kept:
            return bridged.to(part)
        made = self._made(bridged.float(), rate, holes, run, strength)
        for hole in holes[: len(window.gaps)]:
            _join(made, bridged, hole, n_kept, round(JOINT_SECONDS * rate))
        return made

    def _made(
        self, bridged: Wave, rate: int, holes: Sequence[Gap], run: Run, strength: float
    ) -> Wave:
        """The sound of a window by the model and the vocoder, at the window's rate."""
        n, ratio = bridged.shape[1], self.sample_rate / rate
        n_low = round(n * ratio)
        known = torch.zeros(1, self.whole(n_low))
        known[:, :n_low] = 1
        for first, after in holes:
            known[:, max(0, int(first * ratio) - WIDER) : int(after * ratio) + WIDER] = 0
        low, gain = self.levelled(bridged, rate, known)
        sound = self._sound(low, known, rate / 2, run, strength) / gain
        return each_resampled(sound[:, :n_low], self.sample_rate, rate, n)

    def _sound(
        self,
        wave: Wave,
        known: Float[Tensor, "1 samples"],
        bandwidth: float,
        run: Run,
        strength: float,
    ) -> Wave:
        """The sound of a window at the model's rate and level."""
        known, mel = known.to(wave), self.mel(wave)
        # Frames of whose own hop no sample is missing; those that a frame's window hears beyond
        # its hop are linear prediction's.
        mask = (F.max_pool1d(1 - known, self.hop_length)[:, None] == 0).to(mel).expand_as(mel)
        n_heard = self.mel_config.n_bands_below(bandwidth)
        mask = torch.cat([mask[:, :n_heard], torch.zeros_like(mask[:, n_heard:])], 1)
        guidance = self._ceilings(mel, mask[0, 0] > 0, n_heard) if strength == 1 else []
        made = self.filled_mel(mel, mask, run, strength, guidance)
        # The recording holds nothing there; what the model heard of it is not wanted.
        made[:, n_heard:] = self.mel_config.floor_value
        return self.sound(made, run, [KnownWave(wave, known.expand_as(wave), TURNS, PASSES)]).cpu()

    def _ceilings(
        self, mel: Mel, known: Bool[Tensor, " frames"], n_heard: int
    ) -> Sequence[Guidance]:
        """What bounds each gap by the sound next to it, in the bands that the recording holds."""
        scale, x = self.codec.config.std, self.codec.normal(mel)[:, :n_heard]
        n_longest = round(self.longest * self.sample_rate / self.hop_length)
        tops = torch.full_like(mel, torch.inf)
        tops[:, :n_heard] = _loudest(x, known, n_longest) + HEADROOM / scale
        top = _loudest(level(x, scale), known, n_longest)
        return Ceiling(tops), LevelCeiling(top, scale, n_heard)


def _loudest(
    x: Float[Tensor, "batch bands frames"], known: Bool[Tensor, " frames"], n_longest: int
) -> Float[Tensor, "batch bands frames"]:
    """The most that is next to each gap; infinity elsewhere.

    A gap at an end, or longer than the model has learned, may hold anything.
    """
    top = torch.full_like(x, torch.inf)
    edges = np.flatnonzero(np.diff([True, *known.tolist(), True]))
    for first, after in edges.reshape(-1, 2):
        if first > 0 and after < len(known) and after - first <= n_longest:
            sides = x[..., :first][..., -NEAR_FRAMES:], x[..., after:][..., :NEAR_FRAMES]
            top[..., first:after] = torch.cat(sides, 2).amax(2, keepdim=True)
    return top


def _bridged(
    wave: Float[np.ndarray, " _"], holes: Sequence[Gap], rate: int
) -> Float[np.ndarray, " _"]:
    """A channel with linear prediction in its holes."""
    made = wave.astype(np.float64)
    ends = [0, *(hole.last for hole in holes)]
    starts = [*(hole.first for hole in holes[1:]), len(made)]
    for hole, before, after in zip(holes, ends, starts, strict=False):
        pieces = made[before : hole.first], made[hole.last : after]
        made[hole.first : hole.last] = interpolated(*pieces, hole.last - hole.first, rate)
    if not np.isfinite(made).all():
        raise AudiodiffError("the wave holds NaN or infinity outside its gaps; mend what made it")
    return made


def _join(
    made: Wave, bridged: Float[Tensor, "channels _"], hole: Gap, n_kept: int, n_joint: int
) -> None:
    """Fades from the bridge to the made sound at both ends of a hole, within n_joint samples."""
    n = hole.last - hole.first
    place = torch.arange(n, dtype=bridged.dtype) + 0.5
    rising = ((torch.minimum(place, n - place) - n_kept) / n_joint).clamp(0, 1)
    share = torch.sin(torch.pi / 2 * rising) ** 2
    inside = slice(hole.first, hole.last)
    made[:, inside] = (share * made[:, inside] + (1 - share) * bridged[:, inside]).to(made)
