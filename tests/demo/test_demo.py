"""The demo: its work by itself, and its page by Gradio's client."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("gradio")

from gradio.state_holder import SessionState
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from quiet import quiet_garbage

from audiodiff.demo.compare import compare, judge, new_trial
from audiodiff.demo.page import build, vocode
from audiodiff.demo.parts import new_file
from audiodiff.demo.server import launch
from audiodiff.demo.work import MAX_SECONDS, OWN, Choice, figures, griffin_lim, read, run
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.provenance.files import read_record

CLIP = Path(__file__).parents[2] / "examples" / "arctic_a0016.wav"
RUN = (OWN, 2, OWN, OWN, 0)
"""A preset, steps, a sampler, times and a seed, as the page has them at first."""


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    return Vocoder.from_pretrained("default")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of speech."""
    wave, rate = soundfile.read(CLIP)
    path = tmp_path_factory.mktemp("short") / "short.wav"
    soundfile.write(path, wave[rate : 2 * rate], rate)
    return path


def test_a_run_step_by_step_ends_where_a_call_does(vocoder: Vocoder, short: Path) -> None:
    given = read(vocoder, str(short))
    assert given.wave is not None
    steps = list(run(vocoder, given, Choice(4, seed=3)))
    assert [step.n for step in steps] == [1, 2, 3, 4]
    assert [step.t for step in steps] == sorted((step.t for step in steps), reverse=True)
    expected = vocoder(given.mel, 4, seed=3)[0, : len(given.wave)]
    torch.testing.assert_close(steps[-1].wave, expected, atol=1e-5, rtol=0)
    ours = figures(given, steps[-1].wave, vocoder.sample_rate)
    theirs = figures(given, griffin_lim(vocoder, given), vocoder.sample_rate)
    assert ours["PESQ"] > theirs["PESQ"] > 1.5


def test_a_mel_is_read_too_and_what_is_too_long_or_missing_is_refused(
    vocoder: Vocoder, tmp_path: Path, short: Path
) -> None:
    mel = read(vocoder, str(short)).mel
    np.save(tmp_path / "mel.npy", mel[0].numpy())
    given = read(vocoder, str(tmp_path / "mel.npy"))
    assert given.wave is None
    assert torch.equal(given.mel, mel)
    assert figures(given, torch.zeros(10), vocoder.sample_rate) == {}
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * (MAX_SECONDS + 1)), 8000)
    with pytest.raises(AudiodiffError, match="long.wav lasts 61 s and the limit here is 60"):
        read(vocoder, str(tmp_path / "long.wav"))
    with pytest.raises(AudiodiffError, match="there is nothing to work on"):
        read(vocoder, None)


def test_a_mel_is_measured_before_it_is_converted(vocoder: Vocoder, tmp_path: Path) -> None:
    np.save(tmp_path / "long.npy", np.zeros((80, 6000), np.float32))  # too loud for vocos
    with pytest.raises(AudiodiffError, match="long.npy lasts 64 s and the limit here is 60"):
        read(vocoder, str(tmp_path / "long.npy"), "vocos")


def test_a_mel_of_one_frame_gives_sound(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.full((80, 1), -5, np.float32))
    *_, (sound, said, picture, _) = vocode("default", None, str(tmp_path / "one.npy"), *RUN, [])
    assert soundfile.info(sound).frames == 256
    assert "real-time factor" in said
    assert picture.axes


def test_a_figure_that_is_not_defined_is_a_word(
    vocoder: Vocoder, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said_of(wave: np.ndarray) -> str:
        soundfile.write(tmp_path / "clip.wav", wave, 22050)
        return [
            said for _, said, *_ in vocode("default", str(tmp_path / "clip.wav"), None, *RUN, [])
        ][-1]

    speech, _ = soundfile.read(short)
    assert said_of(speech[:4000]).endswith("; too short for PESQ, ESTOI, M-STFT, mel error")
    assert said_of(np.zeros(22050)).endswith("; no speech for PESQ, ESTOI, M-STFT")
    monkeypatch.setitem(sys.modules, "pesq", None)  # an import of it fails
    assert said_of(speech).endswith("; pesq is missing for PESQ")
    *_, last = compare("default", str(short), None, OWN, ["1 step"], {})
    assert last[1][0][:2] == ["1 step", "pesq is missing"]


def test_an_address_that_cannot_be_listened_on_is_said_with_our_options() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AudiodiffError, match=rf"127.0.0.1 at port {port} .*another --port, or"):
            launch(["default"], "127.0.0.1", port)
    with pytest.raises(AudiodiffError, match="cannot listen on nowhere.invalid .* as --host an"):
        launch(["default"], "nowhere.invalid", 7860)


