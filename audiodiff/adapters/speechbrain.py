"""SpeechBrain: ``hifi_gan.decode_batch(mel, mel_lens, hop_len)``."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.pipelines.vocoder import Vocoder


class SpeechBrainVocoder:
    """Takes the `speechbrain` mel.

    Args:
        vocoder: Makes the sound.
        run: As for a call of it: ``n_steps``, ``sampler``, ``seed``, ``rate``.
    """

    def __init__(self, vocoder: Vocoder, **run: Any) -> None:
        self._vocoder, self._run = vocoder, run

    def decode_batch(
        self, mel: Mel, mel_lens: Int[Tensor, " batch"] | None = None, hop_len: int | None = None
    ) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel of shape (batch, 80, frames), silent after each item's last frame.

        Args:
            mel: Mels padded at their ends to one length.
            mel_lens: Number of frames of each mel; all frames if None.
            hop_len: Samples per frame of the result; without it mel_lens has no effect.
        """
        wave = self._vocoder(mel, preset="speechbrain", **self._run)[:, None]
        if mel_lens is None or hop_len is None:
            return wave
        places = torch.arange(wave.shape[-1], device=wave.device)
        return wave * (places < (mel_lens.to(wave.device) * hop_len)[:, None, None])
