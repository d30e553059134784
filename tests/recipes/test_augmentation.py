"""The shares of recordings and the changed copies of recipes/augmentation, and what is learned."""

from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from benchmark_scripts import BENCHMARKS, RATE, voiced
from corpora import RECIPES

from audiodiff import AudiodiffError
from audiodiff.audio.io import save
from audiodiff.data.corpus import read_corpus, read_ids
from audiodiff.data.labelled import read_table

CLASSES = {"zero": "theo", "one": "lucas"}
TAKES = {"train": range(4), "dev": [4], "test": [5, 6]}
FEW = ["steps=1", "batch_size=2", "data.crop_frames=12", "optimizer.warmup=0"]


def script(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """A script of the recipe, or the benchmark that it ends with."""
    for folder in (BENCHMARKS, RECIPES / "augmentation"):
        monkeypatch.syspath_prepend(folder)
    return import_module(name)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder after the stage prepare, with four training clips of each of two classes."""
    rows = ["id,digit,speaker"]
    for split, takes in TAKES.items():
        ids = [f"{digit}_{take}" for digit in CLASSES for take in takes]
        (tmp_path / "prepared").mkdir(exist_ok=True)
        (tmp_path / f"prepared/{split}.txt").write_text("\n".join(ids))
        for n, id_ in enumerate(ids):
            save(tmp_path / f"prepared/wavs/{id_}.flac", voiced(0.15, 100 + 20 * n), RATE)
            digit = id_.split("_")[0]
            rows.append(f"{id_},{digit},{CLASSES[digit]}")
    (tmp_path / "prepared/labels.csv").write_text("\n".join(rows))
    return tmp_path


def test_shares_are_even_and_parts_of_greater_ones(
    monkeypatch: pytest.MonkeyPatch, out: Path
) -> None:
    shares = script(monkeypatch, "shares")
    found = {}
    for percent, each in ((10, 1), (50, 2), (100, 4)):
        shares.write_share(out, percent)
        shares.write_share(out, percent)
        folder = out / f"share-{percent}"
        corpus = read_corpus([folder])
        found[percent] = {clip.id for clip in corpus.train}
        assert {clip.id for clip in corpus.dev} == {"zero_4", "one_4"}
        table = read_table([folder])
        assert Counter(table[id_]["digit"] for id_ in found[percent]) == {"zero": each, "one": each}
    assert found[10] < found[50] < found[100]
    for percent in (0, 101, float("nan")):
        with pytest.raises(AudiodiffError, match="is not above 0 and at most 100"):
            shares.write_share(out, percent)
    (out / "prepared/labels.csv").write_text("id,digit,speaker\nzero_0,zero,theo\n")
    with pytest.raises(AudiodiffError, match=r"labels.csv has no labels of 'zero_1'; add them"):
        shares.write_share(out, 10)
    (out / "prepared/train.txt").unlink()
    with pytest.raises(AudiodiffError, match="has no train.txt; run the stage prepare first"):
        shares.write_share(out, 10)


def test_copies_have_the_labels_and_stay(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    classical = script(monkeypatch, "classical")
    monkeypatch.setattr(classical, "changed", lambda wave, rate, seed: wave * (seed % 7) / 7)
    classical.write_copies(out / "prepared", out / "copies", 2)
    table = read_table([out / "copies"])
    ids = read_ids(out / "prepared/train.txt")
    assert list(table) == [f"{id_}-{i}" for i in range(2) for id_ in ids]
    assert table["zero_3-1"] == {"digit": "zero", "speaker": "theo"}
    before = {path: path.stat().st_mtime_ns for path in (out / "copies").glob("*.flac")}
    classical.write_copies(out / "prepared", out / "copies", 3)
    now = {path: path.stat().st_mtime_ns for path in (out / "copies").glob("*.flac")}
    assert len(now) == 3 * len(ids)
    assert before.items() < now.items()
    waves = [soundfile.read(out / f"copies/zero_0-{i}.flac")[0] for i in range(3)]
    assert not np.array_equal(waves[0], waves[1])
    (out / "prepared/labels.csv").write_text("id,digit\nzero_0,zero\n")
    with pytest.raises(AudiodiffError, match="labels.csv has no labels of 'zero_1'; add them"):
        classical.write_copies(out / "prepared", out / "more", 1)
    assert not (out / "more").exists()


def test_changes_follow_from_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("audiomentations")
    changed = script(monkeypatch, "classical").changed
    wave = voiced(0.3)
    first, other = changed(wave, RATE, 1), changed(wave, RATE, 2)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1
    np.testing.assert_array_equal(changed(wave, RATE, 1), first)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_every_set_has_its_row_and_what_is_there_stays(
    monkeypatch: pytest.MonkeyPatch, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generated_data = script(monkeypatch, "generated_data")
    script(monkeypatch, "shares").write_share(out, 50)
    with pytest.raises(AudiodiffError, match="share-25 is missing; run the recipe's stage shares"):
        generated_data.main(out, ["25"])
    generated_data.main(out, ["50"], seeds=1, set_=FEW)
    alone = capsys.readouterr().out
    made = out / "generated"
    made.mkdir()
    lines = []
    for n, (digit, speaker) in enumerate([*CLASSES.items()] * 2):
        save(made / f"{digit}-{n}.wav", voiced(0.15, 200 + n), RATE)
        lines.append(f"{digit}-{n},{digit},{speaker}")
    (made / "labels.csv").write_text("\n".join(["id,digit,speaker", *lines]))
    monkeypatch.setattr(
        generated_data, "SETS", {"and as many": ("generated", 1), "too few": ("generated", 5)}
    )
    generated_data.main(out, ["50"], seeds=1, set_=FEW)
    text = capsys.readouterr().out
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert rows == ["| learned from", "| recordings alone", "| and as many"]
    assert alone.splitlines()[-1] in text  # which is not trained again
    corpus = read_corpus([out / "share-50", out / "sets/generated-1-for-50"])
    assert (len(corpus.train), len(corpus.dev)) == (8, 2)
    kept = (out / "rows.jsonl").read_text()
    assert kept.count("\n") == 2
    generated_data.main(out, ["50"], seeds=1, set_=FEW)
    assert capsys.readouterr().out == text
    assert (out / "rows.jsonl").read_text() == kept
