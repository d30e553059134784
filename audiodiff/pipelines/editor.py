"""Recordings in memory, edited."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.config import STRENGTH, SampleRate, Strength, checked
from audiodiff.model.run import Run
from audiodiff.pipelines.denoising import denoised
from audiodiff.pipelines.filling import Filler
from audiodiff.pipelines.gaps import Gap, Seconds, gaps_of
from audiodiff.pipelines.infill import check_finite, check_wave
from audiodiff.pipelines.passages import Make, Recording, passages, recording_of, remade
from audiodiff.pipelines.varying import Move, Style, style_of, varied

VARY_STEPS = 16
"""Sampler steps by which a whole mel is made, of which only those after the strength are taken."""

Sound = Float[Tensor, "channels samples"]


class Editor(Filler):
    """Edits recordings with a diffusion model that fills what is unknown of a mel.

    Every method takes and gives a recording of any rate and length, of which every channel is
    edited by itself.

    Examples:
        >>> editor = Editor.from_pretrained("speech-edit")
        >>> wave = torch.randn(1, 22050) / 10
        >>> filled = editor.inpaint(wave, 22050, [(0.4, 0.42)])
        >>> torch.equal(filled[:, :8820], wave[:, :8820])
        True
    """

    def inpaint(
        self,
        wave: Sound,
        sample_rate: int,
        gaps: Sequence[Seconds],
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Sound:
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
        check_wave(wave)
        own = gaps_of(gaps, rate, wave.shape[1])
        return self._filled_in(wave, rate, own, self.run(seed, n_steps))

    def vary(
        self,
        wave: Sound,
        sample_rate: int,
        strength: float = STRENGTH,
        interval: Seconds | None = None,
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Sound:
        """Another take of a recording: its mel is noised and denoised again (SDEdit).

        What is varied holds nothing above the model's band.

        Args:
            wave: The recording, full scale at +-1.
            sample_rate: Its sample rate in Hz.
            strength: Time of the noise, above 0: the greater, the less remains; at 1 nothing does.
            interval: Start and end in seconds of the only part that changes; None for all of it.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; `VARY_STEPS` if None.

        Raises:
            AudiodiffError: If the wave has another shape or holds NaN, or the strength or the
                interval is out of range.
        """
        recording = _checked(wave, sample_rate)
        strength = checked(Strength, strength, "strength")
        run = self.run(seed, VARY_STEPS if n_steps is None else n_steps)
        if interval is not None:
            own = gaps_of([interval], recording.rate, wave.shape[1])
            return self._filled_in(wave, recording.rate, own, run, strength)
        return _whole(recording, self.varying(recording.rate, run, strength))

    def style(
        self,
        wave: Sound,
        sample_rate: int,
        like: Float[Tensor, "other_channels other_samples"],
        like_rate: int,
        strength: float = STRENGTH,
        seed: int = 0,
        n_steps: int | None = None,
    ) -> Sound:
        """A recording in the manner of another: with its long-term spectrum and dynamics.

        The mel is moved to the mean and the deviation that each band has in the other recording,
        and made anew from there while it keeps them.

        Args:
            wave: The recording, full scale at +-1.
            sample_rate: Its sample rate in Hz.
            like: The other recording.
            like_rate: Its sample rate in Hz.
            strength: As in `vary`.
            seed: Seed of the noise.
            n_steps: Number of sampler steps of the mel; `VARY_STEPS` if None.

        Raises:
            AudiodiffError: If a wave has another shape, holds NaN or is silent, or the strength is
                out of range.
        """
        recording, other = _checked(wave, sample_rate), _checked(like, like_rate)
        strength = checked(Strength, strength, "strength")
        own, wanted = self.style_of(recording, "the wave"), self.style_of(other, "the other wave")
        run = self.run(seed, VARY_STEPS if n_steps is None else n_steps)
        return _whole(recording, self.varying(recording.rate, run, strength, Move(own, wanted)))

    def denoise(
        self, wave: Sound, sample_rate: int, seed: int = 0, n_steps: int | None = None
    ) -> Sound:
        """A recording with less steady noise, such as hiss or hum.

        The mel is known where it is above the noise of the recording's pauses, and made elsewhere;
        their ratio filters the recording.

        Args:
            wave: The recording, full scale at +-1.
            sample_rate: Its sample rate in Hz.
            seed: Seed of the noise that is diffused.
            n_steps: Number of sampler steps of the mel; the model's default if None.

        Raises:
            AudiodiffError: If the wave has another shape or holds NaN.
        """
        recording = _checked(wave, sample_rate)
        return _whole(recording, self.denoising(recording.rate, self.run(seed, n_steps)))

    def varying(self, rate: int, run: Run, strength: float, move: Move | None = None) -> Make:
        """What varies the parts of a recording, see `varied`."""
        return partial(varied, self, rate=rate, run=run, strength=strength, move=move)

    def denoising(self, rate: int, run: Run) -> Make:
        """What takes noise from the parts of a recording, see `denoised`."""
        return partial(denoised, self, rate=rate, run=run)

    def style_of(self, recording: Recording, name: str) -> Style:
        """The style of a recording, whose name is for messages.

        Raises:
            AudiodiffError: If it is silent.
        """
        return style_of(self, passages(recording), recording.rate, name)

    def _filled_in(
        self, wave: Sound, rate: int, gaps: Sequence[Gap], run: Run, strength: float = 1.0
    ) -> Sound:
        made = wave.clone()
        for window in self.windows(gaps, rate, wave.shape[1]):
            part = made[:, window.first : window.last]
            filled = self.filled(part, rate, window, run, strength)
            for gap in window.gaps:
                inside = slice(gap.first - window.first, gap.last - window.first)
                part[:, inside] = filled[:, inside].to(part)
        return made


def _checked(wave: Sound, sample_rate: int) -> Recording:
    check_finite(wave)
    return recording_of(wave, checked(SampleRate, sample_rate, "sample_rate"))


def _whole(recording: Recording, make: Make) -> Sound:
    return torch.cat(list(remade(recording, make, recording.rate)), 1)
