"""`evaluate`: scores of audio against its reference."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
import soundfile
from command_line import Run, files, write_tone
from small_models import LABELLED, small_config, untrained

from audiodiff.metrics.bits import BitsEvaluation
from audiodiff.metrics.evaluate import Evaluation
from audiodiff.metrics.registry import METRICS, metrics_named
from audiodiff.metrics.sets import SetEvaluation
from audiodiff.model.classifier import Classifier, ClassifierConfig
from audiodiff.system.folders import listed_name


def assert_refused(run: Run, folder: Path, line: str, sentence: str) -> None:
    """Checks that a command line is refused in one sentence, and that no file is written."""
    before = files(folder)
    result = run("evaluate", *line.split(), "--json", "scores.json")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert sentence in result.err
    assert result.err.count("\n") == 1
    assert files(folder) == before


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
        "visqol is not defined for 2 of 2 files: either is silent, or the clip is under 0.7 s or "
        "4000 Hz",
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
    assert {name for name, score in file["scores"].items() if score is not None} == {"mstft", "lsd"}
    assert "pesq_wb is not defined for 1 of 1 files: the reference holds no speech" in result.err
    assert result.err.count(" or 4000 Hz\n") == 8


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


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    values = {
        "sample_rate": 22050,
        "n_frames": 8,
        "labels": LABELLED["labels"],
        "codec": {"kind": "mel"},
        "network": {
            "widths": [32],
            "n_blocks": 1,
            "n_features": 3,
            "n_labels": {kind: len(names) for kind, names in LABELLED["labels"].items()},
        },
    }
    Classifier(ClassifierConfig.parse(values, "test")).save(tmp_path / "judge")
    return tmp_path / "judge"


def test_generated_sounds_are_judged_beside_recordings(
    run: Run, judge: Path, tmp_path: Path
) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    for digit in ("zero", "one"):
        run("generate", "model", "-n", 4, "--label", f"digit={digit}", "-o", "made")
    for i in range(8):
        write_tone(tmp_path / f"corpus/wavs/{i}.wav", 150 + 30 * i)
    for split, ids in (("train", "01"), ("test", "234567")):
        (tmp_path / f"corpus/{split}.txt").write_text("\n".join(ids))
    table = "".join(f"{i},{('zero', 'one')[i % 2]}\n" for i in range(8))
    (tmp_path / "corpus/labels.csv").write_text(f"id,digit\n{table}")
    words = ("evaluate", "--generated", "made", "--reference", "corpus", "--train", "corpus")
    result = run(*words, "--encoder", "judge", "--json", "new/scores.json")
    assert result.status == 0
    stored = SetEvaluation.parse(json.loads((tmp_path / "new/scores.json").read_text()), "scores")
    assert (stored.generated.n_clips, stored.reference.n_clips) == (8, 6)
    assert stored.generated.accuracy["digit"].n_clips == 8
    assert stored.reference.accuracy["digit"].n_clips == 6
    assert f" {stored.generated.scores['coverage']:.3f} " in result.out
    assert "digit accuracy" in result.out
    assert "nearest train clip" in result.out
    assert "frechet_inf is left out: reference holds 6 clips but this metric needs 60" in result.err
    (tmp_path / "made/bad.wav").write_text("no sound")
    result = run("evaluate", "--generated", "made", "--reference", "corpus", "--encoder", "judge")
    assert result.status == 1
    assert "failed: made/bad.wav: " in result.err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "give REF and OUT, or --generated and --reference"),
        ("a", "give REF and OUT, or --generated and --reference"),
        ("a b --train a", "--train: give --generated too, or leave it out"),
        ("a b --encoder judge --reference a", "--reference, --encoder: give --generated too, or"),
        ("a b --generated a --reference b", "REF and OUT are not for --generated; leave one or"),
        ("--generated a", "--generated needs --reference, a folder of recordings to compare with"),
        (
            "--generated nope --reference a --encoder judge",
            "nope is no folder; give one with sound",
        ),
        (
            "--generated a --reference nope --encoder judge",
            "nope is no folder; give one with sound",
        ),
        ("--generated a --reference a --train b --encoder judge", "b is no folder; give one with"),
        (
            "--generated a --reference a --encoder nope",
            "model 'nope' is neither inside the package",
        ),
        ("--generated a --reference a --encoder default", "default holds a model that makes sound"),
        ("--generated a --reference a --encoder a", "a is not a model directory"),
        ("--generated none --reference a --encoder judge", "no audio in none"),
    ],
)
def test_sets_that_cannot_be_compared_are_one_sentence(
    run: Run, judge: Path, tmp_path: Path, line: str, sentence: str
) -> None:
    write_tone(tmp_path / "a/a.wav")
    (tmp_path / "none").mkdir()
    assert_refused(run, tmp_path, line, sentence)


def test_a_model_says_how_likely_recordings_are(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    for i, name in enumerate(("[red]a", "b")):
        write_tone(tmp_path / f"clips/{name}.wav", 150 + 30 * i, 2000)
    (tmp_path / "clips/labels.csv").write_text("id,digit\nb,one\n")
    words = ("evaluate", "--likelihood", "model", "clips", "--steps", 2, "--json", "new/bits.json")
    result = run(*words, "--probes", 3)
    assert (result.status, result.err.count("\n")) == (0, 1)
    stored = BitsEvaluation.parse(json.loads((tmp_path / "new/bits.json").read_text()), "bits")
    assert (stored.model, stored.quantity, stored.scale) == ("model", "wave", 1)
    assert [clip.labels for clip in stored.clips] == [{}, {"digit": "one"}]
    for clip in stored.clips:
        row = next(line for line in result.out.splitlines() if f" {clip.name} " in line)
        assert f" {clip.flow.mean:.3f} ± {clip.flow.error:.3f} " in row
    flow = stored.summary["flow"]
    assert f" {flow.mean:.3f} ± {flow.interval:.3f} " in result.out
    assert "bits per number of the wave " in result.out
    (tmp_path / "clips/bad.wav").write_text("no sound")
    monkeypatch.setattr("audiodiff.cli.display.SECONDS_BETWEEN_LINES", 0.0)
    result = run("evaluate", "--likelihood", "model", "clips", "--steps", 1)
    assert result.status == 1
    assert re.match(r"1 of 3 clips  [\d.]+ clips/s  ETA \d:\d\d:\d\d\n2 of 3 clips ", result.err)
    assert "failed: clips/bad.wav: " in result.err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--likelihood model", "--likelihood needs REF, a folder of recordings; give one"),
        ("--likelihood model a a", "OUT: not for --likelihood; leave it out"),
        (
            "--likelihood model a --generated a --metrics lsd",
            "--generated, --metrics: not for --likelihood; leave it out",
        ),
        ("a a --steps 4 --probes 2", "--steps, --probes: give --likelihood too, or leave it out"),
        ("--likelihood nope a", "model 'nope' is neither inside the package"),
        ("--likelihood digits-judge a", "holds a classifier, which makes no sound; give the model"),
        ("--likelihood default a", "prior.kind='mel-envelope' shapes the noise by the mel, for"),
        ("--likelihood model nope", "nope is no folder; give one with sound files"),
        ("--likelihood model a/a.wav", "a/a.wav is no folder; give one with sound files"),
        ("--likelihood model none", "no audio in none"),
        ("--likelihood model bad", "no sound in bad can be judged, e.g. bad/a.wav cannot be read"),
        ("--likelihood model wrong", "a.wav is of digit 'ten', which the model does not know: it"),
    ],
)
def test_what_has_no_likelihood_is_one_sentence(
    run: Run, tmp_path: Path, line: str, sentence: str
) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    for folder in ("a", "wrong"):
        write_tone(tmp_path / folder / "a.wav")
    for folder in ("none", "bad"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bad/a.wav").write_text("no sound")
    (tmp_path / "wrong/labels.csv").write_text("id,digit\na,ten\n")
    assert_refused(run, tmp_path, line, sentence)
