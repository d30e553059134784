"""Loading of autoencoders that others trained, by diffusers and transformers."""

from functools import lru_cache
from typing import Any

import torch
from pydantic import Field

from audiodiff.errors import AudiodiffError
from audiodiff.system.pretrained import Library, pretrained

NAME = Field(min_length=1, max_length=4096)
"""The field of a config that names an autoencoder."""


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


def check_sizes(given: dict[str, int], found: dict[str, int], name: str) -> None:
    """Refuses sizes in a config that are not those of the autoencoder that it names.

    Raises:
        AudiodiffError: If there are such, naming all.
    """
    wrong = {key: size for key, size in found.items() if given[key] != size}
    if wrong:
        said = ", ".join(f"codec.{key}={given[key]}" for key in wrong)
        right = ", ".join(f"{key} = {size}" for key, size in wrong.items())
        raise AudiodiffError(f"{said} but {name!r} has others; set {right}")


def reach_of(layer: Any) -> int:
    """Steps of its finer side that a convolution reaches, to the side where it reaches further."""
    (size, *_), (dilation, *_), (padding, *_) = layer.kernel_size, layer.dilation, layer.padding
    return max(padding, (size - 1) * dilation - padding)
