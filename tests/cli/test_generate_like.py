"""`generate --like`: labelled sets like that of a folder."""

from pathlib import Path

import pytest
from command_line import Run, files, write_tone
from small_models import LABELLED, UNCONDITIONAL, small_config, untrained

from audiodiff.data.audio_files import find_audio
from audiodiff.data.labelled import read_table
from audiodiff.data.layouts import read_layout


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three training clips of two combinations of labels, and another combination to test."""
    rows = {"a": "one,theo", "b": "zero,lucas", "c": "one,theo", "d": "zero,theo"}
    for id_ in rows:
        write_tone(tmp_path / f"corpus/wavs/{id_}.wav")
    lines = ["id,digit,speaker", *(f"{id_},{labels}" for id_, labels in rows.items())]
    (tmp_path / "corpus/labels.csv").write_text("\n".join(lines))
    (tmp_path / "corpus/train.txt").write_text("a\nb\nc\n")
    return tmp_path / "corpus"


def test_a_set_like_a_corpus_has_its_combinations_of_labels_and_is_one_itself(
    run: Run, corpus: Path, tmp_path: Path
) -> None:
    config = LABELLED | {"labels": {"digit": ("zero", "one"), "speaker": ("theo", "lucas")}}
    untrained(small_config(**config)).save(tmp_path / "model")
    words = ("generate", "model", "--like", corpus, "-o", "out", "--per-class")
    assert run(*words, 1).status == 0
    one = ["zero-lucas-00000.wav", "one-theo-00001.wav"]
    assert files(tmp_path / "out") == sorted(["labels.csv", *one])
    first = (tmp_path / "out" / one[0]).stat().st_mtime_ns
    again = run(*words, 2)
    assert "\n2 written, 2 there already" in again.err
    two = ["zero-lucas-00002.wav", "one-theo-00003.wav"]
    assert files(tmp_path / "out") == sorted(["labels.csv", *one, *two])
    assert (tmp_path / "out" / one[0]).stat().st_mtime_ns == first
    rows = [f"{Path(name).stem},{name[:-10].replace('-', ',')}\n" for name in (*one, *two)]
    assert (tmp_path / "out/labels.csv").read_text() == "".join(["id,digit,speaker\n", *rows])
    table = read_table([tmp_path / "out"])
    assert set(table) == set(find_audio(tmp_path / "out"))
    assert read_layout("folder", tmp_path / "out", None).labels == table

    assert run(*words, 1, "--manifest", "lists/of/sounds.csv").status == 0
    text = (tmp_path / "lists/of/sounds.csv").read_text()
    assert text == "".join(["id,digit,speaker\n", *rows[:2]])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--like corpus", "--like corpus: give --per-class, the number of sounds, too"),
        ("--per-class 2", "--per-class 2 goes with --like DIR; give that too"),
        ("--manifest a.csv", "--manifest a.csv goes with --like DIR; give that too"),
        ("--like corpus --per-class 0", "Invalid value for '--per-class'"),
        ("--like corpus --per-class 2 -n 3", "give no --count, --label or --text"),
        ("--like corpus --per-class 2 --label digit=one", "give no --count, --label or --text"),
        ("--like corpus --per-class 2 --text seven", "give no --count, --label or --text"),
        ("--like corpus --per-class 2 --out corpus/made", "corpus/made lies in --like corpus"),
        (
            "--like corpus --per-class 2 --manifest corpus/labels.csv",
            "corpus lies in --like corpus; choose a folder outside it",
        ),
        (
            "--like corpus --per-class 2 --manifest model/config.json/a.csv",
            "model/config.json cannot be made as model/config.json is a file; choose another",
        ),
        ("--like nowhere --per-class 2", "nowhere is no folder; give one with sound files"),
        ("--like model --per-class 2", "no audio in model"),
        (
            "--like corpus --per-class 2",
            "clip 'b' has speaker 'lucas' in labels.csv, which is none of the model's labels",
        ),
        ("--like corpus/wavs --per-class 2", "clip 'a' has no digit; add a labels.csv"),
    ],
)
def test_a_set_that_cannot_be_made_is_one_sentence_and_no_file(
    run: Run, corpus: Path, tmp_path: Path, words: str, sentence: str
) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    before = files(tmp_path)
    result = run("generate", "model", "-o", "out", *words.split())
    assert result.status == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert files(tmp_path) == before


def test_a_model_without_labels_makes_no_set(run: Run, corpus: Path, tmp_path: Path) -> None:
    untrained(small_config(**UNCONDITIONAL)).save(tmp_path / "model")
    result = run("generate", "model", "-o", "out", "--like", corpus, "--per-class", 1)
    assert result.status == 2
    assert result.err.endswith(": this model has no labels; choose one that has\n")
