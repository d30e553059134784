"""Gaps in recordings, filled; all that was recorded stays as it is."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import Wave
from audiodiff.audio.prediction import interpolated
from audiodiff.config import SampleRate, Seed, checked
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.inpainting import KnownWave
from audiodiff.model.run import Run
from audiodiff.pipelines.gaps import Gap, Seconds, Window, gaps_of, windows_of
from audiodiff.pipelines.infill import Infill, check_shape, each_resampled, gain_to_level

CONTEXT_FRAMES = 56
"""Frames on either side of a gap that the model hears."""

TOGETHER_FRAMES = 48
"""Frames of the longest stretch in which gaps are filled at once."""

TURNS, PASSES = 4, 8
"""Turns of the known samples with passes onto the mel, and passes in each."""

PREDICTED_SECONDS, JOINT_SECONDS = 0.01, 0.025
"""What linear prediction alone fills at either end of a gap, and the crossfade to what is made."""

WIDER = 8
"""Samples on either side of a gap that resampling may have touched."""


class Editor(Infill):
    """Edits recordings with a diffusion model that fills what is unknown of a mel.

    The mel of a gap is made from what is around it; a vocoder makes its sound, while the recorded
    samples are put in again and again, so that its phases fit at both ends. Recorded samples
    outside a gap are never changed.

    Example:
        >>> editor = Editor.from_pretrained("speech-edit")
        >>> wave = torch.randn(1, 22050) / 10
        >>> filled = editor.inpaint(wave, 22050, [(0.4, 0.42)])
        >>> torch.equal(filled[:, :8820], wave[:, :8820])
        True
    """

    def inpaint(
        self,
        wave: Float[Tensor, "channels samples"],
        sample_rate: int,
        gaps: Sequence[Seconds],
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Float[Tensor, "channels samples"]:
        """Fills gaps in a recording; all other samples stay as they are.

        Args:
            wave: The recording, full scale at +-1; what its gaps hold does not matter.
            sample_rate: Its sample rate in Hz.
            gaps: Start and end of each gap in seconds.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; the model's default if None.

        Raises:
            AudiodiffError: If the wave has another shape or holds NaN outside its gaps, or a gap is
                outside it, reversed, not finite or overlaps another.
        """
        rate = checked(SampleRate, sample_rate, "sample_rate")
        check_shape(wave)
        made, seed = wave.clone(), checked(Seed, seed, "seed")
        for window in self.windows(gaps_of(gaps, rate, wave.shape[1]), rate, wave.shape[1]):
            part = made[:, window.first : window.last]
            filled = self.filled(part, rate, window, seed, n_steps)
            for gap in window.gaps:
                inside = slice(gap.first - window.first, gap.last - window.first)
                part[:, inside] = filled[:, inside].to(part)
        return made

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
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Float[Tensor, "channels _"]:
        """The sound of a window, right in the gaps that it fills.

        Args:
            part: The window's own samples.
            rate: Their sample rate in Hz.
            window: Where it lies, and its gaps.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; the model's default if None.

        Raises:
            AudiodiffError: If a sample outside the gaps is not finite.
        """
        holes = [
            Gap(gap.first - window.first, gap.last - window.first)
            for gap in (*window.gaps, *window.later)
        ]
        bridged = torch.from_numpy(np.stack([_bridged(x, holes, rate) for x in part.numpy()]))
        longest = max(gap.last - gap.first for gap in window.gaps)
        if longest <= 2 * PREDICTED_SECONDS * rate:
            return bridged.to(part)
        made = self._made(bridged.float(), rate, holes, self.run(len(part), seed, n_steps))
        for hole in holes[: len(window.gaps)]:
            _join(made, bridged, hole, rate)
        return made

    def _made(self, bridged: Wave, rate: int, holes: Sequence[Gap], run: Run) -> Wave:
        """The sound of a window by the model and the vocoder, at the window's rate."""
        n, ratio = bridged.shape[1], self.sample_rate / rate
        n_low = round(n * ratio)
        low = each_resampled(bridged, rate, self.sample_rate, self.whole(n_low))
        known = torch.zeros(1, low.shape[1])
        known[:, :n_low] = 1
        for first, after in holes:
            known[:, max(0, int(first * ratio) - WIDER) : int(after * ratio) + WIDER] = 0
        gain = gain_to_level(low, known)
        sound = self._sound(gain * low, known, rate / 2, run) / gain
        return each_resampled(sound[:, :n_low], self.sample_rate, rate, n)

    def _sound(self, wave: Wave, known: Wave, bandwidth: float, run: Run) -> Wave:
        """The sound of a window at the model's rate and level."""
        wave, known = wave.to(self.model.device), known.to(self.model.device)
        mel = self.mel(wave)
        # Frames of whose own hop no sample is missing; those that a frame's window hears beyond
        # its hop are linear prediction's.
        mask = (F.max_pool1d(1 - known, self.hop_length)[:, None] == 0).to(mel).expand_as(mel)
        n_heard = self.mel_config.n_bands_below(bandwidth)
        mask = torch.cat([mask[:, :n_heard], torch.zeros_like(mask[:, n_heard:])], 1)
        made = self.filled_mel(mel, mask, run)
        # The recording holds nothing there; what the model heard of it is not wanted.
        made[:, n_heard:] = self.mel_config.floor_value
        return self.sound(made, run, [KnownWave(wave, known, TURNS, PASSES)]).cpu()


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


def _join(made: Wave, bridged: Float[Tensor, "channels _"], hole: Gap, rate: int) -> None:
    """Fades from the prediction of the recorded sound to the made one at both ends of a hole."""
    n = hole.last - hole.first
    place = torch.arange(n, dtype=bridged.dtype) + 0.5
    from_end = torch.minimum(place, n - place) / rate
    rising = ((from_end - PREDICTED_SECONDS) / JOINT_SECONDS).clamp(0, 1)
    share = torch.sin(torch.pi / 2 * rising) ** 2
    inside = slice(hole.first, hole.last)
    made[:, inside] = (share * made[:, inside] + (1 - share) * bridged[:, inside]).to(made)
