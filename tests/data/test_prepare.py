"""Corpora found, checked and written for training."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpora import CORPORA, SETTINGS, prepared, put
from filelock import FileLock
from killing import kill_once

from audiodiff.cli.app import main
from audiodiff.data.cache import build_cache
from audiodiff.data.captioned import read_captions, write_captions
from audiodiff.data.corpus import SPLITS, read_corpus, read_ids
from audiodiff.data.labelled import read_table
from audiodiff.data.layouts import Layout, read_layout
from audiodiff.data.prepare import LOCK_NAME
from audiodiff.data.prepared import PrepareSettings
from audiodiff.data.report import write_report
from audiodiff.errors import AudiodiffError


def tree(root: Path) -> dict[str, bytes]:
    """Every file by its place, but pictures, in which there are dates."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".png")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


FIRST = {
    "ljspeech": "LJ001-0001",
    "vctk": "p225/p225_001",
    "libritts": "train-clean-100/100/1/100_1_000000_000000",
    "speech-commands": "zero/0a7c2a80_nohash_0",
    "digits": "7_theo_12",
    "musdb": "train/Actions - One Minute Smile",
}
COUNTS = {  # train, dev and test by the corpus's own lists
    "ljspeech": (10, 0, 0),
    "vctk": (24, 0, 0),
    "libritts": (3, 3, 3),
    "speech-commands": (4, 2, 2),
    "digits": (8, 4, 4),
    "musdb": (16, 0, 1),
}


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_is_found_by_its_layout(name: str, tmp_path: Path) -> None:
    CORPORA[name](tmp_path)
    layout = read_layout(name, tmp_path, None)
    assert FIRST[name] in layout.files
    assert (
        tuple(len(layout.lists.get(split, ())) for split in ("train", "dev", "test"))
        == (COUNTS[name])
    )
    inner = [path for path in tmp_path.iterdir() if path.is_dir()]
    if len(inner) == 1:  # the corpus's folder itself does as well as the one it was unpacked into
        assert read_layout(name, inner[0], None).files == layout.files
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudiodiffError, match="give the folder that"):
        read_layout(name, tmp_path / "empty", None)


def test_a_prepared_corpus_trains_as_it_stands(tmp_path: Path) -> None:
    CORPORA["libritts"](tmp_path / "raw")
    found = prepared(read_layout("libritts", tmp_path / "raw", None), tmp_path / "out")
    assert all(facts.reason is None for facts in found.values())
    corpus = read_corpus([tmp_path / "out"])
    assert not corpus.notes
    assert [len(corpus.train), len(corpus.dev), len(corpus.test)] == [3, 3, 3]
    info = soundfile.info(corpus.train[0].path)
    assert (info.samplerate, info.channels, info.frames) == (16000, 1, 12800)


def test_lists_of_ids_and_patterns_divide_it(tmp_path: Path) -> None:
    CORPORA["ljspeech"](tmp_path)
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "test.txt").write_text("LJ001-*\nLJ002-*\n")
    (splits / "dev.txt").write_text("LJ003-0002\n")
    lists = read_layout("ljspeech", tmp_path, splits).lists
    assert lists["test"] == ["LJ001-0001", "LJ001-0002", "LJ002-0001", "LJ002-0002"]
    assert lists["dev"] == ["LJ003-0002"]
    assert len(lists["train"]) == 5
    (splits / "dev.txt").write_text("LJ002-0002\n")
    with pytest.raises(AudiodiffError, match="'LJ002-0002' is in both dev and test"):
        read_layout("ljspeech", tmp_path, splits)
    (splits / "dev.txt").write_text("LJ9*\n")
    with pytest.raises(AudiodiffError, match="'LJ9\\*' fits no clip; ids are such as 'LJ001-0001'"):
        read_layout("ljspeech", tmp_path, splits)


