"""Searches for times, on data whose best times are known or can be tried out."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from contracts import F64, noise
from searches import TINY, Known, no_report, of_length, setting

from audiodiff import AudiodiffError, ModelConfig, Run
from audiodiff._types import State, Times
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times, log_snr
from audiodiff.model.model import Model
from audiodiff.search import SEARCHES, Search, build_search
from audiodiff.search import likelihood as likelihood_search
from audiodiff.search import trajectory as dynamic
from audiodiff.search.bound import bound
from audiodiff.search.entry import best_entry
from audiodiff.search.gradient import gradient
from audiodiff.search.grid import grid
from audiodiff.search.likelihood import likelihood
from audiodiff.search.perceptual import refine
from audiodiff.search.problem import Problem, Report
from audiodiff.search.straightness import straightness
from audiodiff.search.trajectory import Trajectory


def trajectory(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    return Trajectory(setting(problem, n_steps))(of_length(n_steps), report)


@pytest.mark.parametrize("search", [likelihood, trajectory, straightness, bound])
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
        assert tuple(likelihood_search._shortest(cost, n_steps)) == paths[sums.index(min(sums))]


def test_a_search_counts_its_calls() -> None:
    with torch.no_grad():
        problem = Known()
        likelihood(problem, 3, no_report)
        assert problem.calls == 2 * 64
        problem = Known()
        trajectory(problem, 2, no_report)
        # The teacher's 64 steps, the first step's estimate, and one for each of 63 students.
        assert problem.calls == 2 * (64 + 1 + 63)


def test_longer_runs_are_found_on_the_way_from_shorter_ones() -> None:
    with torch.no_grad():
        problem = Known()
        search = Trajectory(setting(problem, 3))
        one, two, three = (search(of_length(n), no_report) for n in (1, 2, 3))
        # As for two steps, and one for each of the 62 students that may end anywhere but at once.
        assert problem.made == 2 * (64 + 1 + 63 + 62)
        assert search(of_length(2), no_report).tolist() == two.tolist()
        for times in (one, two, three):
            assert trajectory(Known(), len(times) - 1, no_report).tolist() == times.tolist()
        made = problem.made
        likelihood(problem, 2, no_report)
        likelihood(problem, 4, no_report)
        straightness(problem, 4, no_report)
        assert problem.made == made + 2 * 64


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
    for method in SEARCHES:
        with pytest.raises(AudiodiffError, match="n_steps=65 is too many; .* of 1 to 64 steps"):
            build_search(method, setting(Known(), most=65))
    values = TINY | {"mel": None, "codec": {"kind": "mel"}, "network": {"kind": "unet"}}
    problem = Problem(Model(ModelConfig.parse(values, "test")), Run("ddim"), noise(1, 5120))
    with pytest.raises(AudiodiffError, match="codec.kind='mel' does not give; use trajectory"):
        build_search("gradient", setting(problem))


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_the_grid_search_finds_the_least_cost_within_its_budget(n_steps: int) -> None:
    problem, tried = Known(), []

    def cost(times: TimeGrid) -> float:
        tried.append(times.tolist())
        return problem.loss_of(times)

    with torch.no_grad():
        times = grid(problem, n_steps, no_report, cost, budget=40)
        assert problem.loss_of(times) == min(
            problem.loss_of(torch.tensor(t, dtype=F64)) for t in tried
        )
    assert len({tuple(t) for t in tried}) == len(tried)
    assert 20 < len(tried) <= 40


@pytest.mark.parametrize("n_steps", [1, 3])
def test_refining_lowers_the_cost_and_repeats(n_steps: int) -> None:
    problem = Known()
    start = TIMES["log-snr"](problem.model.schedule, n_steps, (0.9, 0.1))

    def cost(times: TimeGrid) -> float:
        check_times(times.tolist())
        tried.append(times)
        return (log_snr(problem.model.schedule, times[:-1]) - 1).square().sum().item()

    found = []
    for _ in range(2):
        tried: list[TimeGrid] = []
        found.append(refine(problem, start, no_report, cost, budget=40, seed=3))
        assert 30 <= len(tried) <= 50
    assert torch.equal(*found)
    assert cost(found[0]) < 0.5 * cost(start)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++2m", "unipc2", "heun"])
def test_the_gradient_search_comes_nearer_to_the_recordings(sampler: str) -> None:
    problem = Known(sampler)
    start = torch.tensor([1.0, 0.95, 0.9, 0.0], dtype=F64)

    def distance(times: TimeGrid) -> float:
        # Of sound whose loudness says how far the run came: the data's is known.
        return abs(problem.plain_run(times).std().item() - problem.std)

    found = gradient(problem, start, no_report, budget=30)
    assert len(found) == 4
    check_times(found.tolist())
    assert distance(found) < 0.7 * distance(start)


def test_the_best_entry_is_the_least_of_the_start_and_later_runs() -> None:
    problem = Known()
    start, tried = TIMES["log-snr"](problem.model.schedule, 3, None), []

    def cost(times: TimeGrid) -> float:
        tried.append(check_times(times.tolist()))
        return (times[0] - 0.6).abs().item()

    run, least = best_entry(problem, start, cost, 20)
    assert tried[0].tolist() == start.tolist()
    assert len(tried) == 21
    assert all(a[0] > b[0] for a, b in itertools.pairwise(tried))
    assert least == cost(run) == min(cost(times) for times in tried[:21]) < 0.1
    levels = [log_snr(problem.model.schedule, times[1:-1]) for times in (start, run)]
    assert levels[1].diff() < levels[0].diff()  # nearer together, as there is less way left
    # Where the start is best, it is what comes back.
    assert best_entry(problem, start, lambda times: -times[0].item(), 5)[0] is start


@pytest.mark.parametrize("n_steps", [1, 3])
def test_the_gradient_search_moves_the_first_time_too(n_steps: int) -> None:
    # Data so loud that it is nearer to noise of a later time than to that of the first.
    problem = Known(std=0.5)
    start = TIMES["log-snr"](problem.model.schedule, n_steps, None)
    found = gradient(problem, start, no_report, budget=40)
    assert 0.3 < found[0] < 0.9


def test_every_search_satisfies_the_contract() -> None:
    for method, build in SEARCHES.items():
        assert isinstance(build(setting(Known())), Search), method


@pytest.mark.parametrize(
    ("method", "calls"),
    [
        ("straightness", (64, 64, 64)),
        ("likelihood", (64, 64, 64)),
        ("bound", (64, 64, 64)),
        ("coefficients", (64 + 2, 64 + 3, 64 + 2)),  # too few runs to change any number
        ("trajectory", (64 + 1 + 63, 64 + 1 + 63 + 62, 64 + 1 + 63 + 62)),
        ("grid", (2 * 3, 3 * 4, 2 * 3)),
        ("gradient", (2 * 10, 3 * 10, 2 * 10)),  # of five runs of four clips
    ],
)
@torch.no_grad()
def test_what_several_numbers_of_steps_share_counts_for_each(
    method: str, calls: Sequence[int], tmp_path: Path
) -> None:
    problem = Known()
    search = build_search(method, replace(setting(problem, scratch=tmp_path), budget=4))
    for n_steps, expected in zip((2, 3, 2), calls, strict=True):
        before = problem.calls
        search(of_length(n_steps), no_report)
        assert problem.calls - before == 2 * expected
    assert not list(tmp_path.iterdir())