@pytest.mark.slow
def test_the_page_vocodes_at_the_level_that_the_sound_has(client: Client, short: Path) -> None:
    sound, said, picture = client.predict(
        "default", handle_file(short), None, *RUN, api_name="/vocode"
    )
    made, rate = soundfile.read(sound)
    original, _ = soundfile.read(short)
    assert rate == 22050
    assert abs(np.abs(made).max() / np.abs(original).max() - 1) < 0.3
    assert "real-time factor" in said
    assert "PESQ" in said
    assert picture["type"] == "matplotlib"


@pytest.mark.slow
def test_the_page_compares_and_shows_a_run(client: Client, short: Path) -> None:
    chosen = ["1 step", "Griffin-Lim, 32 iterations"]
    table, *players = client.predict(
        "default", handle_file(short), None, OWN, chosen, api_name="/compare"
    )
    assert [row[0] for row in table["data"]] == chosen
    assert table["data"][0][1] > table["data"][1][1]  # PESQ
    assert [player["visible"] for player in players[:3]] == [True, True, False]
    _, gallery = client.predict("default", handle_file(short), None, *RUN, api_name="/steps")
    assert [image["caption"].split(",")[0] for image in gallery] == ["step 1", "step 2"]


@pytest.mark.slow
def test_the_page_says_what_a_mel_is(client: Client, vocoder: Vocoder, tmp_path: Path) -> None:
    mel = vocoder.mel(torch.randn(1, 22050) / 10)[0]
    np.save(tmp_path / "mel.npy", mel.numpy().T)
    said = client.predict("default", handle_file(tmp_path / "mel.npy"), api_name="/doctor")
    assert "(frames, n_mels)" in said or "transpose" in said.lower()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no sound", "cannot be read as sound"), (b"", "is empty")],
)
@pytest.mark.slow
def test_a_bad_file_is_a_sentence_in_the_page(
    client: Client, tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    file = handle_file(tmp_path / "bad.wav")
    with pytest.raises(AppError, match=sentence):
        client.predict("default", file, None, *RUN, api_name="/vocode")
    with pytest.raises(AppError, match="there is nothing to work on"):
        client.predict("default", None, None, *RUN, api_name="/vocode")


@pytest.mark.slow
def test_two_visitors_at_once_get_what_each_would_alone(demo_url: str, short: Path) -> None:
    def visit(seed: int) -> bytes:
        visitor = Client(demo_url, verbose=False)
        words = ("default", handle_file(short), None, *RUN[:-1], seed)
        return Path(visitor.predict(*words, api_name="/vocode")[0]).read_bytes()

    alone = [visit(seed) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(visit, (0, 1))) == alone
    assert alone[0] != alone[1]


def test_files_go_when_they_are_replaced_or_old(short: Path, uploads: Path) -> None:
    given = ("default", str(short), None, *RUN)
    first = [files for *_, files in vocode(*given, [])][-1]
    assert len(list(uploads.iterdir())) == 1
    record = read_record(Path(first[0]))
    assert record is not None
    assert (record.model, record.steps, record.seed) == ("default", 2, 0)
    second = [files for *_, files in vocode(*given, first)][-1]
    assert list(uploads.iterdir()) == [Path(second[0])]
    os.utime(second[0], (0, 0))
    assert new_file(".wav").parent == uploads
    assert not Path(second[0]).exists()


def components_after(
    visits: int, name: str, make: Callable[[], Iterator[Sequence[Any]]]
) -> list[int]:
    """How many components Gradio keeps for a visitor after each of some equal visits."""
    page, kept = build(), []
    (function,) = (f for f in page.fns.values() if f.api_name == name)
    state = SessionState(page)
    for _ in range(visits):
        for outputs in make():
            asyncio.run(page.postprocess_data(function, list(outputs), state))
        kept.append(len(state.config_values))
    return kept


@pytest.mark.slow
def test_a_visit_does_not_grow(short: Path) -> None:
    given = ("default", str(short), None)
    with quiet_garbage():
        for name, make in (
            ("vocode", lambda: vocode(*given, *RUN, [])),
            ("compare", lambda: compare(*given, OWN, ["1 step"], {})),
        ):
            first, *later = components_after(3, name, make)
            assert later == [first, first], name


def test_a_blind_test_keeps_the_score() -> None:
    made = {"one": "one.wav", "other": "other.wav"}
    hidden, a, x, b, _ = new_trial(made, "one", "other")
    assert x == (a if hidden == "A" else b)
    trials = {"made": 3, "right": 1}
    over, trials, said = judge(hidden, hidden, trials)
    assert over == ""
    assert said == "Right: 2 of 4 right so far."
    _, trials, said = judge("A", "B", trials)
    assert said == "X was A: 2 of 5 right so far."
