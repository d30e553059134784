"""The codec of networks that diffuse a mel, from which a vocoder makes the sound."""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Float
from pydantic import FiniteFloat, PositiveFloat, field_validator
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import Mel, Wave
from audiodiff.codecs.contract import CodecConfig
from audiodiff.codecs.waveform import check_length
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.presets import PRESETS

NormalMel = Float[Tensor, "batch n_mels frames"]
"""A mel with a mean of about 0 and a deviation of about 1."""


class MelCodecConfig(CodecConfig):
    """A normalised log-mel diffuses, ``x = (mel - mean) / std``.

    Attributes:
        preset: Name in `PRESETS` of the mel's preset.
        mean: Mean of the mel over the training data, in the preset's units.
        std: Standard deviation of the mel over the training data.
        vocoder: The vocoder that makes the sound: a model of the package, a model directory, or
            the id ``owner/name`` of a model on the Hugging Face Hub.
    """

    kind: Literal["mel"] = "mel"
    preset: str = "hifigan"
    mean: FiniteFloat = -5.0
    std: PositiveFloat = 2.5
    vocoder: str = "default"

    @field_validator("preset")
    @classmethod
    def _known(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(f"preset={preset!r} is unknown; choose from {', '.join(PRESETS)}")
        return preset

    @property
    def mel(self) -> MelConfig:
        """The mel."""
        return PRESETS[self.preset]

    @property
    def mels(self) -> "MelCodecConfig":
        """The codec of the mel alone, for one that goes on from it."""
        fields = set(MelCodecConfig.model_fields) - {"kind"}
        return MelCodecConfig(**self.model_dump(include=fields))

    @property
    def shape(self) -> tuple[int]:
        """The bands."""
        return (self.mel.n_mels,)

    @property
    def sample_rate(self) -> int:
        """The mel's sample rate in Hz."""
        return self.mel.sample_rate

    @property
    def hop_length(self) -> int:
        """Samples of sound per frame."""
        return self.mel.hop_length

    @property
    def quantity(self) -> str:
        """The mel as its preset has it."""
        return f"{self.preset} mel"

    @property
    def scale(self) -> float:
        """The deviation that normalises it."""
        return self.std

    def has_states_of(self, other: CodecConfig) -> bool:
        """Whether its states are those of another codec, whatever makes sound of them."""
        alike = isinstance(other, MelCodecConfig)
        return alike and self == other.model_copy(update={"vocoder": self.vocoder})

    def build(self, mel: MelConfig | None = None) -> "MelCodec":
        """The codec, whose mel is its own."""
        return MelCodec(self)


class MelCodec:
    """A normalised log-mel.

    Its frames stand for ``hop_length`` samples each. Values below the mel's floor, where a
    network's estimate may end, are silence to the vocoder.

    Examples:
        >>> import torch
        >>> codec = MelCodecConfig(mean=-6.0, std=3.0).build()
        >>> x = codec.encode(torch.randn(1, 20 * 256) / 10)
        >>> x.shape
        torch.Size([1, 80, 20])
        >>> torch.allclose(codec.normal(codec.mel(x)), x, atol=1e-5)
        True

    Args:
        config: The mel and its normalisation.

    Attributes:
        vocoder: Makes the sound of a mel in the preset's units; None until it is handed over.
    """

    linear: bool = False

    def __init__(self, config: MelCodecConfig) -> None:
        self.config, self.log_mel = config, LogMel(config.mel)
        self.hop_length = config.hop_length
        self.radius = -(-config.mel.n_fft // config.hop_length)
        self.vocoder: Callable[[Mel], Wave] | None = None

    def normal(self, mel: Mel) -> NormalMel:
        """The state of a mel."""
        return (mel - self.config.mean) / self.config.std

    def mel(self, x: NormalMel) -> Mel:
        """The mel of a state, no lower than silence."""
        floor = self.config.mel.floor_value
        return (x.float() * self.config.std + self.config.mean).clamp(min=floor)

    def encode(self, wave: Wave) -> NormalMel:
        """(batch, n_mels, samples / hop_length)."""
        mel = self.log_mel.to(wave.device)(wave.float())
        return self.normal(mel[..., : wave.shape[-1] // self.hop_length])

    def decode(self, x: NormalMel, length: int) -> Wave:
        """The sound of x by the vocoder.

        Raises:
            AudiodiffError: If x holds fewer frames than ``length`` samples need, or there is no
                vocoder.
        """
        check_length(length, x.shape[-1] * self.hop_length)
        if self.vocoder is None:
            raise AudiodiffError(
                "codec.kind='mel' has no vocoder yet; load the model with Generator, or set "
                "model.codec.vocoder"
            )
        wave = self.vocoder(self.mel(x))
        return F.pad(wave, (0, max(0, length - wave.shape[1])))[:, :length]
