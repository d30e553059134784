"""A learned estimate of the preset of a mel, or of a scale that no preset has."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor, nn

from audiodiff.mel.figures import figures
from audiodiff.mel.presets import PRESETS
from audiodiff.mel.scales import SCALES, alike

LEARNED = Path(__file__).with_name("recognition.safetensors")
"""What `benchmarks/doctor_fit.py` learned; its metadata says from what."""

OWN, UNKNOWN = "own", "unknown"
"""Names of a preset's own scale, and of the scale of values that are no sound's."""

N_HIDDEN = 48


class Kind(NamedTuple):
    """What a mel may be.

    Attributes:
        preset: The first of the presets that are `alike` in values; None for an unknown mel.
        scale: A name in `SCALES`, `OWN` or `UNKNOWN`.
    """

    preset: str | None
    scale: str


def kinds(n_mels: int) -> list[Kind]:
    """What a mel of ``n_mels`` bands may be."""
    firsts = [
        name
        for name, config in PRESETS.items()
        if config.n_mels == n_mels and alike(name)[0] == name
    ]
    own = [Kind(name, OWN) for name in firsts]
    other = [
        Kind(name, scale)
        for name in firsts
        for scale, found in SCALES.items()
        if found.of(PRESETS[name])
    ]
    return [*own, *other, Kind(None, UNKNOWN)] if firsts else []


class Recogniser(nn.Module):
    """Logits of the kinds of mels of one number of bands, from their figures.

    Args:
        n_figures: Number of figures.
        n_kinds: Number of kinds.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, n_figures: int, n_kinds: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_figures))
        self.register_buffer("std", torch.ones(n_figures))
        self.layers = nn.Sequential(
            nn.Linear(n_figures, N_HIDDEN),
            nn.SiLU(),
            nn.Linear(N_HIDDEN, N_HIDDEN),
            nn.SiLU(),
            nn.Linear(N_HIDDEN, n_kinds),
        )

    def forward(self, x: Float[Tensor, "batch n_figures"]) -> Float[Tensor, "batch n_kinds"]:
        """The logits."""
        return self.layers(((x - self.mean) / self.std).clamp(-8, 8))


def probabilities(*mels: Float[Tensor, "n_mels _"]) -> dict[Kind, float]:
    """The probability of each kind, the most probable first; none for an unknown number of bands.

    Args:
        mels: A mel of finite values, or several of one kind, for which the probability is in
            proportion to the geometric mean of theirs.
    """
    names, recogniser = _learned(len(mels[0]))
    if not names:
        return {}
    with torch.no_grad():
        logits = recogniser(torch.stack([figures(mel) for mel in mels]))
        found = logits.log_softmax(1).mean(0).softmax(0).tolist()
    return dict(sorted(zip(names, found, strict=True), key=lambda pair: -pair[1]))


@cache
def _learned(n_mels: int) -> tuple[list[Kind], Recogniser]:
    prefix = f"{n_mels}."
    with safe_open(LEARNED, "pt") as file:
        names = [Kind(*kind) for kind in json.loads(file.metadata()["kinds"]).get(str(n_mels), [])]
        state = {
            name.removeprefix(prefix): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118
            if name.startswith(prefix)
        }
    recogniser = Recogniser(len(state["mean"]) if state else 0, len(names))
    recogniser.load_state_dict(state if names else recogniser.state_dict())
    return names, recogniser
