"""How much of what is made has a class that is rare."""

from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from benchmark_scripts import RATE, RECIPES, Script, voiced
from digits_run import LABELS, write_run

from audiodiff import AudiodiffError
from audiodiff.codecs import WaveformConfig
from audiodiff.codecs.mel import MelCodecConfig
from audiodiff.data.layouts import read_layout
from audiodiff.pipelines.sound_classifier import SoundClassifier


@pytest.fixture
def coverage(script: Script) -> ModuleType:
    return script("rare_classes")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of a recipe of digits, with one nine among the training clips."""
    write_run(tmp_path)
    ids = (tmp_path / "prepared/train.txt").read_text().split()
    (tmp_path / "prepared/train.txt").write_text("\n".join(ids[:-2]))
    return tmp_path


def test_nines_are_one_clip_in_a_hundred(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for digit in range(10):
        for take in range(50):
            (folder / f"{digit}_theo_{take}.wav").touch()
    lists = read_layout("digits", tmp_path, RECIPES / "digits-latent/rare").lists
    nines = [id_ for id_ in lists["train"] if id_.startswith("9")]
    assert nines == ["9_theo_49", "9_theo_7", "9_theo_8", "9_theo_9"]
    assert len(lists["train"]) == 9 * 43 + len(nines)
    assert len(lists["dev"]) == 20


def test_shares_are_counted_and_rows_stay(
    coverage: ModuleType, out: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(coverage, "STEPS", (1,))
    monkeypatch.setattr(coverage, "SCALES", (1.0,))
    places = (out / "unet/model", out / "prepared", out / "rare", "digit", str(out / "judge/model"))
    coverage.main(*places, student=[out / "unet/model"], n=3)
    text = capsys.readouterr().out
    assert "3 sounds a row, seeds 0 to 2; nine is 14.29 % of 7 training clips" in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    student = f"student {out / 'unet/model'}"
    assert [tuple(row[:2]) for row in rows[1:]] == [
        ("training clips", "-"),
        ("2 steps", "nothing"),
        ("1 steps", "nothing"),
        ("1 steps of ddpm", "nothing"),
        ("2 steps, scale 1", "the other labels"),
        ("2 steps, scale 1 at all noise levels", "the other labels"),
        ("1 steps, scale 1", "the other labels"),
        ("2 steps, scale 1", "the rare class"),
        (student, "nothing"),
        (student, "the other labels"),
    ]
    assert rows[2][2:] == rows[9][2:]  # the student is the model itself
    kept = (out / "rare/coverage.jsonl").read_text()
    coverage.main(*places, student=[out / "unet/model"], n=3)
    assert capsys.readouterr().out == text
    assert (out / "rare/coverage.jsonl").read_text() == kept
    with pytest.raises(AudiodiffError, match="--kind age: the judge, or labels.csv in .*prepared"):
        coverage.main(*places[:3], "age", places[4])


def test_what_is_asked_for_is_made_and_heard_by_its_mel(coverage: ModuleType, out: Path) -> None:
    judge = SoundClassifier.from_pretrained(out / "judge/model")
    counting = coverage.Coverage(out / "prepared", "digit", judge, 4)
    assert (counting.rare, round(counting.share, 3)) == ("nine", 0.143)
    codec = MelCodecConfig(mean=-6.0, std=3.0).build()
    generator = SimpleNamespace(labels=LABELS, model=SimpleNamespace(codec=codec))
    asked = [dict(labels) for labels in counting._asked(generator, "the other labels")]
    assert asked == [{"speaker": name} for name in ("theo", "jackson", "lucas")]
    assert counting._asked(generator, "the rare class") == [{"digit": "nine"}]
    wave = torch.from_numpy(voiced(16 * 256 / RATE))[None]
    heard = counting._heard(generator, codec.encode(wave))
    torch.testing.assert_close(heard["digit"].exp(), judge.probabilities(wave)["digit"])
    ears = SimpleNamespace(codec=WaveformConfig().build())
    with pytest.raises(AudiodiffError, match="hears no mels as the model makes them"):
        counting._heard(SimpleNamespace(model=ears), wave)


def test_shares_have_wilsons_interval(coverage: ModuleType) -> None:
    rows = [{"name": "a", "asked": "nothing", "heard": {"nine": 10, "one": 990}}]
    assert "| a | nothing | 1.0 (0.5 to 1.8) | 0.50 | 2 |" in coverage.table_of(rows, "nine", 0.02)
