"""torchaudio's Tacotron2 bundles: ``waveforms, lengths = vocoder(specgram, lengths)``."""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from audiodiff._types import Mel, Wave
from audiodiff.pipelines.vocoder import Vocoder


class TorchaudioVocoder(nn.Module):
    """Takes the `tacotron2` mel.

    Args:
        vocoder: Makes the sound.
        run: As for a call of it: ``n_steps``, ``sampler``, ``seed``, ``rate``.

    Attributes:
        sample_rate: Sample rate of the sound in Hz.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        super().__init__()
        self.model = vocoder.model
        self.sample_rate: int = run.get("rate") or vocoder.sample_rate
        self._vocoder, self._run = vocoder, run

    def forward(
        self, specgram: Mel, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Wave, Int[Tensor, " batch"]]:
        """The sound of mels of shape (batch, 80, frames), and the valid samples of each."""
        wave = self._vocoder(specgram, preset="tacotron2", **self._run)
        frames = specgram.shape[2]
        counts = torch.full((len(wave),), frames) if lengths is None else lengths
        return wave, (counts * wave.shape[1] / frames).long()
