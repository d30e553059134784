"""What a run is worth on clips that no search has heard."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.metrics._shared import Samples
from audiodiff.metrics.perceptual import pesq_wb
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model import Model
from audiodiff.search.problem import Cost


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


class Memory:
    """A cost whose values outlive the process, so that a search killed in the middle goes on.

    A search is a function of its seed and of costs: run again, it asks for the same ones first.

    Args:
        cost: What takes long.
        path: Of the file with a line for each value.
        key: What the values depend on beside the times.
    """

    def __init__(self, cost: Cost, path: Path, key: str) -> None:
        self.cost, self.path = cost, path
        self.key = hashlib.sha256(key.encode()).hexdigest()[:12]
        self.known: dict[str, float] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            try:
                record = json.loads(line)
                if record["key"] == self.key:
                    self.known[record["times"]] = record["cost"]
            except (ValueError, KeyError, TypeError):
                continue  # cut short by a kill

    def __call__(self, times: TimeGrid) -> float:
        """The cost, from the file if it is there."""
        name = " ".join(f"{t:.12g}" for t in times.tolist())
        if name not in self.known:
            self.known[name] = self.cost(times)
            record = {"key": self.key, "times": name, "cost": self.known[name]}
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")
        return self.known[name]

    def forget(self) -> None:
        """Deletes the file, once what was sought is found."""
        self.path.unlink(missing_ok=True)
