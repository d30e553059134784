"""Folders of generated sounds beside folders of recordings."""

import json
from pathlib import Path

import pytest
from command_line import write_tone
from judges import Pitch

from audiodiff import AudiodiffError
from audiodiff.audio.tags import Tags, append_tags
from audiodiff.pipelines.evaluate import evaluate_generated


def tones(folder: Path, **f0s: float) -> None:
    for name, f0 in f0s.items():
        write_tone(folder / f"{name}.wav", f0)


def test_clips_are_those_of_the_lists_and_labels_those_of_the_table(tmp_path: Path) -> None:
    tones(tmp_path / "made", a=100, b=400, c=450)
    (tmp_path / "made/labels.csv").write_text("id,pitch\na,high\nb,high\n")
    tones(tmp_path / "corpus/wavs", x=100, y=150, z=410)
    (tmp_path / "corpus/test.txt").write_text("x\nz\n")
    (tmp_path / "corpus/train.txt").write_text("y\n")
    (tmp_path / "corpus/labels.csv").write_text("id,pitch\nx,low\ny,low\nz,low\n")
    corpus, done = tmp_path / "corpus", []
    found = evaluate_generated(
        Pitch(), "pitch", tmp_path / "made", corpus, corpus, lambda: done.append(1)
    )
    assert len(done) == 6
    assert (found.generated.n_clips, found.reference.n_clips) == (3, 2)
    assert found.train is not None
    assert found.train.n_clips == 1
    assert found.generated.accuracy["pitch"].model_dump() == {"share": 0.5, "n_clips": 2}
    assert found.reference.accuracy["pitch"].share == 0.5
    assert found.train.accuracy["pitch"].share == 1
    # The nearest to a is x, to b and c it is z.
    assert found.generated.nearest["reference"].least == pytest.approx(0, abs=0.02)
    alone = evaluate_generated(Pitch(), "pitch", tmp_path / "made", tmp_path / "corpus/wavs")
    assert alone.reference.n_clips == 3
    assert alone.reference.accuracy == {}


def test_labels_are_those_that_generate_recorded(tmp_path: Path) -> None:
    tones(tmp_path / "made", a=100, b=100, c=100, d=100)
    for name, labels in (("a", {"pitch": "low"}), ("b", {"pitch": "high"}), ("c", "low")):
        record = {"software": "x", "seed": 1, "labels": labels, "synthetic": "all"}
        tags = Tags(json.dumps({"audiodiff": record}), "x", "2026-01-01T00:00:00Z", "")
        append_tags(tmp_path / f"made/{name}.wav", tags)
    found = evaluate_generated(Pitch(), "pitch", tmp_path / "made", tmp_path / "made")
    assert found.generated.accuracy["pitch"].model_dump() == {"share": 0.5, "n_clips": 2}


def test_a_file_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    tones(tmp_path / "made", a=100, b=300)
    (tmp_path / "made/bad.wav").write_text("no sound")
    found = evaluate_generated(Pitch(), "pitch", tmp_path / "made", tmp_path / "made")
    assert found.generated.n_clips == 2
    ((path, reason),) = found.failed.items()
    assert path == str(tmp_path / "made/bad.wav")
    assert "cannot be read as sound" in reason


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    tones(tmp_path / "made", a=100)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.wav").write_text("no sound")
    tones(tmp_path / "listed/wavs", a=100)
    (tmp_path / "listed/test.txt").write_text("b\n")
    for folder, sentence in (
        ("nowhere", "nowhere is no folder; give one with sound files"),
        ("made/a.wav", "a.wav is no folder; give one with sound files"),
        ("empty", "no audio in .*empty: looked there"),
        ("bad", "no sound in .*bad can be read, e.g. .*a.wav"),
        ("listed", "test.txt names no clip of its folder, where they are such as 'a'"),
    ):
        with pytest.raises(AudiodiffError, match=sentence):
            evaluate_generated(Pitch(), "pitch", tmp_path / "made", tmp_path / folder)
    (tmp_path / "made/labels.csv").write_text("id,pitch\na,shrill\n")
    with pytest.raises(AudiodiffError, match="'shrill', which the encoder does not know: it "):
        evaluate_generated(Pitch(), "pitch", tmp_path / "made", tmp_path / "made")
