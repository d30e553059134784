"""torchaudio's Tacotron2 bundles: ``waveforms, lengths = vocoder(specgram, lengths)``."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from audiodiff._types import Wave
from audiodiff.adapters._call import SystemMel, SystemVocoder


class TorchaudioVocoder(SystemVocoder, nn.Module):
    """Takes the `tacotron2` mel."""

    preset = "tacotron2"

    def forward(
        self, specgram: SystemMel, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Wave, Int[Tensor, " batch"]]:
        """The sound of mels, and the valid samples of each."""
        wave = self._sound(specgram)
        frames = specgram.shape[1 if self._sound.transpose else 2]
        counts = torch.full((len(wave),), frames) if lengths is None else lengths
        return wave, (counts * wave.shape[1] / frames).long()
