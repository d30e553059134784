"""Masks of crops, from which a model learns to fill what is unknown."""

import math
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from audiodiff.config import Config

MaskKind: TypeAlias = Literal["gaps", "end", "bands", "floor", "all"]
"""What a mask hides: stretches of time, all after a time, all above a band, all below a noise
floor, or everything."""

MOST_GAPS = 3

FLOORS = (-1.5, 1.5)
"""Range of the noise floors at the lowest band, in units of a normalised state."""

TILT, RIPPLE = 0.8, 0.1
"""Deviation of a floor's rise over all bands, and of its steps from one band to the next."""


class MasksConfig(Config):
    """The distribution of the masks that training draws, one for each crop.

    Attributes:
        gaps: Share of crops with one to three gaps of at most the model's ``infill`` frames, short
            ones as often as long ones by their logarithm.
        end: Share of crops that are unknown after a frame, which is uniform over the last three
            quarters.
        bands: Share of crops that are unknown above a band, which is uniform over the upper two
            thirds.
        floor: Share of crops that are unknown wherever they are below a noise floor: a level that
            is uniform over `FLOORS`, with a random tilt and random steps over the bands.
        all: Share of crops of which nothing is known.
    """

    gaps: float = Field(default=0.5, ge=0, le=1)
    end: float = Field(default=0.1, ge=0, le=1)
    bands: float = Field(default=0.2, ge=0, le=1)
    floor: float = Field(default=0.1, ge=0, le=1)
    all: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _shares(self) -> "MasksConfig":
        if not math.isclose(total := sum(self.shares), 1):
            raise ValueError(f"{', '.join(get_args(MaskKind))} add up to {total:g}; make that 1")
        return self

    @property
    def shares(self) -> list[float]:
        """The share of each `MaskKind`."""
        return [getattr(self, kind) for kind in get_args(MaskKind)]

    def draw(
        self, rng: np.random.Generator, n_bands: int, n_frames: int, longest: int
    ) -> Float[Tensor, "bands frames"]:
        """A mask, as the level above which a crop is known: mostly endless, one way or the other.

        Args:
            rng: What draws it.
            n_bands: Number of bands.
            n_frames: Number of frames.
            longest: Frames of the longest gap.
        """
        level = torch.full((n_bands, n_frames), -math.inf)
        kind = rng.choice(get_args(MaskKind), p=self.shares)
        if kind == "all":
            level[:] = math.inf
        elif kind == "floor":
            steps = RIPPLE * rng.standard_normal(n_bands) + TILT * rng.standard_normal() / n_bands
            level[:] = torch.from_numpy(rng.uniform(*FLOORS) + steps.cumsum())[:, None]
        elif kind == "end":
            level[:, rng.integers(n_frames // 4, n_frames) :] = math.inf
        elif kind == "bands":
            level[rng.integers(n_bands // 3, n_bands) :] = math.inf
        else:
            for _ in range(rng.integers(1, MOST_GAPS, endpoint=True)):
                length = round(math.exp(rng.uniform(0, math.log(min(longest, n_frames)))))
                first = rng.integers(0, n_frames - length, endpoint=True)
                level[:, first : first + length] = math.inf
        return level
