"""Autoencoders that others trained, by diffusers and transformers."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff.system.pretrained import Library, pretrained

Channels: TypeAlias = Float[Tensor, "batch channels samples"]
"""A wave of one channel or two."""

Latents: TypeAlias = Float[Tensor, "batch n_latents *bands steps"]


class Sizes(NamedTuple):
    """What an autoencoder of waves makes of them.

    Attributes:
        n_latents: Numbers of a step.
        hop: Samples of a step.
        rate: Sample rate in Hz.
    """

    n_latents: int
    hop: int
    rate: int


class WaveKind(NamedTuple):
    """A kind of autoencoder of waves.

    Attributes:
        library: The library that has it.
        model: Name of its class there.
        sizes: Its sizes.
        encode: The latents of a wave of `n_channels`.
        decode: The wave of latents.
    """

    library: Library
    model: str
    sizes: Callable[[Any], Sizes]
    encode: Callable[[Any, Channels], Latents]
    decode: Callable[[Any, Latents], Channels]


WAVE_KINDS = {
    "oobleck": WaveKind(
        "diffusers",
        "AutoencoderOobleck",
        lambda model: Sizes(
            model.config.decoder_input_channels, model.hop_length, model.config.sampling_rate
        ),
        encode=lambda model, wave: model.encode(wave).latent_dist.mode(),
        decode=lambda model, latents: model.decode(latents).sample,
    ),
    "encodec": WaveKind(
        "transformers",
        "EncodecModel",
        lambda model: Sizes(
            model.config.hidden_size, model.config.hop_length, model.config.sampling_rate
        ),
        encode=lambda model, wave: model.encoder(wave),
        decode=lambda model, latents: model.decoder(latents),
    ),
}
"""The kinds of autoencoders of waves: Stable Audio's, whose mean is taken (arXiv:2407.14358);
EnCodec, whose vectors are taken before they are quantised (arXiv:2210.13438)."""


@lru_cache(maxsize=4)
def autoencoder_of(
    library: Library, model: str, name: str, subfolder: str, device: torch.device
) -> Any:
    """An autoencoder, which all models of a process share.

    Args:
        library: The library that has it.
        model: Name of its class there.
        name: A directory, or an id on the Hugging Face Hub.
        subfolder: Folder within it; itself if empty.
        device: The device that it runs on.

    Raises:
        AudiodiffError: If the library is missing, or there is no such autoencoder.
    """
    return pretrained(library, model, name, subfolder).to(device)


def n_channels(model: Any) -> int:
    """Channels of the waves that an autoencoder takes, in which one is repeated."""
    channels: int = model.config.audio_channels
    return channels


def reach_of_waves(model: Any) -> int:
    """The most samples on either side that the convolutions of an autoencoder reach."""
    hop = 1
    reach = 0
    for layer in model.encoder.modules():
        if isinstance(layer, nn.Conv1d):
            reach += hop * _reach(layer)
            hop *= layer.stride[0]
    for layer in model.decoder.modules():
        if isinstance(layer, nn.ConvTranspose1d):
            hop //= layer.stride[0]
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            reach += hop * _reach(layer)
    return reach


def reach_of_pictures(model: Any) -> int:
    """The same of diffusers' `AutoencoderKL` along the first axis of its pictures."""
    encoder, decoder, hop, reach = model.encoder, model.decoder, 1, 0
    for layer in encoder.modules():
        if isinstance(layer, nn.Conv2d):
            reach += hop * _reach(layer)
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
    return sum(_reach(layer) for layer in layers if isinstance(layer, nn.Conv2d))


def _reach(layer: Any) -> int:
    """Steps of its finer side that a convolution reaches, to the side where it reaches further."""
    (size, *_), (dilation, *_), (padding, *_) = layer.kernel_size, layer.dilation, layer.padding
    return max(padding, (size - 1) * dilation - padding)
