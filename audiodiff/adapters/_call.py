"""How an adapter calls its vocoder."""

from typing import ClassVar, NamedTuple, TypeAlias

from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Wave
from audiodiff.model.run import DEFAULT, Run
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


class SystemVocoder:
    """The base of an adapter for a system whose mels have one preset.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
        transpose: Whether mels are (batch, frames, n_mels) instead of (batch, n_mels, frames).

    Attributes:
        preset: Preset of the system's mels.
        model: The vocoder's model, for systems that ask for its parameters.
        sample_rate: Sample rate of the sound in Hz.
    """

    preset: ClassVar[str]

    def __init__(
        self,
        vocoder: Vocoder,
        run: Run = DEFAULT,
        rate: int | None = None,
        transpose: bool = False,
    ) -> None:
        super().__init__()  # of torch's modules, which some adapters are
        self.model = vocoder.model
        self.sample_rate = vocoder.sample_rate if rate is None else rate
        self._sound = Call(vocoder, run, self.preset, rate, transpose)
