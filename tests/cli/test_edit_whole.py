"""`edit` of whole recordings: made wide, varied, in another style, with less noise."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import Run, files, write_tone
from recordings import RATE, changed, recording

from audiodiff.provenance import watermark
from audiodiff.provenance.files import read_record


def test_a_narrow_recording_is_made_wide(edit: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.wav", rng.standard_normal((8000, 2)) / 20, 8000)
    soundfile.write(tmp_path / "wide.wav", rng.standard_normal(RATE * 2) / 20, 2 * RATE)
    result = edit("upsample", "a.wav", "wide.wav", "-o", "out")
    assert result.status == 1
    assert "a.wav: its spectrum ends at 4000 Hz; what is above is made" in result.err
    assert "wide.wav holds sound up to 16000 Hz and the model makes it up to 11025" in result.err
    assert files(tmp_path / "out") == ["a.wav"]
    info = soundfile.info(tmp_path / "out/a.wav")
    assert (info.samplerate, info.channels, info.subtype) == (22050, 2, "PCM_24")
    assert info.frames == 22050


def test_who_knows_the_bandwidth_says_it(edit: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.wav", rng.standard_normal(16000) / 20, 16000)
    result = edit("upsample", "a.wav", "-o", "out", "--bandwidth", 4000)
    assert (result.status, result.err.splitlines()) == (0, ["1 written"])
    record = read_record(tmp_path / "out/a.wav")
    assert record is not None
    assert {"bandwidth": 4000, "above_hz": 4000}.items() <= record.settings.items()
    other = edit("upsample", "a.wav", "-o", "out", "--bandwidth", 5000)
    assert "bandwidth 4000.0, now 5000.0" in other.err
    wrong = edit("upsample", "a.wav", "-o", "other", "--bandwidth", 9000)
    assert wrong.status == 2
    assert "a.wav of 16000 Hz holds nothing above 8000 Hz; give at most that" in wrong.err


@pytest.mark.parametrize("words", [("vary",), ("style", "--like", "b.wav")])
def test_a_recording_that_is_made_anew_may_be_marked(
    edit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(watermark, "check_installed", lambda: None)
    before = recording(tmp_path / "a.wav")
    write_tone(tmp_path / "b.wav")
    marked = list[int]()

    def constant(pieces: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
        for piece in pieces:
            marked.append(len(piece))
            yield np.full(len(piece), 0.25, np.float32)

    monkeypatch.setattr(watermark, "marked", constant)
    result = edit(*words, "a.wav", "-o", "out", "--watermark")
    assert result.status == 0
    assert sum(marked) == before.size
    after, _ = soundfile.read(tmp_path / "out/a.wav")
    assert after.shape == before.shape
    assert np.all(after == 0.25)
    record = read_record(tmp_path / "out/a.wav")
    assert record is not None
    assert record.settings["watermark"] == "perth"


def test_a_part_is_not_marked(edit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "check_installed", lambda: None)
    recording(tmp_path / "a.wav")
    result = edit("vary", "a.wav", "-o", "out", "--interval", "0.5-0.7", "--watermark")
    assert result.status == 2
    assert "--watermark would change what --interval leaves as it was recorded" in result.err


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (("vary", "--strength", 0.2), {"edit": "vary", "strength": 0.2, "steps": 16}),
        (("vary", "--steps", 3), {"edit": "vary", "strength": 0.1, "steps": 3}),
        (("style", "--like", "b.wav"), {"edit": "style", "strength": 0.1, "steps": 16}),
        (("denoise",), {"edit": "denoise", "steps": 2}),
    ],
)
def test_a_whole_recording_is_made_anew_at_its_own_rate_and_depth(
    edit: Run, tmp_path: Path, words: tuple[str, ...], settings: dict[str, object]
) -> None:
    before = recording(tmp_path / "a.flac")
    write_tone(tmp_path / "b.wav")
    result = edit(*words, "a.flac", "-o", "out")
    assert (result.status, result.err.splitlines()[-1]) == (0, "1 written")
    info = soundfile.info(tmp_path / "out/a.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "PCM_24")
    assert info.frames == len(before)
    record = read_record(tmp_path / "out/a.wav")
    assert record is not None
    assert record.synthetic == ((0.0, 2.0),)
    assert settings.items() <= (record.settings | {"steps": record.steps}).items()


def test_a_part_is_varied_alone(edit: Run, tmp_path: Path) -> None:
    before = recording(tmp_path / "a.wav")
    edit("vary", "a.wav", "-o", "out", "--interval", "0.5-0.7")
    [(start, end)] = changed(before, tmp_path / "out/a.wav")
    assert 0.5 <= start < 0.505
    assert 0.695 < end <= 0.7
    record = read_record(tmp_path / "out/a.wav")
    assert record is not None
    assert record.synthetic == ((0.5, 0.7),)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vary", "--strength", 0), "--strength"),
        (("vary", "--strength", "nan"), "--strength"),
        (("vary", "--interval", "1.5-2.5"), "gap 1.5-2.5 s ends after the sound"),
        (("vary", "--interval", "soon"), "'soon' is not its start and its end in seconds"),
        (("style", "--like", "none.wav"), "none.wav does not exist"),
        (("style", "--like", "silent.wav"), "silent.wav is silent, so it has no style"),
        (("style", "--like", "text.wav"), "text.wav"),
        (("style",), "--like"),
    ],
)
def test_wrong_changes_are_one_sentence(
    edit: Run, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    recording(tmp_path / "a.wav")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    (tmp_path / "text.wav").write_text("no sound")
    result = edit(*words, "a.wav", "-o", "out")
    assert result.status == 2
    assert said in " ".join(result.err.split())
    assert "Traceback" not in result.err
    assert not (tmp_path / "out").exists() or files(tmp_path / "out") == []


@pytest.mark.parametrize("words", [("vary",), ("denoise",), ("upsample",)])
def test_floats_that_are_no_sound_are_refused(
    edit: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    wave = np.sin(np.arange(RATE) / 20).astype(np.float32) / 10
    wave[500] = np.nan
    soundfile.write(tmp_path / "nan.wav", wave, RATE, "FLOAT")
    soundfile.write(tmp_path / "loud.wav", 3000 * np.nan_to_num(wave) * 10, RATE, "FLOAT")
    result = edit(*words, "nan.wav", "loud.wav", "-o", "out")
    assert result.status == 2
    assert "nan.wav" in result.err
    assert "loud.wav holds floats up to 3000, though full scale is 1" in result.err
    assert "Traceback" not in result.err
