"""Priors: Gaussian noise whose covariance the mel decides, ``eps = color(white)``.

A network learns faster when the noise already has the loudness, or the colour, of the speech to
be made. `whiten` is the inverse: the network works in whitened coordinates and its loss is
measured there, so that quiet passages and quiet frequencies weigh as much as loud ones.
"""

import math
from typing import Annotated, ClassVar, Literal, TypeAlias

from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from audiodiff._types import Condition, Mel, Prior, State, Wave
from audiodiff.audio import frames
from audiodiff.audio.frames import Gain
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.stft import Spectrum, StftConfig
from audiodiff.config import Config, of_kind
from audiodiff.errors import AudiodiffError
from audiodiff.mel.envelope import Envelope
from audiodiff.mel.log_mel import MelConfig


class PriorConfig(Config):
    """The figures of a prior, from which it is built.

    Attributes:
        codecs: Kinds of codec that it works on; None for any.
        kind: The prior's name in `audiodiff.diffusion.PRIORS`.
    """

    codecs: ClassVar[tuple[str, ...] | None] = None

    kind: str

    def build(self, codec: CodecConfig, mel: MelConfig | None) -> Prior:
        """The prior of a model.

        Args:
            codec: The config of the model's codec, one of `codecs`.
            mel: The model's mel; None for a model without one.

        Raises:
            AudiodiffError: If it needs a mel and there is none.
        """
        raise NotImplementedError


class UnitConfig(PriorConfig):
    """White noise of unit variance."""

    kind: Literal["unit"] = "unit"

    def build(self, codec: CodecConfig, mel: MelConfig | None) -> "Unit":
        """The prior, which ignores the codec and the mel."""
        return Unit()


class MelEnergyConfig(PriorConfig):
    """White noise as loud as each frame (PriorGrad).

    Attributes:
        std_min: The least standard deviation as a fraction of the greatest, so that silence keeps
            some noise.
        energy_min: Frame energy, in mel amplitude, at which the standard deviation is 0.
        energy_max: Frame energy from which on the standard deviation is 1.
    """

    codecs: ClassVar[tuple[str, ...] | None] = ("waveform",)

    kind: Literal["mel-energy"] = "mel-energy"
    std_min: float = Field(default=0.1, gt=0, le=1)
    energy_min: float = Field(default=0.0, ge=0, le=1e6)
    energy_max: float = Field(default=4.0, gt=0, le=1e6)

    @model_validator(mode="after")
    def _rising(self) -> "MelEnergyConfig":
        if self.energy_min >= self.energy_max:
            raise ValueError(
                f"energy_min={self.energy_min} must be below energy_max={self.energy_max}"
            )
        return self

    def build(self, codec: CodecConfig, mel: MelConfig | None) -> "MelEnergy":
        """The prior of a model with a mel."""
        return MelEnergy(self, _needed(self.kind, mel))


class MelSpectralConfig(PriorConfig):
    """Noise with the mel's spectral envelope, for waves (SpecGrad-like).

    Attributes:
        std_min: The level of noise, relative to full scale, below which the envelope never falls,
            so that silence keeps some noise.
        above_f_max: Factor for frequencies above the mel's highest.
    """

    codecs: ClassVar[tuple[str, ...] | None] = ("waveform",)

    kind: Literal["mel-spectral"] = "mel-spectral"
    std_min: float = Field(default=0.1, gt=0, le=1)
    above_f_max: float = Field(default=1.0, gt=0, le=1e6)

    def build(self, codec: CodecConfig, mel: MelConfig | None) -> Prior:
        """The prior of a model with a mel."""
        return MelSpectral(self, _needed(self.kind, mel))


class MelEnvelopeConfig(MelSpectralConfig):
    """Noise with the mel's spectral envelope, for the STFT codec."""

    codecs: ClassVar[tuple[str, ...] | None] = ("stft",)

    kind: Literal["mel-envelope"] = "mel-envelope"  # type: ignore[assignment]

    def build(self, codec: CodecConfig, mel: MelConfig | None) -> Prior:
        """The prior of a model with a mel."""
        assert isinstance(codec, StftConfig), "a model's config checks this"
        return MelEnvelope(self, codec, _needed(self.kind, mel))


class Unit:
    """White noise of unit variance, whatever the condition."""

    radius = 0

    def condition(self, cond: Condition) -> None:
        """Nothing."""

    def color(self, white: State, shape: None) -> State:
        """The noise as it is."""
        return white

    def whiten(self, x: State, shape: None) -> State:
        """The state as it is."""
        return x


