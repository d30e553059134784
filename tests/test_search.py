"""Searches for times, on data whose best times are known or can be tried out."""

import itertools
from collections.abc import Callable

import pytest
import torch
from contracts import F64, noise

from audiodiff import AudiodiffError, ModelConfig
from audiodiff._types import State, Times
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times
from audiodiff.model import Model
from audiodiff.search import dynamic
from audiodiff.search.dynamic import likelihood, trajectory
from audiodiff.search.problem import Problem
from audiodiff.search.straightness import straightness

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
        super().__init__(
            Model(ModelConfig.parse(TINY, "test")).eval(), sampler, std * noise(2, 20 * 256, seed=7)
        )
        self.std = std

    def denoise(self, x_t: State, t: Times) -> State:
        self.calls += len(x_t)
        alpha, sigma = self.model.schedule.alpha(t), self.model.schedule.sigma(t)
        gain = alpha * self.std**2 / (alpha**2 * self.std**2 + sigma**2)
        return expand(gain, x_t) * x_t

    def end_of(self, times: TimeGrid) -> State:
        """Of the sampler's run."""
        sampler, x = self.sampler(), self.start(times[0])
        state = sampler.init()
        for t, r in itertools.pairwise(times):
            x, state = sampler.step(
                self.denoise,
                self.model.schedule,
                x,
                self.batch(t),
                self.batch(r),
                state,
                self.draws(),
            )
        return x

    def loss_of(self, times: TimeGrid) -> float:
        """Mean square of what the run ends with beside where the exact flow ends."""
        spread = (self.std**2 * (1 - times[0]) ** 2 + times[0] ** 2).sqrt()
        return (
            (self.end_of(times) - self.std / spread * self.start(times[0])).square().mean().item()
        )


@pytest.mark.parametrize("search", [likelihood, trajectory, straightness])
@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_a_search_gives_a_run(search: Callable, n_steps: int) -> None:
    with torch.no_grad():
        times = search(Known(), n_steps, no_report)
    assert len(times) == n_steps + 1
    torch.testing.assert_close(check_times(times.tolist()), times)
    assert times[0] == 1


@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m", "heun"])
@pytest.mark.parametrize("n_steps", [2, 4])
def test_the_trajectory_search_beats_every_rule(sampler: str, n_steps: int) -> None:
    with torch.no_grad():
        problem = Known(sampler)
        found = problem.loss_of(trajectory(problem, n_steps, no_report))
        rules = [
            problem.loss_of(TIMES[rule](problem.model.schedule, n_steps, None)) for rule in TIMES
        ]
    assert found < 0.7 * min(rules)


def test_two_steps_are_the_best_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic, "N_CANDIDATES", 12)
    with torch.no_grad():
        problem = Known()
        times = problem.candidates(12)
        end = problem.end_of(times)
        losses = {i: problem.error(problem.end_of(times[[0, i, 12]]), end) for i in range(1, 12)}
        best = min(losses, key=lambda i: losses[i])
        assert trajectory(problem, 2, no_report).tolist() == times[[0, best, 12]].tolist()


def test_the_shortest_path_is_that_of_all_paths() -> None:
    cost = torch.rand(7, 7, generator=torch.Generator().manual_seed(0), dtype=F64)
    for n_steps in (1, 2, 3, 6):
        paths = [(0, *inner, 6) for inner in itertools.combinations(range(1, 6), n_steps - 1)]
        sums = [sum(cost[i, j].item() for i, j in itertools.pairwise(path)) for path in paths]
        assert tuple(dynamic._shortest(cost, n_steps)) == paths[sums.index(min(sums))]


def test_a_search_counts_its_calls() -> None:
    with torch.no_grad():
        problem = Known()
        likelihood(problem, 3, no_report)
        assert problem.calls == 2 * 64
        problem = Known()
        trajectory(problem, 2, no_report)
        # The teacher's 64 steps, the first step's estimate, and one for each of 63 students.
        assert problem.calls == 2 * (64 + 1 + 63)


def test_a_flow_that_bends_everywhere_alike_has_equal_steps() -> None:
    class Alike(Known):
        def denoise(self, x_t: State, t: Times) -> State:
            return self.x0 - expand(1 / (1 + (1 - t) / t), x_t) * 0.3

    with torch.no_grad():
        times = straightness(Alike(), 4, no_report)
    torch.testing.assert_close(
        times, torch.tensor([1, 0.75, 0.5, 0.25, 0], dtype=F64), atol=2e-3, rtol=0
    )


def test_what_cannot_be_searched_is_refused() -> None:
    with pytest.raises(AudiodiffError, match="n_steps=65"):
        likelihood(Known(), 65, no_report)
    values = TINY | {"mel": None, "network": TINY["network"] | {"n_mels": None}}
    with pytest.raises(AudiodiffError, match="needs a model with a mel"):
        Problem(Model(ModelConfig.parse(values, "test")), "ddim", noise(1, 5120))
