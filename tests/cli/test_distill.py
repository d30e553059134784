"""`distill`: from a model to its students, which make sound by themselves."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import Run, files, write_tone
from small_models import LABELLED, small_config, untrained

from audiodiff.model.classifier import Classifier, ClassifierConfig
from audiodiff.model.model import Model

FEW = "--set steps=1 --set batch_size=2 --set data.crop_frames=512"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    untrained(small_config(**LABELLED)).save(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four clips, one of them held out, with their labels."""
    folder, rows = tmp_path / "data", ["id,digit,speaker"]
    for i, (digit, speaker) in enumerate(
        (d, s) for d in ("zero", "one") for s in ("jackson", "theo")
    ):
        write_tone(folder / f"{i}.wav", 150 + 50 * i, 2048)
        rows.append(f"{i},{digit},{speaker}")
    (folder / "labels.csv").write_text("\n".join(rows))
    (folder / "dev.txt").write_text("3\n")
    return folder


def test_students_of_a_model_make_sound_without_guidance(
    run: Run, teacher: Path, data: Path, tmp_path: Path
) -> None:
    words = f"distill {teacher} --steps 2,1 --teacher-steps 4 --data {data} -o out {FEW}".split()
    result = run(*words)
    assert result.status == 0, result.err
    assert "student 2 of 2: 1 step\n" in result.err
    assert "out/steps-2/model: 2 steps of ddim at 1 0.5 0 (the model's own)" in result.err
    student = Model.load(tmp_path / "out/steps-1/model")
    assert student.config.sampling.guidance == ()
    made = run("generate", "out/steps-1/model", "--label", "digit=one", "-n", "1", "-o", "made")
    assert made.status == 0, made.err
    again = run(*words)
    assert again.status == 2
    assert again.err.startswith("error: out/steps-2 holds a run; add --resume")
    # A killed command goes on where it was: with its last student.
    shutil.rmtree(tmp_path / "out/steps-1")
    resumed = run(*words, "--resume")
    assert resumed.status == 0, resumed.err
    assert "nothing to do: step 1 of 1 is done" in resumed.err
    assert (tmp_path / "out/steps-1/model/model.safetensors").is_file()


def test_steps_of_consistency_become_finer_during_training(
    run: Run, teacher: Path, data: Path, tmp_path: Path
) -> None:
    words = f"distill {teacher} --method consistency --steps 1,2 --data {data} -o out {FEW}"
    finer = "--set steps=2 --set log_every=1 --set objective.n_first=2 --set objective.n_last=4"
    result = run(*f"{words} {finer}".split())
    assert result.status == 0, result.err
    assert "out/model: 2 steps of consistency at 1 0.5 0 (the model's own)" in result.err
    records = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert [r["train/n_steps"] for r in records if "train/n_steps" in r] == [2, 4]


@pytest.mark.parametrize("method", ["shortcut", "meanflow"])
def test_students_of_whole_steps_make_sound_in_one(
    method: str, run: Run, teacher: Path, data: Path
) -> None:
    words = f"distill {teacher} --method {method} --steps 1,2 --data {data} -o out {FEW}"
    result = run(*words.split())
    assert result.status == 0, result.err
    assert "out/model: 2 steps of ddim at 1 0.5 0 (the model's own)" in result.err
    words = "generate out/model --label digit=one -n 1 --steps 1 -o made"
    made = run(*words.split())
    assert made.status == 0, made.err


def test_what_cannot_be_distilled_is_one_sentence(
    run: Run, teacher: Path, data: Path, tmp_path: Path
) -> None:
    sizes = {
        "widths": [32],
        "n_blocks": 1,
        "n_features": 4,
        "shape": [80],
        "n_labels": {"digit": 2},
    }
    values = {
        "sample_rate": 22050, "n_frames": 8, "labels": {"digit": ["zero", "one"]},
        "codec": {"kind": "mel"}, "network": sizes,
    }  # fmt: skip
    Classifier(ClassifierConfig.parse(values, "test")).save(tmp_path / "judge")
    eps = LABELLED | {"target": "eps", "schedule": {"kind": "linear"}}
    untrained(small_config(**eps)).save(tmp_path / "eps")
    write_tone(tmp_path / "single/a.wav")
    write_tone(tmp_path / "unlisted/a.wav")
    (tmp_path / "unlisted/dev.txt").write_text("b\n")
    write_tone(tmp_path / "foreign/a.wav")
    write_tone(tmp_path / "foreign/b.wav")
    (tmp_path / "foreign/labels.csv").write_text("id,digit,speaker\na,two,theo\nb,one,theo\n")
    before = files(tmp_path)
    for line, words in (
        ("nope --data data", "model 'nope' is neither inside the package"),
        ("judge --data data", "judge holds a classifier, which makes no sound"),
        ("data --data data", "data is not a model directory: it has no config.json"),
        (
            "eps --method consistency --data data",
            "needs a model that predicts v or velocity, not 'eps'",
        ),
        ("TEACHER --method magic --data data", "--method 'magic' is unknown"),
        ("TEACHER --steps 1,3 --data data", "--steps 3: progressive distillation halves the 64"),
        ("TEACHER --steps 0 --data data", "--steps '0' is no list of step counts"),
        ("TEACHER --data nope", "the corpus folder nope does not exist"),
        ("TEACHER --data single", "single has only the clip 'a' to train on, so none can be held"),
        ("TEACHER --data unlisted", "no dev clip was found; name at least one existing id"),
        ("TEACHER --data data --set stepz=1", "does not fit: stepz"),
        ("TEACHER --data data --config nope.toml", "nope.toml: no such config"),
    ):
        result = run("distill", *line.replace("TEACHER", str(teacher)).split(), "-o", "out")
        assert result.status == 2, line
        assert result.err.splitlines()[-1].startswith("error: "), line
        assert words in result.err, line
        assert files(tmp_path) == before
    foreign = run("distill", teacher, "--data", "foreign", "-o", "out")
    assert foreign.status == 2
    assert "'a' has digit 'two' in labels.csv, which is none of the model's labels" in foreign.err
    assert not (tmp_path / "out/steps-32/model").exists()
