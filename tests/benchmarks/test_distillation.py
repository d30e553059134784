from pathlib import Path

import pytest
from benchmark_scripts import Script
from digits_run import write_run

from audiodiff import Model
from audiodiff.model.config import ModelConfig
from audiodiff.training.distill import student_values


@pytest.mark.slow  # twenty sounds by a vocoder
def test_students_are_judged_beside_their_teacher(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    distillation = script("distillation")
    monkeypatch.setattr(distillation, "STEPS", (1,))
    monkeypatch.setattr(distillation, "TEACHER_STEPS", 2)
    monkeypatch.setattr(script("digits_judged"), "N_OPINIONS", 0)
    write_run(tmp_path)
    teacher = Model.load(tmp_path / "unet/model")
    values = student_values(teacher.config, sampler="ddim", times=[1.0, 0.0])
    Model(ModelConfig.parse(values, "test")).save(tmp_path / "progressive/steps-1/model")
    distillation.main(tmp_path, n=3)
    text = capsys.readouterr().out
    names = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")][1:]
    assert names == [
        "| recordings",
        "| recordings, vocoded",
        "| teacher, its own run",
        "| teacher by ddim, 2 steps",
        "| teacher by ddim, 1 step",
        "| teacher by dpm++2m, 1 step",
        "| progressive, 1 step",
    ]
    assert (tmp_path / "judged/distillation.png").stat().st_size > 5000
    scores = tmp_path / "judged/distillation.jsonl"
    before = scores.read_text()
    distillation.main(tmp_path, n=3)
    assert capsys.readouterr().out == text
    assert scores.read_text() == before
