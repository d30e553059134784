import os
from pathlib import Path

import pytest
import torch
from benchmark_scripts import RATE, Script, voiced

from audiodiff import AudiodiffError, Vocoder
from audiodiff.audio.io import load, save
from audiodiff.metrics.registry import metrics_named


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A voice with a list of two clips, one of them not in it, and one without a list."""
    for name in ("listed/wavs/b.wav", "listed/wavs/a.wav", "free/wavs/c.flac"):
        save(tmp_path / "data" / name, voiced(0.6, 100 + ord(Path(name).stem) % 7 * 15), RATE)
    (tmp_path / "data/listed/test.txt").write_text("b|Its text.\n")
    (tmp_path / "data/no-voice").mkdir()
    return tmp_path / "data"


def snapshot(folder: Path) -> dict[str, int]:
    """When each file was last written."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != "quality.md"
    }


@pytest.mark.slow
def test_quality_judges_each_pair_once(
    script: Script,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quality, out = script("quality"), tmp_path / "out"
    baselines = script("systems").BASELINES
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    quality.main(data, out, steps="1", workers=1)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0].startswith("Model default (")
    assert f"2 clips, seed 0, torch {torch.__version__}" in lines[0]
    heads = [line for line in lines if line.startswith("###")]
    assert heads == ["### all voices", "### free", "### listed"]
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    passes = script("systems").passes_of(Vocoder.from_pretrained("default").model)
    projected = f"mel projection of noise, {passes} passes, no network"
    ours = ["default, 1 step", "default, 1 step, no passes", projected]
    assert [row[0] for row in rows] == ["system", *ours, *baselines] * 3
    assert {len(row) for row in rows} == {2 + len(metrics_named(None))}
    assert {row[1] for row in rows} == {"clips", "2", "1"}
    assert (out / "quality.md").read_text() == text
    wave, rate = load(out / "default-1-step/listed/b.wav")
    assert (len(wave), rate) == (round(0.6 * RATE), RATE)

    before = snapshot(out)
    monkeypatch.setattr(quality, "pooled", None)
    quality.main(data, out, steps="1", workers=1)
    assert capsys.readouterr().out == text
    assert snapshot(out) == before


def test_quality_reports_a_clip_that_fails_and_goes_on(
    script: Script,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quality, world = script("quality"), script("systems").world
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    monkeypatch.setattr(quality, "systems_of", lambda model, steps: {"WORLD": world})
    (data / "free/wavs/d.wav").write_text("not sound")
    with pytest.raises(quality.typer.Exit) as stop:
        quality.main(data, tmp_path / "out", steps="1", workers=1)
    assert stop.value.exit_code == 1
    out, err = capsys.readouterr()
    assert "| WORLD | 1 | " in out
    assert "failed: WORLD: " in err
    assert "d.wav cannot be read as sound" in err


def test_quality_refuses_what_it_cannot_compare(script: Script, data: Path, tmp_path: Path) -> None:
    quality, out = script("quality"), tmp_path / "out"
    with pytest.raises(AudiodiffError, match="--steps '4,' is no list of step counts"):
        quality.main(data, out, steps="4,")
    with pytest.raises(AudiodiffError, match="holds no voice"):
        quality.main(data / "listed", out, steps="1")
    (data / "listed/test.txt").write_text("b\nz\n")
    with pytest.raises(AudiodiffError, match=r"test\.txt names 'z', which .*wavs lacks"):
        quality.main(data, out, steps="1")
    (data / "listed/test.txt").write_text("b\n")
    out.mkdir()
    (out / "model.txt").write_text("of somebody else\n")
    with pytest.raises(AudiodiffError, match="results of another model"):
        quality.main(data, out, steps="1")


def test_clips_are_judged_again_for_more_metrics(script: Script, tmp_path: Path) -> None:
    quality = script("quality")
    job = quality.Job("system", "voice", tmp_path / "a.wav", tmp_path / "made/a.wav")
    metrics = ("mstft", "lsd")
    assert quality.stored_scores(job, metrics) is None
    save(job.source, voiced(0.6), RATE)
    save(job.target, voiced(0.6), RATE)
    scores = quality.do(job, system=None, config=None, metrics=metrics)
    assert tuple(scores.scores) == metrics
    for some in (metrics, ("lsd",)):
        assert quality.stored_scores(job, some) == scores
    assert quality.stored_scores(job, (*metrics, "mcd")) is None


def test_a_cell_tells_for_how_many_clips_it_is_defined(script: Script) -> None:
    quality = script("quality")
    assert quality.cell(quality.summarize([1.0, 3.0]), 2) == "2.000 ± 12.706"
    assert quality.cell(quality.summarize([1.0, 3.0, None]), 3) == "2.000 ± 12.706 (2)"
    assert quality.cell(quality.summarize([2.0]), 1) == "2.000"
    assert quality.cell(quality.summarize([None]), 1) == "-"
