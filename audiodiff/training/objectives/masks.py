"""Masks of crops, from which a model learns to fill what is unknown."""

import math
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from audiodiff.config import Config

MaskKind: TypeAlias = Literal["gaps", "end", "bands", "all"]
"""What a mask hides: stretches of time, all after a time, all above a band, or everything."""

MOST_GAPS = 3


class MasksConfig(Config):
    """The distribution of the masks that training draws, one for each crop.

    Attributes:
        gaps: Share of crops with one to three gaps of at most the model's ``infill`` frames, short
            ones as often as long ones by their logarithm.
        end: Share of crops that are unknown after a frame, which is uniform over the last three
            quarters.
        bands: Share of crops that are unknown above a band, which is uniform over the upper two
            thirds.
        all: Share of crops of which nothing is known.
    """

    gaps: float = Field(default=0.6, ge=0, le=1)
    end: float = Field(default=0.1, ge=0, le=1)
    bands: float = Field(default=0.2, ge=0, le=1)
    all: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _shares(self) -> "MasksConfig":
        if not math.isclose(total := sum(self.shares), 1):
            raise ValueError(f"gaps, end, bands and all add up to {total:g}; make that 1")
        return self

    @property
    def shares(self) -> list[float]:
        """The share of each `MaskKind`."""
        return [getattr(self, kind) for kind in get_args(MaskKind)]

    def draw(
        self, rng: np.random.Generator, n_bands: int, n_frames: int, longest: int
    ) -> Float[Tensor, "bands frames"]:
        """A mask: 1 where a crop is known.

        Args:
            rng: What draws it.
            n_bands: Number of bands.
            n_frames: Number of frames.
            longest: Frames of the longest gap.
        """
        mask = torch.ones(n_bands, n_frames)
        kind = rng.choice(get_args(MaskKind), p=self.shares)
        if kind == "all":
            mask.zero_()
        elif kind == "end":
            mask[:, rng.integers(n_frames // 4, n_frames) :] = 0
        elif kind == "bands":
            mask[rng.integers(n_bands // 3, n_bands) :] = 0
        else:
            for _ in range(rng.integers(1, MOST_GAPS, endpoint=True)):
                length = round(math.exp(rng.uniform(0, math.log(min(longest, n_frames)))))
                first = rng.integers(0, n_frames - length, endpoint=True)
                mask[:, first : first + length] = 0
        return mask
