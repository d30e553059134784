import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from contracts import F64
from searches import TINY, files, no_report, run_search, worth_of

from audiodiff import AudiodiffError, ModelConfig, Run
from audiodiff.diffusion.times import TimeGrid
from audiodiff.model.model import Model
from audiodiff.search import SEARCHES, SearchSetting
from audiodiff.search import learned as learned_search
from audiodiff.search.command import Task, search
from audiodiff.search.problem import Report


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
