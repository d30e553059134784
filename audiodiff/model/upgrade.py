"""Older layouts of a model's directory, read as today's."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

PASSES = ("passes_between", "noise_above_mel", "mel_passes")
"""Keys of format 1 that a list of guidance has replaced, in the order in which they acted."""


def sampling_of_format_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """A table ``sampling`` whose passes onto the mel are written as guidance."""
    between, noise, end = (values.get(name) for name in PASSES)
    guidance: list[dict[str, Any]] = []
    if between:
        guidance.append({"kind": "mel-consistency", "n_passes": between, "steps": "before-last"})
    if noise:
        guidance.append({"kind": "noise-above-mel", "steps": "last"})
    if end:
        guidance.append({"kind": "mel-consistency", "n_passes": end, "steps": "last"})
    return {name: v for name, v in values.items() if name not in PASSES} | {"guidance": guidance}


def weights_of_format_1(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under today's names: format 1 held those of the network alone, by its own names."""
    return {f"network.{name}": tensor for name, tensor in tensors.items()}
