"""The demo's tab of sounds made from labels."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

pytest.importorskip("gradio")

from gradio.state_holder import SessionState
from gradio_client import Client
from gradio_client.exceptions import AppError
from quiet import quiet_garbage
from small_models import LABELLED, UNCONDITIONAL, WORDED, small_config, untrained

from audiodiff import AudiodiffError, Generator
from audiodiff.demo.generate import ANY, N_SOUNDS, made_by, scales_up_to, seeds_at
from audiodiff.demo.page import build
from audiodiff.demo.requests import check_inputs
from audiodiff.provenance.files import read_record

KINDS = ["digit", "speaker"]
ASKED = (2.0, 3, 7)
"""A scale, steps and a seed."""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("labelled")
    untrained(small_config(**LABELLED)).save(folder)
    return str(folder)


def names(players: list[Any]) -> list[str]:
    return [player.label for player in players if player.value is not None]


def test_sounds_come_one_after_another_and_are_those_of_their_seeds(
    labelled: str, uploads: Path
) -> None:
    steps = list(made_by(labelled, KINDS, seeds_at)(*ASKED, [], "one", ANY))
    assert [said for said, *_ in steps] == [f"sound {i} of 8" for i in range(1, 9)] + [""]
    assert [len(names(players)) for _, _, _, *players in steps] == [*range(8), 8]
    _, picture, files, *players = steps[-1]
    assert names(players) == [f"seed {seed}" for seed in range(7, 15)]
    assert len(picture.axes) == N_SOUNDS
    assert {str(path) for path in uploads.iterdir()} == set(files)
    generator = Generator.from_pretrained(labelled)
    expected = generator.generate(2, {"digit": "one"}, 2.0, seed=8, n_steps=3)
    for file, wave in zip(files[1:3], expected, strict=True):
        record = read_record(Path(file))
        assert record is not None
        assert (record.labels, record.steps) == ({"digit": "one"}, 3)
        made, rate = soundfile.read(file, dtype="float32")
        assert rate == generator.sample_rate
        torch.testing.assert_close(torch.from_numpy(made), wave.clamp(-1, 1), rtol=0, atol=2**-14)
    list(made_by(labelled, KINDS, seeds_at)(*ASKED, files, ANY, ANY))
    assert len(list(uploads.iterdir())) == N_SOUNDS  # the first ones are gone


def test_scales_are_compared_on_one_seed(labelled: str) -> None:
    made = made_by(labelled, KINDS, scales_up_to)
    *_, (_, _, files, *players) = made(3.5, 3, 7, [], "one", "theo")
    assert names(players) == [f"scale {i / 2:.2g}" for i in range(8)]
    generator = Generator.from_pretrained(labelled)
    label = {"digit": "one", "speaker": "theo"}
    for i in (0, 7):
        found, _ = soundfile.read(files[i], dtype="float32")
        wave = generator.generate(1, label, i / 2, seed=7, n_steps=3)[0].clamp(-1, 1)
        torch.testing.assert_close(torch.from_numpy(found), wave, rtol=0, atol=2**-14)
    with pytest.raises(Exception, match="scales differ only with a label; choose one"):
        next(made(*ASKED, [], ANY, ANY))


def test_a_model_without_labels_or_guidance_has_neither_to_choose(tmp_path: Path) -> None:
    untrained(small_config(**UNCONDITIONAL)).save(tmp_path / "plain")
    with quiet_garbage():
        page = build([str(tmp_path / "plain")])
        assert "vocode" not in {function.api_name for function in page.fns.values()}
        (function,) = (f for f in page.fns.values() if f.api_name == "generate")
    assert [(block.label, block.visible) for block in function.inputs[:3]] == [
        ("Guidance scale", False),
        ("Steps", True),
        ("Seed", True),
    ]
    assert len(function.inputs) == 4
    *_, (said, _, files, *_) = made_by(str(tmp_path / "plain"), [], seeds_at)(1.0, 2, 0, [])
    assert said == ""
    assert len(files) == N_SOUNDS


def test_a_model_of_texts_has_a_box_for_one(tmp_path: Path) -> None:
    name = str(tmp_path / "worded")
    untrained(small_config(**WORDED)).save(tmp_path / "worded")
    with quiet_garbage():
        pages = build([name]).fns.values()
    (function,) = (f for f in pages if f.api_name == "generate")
    assert [block.label for block in function.inputs[4:]] == ["Text", "What it should not be"]
    with pytest.raises(AudiodiffError, match="Text is 'xxx.*; give a text of at most 40 char"):
        check_inputs([*function.inputs], [1.0, 2, 0, [], "x" * 41, ""])
    check_inputs([*function.inputs], [1.0, 2, 0, [], "nine", ""])
    *_, (_, _, files, *_) = made_by(name, [], seeds_at)(*ASKED, [], "nine", "six")
    record = read_record(Path(files[1]))
    assert record is not None
    assert record.settings == {"text": "nine", "negative_text": "six"}
    generator = Generator.from_pretrained(name)
    wave = generator.generate(1, None, 2.0, seed=8, n_steps=3, text="nine", negative_text="six")[0]
    made, _ = soundfile.read(files[1], dtype="float32")
    torch.testing.assert_close(torch.from_numpy(made), wave.clamp(-1, 1), rtol=0, atol=2**-14)
    with pytest.raises(Exception, match="scales differ only with a text; give one"):
        next(made_by(name, [], scales_up_to)(*ASKED, [], "", ""))


def test_several_models_have_a_tab_each(labelled: str, tmp_path: Path) -> None:
    untrained(small_config(**UNCONDITIONAL)).save(tmp_path / "plain")
    with quiet_garbage():
        page = build(["default", labelled, str(tmp_path / "plain")])
        endpoints = {function.api_name for function in page.fns.values()}
        tabs = {
            block.label
            for block in page.blocks.values()
            if hasattr(block, "elem_id") and type(block).__name__ == "Tab"
        }
    assert {"vocode", "generate", "generate_scales", "generate_2"} <= endpoints
    assert {f"Generate: {labelled}", f"Generate: {tmp_path / 'plain'}", "Vocode"} <= tabs
    with quiet_garbage(), pytest.raises(AudiodiffError, match="nowhere"):
        build(["default", "nowhere"])


def test_wrong_values_are_refused_by_their_labels(labelled: str) -> None:
    with quiet_garbage():
        pages = build([labelled]).fns.values()
    (function,) = (f for f in pages if f.api_name == "generate")
    right = [2.5, 3, 0, [], "one", ANY]
    check_inputs([*function.inputs], right)
    for place, value, sentence in (
        (0, float("nan"), "Guidance scale is nan; give a number from 0 to 8.0"),
        (0, 9, "Guidance scale is 9; give a number from 0 to 8.0"),
        (0, "2", "Guidance scale is '2'; give a number"),
        (0, None, "Guidance scale is empty; give a number"),
        (1, 2.5, "Steps is 2.5; give a whole number from 1 to 32"),
        (2, -1, "Seed is -1; give a whole number from 0 to"),
        (4, "ten", "digit is 'ten'; choose from any, zero, one"),
        (5, ["theo"], "speaker is \\['theo'\\]; choose from any, jackson, theo"),
    ):
        wrong = [*right[:place], value, *right[place + 1 :]]
        with pytest.raises(AudiodiffError, match=sentence):
            check_inputs([*function.inputs], wrong)


@pytest.mark.slow
def test_the_page_generates_and_says_what_is_wrong(client: Client) -> None:
    said, picture, *players = client.predict(2.0, 2, 0, "one", "theo", api_name="/generate")
    assert said == ""
    assert picture["type"] == "matplotlib"
    assert len(players) == N_SOUNDS
    assert soundfile.info(players[0]["value"]).frames == LABELLED["sampling"]["n_samples"]
    with pytest.raises(AppError, match="scales differ only with a label; choose one"):
        client.predict(2.0, 2, 0, ANY, ANY, api_name="/generate_scales")
    with pytest.raises(AppError, match="digit is 'ten'; choose from any, zero, one"):
        client.predict(2.0, 2, 0, "ten", ANY, api_name="/generate")


@pytest.mark.slow
def test_a_visit_does_not_grow(labelled: str) -> None:
    with quiet_garbage():
        page, kept = build([labelled]), []
        (function,) = (f for f in page.fns.values() if f.api_name == "generate")
        state = SessionState(page)
        for _ in range(3):
            for outputs in made_by(labelled, KINDS, seeds_at)(*ASKED, [], "one", ANY):
                asyncio.run(page.postprocess_data(function, outputs, state))
            kept.append(len(state.config_values))
    assert kept[1] == kept[2] == kept[0]