def test_bad_clips_are_left_out_and_odd_ones_remarked(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for seed in range(4):
        put(raw / f"good{seed}.wav", seed)
    (raw / "same.wav").write_bytes((raw / "good1.wav").read_bytes())
    put(raw / "short.wav", 5, seconds=0.3)
    put(raw / "shorter.wav", 5, seconds=0.2)
    put(raw / "low.wav", 6, rate=8000)
    put(raw / "stereo.wav", 7, channels=2)
    soundfile.write(raw / "silent.wav", np.full(22050, 1e-5), 22050, subtype="FLOAT")
    soundfile.write(raw / "loud.wav", np.clip(3 * np.sin(np.arange(22050) / 9), -1, 1), 22050)
    soundfile.write(raw / "slow.wav", np.sin(np.arange(3000) / 9), 100)
    (raw / "text.wav").write_text("no sound")
    layout = read_layout("folder", raw, None)
    found = prepared(layout, tmp_path / "out")
    reasons = {id_: facts.reason for id_, facts in found.items() if facts.reason is not None}
    assert set(reasons) == {"same", "short", "shorter", "silent", "slow", "text"}
    assert reasons["same"] == "it is the same sound as good1"
    assert reasons["short"] == "it lasts 0.30 s, under the 0.5 s asked for"
    assert reasons["silent"] == "it is silent: its root mean square is -100 dB"
    assert "a sample rate of 100 Hz, too low to be resampled to 16000" in reasons["slow"]
    assert "cannot be read as sound" in reasons["text"]
    remarks = {id_: facts.remarks for id_, facts in found.items() if facts.remarks}
    assert remarks["low"] == ("from 8000 Hz, so nothing above 4000 Hz",)
    assert remarks["stereo"] == ("2 channels mixed into one",)
    assert "at full scale" in remarks["loud"][0]
    written = {path.stem for path in (tmp_path / "out" / "wavs").iterdir()}
    assert written == set(found) - set(reasons)
    listed = [read_ids(tmp_path / "out" / f"{split}.txt") for split in SPLITS]
    assert {id_ for ids in listed for id_ in ids} == written
    write_report(tmp_path / "out", layout, found, SETTINGS)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "- it is the same sound as another: 1 clip\n" in report
    assert "- it lasts 0.2 to 0.3 s, under the 0.5 s asked for: 2 clips\n" in report
    assert "- 2 channels mixed into one: 1 clip\n" in report
    assert "- short: it lasts 0.30 s" in report
    assert (tmp_path / "out" / "report.png").stat().st_size > 5000


@pytest.mark.parametrize("name", ["digits", "folder"])
def test_labels_and_texts_go_with_the_clips_that_are_kept(name: str, tmp_path: Path) -> None:
    CORPORA["digits"](tmp_path)
    raw = tmp_path / "free-spoken-digit-dataset"
    (raw / "recordings" / "7_lucas_12.wav").write_text("no sound")
    if name == "folder":
        table = (
            "id,digit,speaker\nrecordings/7_theo_12,seven,theo\nrecordings/7_lucas_12,seven,lucas"
        )
        (raw / "labels.csv").write_text(table)
    inner = "recordings/" if name == "folder" else ""
    said = {f"{inner}7_{speaker}_12": [speaker, ""] for speaker in ("theo", "lucas")}
    write_captions(raw, said)
    settings = PrepareSettings(sample_rate=16000, min_seconds=0.1)
    found = prepared(read_layout(name, raw, None), tmp_path / "out", settings)
    table = read_table([tmp_path / "out"])
    kept = {id_ for id_, facts in found.items() if facts.reason is None}
    assert set(table) == ({"recordings/7_theo_12"} if inner else kept)
    assert table[f"{inner}7_theo_12"] == {"digit": "seven", "speaker": "theo"}
    assert read_captions([tmp_path / "out"]) == {f"{inner}7_theo_12": ("theo", "")}


@pytest.mark.parametrize(
    ("n_clips", "counts"),
    [(2, (1, 1, 0)), (3, (1, 1, 1)), (6, (2, 2, 2)), (27, (23, 2, 2)), (200, (192, 4, 4))],
)
def test_what_is_held_out_is_drawn_from_what_is_fit(
    n_clips: int, counts: tuple[int, int, int]
) -> None:
    fit = [f"clip{n}" for n in range(n_clips)]
    files = {id_: Path(f"{id_}.wav") for id_ in [*fit, "broken0", "broken1"]}
    layout = Layout(files, {"train": list(files)}).with_held_out(fit)
    held_out = layout.lists["dev"] + layout.lists.get("test", [])
    assert set(held_out) <= set(fit)
    lengths = [len(layout.lists.get(split, ())) for split in SPLITS]
    assert lengths == [counts[0] + 2, *counts[1:]]
    assert set(held_out) | set(layout.lists["train"]) == set(files)


def test_results_below_the_root_are_no_clips(tmp_path: Path, capsys, monkeypatch) -> None:
    root, out = tmp_path / "nest", tmp_path / "nest" / "prepared"
    for seed in range(4):
        put(root / f"{seed}.wav", seed)
    put(root / ".ipynb_checkpoints" / "0.wav", 9)
    words = ["prepare", "folder", "--workers", "1", "--root", str(root), "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["audiodiff", *words])
    results = []
    for _ in range(2):
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, capsys.readouterr().err
        results.append(tree(out))
    assert results[0] == results[1]
    assert len(list((out / "wavs").iterdir())) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_odd_names_are_prepared_and_trained_on(tmp_path: Path) -> None:
    names = [os.fsdecode(b"caf\xe9"), " led", "a|b", "two\nlines", "n" * 251]
    for seed, name in enumerate(names):
        put(tmp_path / "raw" / "new.wav", seed)
        (tmp_path / "raw" / "new.wav").rename(tmp_path / "raw" / f"{name}.wav")
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "out")
    assert all(facts.reason is None for facts in found.values())
    assert {"caf%E9", "%20led", "a%7Cb", "two%0Alines"} < found.keys()
    corpus = read_corpus([tmp_path / "out"])
    assert {clip.id for clip in corpus.train + corpus.dev + corpus.test} == found.keys()
    assert not corpus.notes
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "dev.txt").write_text("caf%E9\n")
    lists = read_layout("folder", tmp_path / "raw", splits).lists
    assert lists["dev"] == ["caf%E9"]
    assert build_cache(read_corpus([tmp_path / "raw"]).train, 16000, tmp_path / "cache").n_samples
    (tmp_path / "raw" / f"{names[0]}.wav").write_text("no sound")
    again = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "out")
    assert "cannot be read as sound" in (again["caf%E9"].reason or "")


