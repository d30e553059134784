import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from contracts import F64
from searches import TINY, files, no_report, run_search, worth_of

from audiodiff import AudiodiffError, ModelConfig, Run
from audiodiff.data.corpus import read_corpus
from audiodiff.diffusion.times import TimeGrid
from audiodiff.model.model import Model
from audiodiff.search import SEARCHES, SearchSetting
from audiodiff.search import learned as learned_search
from audiodiff.search.clips import read_clips
from audiodiff.search.command import Task, search
from audiodiff.search.problem import Report


def test_the_command_stores_what_is_better_and_nothing_worse(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A judge for whom late times are best.
    worth_of(monkeypatch, lambda times: times[1].item())
    said = run_search(directory, clips, "likelihood", 2)
    rule = Model(ModelConfig.parse(TINY, "test")).times(Run(n_steps=2))
    assert said[0] == "searching on 2 clips of dev, judging on 4 others"
    assert "2 steps of ddim by likelihood: 1, " in said[1]
    assert "PESQ 0.97" in said[1]
    assert "(before 0.500)" in said[1]
    assert rule[1] == 0.5
    kept = f"2 steps of ddim kept in {directory / 'schedules.json'}: PESQ 0.97"
    assert said[-1].startswith(kept)
    assert re.search(r", 0\.47\d better than the times in use before$", said[-1])
    before = (directory / "schedules.json").read_bytes()
    stored = Model.load(directory).searched["ddim", 2]
    assert stored.calls == 2 * 64
    assert (stored.method, stored.clips, stored.split) == ("likelihood", 4, "dev")
    assert Model.load(directory).times(Run(n_steps=2)).tolist() == list(stored.times)
    worth_of(monkeypatch, lambda times: 1.0)
    said = run_search(directory, clips, "straightness", 2)
    assert said[-1] == (
        "2 steps of ddim not kept: PESQ 1.000, as good as the times in use before; "
        "only better times are kept (--force keeps them)"
    )
    assert (directory / "schedules.json").read_bytes() == before
    run_search(directory, clips, "straightness", 2, force=True)
    assert Model.load(directory).searched["ddim", 2].method == "straightness"


def test_times_judged_on_few_clips_are_kept_by_force_alone(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: times[1].item())
    (clips / "dev.txt").write_text("0\n1\n2\n3\n")
    said = run_search(directory, clips, "likelihood", 2)
    few = "3 clips to judge on are fewer than 4"
    assert said[:2] == [
        "searching on 1 clips of dev, judging on 3 others",
        f"no times will be kept, as {few}",
    ]
    assert said[-1].startswith("2 steps of ddim not kept: PESQ 0.9")
    assert said[-1].endswith(f" better than the times in use before; {few} (--force keeps them)")
    assert not (directory / "schedules.json").exists()
    said = run_search(directory, clips, "likelihood", 2, force=True)
    assert said[-1].startswith(f"2 steps of ddim kept in {directory / 'schedules.json'}: ")
    assert Model.load(directory).searched


@pytest.mark.parametrize(
    ("n_clips", "n_heard", "n_judged"),
    [(2, 1, 1), (4, 1, 3), (5, 1, 4), (6, 2, 4), (8, 4, 4), (9, 5, 4), (32, 16, 16), (99, 16, 16)],
)
def test_four_clips_judge_where_there_are_five(
    tmp_path: Path, n_clips: int, n_heard: int, n_judged: int
) -> None:
    for i in range(n_clips + 1):  # one is left for training
        soundfile.write(tmp_path / f"{i:02}.wav", np.full(100, i / 128), 22050)
    (tmp_path / "dev.txt").write_text("".join(f"{i:02}\n" for i in range(n_clips)))
    heard, judged = read_clips(read_corpus([tmp_path]), "dev", 22050)
    assert (len(heard), len(judged)) == (n_heard, n_judged)
    assert len({float(clip.wave[0]) for clip in (*heard, *judged)}) == n_heard + n_judged


def test_two_searches_of_one_model_do_not_lose_a_result(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: times[1].item())
    second: list[str] = []

    class Nested(Halves):
        """A search during which another of the same model is started."""

        def __call__(self, start: TimeGrid, report: Report) -> TimeGrid:
            with pytest.raises(AudiodiffError) as caught:
                run_search(directory, clips, "likelihood", 2)
            second.append(str(caught.value))
            return super().__call__(start, report)

    monkeypatch.setitem(SEARCHES, "halves", Nested)
    run_search(directory, clips, "halves", 3, force=True)
    assert second == [
        f"another search stores its times in {directory}; wait until it ends, or give --out DIR"
    ]
    run_search(directory, clips, "likelihood", 2, force=True)
    assert sorted(Model.load(directory).searched) == [("ddim", 2), ("ddim", 3)]
    assert sorted(files(directory)) == ["config.json", "model.safetensors", "schedules.json"]


def test_without_pesq_estoi_judges(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)  # an import of it fails
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    said = run_search(directory, clips, "straightness", 1, force=True)
    assert said[1].startswith("estoi judges: pesq cannot be imported (")
    assert "; ESTOI " in said[2]
    found = Model.load(directory).searched["ddim", 1]
    assert found.pesq_wb is None
    assert found.score_in_words == f"ESTOI {found.estoi:.3f}"


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
        ({"steps": [2, 65]}, "n_steps=65 is too many; searches find runs of 1 to 64 steps"),
    ],
)
def test_a_task_that_cannot_be_done_is_refused(
    directory: Path, clips: Path, changes: dict, message: str
) -> None:
    task = Task([clips], None, [2], "likelihood")._replace(**changes)
    with pytest.raises(AudiodiffError, match=message):
        search(directory, task, print, no_report)
