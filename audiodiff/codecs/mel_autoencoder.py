"""The codec of networks that diffuse what an autoencoder that others trained makes of a mel."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from jaxtyping import Float
from pydantic import FiniteFloat, PositiveFloat
from torch import Tensor, nn

from audiodiff._types import Wave
from audiodiff.codecs.library_autoencoders import NAME, autoencoder_of, check_sizes, reach_of
from audiodiff.codecs.mel import MelCodecConfig, NormalMel
from audiodiff.config import Size
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import MelConfig
from audiodiff.system.devices import concrete

Pictures = Float[Tensor, "batch n_latents bands steps"]
"""Latents of a mel, which have bands as well."""


class MelAutoencoderConfig(MelCodecConfig):
    """Latents of a mel by diffusers' `AutoencoderKL`, such as AudioLDM's, times its own scale.

    Attributes:
        name: A directory, or the id ``owner/name`` of a model on the Hugging Face Hub, with weights
            in safetensors.
        subfolder: Folder of the autoencoder within it, such as ``vae``; itself if empty.
        n_latents: Numbers of a band and step.
        factor: Frames of a step, and bands of a latent band.
        mean: Mean of the mel that it was trained with; 0 for one that takes the preset's mel as it
            is.
        std: The deviation; 1 likewise.
    """

    kind: Literal["autoencoder-kl"] = "autoencoder-kl"  # type: ignore[assignment]
    name: str = NAME
    subfolder: str = ""
    n_latents: Size
    factor: Size
    mean: FiniteFloat = 0.0
    std: PositiveFloat = 1.0

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        """The numbers of each band, and the bands."""
        return (self.n_latents, self.mel.n_mels // self.factor)

    @property
    def hop_length(self) -> int:
        """Samples of sound per step."""
        return self.mel.hop_length * self.factor

    @property
    def quantity(self) -> str:
        """What a state holds, in words."""
        return f"{self.kind} latent of the log-mel"

    @property
    def scale(self) -> float:
        """That of latents themselves."""
        return 1.0

    def autoencoder(self, device: torch.device) -> Any:
        """The autoencoder on a device.

        Raises:
            AudiodiffError: If it cannot be loaded, or its sizes are others.
        """
        at = concrete(device)
        model = autoencoder_of("diffusers", "AutoencoderKL", self.name, self.subfolder, at)
        found = {
            "n_latents": model.config.latent_channels,
            "factor": 2 ** (len(model.config.block_out_channels) - 1),
        }
        check_sizes({"n_latents": self.n_latents, "factor": self.factor}, found, self.name)
        if model.config.in_channels != 1:
            raise AudiodiffError(f"{self.name!r} is one of pictures in colour; give one of mels")
        return model

    def fetch(self, device: torch.device) -> None:
        """Loads the autoencoder."""
        self.autoencoder(device)

    def build(self, mel: MelConfig | None = None) -> "MelAutoencoder":  # type: ignore[override]
        """The codec, whose mel is its own."""
        return MelAutoencoder(self)


class MelAutoencoder:
    """Latents of a normalised mel, seen as a picture with one channel.

    Args:
        config: The mel and the autoencoder.

    Attributes:
        mels: The codec of the mel.
    """

    linear: bool = False

    def __init__(self, config: MelAutoencoderConfig) -> None:
        self.config, self.mels = config, config.mels.build()
        self.hop_length = config.hop_length

    @property
    def radius(self) -> int:
        """Steps that its convolutions reach; its attention and norms see the whole sound."""
        reach = reach_of_pictures(self.config.autoencoder(torch.device("cpu"))) + self.mels.radius
        return -(-reach // self.config.factor)

    def normal_mel_of(self, x: Pictures) -> NormalMel:
        """The normalised mel of a state."""
        model = self.config.autoencoder(x.device)
        mel: Tensor = model.decode(x.float().mT / model.config.scaling_factor).sample[:, 0].mT
        return mel

    def encode(self, wave: Wave) -> Pictures:
        """(batch, n_latents, bands, samples / hop_length)."""
        model = self.config.autoencoder(wave.device)
        n_whole = wave.shape[-1] // self.hop_length * self.hop_length
        mel = self.mels.encode(wave[..., :n_whole])
        latents: Tensor = model.encode(mel.mT[:, None]).latent_dist.mode()
        return latents.mT * model.config.scaling_factor

    def decode(self, x: Pictures, length: int) -> Wave:
        """The sound of x by the vocoder.

        Raises:
            AudiodiffError: If x holds fewer steps than ``length`` samples need, or there is no
                vocoder.
        """
        return self.mels.decode(self.normal_mel_of(x), length)


def reach_of_pictures(model: Any) -> int:
    """The most frames on either side that the convolutions of an `AutoencoderKL` reach."""
    encoder, decoder, hop, reach = model.encoder, model.decoder, 1, 0
    for layer in encoder.modules():
        if isinstance(layer, nn.Conv2d):
            reach += hop * reach_of(layer)
            hop *= layer.stride[0]
    reach += hop * _sum((model.quant_conv, model.post_quant_conv, decoder.conv_in))
    reach += hop * _sum((decoder.mid_block,))
    for block in decoder.up_blocks:
        reach += hop * _sum(block.resnets)
        if block.upsamplers is not None:
            hop //= 2
            reach += hop * _sum(block.upsamplers)
    return reach + _sum((decoder.conv_out,))


def _sum(modules: Iterable[nn.Module | None]) -> int:
    layers = [layer for module in modules if module is not None for layer in module.modules()]
    return sum(reach_of(layer) for layer in layers if isinstance(layer, nn.Conv2d))
