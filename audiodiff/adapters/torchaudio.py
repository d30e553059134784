"""torchaudio's Tacotron2 bundles: ``waveforms, lengths = vocoder(specgram, lengths)``."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from audiodiff._types import Wave
from audiodiff.adapters._call import Call, SystemMel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class TorchaudioVocoder(nn.Module):
    """Takes the `tacotron2` mel.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
        transpose: Whether mels are (batch, frames, 80) instead of (batch, 80, frames).

    Attributes:
        sample_rate: Sample rate of the sound in Hz.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        run: Run = DEFAULT,
        rate: int | None = None,
        transpose: bool = False,
    ) -> None:
        super().__init__()
        self.model = vocoder.model
        self.sample_rate = vocoder.sample_rate if rate is None else rate
        self._sound = Call(vocoder, run, "tacotron2", rate, transpose)

    def forward(
        self, specgram: SystemMel, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Wave, Int[Tensor, " batch"]]:
        """The sound of mels, and the valid samples of each."""
        wave = self._sound(specgram)
        frames = specgram.shape[1 if self._sound.transpose else 2]
        counts = torch.full((len(wave),), frames) if lengths is None else lengths
        return wave, (counts * wave.shape[1] / frames).long()
