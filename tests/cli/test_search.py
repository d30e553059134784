"""`search` and `info`: where the times found go, and where they are shown."""

import shutil
from pathlib import Path

import pytest
from command_line import Run, files, write_tone

from audiodiff.model import found, hub
from audiodiff.model.found import user_times, weights_digest
from audiodiff.search import clips
from audiodiff.search.judge import Judge, Worth


@pytest.fixture
def packaged(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model inside the package, clips, and a judge who does not listen."""
    monkeypatch.setattr(hub, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.setattr(found, "user_data_path", lambda name: tmp_path / "data" / name)
    monkeypatch.setattr(clips, "SECONDS", 0.1)
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    monkeypatch.setattr(Judge, "__call__", lambda self, times: Worth(2.5, 0.5))
    for i in range(6):
        write_tone(tmp_path / f"voice/{i}.wav", 150 + 50 * i)
    (tmp_path / "voice/dev.txt").write_text("0\n1\n2\n3\n4\n")
    return shutil.copytree(model, tmp_path / "pretrained" / "tiny")


def test_search_says_where_the_times_went(run: Run, packaged: Path, tmp_path: Path) -> None:
    before = files(packaged)
    words = ("search", "tiny", "--data", "voice", "--steps", "3", "--method", "likelihood")
    result = run(*words)
    assert result.status == 0, result.err
    last = result.err.splitlines()[-1]
    said = "PESQ 2.500, as good as the times in use before"
    assert last == (
        f"3 steps of ddpm not kept: {said}; only better times are kept (--force keeps them)"
    )
    assert "no times have been found for these weights" in run("info", "tiny").out
    result = run(*words, "--force", "--plot")
    folder = tmp_path / "data" / "audiodiff" / "times" / weights_digest(packaged)
    kept = folder / "schedules.json"
    assert result.err.splitlines()[-2:] == [
        f"3 steps of ddpm kept in {kept}: {said}",
        f"wrote {folder / 'schedules.png'}",
    ]
    assert files(folder) == ["schedules.json", "schedules.png"]
    assert files(packaged) == before
    shown = run("info", "tiny").out
    assert "likelihood" in shown
    assert "PESQ 2.500" in shown
    assert f"times found are stored in {kept}" in shown
    result = run(*words, "--force", "--plot", "--out", "copy")
    assert result.err.splitlines()[-2:] == [
        f"3 steps of ddpm kept in {Path('copy/schedules.json')}: {said}",
        f"wrote {Path('copy/schedules.png')}",
    ]
    assert files(tmp_path / "copy") == sorted([*before, "schedules.json", "schedules.png"])
    assert (
        run("search", "tiny", "--forget").err == f"deleted {kept}, the times of 3 steps of ddpm\n"
    )
    assert files(folder) == []
    assert run("search", "tiny", "--forget").err == f"no times have been found for {packaged}\n"
    assert "no times have been found for these weights" in run("info", "tiny").out


def test_a_search_needs_clips_and_forgetting_none(run: Run, packaged: Path) -> None:
    result = run("search", "tiny")
    assert result.status == 2
    assert result.err == "error: there are no clips to search on; give --data FOLDER\n"
    result = run("search", "tiny", "--forget", "--data", "voice")
    assert result.status == 2
    assert result.err == "error: --forget does not search; leave out --data\n"


def test_a_data_folder_that_cannot_be_written_is_one_sentence(
    run: Run, packaged: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").touch()
    result = run("search", "tiny", "--data", "voice", "--steps", "3", "--method", "likelihood")
    assert result.status == 2
    assert result.err.splitlines()[-1].endswith(
        "data is a file; give --out DIR to get a copy of the model with the times in it"
    )


def test_tests_keep_away_from_the_users_own_data(user_data: Path) -> None:
    assert user_times().is_relative_to(user_data)