class MelEnergy:
    """PriorGrad: white noise as loud as the frame (arXiv:2106.06406).

    ``std = clamp((min(sqrt(sum_m M_m), E_max) - E_min) / (E_max - E_min), std_min, 1)`` with M the
    linear mel amplitude, held over the frame's hop.
    """

    radius = 0

    def __init__(self, config: MelEnergyConfig, mel: MelConfig) -> None:
        self.config, self.mel = config, mel

    def condition(self, cond: Condition) -> Wave:
        """The standard deviation of every sample."""
        config = self.config
        energy = self.mel.amplitude(_mel_of(cond)).sum(1).sqrt().clamp(max=config.energy_max)
        std = (energy - config.energy_min) / (config.energy_max - config.energy_min)
        return std.clamp(config.std_min, 1).repeat_interleave(self.mel.hop_length, -1)

    def color(self, white: Wave, shape: Wave) -> Wave:
        """Multiplies by the standard deviation."""
        return white * shape

    def whiten(self, x: Wave, shape: Wave) -> Wave:
        """Divides by it."""
        return x / shape


class MelSpectral:
    """Noise with the mel's spectral envelope, after SpecGrad (arXiv:2203.16749).

    ``color(x) = STFT^-1(G STFT(x))`` with a gain G per frame and bin, zero phase, see `Envelope`.
    `whiten` divides by G; it undoes `color` except where neighbouring frames differ.
    """

    def __init__(self, config: MelSpectralConfig, mel: MelConfig) -> None:
        self.config, self.mel = config, mel
        self.radius = math.ceil(mel.n_fft / mel.hop_length)
        self.window = frames.hann(mel.win_length, mel.n_fft, mel.window)
        self.envelope = Envelope(mel, mel.n_fft, mel.n_fft // 2 + 1, config.above_f_max)

    def condition(self, cond: Condition) -> Gain:
        """The envelope."""
        return self.envelope(_mel_of(cond), self.config.std_min)

    def color(self, white: Wave, shape: Gain) -> Wave:
        """Filters by the envelope."""
        return self._filter(white, shape)

    def whiten(self, x: Wave, shape: Gain) -> Wave:
        """Filters by the envelope's inverse."""
        return self._filter(x, 1 / shape)

    def _filter(self, x: Wave, gain: Gain) -> Wave:
        config, window = self.mel, self.window.to(x.device)
        sizes = config.hop_length, config.n_padding
        padded = frames.silence_around(x.float(), config.n_fft, *sizes)
        spectrum = frames.stft(padded, window, config.hop_length)
        return frames.overlap_add(spectrum * gain, window, *sizes, x.shape[-1])


class MelEnvelope:
    """`MelSpectral` for the STFT codec, where the gain G is a product and `whiten` is exact."""

    radius = 0

    def __init__(self, config: MelEnvelopeConfig, codec: StftConfig, mel: MelConfig) -> None:
        self.config = config
        self.envelope = Envelope(mel, codec.n_fft, codec.n_bins, config.above_f_max)

    def condition(self, cond: Condition) -> Float[Tensor, "batch 1 bins frames"]:
        """The envelope."""
        return self.envelope(_mel_of(cond), self.config.std_min)[:, None]

    def color(self, white: Spectrum, shape: Float[Tensor, "batch 1 bins frames"]) -> Spectrum:
        """Multiplies by the envelope."""
        return white * shape

    def whiten(self, x: Spectrum, shape: Float[Tensor, "batch 1 bins frames"]) -> Spectrum:
        """Divides by it."""
        return x / shape


def _needed(kind: str, mel: MelConfig | None) -> MelConfig:
    if mel is None:
        raise AudiodiffError(
            f"prior.kind={kind!r} needs a mel, and this model has none; use 'unit'"
        )
    return mel


def _mel_of(cond: Condition) -> Mel:
    if "mel" not in cond:
        raise AudiodiffError("this model's prior needs a mel and the condition has none; give one")
    return cond["mel"]


PRIORS: dict[str, type[PriorConfig]] = {
    "unit": UnitConfig,
    "mel-energy": MelEnergyConfig,
    "mel-spectral": MelSpectralConfig,
    "mel-envelope": MelEnvelopeConfig,
}
"""The config of every prior by the name that a model's config gives as ``kind``.

Assign to it to add one.
"""

AnyPrior: TypeAlias = Annotated[PriorConfig, of_kind(PRIORS)]
"""The field type for configs that hold a prior."""
