"""What a run is worth on clips that no search has heard."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.pairs import Samples
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model.model import Model


class Worth(NamedTuple):
    """Means over clips; PESQ decides."""

    pesq_wb: float
    mel_mae: float


class Judge:
    """Makes clips in full and compares them with their recordings.

    Args:
        model: What runs.
        sampler: By name.
        clips: Recordings at the model's rate.
        seed: Of the noise.

    Attributes:
        calls: Of the network until now.
    """

    def __init__(self, model: Model, sampler: str, clips: Sequence[Samples], seed: int) -> None:
        self.model, self.sampler, self.clips, self.seed = model, sampler, clips, seed
        self.calls = 0

    def __call__(self, times: TimeGrid) -> Worth:
        """The worth of a run.

        Raises:
            AudiodiffError: If PESQ finds speech in no clip.
        """
        rate = self.model.config.sample_rate
        scores = []
        for clip in self.clips:
            made = self._make(clip, times)
            scores.append((pesq_wb(clip, made, rate), log_mel_mae(clip, made, rate)))
        heard = [pesq for pesq, _ in scores if math.isfinite(pesq)]
        if not heard:
            raise AudiodiffError("PESQ finds no speech in any clip; give --data with speech")
        return Worth(float(np.mean(heard)), float(np.mean([mel for _, mel in scores])))

    def _make(self, clip: Samples, times: TimeGrid) -> Samples:
        model, hop = self.model, self.model.config.hop_length
        assert model.log_mel is not None, "a Problem checks this"
        device = next(model.parameters()).device
        whole = torch.from_numpy(np.pad(clip, (0, -len(clip) % hop)))[None].to(device)
        mel = model.log_mel(whole)[..., : whole.shape[1] // hop]
        sampler = model.sampler(self.sampler)
        self.calls += (len(times) - 1) * sampler.calls
        made = model.make(mel, whole.shape[1], times, sampler, [self.seed], [0])
        return made[0, : len(clip)].float().cpu().numpy()
