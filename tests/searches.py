"""What tests of searches share: a problem with a known denoiser, and a judge that hears nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from contracts import F64, noise

from audiodiff import ModelConfig, Run
from audiodiff._types import State, Times
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TimeGrid
from audiodiff.model.model import Model
from audiodiff.samplers.loop import last
from audiodiff.search import SearchSetting, clips
from audiodiff.search.command import Task, search
from audiodiff.search.judge import Judge, Worth
from audiodiff.search.problem import Problem

ROOT = Path(__file__).resolve().parents[1]

TINY = {
    "sample_rate": 22050,
    "mel": "hifigan",
    "network": {"kind": "diffwave", "n_channels": 4, "n_layers": 2},
    "schedule": {"kind": "rectified-flow"},
    "target": "x0",
    "sampling": {"sampler": "ddim", "times": [1.0, 0.0]},
}


def no_report(fraction: float) -> None:
    assert 0 < fraction <= 1


class Known(Problem):
    """Data N(0, std^2), of which the best denoiser is known."""

    def __init__(self, sampler: str = "ddim", std: float = 0.1) -> None:
        torch.manual_seed(0)
        model = Model(ModelConfig.parse(TINY, "test")).eval()
        super().__init__(model, Run(sampler), std * noise(2, 20 * 256, seed=7))
        self.std, self.made = std, 0

    def denoise(self, x_t: State, t: Times) -> State:
        self.calls += len(x_t)
        self.made += len(x_t)
        alpha, sigma = self.model.schedule.alpha(t), self.model.schedule.sigma(t)
        gain = alpha * self.std**2 / (alpha**2 * self.std**2 + sigma**2)
        return expand(gain, x_t) * x_t

    def end_of(self, times: TimeGrid) -> State:
        """Of the sampler's run."""
        return last(self.states(times))

    def loss_of(self, times: TimeGrid) -> float:
        """Mean square of what the run ends with beside where the exact flow ends."""
        spread = (self.std**2 * (1 - times[0]) ** 2 + times[0] ** 2).sqrt()
        return (
            (self.end_of(times) - self.std / spread * self.start(times[0])).square().mean().item()
        )


def setting(problem: Problem, most: int = 4, scratch: Path = Path()) -> SearchSetting:
    listener = Judge(problem.model, problem.asked, [])
    return SearchSetting(problem, listener, most, None, 0, scratch, "key")


def of_length(n_steps: int) -> TimeGrid:
    return torch.linspace(1, 0, n_steps + 1, dtype=F64)


def run_search(directory: Path, clips: Path, method: str, *steps: int, **more: Any) -> list[str]:
    said: list[str] = []
    task = Task([clips], None, steps, method, **more)
    search(directory, task, said.append, no_report)
    return said


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def worth_of(monkeypatch: pytest.MonkeyPatch, worth: Callable[[TimeGrid], float]) -> None:
    """A judge who does not listen, so that a search need not hear much either."""
    monkeypatch.setattr(clips, "SECONDS", 0.2)
    # DiffWave's transposed convolutions are many times slower in bf16.
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    monkeypatch.setattr(Judge, "__call__", lambda self, times: Worth(worth(times), 0.5))
