"""The quality of a run, by PESQ and mel error."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.pairs import Samples
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.run import resynthesized


class Worth(NamedTuple):
    """Mean PESQ and mean log-mel error in nepers over clips; PESQ decides."""

    pesq_wb: float
    mel_mae: float


class Judge:
    """Resynthesises whole clips and compares them with their recordings.

    Args:
        model: Model to run.
        asked: Sampler, precision and seed of the runs.
        clips: Recordings at the model's sample rate.

    Attributes:
        calls: Number of network calls so far.
    """

    def __init__(self, model: Model, asked: Run, clips: Sequence[Samples]) -> None:
        self.model, self.asked, self.clips = model, asked, clips
        self.calls = 0

    def __call__(self, times: TimeGrid) -> Worth:
        """The quality of the run with the given times.

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
        run = replace(self.asked, times=times.tolist())
        self.calls += (len(times) - 1) * self.model.sampler(run).calls
        made = resynthesized(self.model, torch.from_numpy(clip)[None], run)
        return made[0].float().cpu().numpy()
