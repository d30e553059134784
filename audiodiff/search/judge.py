"""The quality of a run, by PESQ or ESTOI, and by mel error."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.libraries import left_out
from audiodiff.metrics.pairs import Samples
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.run import resynthesized


class Worth(NamedTuple):
    """Mean scores of a run over clips.

    Attributes:
        pesq_wb: PESQ, which decides; None where its library is missing.
        mel_mae: Log-mel error in nepers.
        estoi: ESTOI, which decides where PESQ is missing.
    """

    pesq_wb: float | None
    mel_mae: float
    estoi: float | None = None

    @property
    def score(self) -> float:
        """The score that decides."""
        score = self.estoi if self.pesq_wb is None else self.pesq_wb
        assert score is not None, "a judge computes one of them"
        return score


class Judge:
    """Resynthesises whole clips and compares them with their recordings.

    Args:
        model: Model to run.
        asked: Sampler, precision and seed of the runs.
        clips: Recordings at the model's sample rate.

    Attributes:
        metric: Name of the metric that decides: ``estoi`` if ``pesq_wb`` cannot be computed here.
        calls: Number of network calls so far.
    """

    def __init__(self, model: Model, asked: Run, clips: Sequence[Samples]) -> None:
        self.model, self.asked, self.clips = model, asked, clips
        self.metric = "estoi" if left_out(["pesq_wb"]) else "pesq_wb"
        self.calls = 0

    def __call__(self, times: TimeGrid) -> Worth:
        """The quality of the run with the given times.

        Raises:
            AudiodiffError: If the metric finds speech in no clip.
        """
        rate, function = self.model.config.sample_rate, METRICS[self.metric].function
        scores = []
        for clip in self.clips:
            made = self._make(clip, times)
            scores.append((function(clip, made, rate), log_mel_mae(clip, made, rate)))
        heard = [score for score, _ in scores if math.isfinite(score)]
        if not heard:
            raise AudiodiffError(
                f"{self.metric} finds no speech in any clip; give --data with speech"
            )
        mean = {"pesq_wb": None, self.metric: float(np.mean(heard))}
        return Worth(mel_mae=float(np.mean([mel for _, mel in scores])), **mean)

    def _make(self, clip: Samples, times: TimeGrid) -> Samples:
        run = replace(self.asked, times=times.tolist())
        self.calls += (len(times) - 1) * self.model.sampler(run).calls
        made = resynthesized(self.model, torch.from_numpy(clip)[None], run)
        return made[0].float().cpu().numpy()
