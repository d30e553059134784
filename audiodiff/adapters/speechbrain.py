"""SpeechBrain: ``hifi_gan.decode_batch(mel, mel_lens, hop_len)``."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.model.model import DEFAULT
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder


class SpeechBrainVocoder:
    """Takes the `speechbrain` mel.

    Args:
        vocoder: The vocoder that makes the sound.
        run: The run: sampler, number of steps, seed.
        rate: Sample rate of the sound in Hz; the model's if None.
    """

    def __init__(self, vocoder: Vocoder, run: Run = DEFAULT, rate: int | None = None) -> None:
        self._vocoder, self._run, self._rate = vocoder, run, rate

    def decode_batch(
        self, mel: Mel, mel_lens: Int[Tensor, " batch"] | None = None, hop_len: int | None = None
    ) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel of shape (batch, 80, frames), silent after each item's last frame.

        Args:
            mel: Mels padded at their ends to one length.
            mel_lens: Number of frames of each mel; all frames if None.
            hop_len: Samples per frame of the result; without it mel_lens has no effect.
        """
        wave = self._vocoder.make(mel, self._run, "speechbrain", self._rate)[:, None]
        if mel_lens is None or hop_len is None:
            return wave
        places = torch.arange(wave.shape[-1], device=wave.device)
        return wave * (places < (mel_lens.to(wave.device) * hop_len)[:, None, None])
