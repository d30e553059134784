"""The models of spoken digits in the package."""

from pathlib import Path

import pytest

from audiodiff import Generator, Run
from audiodiff.conditioning.parts import joined
from audiodiff.model.hub import PRETRAINED
from audiodiff.model.model import Model
from audiodiff.pipelines.sound_classifier import SoundClassifier
from audiodiff.training.config import read_train_config

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ("two", "three", "seven", "eight")


@pytest.fixture(scope="module")
def judge() -> SoundClassifier:
    return SoundClassifier.from_pretrained("digits-judge")


@pytest.mark.parametrize(("name", "megabytes"), [("digits", 8), ("digits-text", 10)])
def test_it_is_small_what_its_recipe_trains_and_its_licence_is_told(
    name: str, megabytes: int
) -> None:
    folder = PRETRAINED / name
    recipe = read_train_config(ROOT / "recipes" / name / "unet.toml")
    assert Model.load(folder).config == recipe.model
    assert (folder / "model.safetensors").stat().st_size < megabytes * 1e6
    assert "CC BY-SA 4.0" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["digits", "digits-text"])
def test_it_says_what_it_is_asked_for(name: str, judge: SoundClassifier) -> None:
    generator = Generator.from_pretrained(name)
    asked = [
        {"label": {"digit": digit, "speaker": "theo"}}
        if name == "digits"
        else {"text": f"Somebody hears theo: {digit}, spoken loudly"}
        for digit in DIGITS
    ]
    conds = joined([generator.condition(**one) for one in asked])
    heard = judge.probabilities(generator.make(conds, Run(seed=range(len(DIGITS)))))
    digits, speakers = (
        [judge.labels[kind][i] for i in heard[kind].argmax(1).tolist()]
        for kind in ("digit", "speaker")
    )
    assert sum(a == b for a, b in zip(digits, DIGITS, strict=True)) >= 3
    assert speakers == ["theo"] * len(DIGITS)
