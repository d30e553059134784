"""Times with coefficients of their own, and times by the bound that coefficients give."""

from pathlib import Path

import pytest
import torch
from contracts import F64, noise
from found_times import found_for
from searches import TINY, Known, no_report, run_search, setting, worth_of
from torch import Tensor, nn

from audiodiff import AudiodiffError, ModelConfig, Run
from audiodiff._types import Sampler, Schedule
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times, log_snr
from audiodiff.export.run import UnrolledRun
from audiodiff.model.found import save_times
from audiodiff.model.model import Model
from audiodiff.samplers.linear_multistep import LinearMultistep
from audiodiff.search import bound as bound_search
from audiodiff.search import build_search
from audiodiff.search import coefficients as coefficients_search
from audiodiff.search.bound import bound
from audiodiff.search.coefficients import coefficients
from audiodiff.search.problem import N_CANDIDATES, Problem

ROWS = ((0.9,), (1.4, -0.5))


class Mixed(nn.Module):
    """The best estimate of numbers that are each of one of two Gaussians."""

    means, std = torch.tensor([-0.6, 0.6]), 0.15

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.unused = nn.Parameter(torch.zeros(()))  # by which a model knows its device

    def level(self, schedule: Schedule, t: Tensor) -> Tensor:
        return t

    def condition(self, cond: object) -> None:
        return None

    def forward(self, x_t: Tensor, t: Tensor, features: None) -> Tensor:
        alpha, sigma = (expand(f(t), x_t) for f in (self.schedule.alpha, self.schedule.sigma))
        variance = (alpha * self.std).square() + sigma.square()
        away = x_t[..., None] - alpha[..., None] * self.means
        shares = (-away.square() / (2 * variance[..., None])).softmax(-1)
        estimates = self.means + (alpha * self.std**2 / variance)[..., None] * away
        return (shares * estimates).sum(-1)


def mixture(sampler: str, seed: int) -> Problem:
    """Numbers of the mixture, as sounds of two thousand each."""
    model = Model(ModelConfig.parse(TINY, "test")).eval()
    model.network = Mixed(model.schedule)
    return Problem(model, Run(sampler, seed=seed), noise(2, 2048, seed=seed) / 10)


def error(problem: Problem, times: TimeGrid, sampler: Sampler | None = None) -> float:
    """Mean square of what a run ends with beside the run of many steps."""
    fine = problem.end(problem.candidates(N_CANDIDATES))
    return problem.error(problem.end(times, sampler), fine)


@torch.no_grad()
def test_found_coefficients_beat_dpm_solver_at_the_same_times() -> None:
    n_steps = 3
    searched, other = (mixture("dpm++2m", seed) for seed in (0, 100))
    start = TIMES["uniform"](searched.model.schedule, n_steps, None)
    found = coefficients(searched, start, no_report, budget=60)
    check_times(found.times.tolist())
    solver = LinearMultistep(found.coefficients)
    # On noise that the search did not hear.
    by_found = error(other, found.times, solver)
    assert by_found < 0.5 * error(other, found.times)
    assert by_found < 0.5 * min(
        error(other, TIMES[rule](searched.model.schedule, n_steps, None)) for rule in TIMES
    )


@torch.no_grad()
def test_the_budget_is_kept() -> None:
    problem = mixture("ddim", 0)
    coefficients(problem, TIMES["uniform"](problem.model.schedule, 2, None), no_report, budget=12)
    assert problem.calls <= 2 * (N_CANDIDATES + 12 * 2)
    assert problem.calls > 2 * (N_CANDIDATES + 5 * 2)


@pytest.mark.parametrize("method", ["bound", "coefficients"])
def test_a_sampler_without_coefficients_is_refused(method: str) -> None:
    with pytest.raises(AudiodiffError, match="Consistency draws noise; give one that does not"):
        build_search(method, setting(Known("consistency")))


@torch.no_grad()
def test_the_weights_of_the_bound_are_those_of_the_exponential_form() -> None:
    problem = Known("ddim")
    schedule, times = problem.model.schedule, torch.tensor([0.9, 0.6, 0.2, 0.0], dtype=F64)
    ends = torch.cat([times[:-1], times.new_tensor([schedule.t_min])])
    root_snr = (log_snr(schedule, ends) / 2).exp()
    expected = schedule.sigma(ends[-1:]) * root_snr.diff()
    torch.testing.assert_close(bound_search._weights(problem, times), expected)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m"])
@torch.no_grad()
def test_the_bound_is_lower_than_that_of_every_rule(sampler: str) -> None:
    problem = Known(sampler)
    low, high = problem.level_range()
    errors = torch.tensor(problem.estimate_errors(no_report), dtype=F64).sqrt()

    def total(times: TimeGrid) -> float:
        at = bound_search._at(errors, problem.levels_of(times), low, high)
        return (bound_search._weights(problem, times).abs() * at).sum().item()

    found = bound(problem, 4, no_report)
    assert total(found) < min(total(TIMES[rule](problem.model.schedule, 4, None)) for rule in TIMES)


def test_coefficients_are_stored_with_the_times_and_used(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: 1.0)
    monkeypatch.setattr(coefficients_search, "N_CANDIDATES", 6)
    run_search(directory, clips, "coefficients", 2, budget=7, force=True)
    model = Model.load(directory)
    found = model.searched["ddim", 2]
    assert [len(row) for row in found.coefficients] == [1, 2]
    sampler = model.sampler(Run(n_steps=2))
    assert isinstance(sampler, LinearMultistep)
    assert sampler.coefficients == found.coefficients
    assert not isinstance(model.sampler(Run(times=found.times)), LinearMultistep)
    assert not isinstance(model.sampler(Run(n_steps=3)), LinearMultistep)


def test_a_judge_hears_the_coefficients_of_both_runs(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_times(directory, {("ddim", 2): found_for(directory, coefficients=ROWS)})
    judged = []
    worth_of(monkeypatch, lambda times: 1.0)
    monkeypatch.setattr(coefficients_search, "N_CANDIDATES", 6)
    monkeypatch.setattr(
        "audiodiff.search.judge.Judge.by",
        lambda self, sampler: judged.append(sampler) or self,
    )
    run_search(directory, clips, "coefficients", 2, budget=1)
    assert [type(sampler) for sampler in judged] == [LinearMultistep, LinearMultistep]
    assert judged[0].coefficients == ROWS
    assert judged[1].coefficients != ROWS


@torch.no_grad()
def test_a_graph_has_the_coefficients_that_were_found(directory: Path) -> None:
    save_times(directory, {("ddim", 2): found_for(directory, coefficients=ROWS)})
    model = Model.load(directory)
    mel, white = noise(1, 80, 5) - 5, noise(1, 1, 5 * 256)
    made = UnrolledRun(model, 2)(mel, white)
    given = Run(LinearMultistep(ROWS), times=(1.0, 0.4, 0.0))
    plain = Run("ddim", times=(1.0, 0.4, 0.0))
    ends = [
        list(model.states(torch.zeros(1, 1280), {"mel": mel}, run, lambda like, step: white[0]))[-1]
        for run in (given, plain)
    ]
    torch.testing.assert_close(made[:, 0], ends[0])
    assert not torch.allclose(made[:, 0], ends[1])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (((1.0,),), "coefficients for 1 steps, times for 2"),
        (((1.0,), (1.0, 0.5, 0.5)), "step 2 has 3 weights"),
        (((1.0,), (float("inf"),)), "coefficients"),
    ],
)
def test_coefficients_that_do_not_fit_the_times_are_refused(
    rows: object, said: str, directory: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        found_for(directory, coefficients=rows)
