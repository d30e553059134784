"""Matcha-TTS: ``vocoder(mel).clamp(-1, 1)``, and a denoiser that reads ``vocoder.parameters()``."""

from jaxtyping import Float
from torch import Tensor, nn

from audiodiff.adapters._call import SystemMel, SystemVocoder


class MatchaVocoder(SystemVocoder, nn.Module):
    """Takes the `hifigan` mel, once Matcha has undone its normalisation by mean and deviation."""

    preset = "hifigan"

    def forward(self, mel: SystemMel) -> Float[Tensor, "batch 1 samples"]:
        """The sound of mels."""
        return self._sound(mel)[:, None]
