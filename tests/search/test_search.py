"""Searches for times, on data whose best times are known or can be tried out."""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from contracts import F64, noise

from audiodiff import AudiodiffError, ModelConfig, Run, Vocoder
from audiodiff._types import State, Times
from audiodiff.audio.io import load
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times, log_snr
from audiodiff.model import found, hub
from audiodiff.model.found import (
    Found,
    read_times,
    save_times,
    times_folder,
    weights_digest,
)
from audiodiff.model.hub import is_own, model_directory
from audiodiff.model.model import Model
from audiodiff.model.weights import load_tensors
from audiodiff.samplers.loop import last
from audiodiff.search import SEARCHES, Search, SearchSetting, build_search, command
from audiodiff.search import learned as learned_search
from audiodiff.search import likelihood as likelihood_search
from audiodiff.search import trajectory as dynamic
from audiodiff.search.command import Task, search
from audiodiff.search.entry import best_entry
from audiodiff.search.gradient import gradient
from audiodiff.search.grid import grid
from audiodiff.search.judge import Judge, Worth
from audiodiff.search.learned import TRAINING, ScheduleNet, _loss, learned
from audiodiff.search.likelihood import likelihood
from audiodiff.search.memory import Memory
from audiodiff.search.perceptual import refine
from audiodiff.search.problem import Problem, Report
from audiodiff.search.straightness import straightness
from audiodiff.search.trajectory import Trajectory

ROOT = Path(__file__).resolve().parents[2]

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


def trajectory(problem: Problem, n_steps: int, report: Report) -> TimeGrid:
    return Trajectory(setting(problem, n_steps))(of_length(n_steps), report)


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
    with pytest.raises(AudiodiffError, match="n_steps=65"):
        likelihood(Known(), 65, no_report)
    values = TINY | {"mel": None, "network": TINY["network"] | {"n_mels": None}}
    with pytest.raises(AudiodiffError, match="needs a model with a mel"):
        Problem(Model(ModelConfig.parse(values, "test")), Run("ddim"), noise(1, 5120))


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


def test_the_learned_scheduler_lays_out_a_run_and_trains_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_search, "CHECKPOINT_EVERY", 10)
    monkeypatch.setattr(learned_search, "START", 3)
    with torch.no_grad():
        whole = Known()
        times = learned(whole, 3, no_report, tmp_path, budget=14)
        assert len(times) == 4
        check_times(times.tolist())
        # Killed after its tenth step, it ends as if it had not been.
        state, _ = load_tensors(tmp_path / TRAINING)
        (tmp_path / TRAINING).unlink()
        part = Known()
        with pytest.raises(KeyboardInterrupt):
            learned(part, 3, interrupt_at(0.8 * 12 / 14), tmp_path, budget=14)
        resumed = Known()
        assert torch.equal(learned(resumed, 3, no_report, tmp_path, budget=14), times)
        assert resumed.calls == whole.calls  # those before the kill count too
    again, _ = load_tensors(tmp_path / TRAINING)
    assert all(torch.equal(state[name], again[name]) for name in state)


def interrupt_at(fraction: float) -> Callable[[float], None]:
    def report(done: float) -> None:
        if done > fraction:
            raise KeyboardInterrupt

    return report


