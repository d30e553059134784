"""The sounds of the pages are there, small, and made by the models of this package."""

import re
from pathlib import Path

import pytest
import soundfile

from audiodiff.model.found import weights_sha256
from audiodiff.model.hub import model_directory
from audiodiff.provenance.files import read_record

DOCS = Path(__file__).parents[1] / "docs"
SOUNDS = sorted((DOCS / "sounds").iterdir())
MADE = {"default": "default", "filled": "speech-edit", "wide": "speech-edit", "seven": "digits"}
"""The model of a sound, by the last word of its name; other sounds are made by none."""


def named(page: str) -> list[str]:
    """The sounds that a page links to, in order."""
    return re.findall(r"\]\(sounds/([^)]+)\)", (DOCS / page).read_text(encoding="utf-8"))


def test_every_sound_is_named_by_a_page_and_is_there() -> None:
    assert {*named("listen.md"), *named("blind.md")} == {path.name for path in SOUNDS}


def test_the_sounds_are_small() -> None:
    assert sum(path.stat().st_size for path in SOUNDS) < 600_000


@pytest.mark.parametrize("path", SOUNDS, ids=lambda path: path.stem)
def test_a_sound_can_be_heard_and_says_which_model_made_it(path: Path) -> None:
    wave, rate = soundfile.read(path)
    assert path.suffix == ".flac"  # which all browsers play
    assert wave.ndim == 1
    assert 0.5 < len(wave) / rate < 2
    assert abs(wave).max() > 0.05
    record, model = read_record(path), MADE.get(path.stem.rsplit("-", 1)[1])
    assert (record.model if record else None) == model
    if record and model:
        current = weights_sha256(model_directory(model))
        assert record.weights == current, "an older model made it; run docs/site/sounds.py"


def test_each_blind_pair_is_a_recording_and_as_long_a_sound_of_its_mel() -> None:
    sounds = named("blind.md")
    pairs = list(zip(sounds[::2], sounds[1::2], strict=True))
    assert len(pairs) == 8
    for recording, made in pairs:
        assert recording.removesuffix("-recording.flac") == made.removesuffix("-default.flac")
        lengths = {soundfile.info(DOCS / "sounds" / name).frames for name in (recording, made)}
        assert len(lengths) == 1
