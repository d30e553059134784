"""`evaluate`: scores of audio against its reference."""

import io
import json
import sys
from pathlib import Path

import pytest
import soundfile
from command_line import Run, write_tone

from audiodiff.metrics.evaluate import Evaluation
from audiodiff.metrics.registry import METRICS, metrics_named
from audiodiff.system.folders import listed_name


def test_evaluate_shows_files_means_and_what_is_missing(
    run: Run, model: Path, tmp_path: Path
) -> None:
    for i, name in enumerate(("[red]a", "sub/b", "bad", "lonely")):
        write_tone(tmp_path / f"ref/{name}.wav", 150 + 30 * i)
    for i, name in enumerate(("[red]a", "sub/b", "new")):
        write_tone(tmp_path / f"out/{name}.wav", 151 + 30 * i)
    (tmp_path / "out/bad.wav").write_text("not sound")
    result = run("evaluate", "ref", "out", "--json", "new/scores.json")
    assert result.status == 1
    stored = Evaluation.parse(json.loads((tmp_path / "new/scores.json").read_text()), "scores.json")
    assert [file.name for file in stored.files] == ["[red]a", "sub/b"]
    for file in stored.files:
        row = next(line for line in result.out.splitlines() if f" {file.name} " in line)
        assert f" {file.scores['mstft']:.3f} " in row
    summary = stored.summary["mstft"]
    assert summary.interval is not None
    assert f"{summary.mean:.3f} ± {summary.interval:.3f}" in result.out
    assert all(name in result.out for name in metrics_named(None))
    assert "dnsmos" not in result.out
    some = run("evaluate", "ref/[red]a.wav", "out/[red]a.wav", "--metrics", "lsd,mstft")
    assert {name for name in METRICS if name in some.out} == {"mstft", "lsd"}
    unknown = run("evaluate", "ref", "out", "--metrics", "utmos")
    assert unknown.status == 2
    assert "there is no metric 'utmos'; give all, or some of pesq_wb, " in unknown.err
    alone, new, *undefined, failed = result.err.splitlines()
    assert alone == "1 references without an output: lonely"
    assert new == "1 outputs without a reference: new"
    assert undefined == [
        "estoi is not defined for 2 of 2 files: the reference holds less than 0.4 s of speech, or "
        "the clip is under 0.25 s or 4000 Hz",
        "silence_noise is not defined for 2 of 2 files: the reference has fewer than 5 silent "
        "frames, or the clip is under 0.25 s or 4000 Hz",
    ]
    assert failed.startswith("failed: bad: out/bad.wav cannot be read as sound")
    assert run("evaluate", "ref/[red]a.wav", "out/[red]a.wav").status == 0


def test_evaluate_of_nothing_good_is_status_2(run: Run, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("not sound")
    result = run("evaluate", "a.wav", "b.wav", "--json", "scores.json")
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("failed: a: b.wav cannot be read as sound")
    assert json.loads((tmp_path / "scores.json").read_text())["files"] == []


@pytest.mark.parametrize("rate", [7, 100, 500])
def test_tiny_rates_are_not_defined_and_said_so(run: Run, tmp_path: Path, rate: int) -> None:
    for name in ("a", "b"):
        write_tone(tmp_path / f"{name}.wav", 200 if name == "a" else 210)
        wave, _ = soundfile.read(tmp_path / f"{name}.wav")
        soundfile.write(tmp_path / f"{name}.wav", wave, rate)
    result = run("evaluate", "a.wav", "b.wav", "--json", "scores.json")
    assert result.status == 0
    (file,) = json.loads((tmp_path / "scores.json").read_text())["files"]
    assert {name for name, score in file["scores"].items() if score is not None} == {"mstft"}
    assert "pesq_wb is not defined for 1 of 1 files: the reference holds no speech" in result.err
    assert result.err.count("or 4000 Hz\n") == 7


def test_a_sound_at_a_rate_too_low_for_its_reference_fails_alone(run: Run, tmp_path: Path) -> None:
    for name in ("ref/a", "ref/b", "out/a", "out/b"):
        write_tone(tmp_path / f"{name}.wav")
    wave, _ = soundfile.read(tmp_path / "out/a.wav")
    soundfile.write(tmp_path / "out/a.wav", wave[:2], 7)
    result = run("evaluate", "ref", "out")
    assert result.status == 1
    assert "failed: a: the wave has a sample rate of 7 Hz, too low to be" in result.err


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932", "utf-8"])
@pytest.mark.parametrize("name", ["日本", "caf\udce9", "é[red]\n"])
def test_any_name_is_scored_on_any_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, name: str
) -> None:
    for folder in ("ref", "out"):
        write_tone(tmp_path / folder / "a.wav").rename(tmp_path / folder / f"{name}.wav")
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert run("evaluate", "ref", "out", "--json", "scores.json").status == 0
    terminal.flush()
    shown = terminal.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert listed_name(name).encode(encoding, "backslashreplace").decode(encoding) in shown
    (file,) = json.loads((tmp_path / "scores.json").read_text("utf-8"))["files"]
    assert file["name"] == listed_name(name)
