"""Older layouts of a model's directory, converted to the present one."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

PASSES = ("passes_between", "noise_above_mel", "mel_passes")
"""Keys of format 1 that the list of guidance replaces, in the order in which they acted."""


def sampling_of_format_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts a table ``sampling``: passes onto the mel become guidance."""
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
    """Converts the names of weights: format 1 held those of the network alone."""
    return {f"network.{name}": tensor for name, tensor in tensors.items()}