def test_training_the_scheduler_lowers_its_loss() -> None:
    problem = Known()
    torch.manual_seed(0)
    net = ScheduleNet()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)

    def mean_loss() -> float:
        return sum(_loss(problem, net, step).item() for step in range(1000, 1040)) / 40

    before = mean_loss()
    for step in range(100):
        loss = _loss(problem, net, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert mean_loss() < before


def test_a_part_of_a_problem_has_its_own_clips_and_noise() -> None:
    problem = Known()
    part = problem.part(1, 2)
    assert torch.equal(part.waves, problem.waves[[1, 0]])
    assert list(part.seeds) == [1, 0]
    assert torch.equal(part.eps, problem.eps[[1, 0]])
    assert torch.equal(part.draws()(), problem.draws()()[[1, 0]])


def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    problem, path = Known(), tmp_path / "memory.jsonl"
    start = TIMES["log-snr"](problem.model.schedule, 3, (0.9, 0.1))
    count = 0

    def cost(times: TimeGrid) -> float:
        nonlocal count
        count += 1
        if count == 15:
            raise KeyboardInterrupt
        problem.calls += 5
        return times.square().sum().item()

    with pytest.raises(KeyboardInterrupt):
        refine(problem, start, no_report, Memory(cost, problem, path, "a"), budget=30)
    path.write_text(path.read_text() + '{"key": "half a li')
    problem.calls = 0
    resumed = refine(problem, start, no_report, Memory(cost, problem, path, "a"), budget=30)
    calls = problem.calls
    whole = refine(
        problem, start, no_report, Memory(cost, problem, tmp_path / "other", "a"), budget=30
    )
    assert torch.equal(resumed, whole)
    assert count < 75  # 14 of the first 30 were known
    assert problem.calls == 2 * calls
    assert not Memory(cost, problem, path, "b").known


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav")
    folder = tmp_path / "clips"
    folder.mkdir()
    for i in range(4):
        soundfile.write(folder / f"{i}.wav", wave[i * 15000 : i * 15000 + 30000], 22050)
    (folder / "dev.txt").write_text("0\n1\n2\n")
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = Model(ModelConfig.parse(TINY, "test"))
    torch.nn.init.normal_(model.network.output.weight, std=0.02)
    model.save(tmp_path / "model")
    return tmp_path / "model"


def run_search(directory: Path, clips: Path, method: str, *steps: int, **more: Any) -> list[str]:
    said: list[str] = []
    task = Task([clips], None, steps, method, **more)
    search(directory, task, said.append, no_report)
    return said


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def worth_of(monkeypatch: pytest.MonkeyPatch, worth: Callable[[TimeGrid], float]) -> None:
    """A judge who does not listen, so that a search need not hear much either."""
    monkeypatch.setattr(command, "SECONDS", 0.2)
    # DiffWave's transposed convolutions are many times slower in bf16.
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    monkeypatch.setattr(Judge, "__call__", lambda self, times: Worth(worth(times), 0.5))


def test_the_command_stores_what_is_better_and_nothing_worse(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A judge for whom late times are best.
    worth_of(monkeypatch, lambda times: times[1].item())
    said = run_search(directory, clips, "likelihood", 2)
    rule = Model(ModelConfig.parse(TINY, "test")).times(Run(n_steps=2))
    assert said[0] == "searching on 2 clips of dev, judging on 1 others"
    assert "2 steps of ddim by likelihood: 1, " in said[1]
    assert "PESQ 0.97" in said[1]
    assert "(before 0.500)" in said[1]
    assert rule[1] == 0.5
    before = (directory / "schedules.json").read_bytes()
    stored = Model.load(directory).searched["ddim", 2]
    assert stored.calls == 2 * 64
    assert (stored.method, stored.clips, stored.split) == ("likelihood", 1, "dev")
    assert Model.load(directory).times(Run(n_steps=2)).tolist() == list(stored.times)
    worth_of(monkeypatch, lambda times: 1.0)
    run_search(directory, clips, "straightness", 2)
    assert (directory / "schedules.json").read_bytes() == before
    run_search(directory, clips, "straightness", 2, force=True)
    assert Model.load(directory).searched["ddim", 2].method == "straightness"


@pytest.mark.parametrize("method", ["likelihood", "trajectory", "gradient", "learned"])
def test_a_search_that_is_killed_between_numbers_of_steps_ends_as_one_that_is_not(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    armed = False

    def worth(times: TimeGrid) -> float:
        if armed and len(times) == 3:
            raise KeyboardInterrupt
        return -times.square().sum().item()

    worth_of(monkeypatch, worth)
    monkeypatch.setattr(learned_search, "START", 2)
    whole = directory.parent / "whole"
    shutil.copytree(directory, whole)
    words = {"budget": 3, "force": True}
    run_search(whole, clips, method, 1, 2, **words)
    armed = True
    with pytest.raises(KeyboardInterrupt):
        run_search(directory, clips, method, 1, 2, **words)
    armed = False
    said = run_search(directory, clips, method, 1, 2, **words)
    assert said[1] == "n_steps=1 was done before the search was interrupted"
    assert files(directory) == files(whole)


class Halves:
    """Times that halve: a method from outside the package."""

    def __init__(self, setting: SearchSetting) -> None:
        self.setting = setting

    def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
        (self.setting.scratch / ".search-halves.txt").touch()
        self.setting.problem.calls += 7
        report(1.0)
        return torch.tensor([0.5**i for i in range(len(start) - 1)] + [0], dtype=F64)


def test_a_method_from_outside_takes_part(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEARCHES, "halves", Halves)
    worth_of(monkeypatch, lambda times: -times[-2].item())
    said = run_search(directory, clips, "halves", 3)
    assert "3 steps of ddim by halves: 1, 0.5, 0.25, 0; " in said[1]
    stored = Model.load(directory).searched["ddim", 3]
    assert (stored.method, stored.times, stored.calls) == ("halves", (1, 0.5, 0.25, 0), 7)
    assert sorted(files(directory)) == ["config.json", "model.safetensors", "schedules.json"]


def test_every_search_satisfies_the_contract() -> None:
    for method, build in SEARCHES.items():
        assert isinstance(build(setting(Known())), Search), method


@pytest.mark.parametrize(
    ("method", "calls"),
    [
        ("straightness", (64, 64, 64)),
        ("likelihood", (64, 64, 64)),
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


@pytest.fixture
def packaged(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model inside the package, and no times in the user's folder."""
    monkeypatch.setattr(hub, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.setattr(found, "user_data_path", lambda name: tmp_path / "data" / name)
    (tmp_path / "pretrained").mkdir()
    return directory.rename(tmp_path / "pretrained" / "tiny")


def found_by(method: str, pesq: float, directory: Path) -> Found:
    return Found(
        sampler="ddim",
        times=(1.0, 0.4, 0.0),
        method=method,
        pesq_wb=pesq,
        mel_mae=0.5,
        clips=1,
        data=("clips",),
        split="dev",
        calls=1,
        seed=0,
        weights=weights_digest(directory),
    )


def test_a_directory_is_the_users_own_outside_the_package_and_the_hub(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(packaged)
    assert is_own(tmp_path / "mine")
    assert not any(is_own(folder) for folder in (packaged, snapshot, link))
    assert not is_own(model_directory("tiny"))


def test_times_of_a_packaged_model_go_to_the_users_folder(
    packaged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: times[1].item())
    before = files(packaged)
    folder = search(packaged, Task([clips], None, [2], "likelihood"), print, no_report)
    assert files(packaged) == before
    assert folder == tmp_path / "data" / "audiodiff" / "times" / weights_digest(packaged)
    assert list(files(folder)) == ["schedules.json"]
    searched = Model.load(packaged).searched["ddim", 2]
    assert searched.method == "likelihood"
    assert Vocoder.from_pretrained("tiny").model.searched["ddim", 2] == searched


def test_of_times_in_both_places_the_better_count(packaged: Path) -> None:
    folder = times_folder(packaged)
    for here, users, best in ((2.0, 3.0, "grid"), (3.0, 2.0, "learned"), (2.0, 2.0, "learned")):
        save_times(packaged, {("ddim", 2): found_by("learned", here, packaged)})
        save_times(folder, {("ddim", 2): found_by("grid", users, packaged)})
        assert Model.load(packaged).searched["ddim", 2].method == best


def test_weights_are_hashed_only_beside_times(
    packaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, entry = times_folder(packaged), found_by("grid", 2.0, packaged)
    folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(found, "weights_digest", None)
        assert not Model.load(packaged).searched
    save_times(folder, {("ddim", 2): entry})
    assert Model.load(packaged).searched


def test_out_gets_a_copy_of_the_model_with_the_times(
    packaged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: times[1].item())
    (packaged / "README.md").write_text("A model.")
    four = found_by("grid", 4.0, packaged)
    four = four.model_copy(update={"times": (1.0, 0.8, 0.6, 0.4, 0.0)})
    save_times(times_folder(packaged), {("ddim", 4): four})
    before = files(packaged)
    out = tmp_path / "deep" / "out"
    task = Task([clips], None, [2], "likelihood")
    assert search(packaged, task, print, no_report, out) == out
    assert files(packaged) == before
    assert files(out).items() >= before.items()
    assert sorted(files(out)) == sorted([*before, "schedules.json"])
    assert sorted(read_times(out / "schedules.json", weights_digest(out))) == [
        ("ddim", 2),
        ("ddim", 4),
    ]
    # Again into the same folder, which keeps what it has.
    search(packaged, task._replace(steps=[3]), print, no_report, out)
    assert sorted(n for _, n in Model.load(out).searched) == [2, 3, 4]
    torch.manual_seed(1)
    Model(ModelConfig.parse(TINY, "test")).save(out)
    with pytest.raises(AudiodiffError, match="out holds another model; give a new or an empty"):
        search(packaged, task, print, no_report, out)


def test_a_data_folder_that_cannot_be_written_names_the_remedy(
    packaged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: 1.0)
    (tmp_path / "data").write_text("a file where a folder should be")
    message = r"cannot write the times found to .*times.* \(Not a directory\); give --out DIR"
    with pytest.raises(AudiodiffError, match=message):
        run_search(packaged, clips, "likelihood", 2)


def test_times_of_other_weights_are_not_used(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: 1.0)
    run_search(directory, clips, "likelihood", 2, force=True)
    assert Model.load(directory).searched
    torch.manual_seed(1)
    Model(ModelConfig.parse(TINY, "test")).save(directory)
    assert not Model.load(directory).searched


@pytest.mark.slow
def test_it_runs_from_the_command_line(directory: Path, clips: Path) -> None:
    def audiodiff(*words: str) -> str:
        command = [sys.executable, "-m", "audiodiff", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    words = ("--data", str(clips), "--steps", "1,2", "--method", "perceptual", "--budget", "8")
    said = audiodiff("search", str(directory), *words, "--force", "--plot")
    assert "2 steps of ddim by perceptual" in said
    assert (directory / "schedules.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in directory.iterdir()) == [
        "config.json",
        "model.safetensors",
        "schedules.json",
        "schedules.png",
    ]
    shown = audiodiff("info", str(directory))
    assert shown.count("perceptual") == 2
    assert "default run: 1 step of ddim at 1 0 (the model's own)" in shown
    out = directory.parent / "out"
    words = ("--model", str(directory), "--steps", "2", "--verbose", "-o", str(out))
    said = audiodiff("vocode", str(clips / "0.wav"), *words)
    assert "2 steps of ddim at " in said
    assert "(found by perceptual, PESQ " in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "nope"}, "method='nope' is unknown; choose from straightness, likelihood, "),
        ({"split": "nope"}, "split='nope' is unknown; choose from train, dev, test"),
        ({"split": "test"}, "split='test' has 0 clips; a search needs two"),
        ({"sampler": "nope"}, "sampler='nope' is unknown"),
    ],
)
def test_a_task_that_cannot_be_done_is_refused(
    directory: Path, clips: Path, changes: dict, message: str
) -> None:
    task = Task([clips], None, [2], "likelihood")._replace(**changes)
    with pytest.raises(AudiodiffError, match=message):
        search(directory, task, print, no_report)


def test_a_damaged_file_is_refused(directory: Path) -> None:
    (directory / "schedules.json").write_text("[{]")
    with pytest.raises(AudiodiffError, match=r"schedules.json is damaged .*; delete it"):
        Model.load(directory)
