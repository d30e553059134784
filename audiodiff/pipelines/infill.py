"""A model that fills what is unknown of a mel, with the vocoder of that mel."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel, Wave
from audiodiff.audio.resampling import resample
from audiodiff.codecs.mel import MelCodec
from audiodiff.conditioning.known import KNOWN, known_part
from audiodiff.config import Seed, checked
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.contract import Guidance
from audiodiff.guidance.inpainting import KnownState
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.codec_vocoder import vocoder_of
from audiodiff.pipelines.loading import loaded
from audiodiff.samplers.loop import last
from audiodiff.system.devices import use_bf16

LEVEL = 10 ** (-26 / 20)
"""The level, RMS of full scale, to which sound is brought for the model."""

LEAST = 10 ** (-66 / 20)
"""The least level that is; softer sound is raised as much as this."""

Own = TypeVar("Own", bound="Infill")


class Infill:
    """A model of mels that fills what is unknown, and the vocoder that makes sound of them.

    Args:
        model: A model of a mel with ``infill``.
        precision: Precision of the networks' products: ``fp32``, ``bf16`` or ``auto``.

    Attributes:
        model: The model.
        codec: Its codec.
        precision: The precision, as given.
        vocoder: The vocoder that makes sound of its mel.
        mel_config: The mel.
        sample_rate: Sample rate of the model in Hz.
        hop_length: Samples of a frame.
        longest: Length in seconds of the longest gap that the model was trained to fill.

    Raises:
        AudiodiffError: If the model fills no gaps, its vocoder cannot be used or takes another mel,
            or the precision is unknown.
    """

    def __init__(self, model: Model, precision: str = "auto") -> None:
        codec, n_frames = model.codec, model.config.infill
        if n_frames is None or not isinstance(codec, MelCodec):
            raise AudiodiffError(
                "this model fills no gaps; give one of a mel that was trained with infill, such as "
                "'speech-edit'"
            )
        use_bf16(precision, model.device)  # refuses an unknown precision
        self.model, self.codec, self.precision = model.eval(), codec, precision
        self.vocoder, self.mel_config = vocoder_of(model, precision), codec.config.mel
        if self.vocoder.mel_config != self.mel_config:
            raise AudiodiffError(
                f"codec.vocoder={codec.config.vocoder!r} takes another mel than the model's, "
                f"{codec.config.preset}; name one of that mel"
            )
        self.sample_rate, self.hop_length = model.config.sample_rate, codec.hop_length
        self.longest = n_frames * codec.hop_length / self.sample_rate

    @classmethod
    def from_pretrained(
        cls: type[Own],
        name: str | Path = "speech-edit",
        device: str = "cpu",
        precision: str = "auto",
    ) -> Own:
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

    def run(self, seed: int, n_steps: int | None) -> Run:
        """A run in which every item has the same seed.

        Raises:
            AudiodiffError: If the seed or the number of steps is no whole number, or too large.
        """
        return Run(n_steps=n_steps, seed=checked(Seed, seed, "seed"), precision=self.precision)

    def whole(self, n_samples: int) -> int:
        """The number of samples to which a wave is padded: whole frames, enough for a mel."""
        return -(-max(n_samples, self.mel_config.min_samples) // self.hop_length) * self.hop_length

    def frames(self, seconds: int) -> int:
        """Frames in a number of seconds."""
        return round(seconds * self.sample_rate / self.hop_length)

    def levelled(
        self,
        part: Float[Tensor, "channels _"],
        rate: int,
        known: Float[Tensor, "1 _"] | None = None,
    ) -> tuple[Wave, Tensor]:
        """A recording at the model's rate and `LEVEL`, padded to whole frames, and its gain.

        Args:
            part: The recording.
            rate: Its sample rate in Hz.
            known: (1, samples of the result), 1 where the level counts; None for everywhere.
        """
        n = self.whole(round(part.shape[1] * self.sample_rate / rate))
        low = each_resampled(part.float(), rate, self.sample_rate, n)
        gain = _gain_to_level(low, torch.ones(1, n) if known is None else known)
        return (gain * low).to(self.model.device), gain

    def mel(self, wave: Wave) -> Mel:
        """The mel of a wave of whole frames, a frame for each hop."""
        log_mel = self.codec.log_mel.to(wave.device)
        return log_mel(wave)[..., : wave.shape[1] // self.hop_length]

    @torch.no_grad()
    def filled_mel(
        self,
        mel: Mel,
        mask: Float[Tensor, "batch n_mels frames"],
        run: Run,
        strength: float = 1.0,
        guidance: Sequence[Guidance] = (),
        offset: int = 0,
    ) -> Mel:
        """The mel with all that is unknown made, and the rest as it is.

        Args:
            mel: (batch, n_mels, frames) in the model's preset.
            mask: 1 where it is known, 0 elsewhere.
            run: The run.
            strength: Time at which the run starts from the mel itself (SDEdit, arXiv:2108.01073);
                at 1 what is unknown is made from nothing.
            guidance: More guidance.
            offset: Frames before the mel in its recording, which have noise of their own.
        """
        x = self.codec.normal(mel)
        guidance = (*self.model.guidance(run), *guidance, KnownState(x, mask))
        if strength < 1:
            times = [strength * float(t) for t in self.model.times(run)]
            run = replace(run, n_steps=None, times=times)
        run = replace(run, guidance=guidance)
        like = x.new_zeros(len(x), x.shape[2] * self.hop_length)
        tape, start = NoiseTape(run.seeds(len(x)), [offset] * len(x)), x if strength < 1 else None
        states = self.model.states(like, {KNOWN: known_part(x, mask)}, run, tape, start)
        return self.codec.mel(last(states))

    @torch.no_grad()
    def sound(self, mel: Mel, run: Run, guidance: Sequence[Guidance] = ()) -> Wave:
        """The sound of a mel by the vocoder, in its own steps and with more guidance."""
        model = self.vocoder.model
        own = Run(seed=run.seed, guidance=(*model.guidance(), *guidance), precision=self.precision)
        return model.make({"mel": mel}, mel.shape[2] * self.hop_length, own)


def check_wave(wave: Tensor) -> None:
    """Refuses what is no recording.

    Raises:
        AudiodiffError: If it is no tensor of floats, or is not (channels, samples).
    """
    if not isinstance(wave, Tensor):
        raise AudiodiffError(
            f"the wave is of type {type(wave).__name__}; give a tensor, e.g. by torch.as_tensor"
        )
    if wave.ndim != 2 or wave.shape[1] == 0 or not wave.is_floating_point():
        raise AudiodiffError(
            f"the wave has shape {tuple(wave.shape)} and type {wave.dtype}; give floats of shape "
            "(channels, samples)"
        )


def check_finite(wave: Tensor) -> None:
    """Refuses what is no recording, or a damaged one.

    Raises:
        AudiodiffError: If it is refused by `check_wave`, or holds NaN or infinity.
    """
    check_wave(wave)
    if not torch.isfinite(wave).all():
        raise AudiodiffError("the wave holds NaN or infinity; mend what made it")


def _gain_to_level(wave: Wave, mask: Float[Tensor, "1 samples"]) -> Tensor:
    """The factor that brings the known samples of a wave to `LEVEL`."""
    level = ((wave * mask).square().sum() / mask.sum().clamp(min=1) / len(wave)).sqrt()
    return LEVEL / level.clamp(min=LEAST)


def each_resampled(
    wave: Float[Tensor, "channels _"], from_rate: int, to_rate: int, n: int
) -> Float[Tensor, "channels n"]:
    """The channels at another rate, cut or padded with zeros to n samples."""
    made = np.stack([resample(x, from_rate, to_rate) for x in wave.cpu().numpy()])
    made = np.pad(made[:, :n], ((0, 0), (0, max(0, n - made.shape[1]))))
    return torch.from_numpy(made)
