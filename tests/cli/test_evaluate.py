"""`evaluate`: scores of audio against its reference."""

import json
from pathlib import Path

from command_line import Run, write_tone

from audiodiff.metrics.evaluate import Evaluation
from audiodiff.metrics.registry import METRICS


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
    assert all(name in result.out for name in METRICS)
    alone, new, failed = result.err.splitlines()
    assert alone == "1 references without an output: lonely"
    assert new == "1 outputs without a reference: new"
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
