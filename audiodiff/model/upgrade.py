"""Older layouts of a model's directory, converted to the present one."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from audiodiff.diffusion.priors import PRIORS

PASSES = ("passes_between", "noise_above_mel", "mel_passes")
"""Keys of format 1 that the list of guidance replaces, in the order in which they acted."""

SHARED = {"std_min", "above_f_max", "energy_min", "energy_max"}
"""Figures that every stored prior had, whichever of them it used."""


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


def prior_with_its_own_figures(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Converts a stored table ``prior`` with the figures of all priors; others stay as they are."""
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in PRIORS or SHARED - values.keys():
        return values
    others = SHARED - PRIORS[kind].model_fields.keys()
    return {name: value for name, value in values.items() if name not in others}


def weights_of_format_1(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Converts the names of weights: format 1 held those of the network alone."""
    return {f"network.{name}": tensor for name, tensor in tensors.items()}
