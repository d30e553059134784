"""The demo's tab that edits recordings."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("gradio")

from gradio.state_holder import SessionState
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from quiet import quiet_garbage
from small_models import save_editor

from audiodiff import AudiodiffError
from audiodiff.demo.edit import (
    ALL,
    MARKED_SECONDS,
    PART,
    Asked,
    edited_by,
    editor_of,
    filling,
    marked,
    measured,
    upsampler_of,
    varying,
)
from audiodiff.demo.page import build
from audiodiff.demo.requests import check_inputs
from audiodiff.demo.work import MAX_SECONDS
from audiodiff.pipelines.edited import Continue
from audiodiff.pipelines.edited_whole import Upsample
from audiodiff.provenance.files import read_record

RATE = 16000
RUN = (2, 7)
"""Steps and a seed."""
LOADED = {Upsample: upsampler_of}
"""What does the edits that an editor does not."""


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("editor")
    save_editor(folder)
    return str(folder)


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two seconds in two channels of 24 bits."""
    path = tmp_path_factory.mktemp("recording") / "stereo.flac"
    t = np.arange(2 * RATE) / RATE
    wave = np.stack([0.2 * np.sin(2 * np.pi * hertz * t) for hertz in (150, 260)], 1)
    soundfile.write(path, wave, RATE, "PCM_24")
    return str(path)


def edited(asked: Asked, model: str, *values: Any) -> tuple[Any, ...]:
    """What a visitor gets at last."""
    first, *_, last = edited_by(asked, LOADED.get(asked, editor_of), model)(*values)
    assert first[:3] == (None, "the sound is being made", None)
    return last


def codes(path: str) -> np.ndarray:
    return soundfile.read(path, dtype="int32")[0]


def test_all_but_the_marked_part_stays_in_rate_and_depth(
    editor: str, stereo: str, uploads: Path
) -> None:
    made, said, picture, kept = edited(filling, editor, stereo, 0.5, 0.55, *RUN, [])
    assert said.startswith("made in ")
    assert said.endswith(" s; synthetic: from 0.5 to 0.55 s")
    info = soundfile.info(made)
    assert (info.samplerate, info.subtype) == (RATE, "PCM_24")
    (places,) = np.nonzero((codes(made) != codes(stereo)).any(1))
    assert 8000 <= places.min() < places.max() < 8800
    record = read_record(Path(made))
    assert record is not None
    assert (record.synthetic, record.steps, record.seed) == (((0.5, 0.55),), 2, 7)
    assert record.settings["edit"] == "inpaint"
    assert picture.axes[0].get_xlim() == (0, 1.55)
    assert len(picture.axes[0].lines) == len(picture.axes[1].lines) == 2
    edited(filling, editor, stereo, 0.5, 0.55, *RUN, kept)
    assert len(list(uploads.iterdir())) == 1  # the first one is gone


def test_a_gap_longer_than_the_model_knows_is_said_without_the_servers_folders(
    editor: str, stereo: str
) -> None:
    _, said, *_ = edited(filling, editor, stereo, 0.5, 1.5, *RUN, [])
    assert "; a gap of 1 s is longer than the 0.46 s of which the model has learned" in said
    assert "/" not in said


def test_a_sound_goes_on(editor: str, stereo: str) -> None:
    made, said, *_ = edited(Continue, editor, stereo, 0.3, *RUN, [])
    assert said.endswith("synthetic: from 2 to 2.3 s")
    assert len(codes(made)) == round(2.3 * RATE)
    assert np.array_equal(codes(made)[: 2 * RATE], codes(stereo))


def test_a_narrow_sound_is_made_wide(editor: str, stereo: str) -> None:
    made, said, picture, _ = edited(Upsample, editor, stereo, *RUN, [])
    assert "its spectrum ends at " in said
    info = soundfile.info(made)
    assert (info.samplerate, info.frames, info.subtype) == (22050, 44100, "PCM_24")
    before, after, *_ = picture.axes
    assert before.get_ylim() == after.get_ylim() == (0, 11.025)


def test_a_sound_or_its_marked_part_is_varied(editor: str, stereo: str) -> None:
    whole, said, *_ = edited(varying, editor, stereo, 0.4, ALL, 0.5, 0.6, *RUN, [])
    part, told, *_ = edited(varying, editor, stereo, 0.4, PART, 0.5, 0.6, *RUN, [])
    assert told.endswith("synthetic: from 0.5 to 0.6 s")
    for made, first, last in ((whole, 0, 2), (part, 0.5, 0.6)):
        info = soundfile.info(made)
        assert (info.samplerate, info.frames, info.subtype) == (RATE, 2 * RATE, "PCM_24")
        (places,) = np.nonzero((codes(made) != codes(stereo)).any(1))
        assert first * RATE <= places.min() < places.max() < last * RATE
        record = read_record(Path(made))
        assert record is not None
        assert (record.settings["edit"], record.settings["strength"]) == ("vary", 0.4)
    assert "synthetic: " in said
    (places,) = np.nonzero((codes(whole) != codes(stereo)).any(1))
    assert places.max() - places.min() > RATE


