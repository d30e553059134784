"""What recipes/digits-text says of clips, and how it measures them."""

import itertools
import json
import random
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmark_scripts import RATE, voiced
from corpora import RECIPES, digits, prepared

from audiodiff import AudiodiffError
from audiodiff.data.captioned import read_captions
from audiodiff.data.layouts import DIGITS, read_layout
from audiodiff.data.prepared import PrepareSettings
from audiodiff.training.config import read_train_config

FOLDER = RECIPES / "digits-text"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


@pytest.fixture
def captions(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return import_module("captions")


@pytest.fixture
def phrases(captions: ModuleType) -> ModuleType:
    return import_module("phrases")


def test_what_is_held_out_is_not_trained_on(phrases: ModuleType) -> None:
    held_out = {f"{DIGITS.index(digit)}_{speaker}" for digit, speaker in phrases.HELD_OUT}
    assert {name.split("_")[1] for name in held_out} == set(SPEAKERS)
    test = (FOLDER / "splits/test.txt").read_text().split()
    assert set(test) == {f"*_{take}" for take in range(5)} | {f"{pair}_*" for pair in held_out}
    dev = (FOLDER / "splits/dev.txt").read_text().split()
    pairs = {f"{n}_{speaker}" for n in range(10) for speaker in SPEAKERS} - held_out
    assert sorted(dev) == sorted(f"{pair}_{take}" for pair in pairs for take in (5, 6))


def pattern_of(form: str) -> re.Pattern[str]:
    """What a form makes, whatever is in its slots."""
    parts = re.split(r"\{\w+\}", form)
    return re.compile(".*".join(map(re.escape, parts)) + r"\.?", re.IGNORECASE)


def test_no_training_text_has_a_tested_form_and_all_fit_the_model(phrases: ModuleType) -> None:
    trained = set()
    for digit, speaker, *directions in itertools.product(
        DIGITS, SPEAKERS, *[(-1, 0, 1)] * len(phrases.HOW)
    ):
        facts = phrases.Facts(digit, speaker, *directions)
        trained |= set(phrases.phrasings(facts, 4, random.Random(str(facts))))
    tested = [pattern_of(form.replace("{first}", "")) for form in phrases.TESTED]
    assert not [text for text in trained for form in tested if form.fullmatch(text)]
    assert len(trained) > 4000
    rng = random.Random(0)
    said = trained | {
        phrases.sentence(
            phrases.Facts("seven", "yweweler", 1, 1, -1), phrases.Facts._fields, [form], rng
        )
        for form in phrases.TESTED
        for _ in range(50)
    }
    n_bytes = read_train_config(FOLDER / "unet.toml").model.network.n_bytes
    assert n_bytes is not None
    assert max(len(text.encode()) for text in said) <= n_bytes


def test_a_sentence_tells_what_it_is_told(phrases: ModuleType) -> None:
    facts = phrases.Facts("seven", "theo", pitch=1, pace=-1)
    words = {name: phrases.HOW[name][direction] for name, direction in (("pitch", 1), ("pace", -1))}
    for n in range(200):
        told = [name for i, name in enumerate(phrases.Facts._fields) if n >> i & 1]
        forms = phrases.TRAINED if n % 2 else phrases.TESTED
        text = phrases.sentence(facts, told, forms, random.Random(n)).lower()
        assert ("seven" in text or "7" in text) == ("digit" in told), text
        assert ("theo" in text) == ("speaker" in told), text
        for name, possible in words.items():
            assert any(word in text for word in possible) == (name in told), text
        assert "{" not in text


def test_measures_are_those_of_the_word_without_silence(captions: ModuleType) -> None:
    word = voiced(0.4, 150)
    silence = np.zeros(RATE // 10, np.float32)
    found = captions.measured(np.concatenate([silence, word, silence, silence]), RATE)
    assert found.pitch == pytest.approx(158, abs=6)
    assert found.pace == pytest.approx(1 / 0.4, rel=0.1)
    assert found.loudness == pytest.approx(20 * np.log10(np.sqrt(np.mean(word**2))), abs=0.5)
    louder = captions.measured(2 * word, RATE)
    assert louder.loudness - found.loudness == pytest.approx(6, abs=0.5)
    for nothing in (silence, silence[:10], silence[:0]):
        assert np.isnan(captions.measured(nothing, RATE)).all()
    noise = 0.1 * np.random.default_rng(0).standard_normal(300).astype(np.float32)
    assert np.isfinite(captions.measured(noise, RATE).loudness)


def test_directions_are_thirds_of_comparable_clips(captions: ModuleType) -> None:
    labels, sounds = {}, {}
    for n in range(9):
        for speaker, shift in (("theo", 0), ("lucas", 1000)):
            id_ = f"{n}_{speaker}"
            labels[id_] = {"digit": "one" if n % 2 else "two", "speaker": speaker}
            sounds[id_] = captions.Measured(100 + n + shift, np.nan, -float(n))
    facts = captions.facts_of(labels, sounds)
    for speaker in ("theo", "lucas"):
        own = [facts[f"{n}_{speaker}"] for n in range(9)]
        assert [one.pitch for one in own] == [-1] * 3 + [0] * 3 + [1] * 3
        assert [one.loudness for one in own] == [1] * 3 + [0] * 3 + [-1] * 3
        assert {one.pace for one in own} == {0}
    assert facts["1_theo"][:2] == ("one", "theo")


def test_clips_are_captioned_again_with_the_same_texts(
    captions: ModuleType, phrases: ModuleType, tmp_path: Path
) -> None:
    digits(tmp_path / "raw")
    settings = PrepareSettings(sample_rate=22050, min_seconds=0.1)
    prepared(read_layout("digits", tmp_path / "raw", None), tmp_path / "out", settings)
    captions.write_captions(tmp_path / "out")
    found = read_captions([tmp_path / "out"])
    assert len(found) == 16
    assert {len(texts) for texts in found.values()} == {captions.N_TEXTS}
    text = (tmp_path / "out/captions.jsonl").read_text()
    assert json.loads(text.splitlines()[0])["id"] == "0_lucas_0"
    captions.write_captions(tmp_path / "out")
    assert (tmp_path / "out/captions.jsonl").read_text() == text
    (tmp_path / "out/labels.csv").write_text("id,digit\n0_lucas_0,zero\n")
    with pytest.raises(AudiodiffError, match="labels.csv has no digit or speaker of '0_lucas_0'"):
        captions.write_captions(tmp_path / "out")
