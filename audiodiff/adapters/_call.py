"""How an adapter calls its vocoder."""

from typing import NamedTuple, TypeAlias

from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Wave
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder

SystemMel: TypeAlias = Float[Tensor, "batch _ _"]
"""A system's mels: (batch, n_mels, frames), or (batch, frames, n_mels) if that is its layout."""


class Call(NamedTuple):
    """A vocoder with all that a system does not say.

    Attributes:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        preset: Preset of the system's mels.
        rate: Sample rate of the sound in Hz; the model's if None.
        transpose: Whether the system's mels are (batch, frames, n_mels).
    """

    vocoder: Vocoder
    run: Run
    preset: str
    rate: int | None
    transpose: bool

    def __call__(self, mel: SystemMel) -> Wave:
        """The sound of a system's mels."""
        layout = mel.transpose(1, 2) if self.transpose else mel
        return self.vocoder.make(layout, self.run, self.preset, self.rate)