def test_a_second_run_does_only_what_changed(tmp_path: Path) -> None:
    for seed in range(4):
        put(tmp_path / "raw" / f"{seed}.wav", seed)
    layout = read_layout("folder", tmp_path / "raw", None)
    prepared(layout, tmp_path / "out")
    before = tree(tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "wavs").iterdir()}
    put(tmp_path / "raw" / "2.wav", 12)
    prepared(layout, tmp_path / "out")
    after = tree(tmp_path / "out")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"manifest.jsonl", "wavs/2.flac"}
    assert {path.name for path, time in times.items() if path.stat().st_mtime_ns != time} == {
        "2.flac"
    }


def test_other_settings_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    for seed in range(2):
        put(tmp_path / "raw" / f"{seed}.wav", seed)
    layout = read_layout("folder", tmp_path / "raw", None)
    prepared(layout, tmp_path / "out")
    with pytest.raises(AudiodiffError, match="was prepared with other settings"):
        prepared(layout, tmp_path / "out", PrepareSettings(sample_rate=22050))
    with pytest.raises(AudiodiffError, match="holds something else"):
        prepared(layout, tmp_path / "raw")


def test_one_process_at_a_time_prepares_a_folder(tmp_path: Path) -> None:
    for seed in range(2):
        put(tmp_path / "raw" / f"{seed}.wav", seed)
    layout = read_layout("folder", tmp_path / "raw", None)
    (tmp_path / "out").mkdir()
    with (
        FileLock(tmp_path / "out" / LOCK_NAME),
        pytest.raises(AudiodiffError, match="another process prepares .*out; wait until it is"),
    ):
        prepared(layout, tmp_path / "out")
    prepared(layout, tmp_path / "out")


def test_the_command_says_in_a_sentence_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        put(tmp_path / "raw" / f"{name}.wav", 0, seconds=0.1)
    monkeypatch.setenv("COLUMNS", "200")

    def refusal(corpus: str) -> str:
        words = ["prepare", corpus, "--workers", "1"]
        words += ["--root", str(tmp_path / "raw"), "-o", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", ["audiodiff", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2
        return capsys.readouterr().err

    fault = "no clip of train is fit for use; the first fault: a: it lasts 0.10 s"
    assert fault in refusal("folder")
    assert "corpus 'nope' is unknown; choose from folder, ljspeech" in refusal("nope")


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_files(tmp_path: Path) -> None:
    for seed in range(60):
        put(tmp_path / "raw" / f"{seed:03}.wav", seed % 59, seconds=2.0)  # the last is a duplicate
    command = [sys.executable, "-m", "audiodiff", "prepare", "folder", "--workers", "1"]
    command += ["--root", str(tmp_path / "raw"), "-o"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, str(tmp_path / "out")], stderr=subprocess.DEVNULL, start_new_session=True
    )
    kill_once(lambda: len(list(tmp_path.glob("out/wavs/*.flac"))) >= 15, process)
    assert not (tmp_path / "out" / "train.txt").exists()
    subprocess.run([*command, str(tmp_path / "out")], check=True, capture_output=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    assert json.loads(lines[59])["reason"] == "it is the same sound as 000"
