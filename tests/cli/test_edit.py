"""`edit`: files of any rate and depth, folders, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from certificates import sign_with, write_signer
from command_line import Run, files, write_tone
from small_models import infill_config, small_stft_config, untrained

from audiodiff import Editor
from audiodiff.pipelines import edited
from audiodiff.pipelines.gaps import Window
from audiodiff.provenance.files import read_record
from audiodiff.provenance.manifests import read_manifest

RATE = 16000


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor")
    untrained(small_stft_config()).save(folder / "vocoder")
    codec = {"kind": "mel", "vocoder": str(folder / "vocoder")}
    untrained(infill_config(codec=codec)).save(folder / "model")
    return folder / "model"


@pytest.fixture
def edit(run: Run, maker: Path) -> Callable[..., object]:
    return lambda *words: run("edit", *words, "--model", maker)


def recording(path: Path, subtype: str = "PCM_24", n: int = 2 * RATE) -> np.ndarray:
    rng = np.random.default_rng(1)
    t = np.arange(n) / RATE
    wave = np.stack([0.2 * np.sin(2 * np.pi * f * t) for f in (150, 260)], 1)
    soundfile.write(path, wave + 1e-3 * rng.standard_normal((n, 2)), RATE, subtype)
    return soundfile.read(path, dtype="int32")[0]


def changed(before: np.ndarray, path: Path) -> list[tuple[float, float]]:
    """Stretches of a file that differ from what it was, in seconds."""
    after = soundfile.read(path, dtype="int32")[0]
    differ = (after[: len(before)] != before).any(1)
    places = np.flatnonzero(differ)
    groups = np.split(places, np.flatnonzero(np.diff(places) > 100) + 1)
    return [(group[0] / RATE, (group[-1] + 1) / RATE) for group in groups if len(group)]


def test_gaps_are_filled_and_nothing_else_is_touched(edit: Run, tmp_path: Path) -> None:
    before = recording(tmp_path / "a.flac")
    result = edit("inpaint", "a.flac", "-o", "out", "--gap", "0.5-0.55", "--gap", "1.25-1.35")
    assert (result.status, result.err.splitlines()[-1]) == (0, "1 written")
    info = soundfile.info(tmp_path / "out/a.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "PCM_24")
    assert changed(before, tmp_path / "out/a.wav") == [(0.5, 0.55), (1.25, 1.35)]
    again = edit("inpaint", "a.flac", "-o", "out", "--gap", "0.5-0.55")
    assert again.err.splitlines()[-1] == "0 written, 1 there already (--overwrite makes them again)"


def test_a_result_says_which_parts_are_made(edit: Run, tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    edit("inpaint", "a.wav", "-o", "one", "--gap", "0.5-0.55", "--seed", 7)
    record = read_record(tmp_path / "one/a.wav")
    assert record is not None
    assert record.synthetic == ((0.5, 0.55),)
    assert record.seed == 7
    assert record.settings["edit"] == "inpaint"
    edit("continue", "one/a.wav", "-o", "two", "--seconds", 0.2)
    again = read_record(tmp_path / "two/a.wav")
    assert again is not None
    assert again.synthetic == ((0.5, 0.55), (2.0, 2.2))
    edit("inpaint", "two/a.wav", "-o", "copy", "--detect")
    copy = read_record(tmp_path / "copy/a.wav")
    assert copy is not None
    assert copy.synthetic == again.synthetic
    edit("inpaint", "a.wav", "-o", "three", "--gap", "0.5-0.55", "--no-provenance")
    assert read_record(tmp_path / "three/a.wav") is None


def test_one_seed_gives_one_file(edit: Run, tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    for out, seed in (("one", 3), ("two", 3), ("three", 4)):
        edit("inpaint", "a.wav", "-o", out, "--gap", "0.5-0.55", "--seed", seed)
    one, two, three = ((tmp_path / out / "a.wav").read_bytes() for out in ("one", "two", "three"))
    assert one == two != three


def test_one_channel_may_be_filled_alone(edit: Run, tmp_path: Path) -> None:
    before = recording(tmp_path / "a.wav")
    edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-0.55", "--channel", 2)
    after, _ = soundfile.read(tmp_path / "out/a.wav", dtype="int32")
    assert np.array_equal(after[:, 0], before[:, 0])
    assert changed(before, tmp_path / "out/a.wav") == [(0.5, 0.55)]
    result = edit("inpaint", "a.wav", "-o", "no", "--gap", "0.5-0.55", "--channel", 3)
    assert result.status == 2
    assert "channel=3 but a.wav has 2; count them from 1" in result.err


def test_a_file_of_gaps_is_that_many_options(edit: Run, tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "labels.txt").write_text("0.5\t0.55\tclick\n1.25\t1.35\tlost\n")
    edit("inpaint", "a.wav", "-o", "one", "--gaps", "labels.txt")
    edit("inpaint", "a.wav", "-o", "two", "--gap", "0.5-0.55", "--gap", "1.25-1.35")
    assert (tmp_path / "one/a.wav").read_bytes() == (tmp_path / "two/a.wav").read_bytes()


def test_edits_are_signed(edit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recording(tmp_path / "a.wav")
    sign_with(monkeypatch, *write_signer(tmp_path / "keys"))
    edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-0.55")
    assert changed(before, tmp_path / "out/a.wav") == [(0.5, 0.55)]
    found = read_manifest(tmp_path / "out/a.wav")
    assert found is not None
    assert found.state == "Valid"
    assert found.actions == ("c2pa.opened", "c2pa.edited (compositeWithTrainedAlgorithmicMedia)")
    # Nothing was done to a copy.
    edit("inpaint", "out/a.wav", "-o", "copy", "--detect")
    assert read_record(tmp_path / "copy/a.wav") is not None
    assert read_manifest(tmp_path / "copy/a.wav") is None


def test_dropouts_of_a_folder_are_found(edit: Run, tmp_path: Path) -> None:
    whole = recording(tmp_path / "a.wav")
    lost = whole.copy()
    lost[8000:8480] = 0
    (tmp_path / "in/sub").mkdir(parents=True)
    soundfile.write(tmp_path / "in/sub/lost.wav", lost, RATE, "PCM_24")
    soundfile.write(tmp_path / "in/whole.wav", whole, RATE, "PCM_24")
    result = edit("inpaint", "in", "-o", "out", "--detect")
    assert result.status == 0
    assert "in/whole.wav: no dropout was found, so the result is a copy" in result.err
    assert files(tmp_path / "out") == ["sub/lost.wav", "whole.wav"]
    assert changed(lost, tmp_path / "out/sub/lost.wav") == [(0.5, 0.53)]
    assert changed(whole, tmp_path / "out/whole.wav") == []


def test_a_recording_goes_on(edit: Run, tmp_path: Path) -> None:
    before = recording(tmp_path / "a.wav", n=RATE)
    result = edit("continue", "a.wav", "-o", "out", "--seconds", 0.6)
    assert result.status == 0
    assert "a gap of 0.6 s is longer than the 0.46 s of which the model has learned" in result.err
    after, _ = soundfile.read(tmp_path / "out/a.wav", dtype="int32")
    assert len(after) == RATE + 9600
    assert changed(before, tmp_path / "out/a.wav") == []
    assert after[RATE:].std() > 1e4


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gap", "1.5-2.5"), "a.wav: gap 1.5-2.5 s ends after the sound, which lasts 2 s"),
        (("--gap", "1.5-1.2"), "a.wav: gap 1.5-1.2 s does not rise from 0 or more"),
        (("--gap", "nan-1"), "gap 'nan-1' is not its start and its end in seconds; give e.g."),
        (("--gap", "0-1", "--gap", "0.5-2"), "a.wav: gaps 0-1 and 0.5-2 s overlap; give them as"),
        (("--gaps", "none.txt"), "none.txt cannot be read"),
        ((), "give the gaps by --gap, or by --gaps FILE, or let --detect find them"),
        (("--detect", "--gap", "0-1"), "give the gaps by --gap, or by --gaps FILE, or let"),
        (("--gap", "0-1", "--steps", 0), "--steps"),
    ],
)
def test_wrong_gaps_are_one_sentence(
    edit: Run, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    recording(tmp_path / "a.wav")
    result = edit("inpaint", "a.wav", "-o", "out", *words)
    assert result.status == 2
    assert said in result.err
    assert "Traceback" not in result.err
    assert files(tmp_path) == ["a.wav"]


def test_gaps_are_those_of_one_recording(edit: Run, tmp_path: Path) -> None:
    for name in ("in/a.wav", "in/b.wav"):
        write_tone(tmp_path / name)
    result = edit("inpaint", "in", "-o", "out", "--gap", "0.1-0.2")
    assert result.status == 2
    assert "2 recordings are given and gaps for one; edit them one by one, or use" in result.err


def test_a_gap_beyond_all_measure_is_refused(
    edit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edited, "MAX_GAP_SECONDS", 0.5)
    recording(tmp_path / "a.wav")
    result = edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-1.5")
    assert result.status == 2
    assert "a.wav: a gap of 1 s is too long; the limit is 0.5 s" in result.err


def test_floats_in_the_range_of_integers_are_refused(edit: Run, tmp_path: Path) -> None:
    wave = 3000 * np.ones(RATE, np.float32)
    soundfile.write(tmp_path / "a.wav", wave, RATE, "FLOAT")
    result = edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-0.6")
    assert result.status == 2
    assert "holds floats up to 3000, though full scale is 1" in result.err


def test_an_edit_that_was_cut_short_goes_on_where_it_was(
    edit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording(tmp_path / "a.wav", n=8 * RATE)
    gaps = [word for start in (1, 3, 5) for word in ("--gap", f"{start}-{start}.1")]
    edit("inpaint", "a.wav", "-o", "whole", *gaps)
    filled, calls = Editor.filled, list[int]()

    def killed(self: Editor, part: object, rate: int, window: Window, *others: object) -> object:
        calls.append(window.first)
        if len(calls) == 3:
            raise MemoryError
        return filled(self, part, rate, window, *others)

    monkeypatch.setattr(Editor, "filled", killed)
    assert edit("inpaint", "a.wav", "-o", "out", *gaps).status == 2
    assert not (tmp_path / "out/a.wav").exists()
    assert edit("inpaint", "a.wav", "-o", "out", *gaps).status == 0
    assert len(calls) == 4
    whole, again = (soundfile.read(tmp_path / out / "a.wav")[0] for out in ("whole", "out"))
    assert np.array_equal(whole, again)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.wav"]
