"""The quality of a run, by PESQ or ESTOI, and by mel error."""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from audiodiff._types import Sampler
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.libraries import left_out
from audiodiff.metrics.pairs import Samples
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.run import resynthesized
from audiodiff.search.clips import Recording


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

    What a model without a mel makes is compared with what its own run of many steps makes of the
    same labels and the same noise.

    Args:
        model: Model to run.
        asked: Sampler, precision and seed of the runs.
        clips: Recordings at the model's sample rate.
        fine: Times of that run of many steps; None to compare with the recordings.

    Attributes:
        metric: Name of the metric that decides: ``estoi`` if ``pesq_wb`` cannot be computed here.
        calls: Number of network calls so far.
    """

    def __init__(
        self,
        model: Model,
        asked: Run,
        clips: Sequence[Recording],
        fine: TimeGrid | None = None,
    ) -> None:
        self.model, self.asked, self.clips, self.fine = model, asked, clips, fine
        self._references: list[Samples] = []
        self._plain = asked
        self.metric = "estoi" if left_out(["pesq_wb"]) else "pesq_wb"
        self.calls = 0

    def by(self, sampler: Sampler) -> "Judge":
        """A judge of the runs of another sampler, compared with the same."""
        other = copy(self)
        other.asked = replace(self.asked, sampler=sampler)
        return other

    def __call__(self, times: TimeGrid) -> Worth:
        """The quality of the run with the given times.

        Raises:
            AudiodiffError: If the metric finds speech in no clip.
        """
        rate, function = self.model.config.sample_rate, METRICS[self.metric].function
        scores = []
        for i, reference in enumerate(self._compared_with()):
            made = self._make(i, times, self.asked)
            scores.append((function(reference, made, rate), log_mel_mae(reference, made, rate)))
        heard = [pair for pair in scores if all(map(math.isfinite, pair))]
        if not heard:
            raise AudiodiffError(
                f"{self.metric} finds no speech in any clip; give --data with speech"
            )
        score, mel_mae = np.mean(heard, 0).tolist()
        return Worth(**{"pesq_wb": None, self.metric: score}, mel_mae=mel_mae)

    def _compared_with(self) -> list[Samples]:
        """What a run ought to make of each clip."""
        if not self._references:  # one list for the judges of all samplers
            self._references.extend(
                clip.wave if self.fine is None else self._make(i, self.fine, self._plain)
                for i, clip in enumerate(self.clips)
            )
        return self._references

    def _make(self, i: int, times: TimeGrid, asked: Run) -> Samples:
        (seed,), clip = asked.seeds(1), self.clips[i]
        own = seed if self.fine is None else seed + i  # or all clips of a label would be one
        run = replace(asked, times=times.tolist(), seed=own)
        self.calls += (len(times) - 1) * self.model.sampler(run).calls
        made = resynthesized(self.model, torch.from_numpy(clip.wave)[None], run, clip.cond)
        return made[0].float().cpu().numpy()
