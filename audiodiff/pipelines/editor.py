"""Edits of recordings: gaps are filled, and all that was recorded stays as it is."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import Mel, Wave
from audiodiff.audio.prediction import interpolated
from audiodiff.audio.resampling import resample
from audiodiff.codecs.mel import MelCodec
from audiodiff.conditioning.known import KNOWN, known_part
from audiodiff.config import SampleRate, Seed, checked
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.inpainting import KnownState, KnownWave
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.codec_vocoder import vocoder_of
from audiodiff.pipelines.gaps import Gap, Seconds, Window, gaps_of, windows_of
from audiodiff.pipelines.loading import loaded
from audiodiff.samplers.loop import last
from audiodiff.system.devices import use_bf16

CONTEXT_FRAMES = 56
"""Frames on either side of a gap that the model hears."""

TOGETHER_FRAMES = 48
"""Frames of the longest stretch in which gaps are filled at once."""

TURNS, PASSES = 4, 8
"""Turns of the known samples with passes onto the mel, and passes in each."""

JOINT_SECONDS = 0.02
"""Length of the crossfade at either end of a gap, over which linear prediction can be trusted."""

LEVEL_DB = -26.0
"""The level, RMS in dB of full scale, to which the sound around a gap is brought for the model."""

MAX_GAIN_DB = 40.0

WIDER = 8
"""Samples on either side of a gap that resampling may have touched."""


class Editor:
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

    Args:
        model: A model of a mel with ``infill``.
        precision: Precision of the networks' products: ``fp32``, ``bf16`` or ``auto``.

    Attributes:
        model: The model.
        sample_rate: Its sample rate in Hz; recordings may have any.
        hop_length: Samples of its frames.
        vocoder: The vocoder that makes sound of its mel.
        longest: Length in seconds of the longest gap that the model was trained to fill.

    Raises:
        AudiodiffError: If the model fills no gaps, its vocoder cannot be used or takes another mel,
            or the precision is unknown.
    """

    def __init__(self, model: Model, precision: str = "auto") -> None:
        codec = model.codec
        if model.config.infill is None or not isinstance(codec, MelCodec):
            raise AudiodiffError(
                "this model fills no gaps; give one of a mel that was trained with infill, such as "
                "'speech-edit'"
            )
        use_bf16(precision, model.device)  # refuses an unknown precision
        self.model, self.precision, self._codec = model.eval(), precision, codec
        self.vocoder = vocoder_of(model, precision)
        if self.vocoder.mel_config != codec.config.mel:
            raise AudiodiffError(
                f"codec.vocoder={codec.config.vocoder!r} takes another mel than the model's, "
                f"{codec.config.preset}; name one of that mel"
            )
        self.sample_rate, self.hop_length = model.config.sample_rate, codec.hop_length
        self.longest = model.config.infill * codec.hop_length / self.sample_rate

    @classmethod
    def from_pretrained(
        cls, name: str | Path = "speech-edit", device: str = "cpu", precision: str = "auto"
    ) -> "Editor":
        """Loads a model.

        Args:
            name: A model of this package, a model directory, or the id ``owner/name`` of a model on
                the Hugging Face Hub.
            device: Device to run it on, e.g. ``cpu`` or ``cuda``.
            precision: Precision of the networks' products: ``fp32``, ``bf16`` or ``auto``.

        Raises:
            AudiodiffError: If there is no such model or device, its files are damaged, or it fills
                no gaps.
        """
        return cls(loaded(name, device), precision)

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
        if wave.ndim != 2 or wave.shape[1] == 0 or not wave.is_floating_point():
            raise AudiodiffError(
                f"the wave has shape {tuple(wave.shape)} and type {wave.dtype}; give floats of "
                "shape (channels, samples)"
            )
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
        run = Run(n_steps=n_steps, seed=(seed,) * len(part), precision=self.precision)
        made = self._made(bridged.float(), rate, holes, run)
        for hole in holes[: len(window.gaps)]:
            _join(made, bridged, hole, round(JOINT_SECONDS * rate))
        return made

    def _made(self, bridged: Wave, rate: int, holes: Sequence[Gap], run: Run) -> Wave:
        """The sound of a window by the model and the vocoder, at the window's rate."""
        low = _resampled(bridged, rate, self.sample_rate)
        n_samples = low.shape[1]
        at_least = max(n_samples, self._codec.config.mel.min_samples)
        low = F.pad(low, (0, -(-at_least // self.hop_length) * self.hop_length - n_samples))
        mask = _mask(holes, self.sample_rate / rate, n_samples, low)
        level = (low * mask).square().sum() / mask.sum().clamp(min=1) / len(low)
        gain = 10 ** (LEVEL_DB / 20) / level.sqrt().clamp(min=10 ** (-(MAX_GAIN_DB + 26) / 20))
        sound = self._sound(gain * low, mask, rate / 2, run) / gain
        back = _resampled(sound[:, :n_samples], self.sample_rate, rate)
        n = bridged.shape[1]
        return F.pad(back, (0, max(0, n - back.shape[1])))[:, :n]

    @torch.no_grad()
    def _sound(self, wave: Wave, mask: Wave, bandwidth: float, run: Run) -> Wave:
        """The sound of a window at the model's rate and level."""
        model, vocoder, codec = self.model, self.vocoder, self._codec
        wave, mask = wave.to(model.device), mask.to(model.device)
        mel = codec.log_mel.to(model.device)(wave)[..., : wave.shape[1] // self.hop_length]
        mel = self._filled_mel(mel, self._frames(mask), bandwidth, run)
        known = KnownWave(wave, mask, TURNS, PASSES)
        own = vocoder.model.guidance()
        voiced = Run(seed=run.seed, guidance=(*own, known), precision=self.precision)
        return vocoder.model.make({"mel": mel}, wave.shape[1], voiced).cpu()

    def _filled_mel(
        self, mel: Mel, known: Bool[Tensor, " frames"], bandwidth: float, run: Run
    ) -> Mel:
        """The mel with its unknown frames made, and the bands that the recording does not hold."""
        x = self._codec.normal(mel)
        mask = known.float().expand_as(x).clone()
        n_heard = self._codec.config.mel.n_bands_below(bandwidth)
        mask[:, n_heard:] = 0
        guidance = (*self.model.guidance(run), KnownState(x, mask))
        cond = {KNOWN: known_part(x, mask)}
        like = x.new_zeros(len(x), x.shape[2] * self.hop_length)
        tape = NoiseTape(run.seeds(len(x)), [0] * len(x))
        states = self.model.states(like, cond, replace(run, guidance=guidance), tape)
        made = self._codec.mel(last(states))
        # The recording holds nothing there; what the model heard of it is not wanted.
        made[:, n_heard:] = self._codec.config.mel.floor_value
        return made

    def _frames(self, mask: Wave) -> Bool[Tensor, " frames"]:
        """The frames of whose own hop no sample is missing.

        Those that a frame's window hears beyond its hop are linear prediction's.
        """
        return F.max_pool1d(1 - mask[:1], self.hop_length)[0] == 0


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


def _mask(holes: Sequence[Gap], ratio: float, n_samples: int, like: Wave) -> Wave:
    """1 where a window is known at the model's rate, (1, samples)."""
    mask = torch.zeros(1, like.shape[1])
    mask[:, :n_samples] = 1
    for first, after in holes:
        mask[:, max(0, int(first * ratio) - WIDER) : int(after * ratio) + WIDER] = 0
    return mask


def _join(made: Wave, bridged: Float[Tensor, "channels _"], hole: Gap, longest: int) -> None:
    """Fades from the prediction of the recorded sound to the made one at both ends of a hole."""
    n = min(longest, (hole.last - hole.first) // 2)
    fade = torch.ones(hole.last - hole.first, dtype=bridged.dtype)
    rising = torch.sin(torch.pi / 2 * (torch.arange(n) + 0.5) / max(n, 1)) ** 2
    fade[:n], fade[len(fade) - n :] = rising, rising.flip(0)
    inside = slice(hole.first, hole.last)
    made[:, inside] = (fade * made[:, inside] + (1 - fade) * bridged[:, inside]).to(made)


def _resampled(wave: Wave, from_rate: int, to_rate: int) -> Wave:
    return torch.from_numpy(np.stack([resample(x, from_rate, to_rate) for x in wave.numpy()]))