def test_a_new_sound_bounds_the_sliders_and_is_drawn(stereo: str) -> None:
    ((start, end, waveform),) = measured(stereo)
    assert start["maximum"] == end["maximum"] == 2.0
    assert end["value"] - start["value"] == pytest.approx(MARKED_SECONDS)
    assert waveform.axes[0].get_xlim() == (0, 2)
    (moved,) = marked(stereo, 0.2, 1.7)
    assert [line.get_xdata()[0] for line in moved.axes[0].lines] == [0.2, 1.7]
    ((start, end, waveform),) = measured(None)
    assert (start["maximum"], waveform) == (MAX_SECONDS, None)
    assert list(marked(None, 0.2, 1.7)) == [None]


@pytest.mark.parametrize("n_samples", [1, 5, 300])
def test_a_short_sound_has_a_marked_part_within_it(n_samples: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.full(n_samples, 0.1), 8000)
    ((start, end, _),) = measured(str(tmp_path / "short.wav"))
    assert 0 <= start["value"] <= end["value"] <= end["maximum"] <= max(0.001, n_samples / 8000)


def test_wrong_input_is_a_sentence(editor: str, stereo: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * (MAX_SECONDS + 1)), 8000)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    long = "'long.wav lasts 61 s and the limit here is 60; cut it, or use `audiodiff edit`"
    for sound, gap, sentence in (
        (None, (0.1, 0.2), "'there is nothing to work on; give a sound first"),
        (stereo, (0.5, 0.5), "'gap 0.5-0.5 s does not rise"),
        (stereo, (0.7, 0.5), "'gap 0.7-0.5 s does not rise"),
        (stereo, (1.5, 2.5), "'stereo.flac: gap 1.5-2.5 s ends after the sound"),
        (str(tmp_path / "bad.wav"), (0.1, 0.2), "'bad.wav cannot be read as sound"),
        (str(tmp_path / "long.wav"), (0.1, 0.2), long),
    ):
        with pytest.raises(Exception, match=sentence):
            list(edited_by(filling, editor_of, editor)(sound, *gap, *RUN, []))
    for sound, sentence in (
        (tmp_path / "bad.wav", "'bad.wav cannot"),
        (tmp_path / "long.wav", long),
    ):
        for drawn in (measured(str(sound)), marked(str(sound), 0.1, 0.2)):
            with pytest.raises(Exception, match=sentence):
                next(drawn)
    assert not list((tmp_path / "made").glob("*"))


def test_a_model_that_fills_gaps_has_a_tab_of_its_own_and_bounds(editor: str) -> None:
    with quiet_garbage():
        functions = {f.api_name: f for f in build([editor]).fns.values()}
    assert {"edit_inpaint", "edit_continue", "edit_upsample", "edit_vary"} <= set(functions)
    assert "generate" not in functions
    right = [None, 0.5, 0.6, 2, 0, []]
    inputs = [*functions["edit_inpaint"].inputs]
    check_inputs(inputs, right)
    for place, value, sentence in (
        (1, -0.1, "Start \\(s\\) is -0.1; give a number from 0 to 60"),
        (2, float("nan"), "End \\(s\\) is nan; give a number"),
        (3, 0, "Steps is 0; give a whole number from 1 to 32"),
    ):
        with pytest.raises(AudiodiffError, match=sentence):
            check_inputs(inputs, [*right[:place], value, *right[place + 1 :]])


@pytest.mark.slow
def test_the_page_edits_and_says_what_is_wrong(client: Client, stereo: str) -> None:
    made, said, picture = client.predict(
        handle_file(stereo), 0.5, 0.55, *RUN, api_name="/edit_inpaint"
    )
    assert said.endswith("synthetic: from 0.5 to 0.55 s")
    assert read_record(Path(made)) is not None  # the page serves the file as it is
    assert picture["type"] == "matplotlib"
    with pytest.raises(AppError, match=r"^gap 0.7-0.5 s does not rise"):
        client.predict(handle_file(stereo), 0.7, 0.5, *RUN, api_name="/edit_inpaint")
    with pytest.raises(AppError, match=r"Seconds is 11; give a number from 0.1 to 10"):
        client.predict(handle_file(stereo), 11, *RUN, api_name="/edit_continue")


@pytest.mark.slow
def test_a_visit_does_not_grow(editor: str, stereo: str) -> None:
    with quiet_garbage():
        page, kept = build([editor]), []
        functions = {f.fn.__name__: f for f in page.fns.values() if f.fn is not None}
        state = SessionState(page)
        for _ in range(3):
            for name, make in (
                ("measured", measured(stereo)),
                ("marked", marked(stereo, 0.2, 0.3)),
                (
                    "edited",
                    edited_by(filling, editor_of, editor)(stereo, 0.5, 0.51, *RUN, []),
                ),
            ):
                for made in make:
                    outputs = list(made) if isinstance(made, tuple) else made
                    asyncio.run(page.postprocess_data(functions[name], outputs, state))
            kept.append(len(state.config_values))
    assert kept[1] == kept[2] == kept[0]
