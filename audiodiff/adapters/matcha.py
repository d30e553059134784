"""Matcha-TTS: ``vocoder(mel).clamp(-1, 1)``, and a denoiser that reads ``vocoder.parameters()``."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Mel
from audiodiff.pipelines.vocoder import Vocoder


class MatchaVocoder(nn.Module):
    """Takes the `hifigan` mel, once Matcha has undone its normalisation by mean and deviation.

    Args:
        vocoder: Makes the sound.
        run: As for a call of it: ``n_steps``, ``sampler``, ``seed``, ``rate``.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        super().__init__()
        self.model = vocoder.model  # Matcha's denoiser asks for its parameters
        self._vocoder, self._run = vocoder, run

    def forward(self, mel: Mel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel of shape (batch, 80, frames)."""
        return self._vocoder(mel, preset="hifigan", **self._run)[:, None]
