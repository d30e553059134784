"""`edit`: gaps in files of any rate and depth, folders, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from certificates import sign_with, write_signer
from command_line import Run, files, write_tone
from recordings import RATE, changed, recording

from audiodiff import Editor
from audiodiff.pipelines import edited
from audiodiff.pipelines.gaps import Window
from audiodiff.provenance.files import read_record
from audiodiff.provenance.manifests import read_manifest


def test_gaps_are_filled_and_nothing_else_is_touched(edit: Run, tmp_path: Path) -> None:
    before = recording(tmp_path / "a.flac")
    asked = ("inpaint", "a.flac", "-o", "out", "--gap", "0.5-0.55", "--gap", "1.25-1.35")
    result = edit(*asked)
    assert (result.status, result.err.splitlines()[-1]) == (0, "1 written")
    info = soundfile.info(tmp_path / "out/a.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "PCM_24")
    assert changed(before, tmp_path / "out/a.wav") == [(0.5, 0.55), (1.25, 1.35)]
    again = edit(*asked)
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


def test_what_another_edit_made_is_named(edit: Run, tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-0.55")
    same = edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-0.55")
    assert same.status == 0
    assert same.err.splitlines() == ["0 written, 1 there already (--overwrite makes them again)"]
    other = edit("inpaint", "a.wav", "-o", "out", "--gap", "0.5-0.6", "--seed", 1)
    assert (
        "warning: another run made 1 of the 1 there already, e.g. out/a.wav: "
        "seed 0, now 1, synthetic [[0.5, 0.55]], now [[0.5, 0.6]]; --overwrite makes them again"
    ) in other.err
    assert other.status == 2
    assert other.status == 2
    assert other.err.splitlines()[-1].endswith("give --overwrite or another --out")
    longer = edit("continue", "a.wav", "-o", "out", "--seconds", 0.5)
    assert "edit inpaint, now continue, seconds not given, now 0.5" in longer.err
    # What a recording tells is not known without reading it, and a copy was not edited.
    edit("inpaint", "out/a.wav", "-o", "copy", "--detect")
    for words in (("--detect",), ("--detect", "--seed", 1)):
        result = edit("inpaint", "out/a.wav", "-o", "copy", *words)
        assert result.err.splitlines()[-1].startswith("0 written, 1 there already")
        assert "another run" not in result.err


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gap", "1.5-2.5"), "a.wav: gap 1.5-2.5 s ends after the sound, which lasts 2 s"),
        (("--gap", "1.5-1.2"), "gap 1.5-1.2 s does not rise from 0 or more"),
        (("--gap", "nan-1"), "gap 'nan-1' is not its start and its end in seconds; give e.g."),
        (("--gap", "0-1", "--gap", "0.5-2"), "a.wav: gaps 0-1 and 0.5-2 s overlap; give them as"),
        (("--gaps", "none.txt"), "none.txt cannot be read"),
        ((), "give the gaps in one way: by --gap, by --gaps FILE, or by --detect"),
        (("--detect", "--gap", "0-1"), "give the gaps in one way: by --gap, by --gaps FILE, or by"),
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
