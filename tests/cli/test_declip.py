"""`edit declip`: found, restored, made softer, or copied."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import Run, files
from recordings import recording

from audiodiff.provenance.files import read_record

LEVEL = 0.6
CLIP = Path(__file__).parents[2] / "examples" / "arctic_a0016.wav"


def clipped(path: Path, subtype: str, gain: float = 1.0) -> np.ndarray:
    """Speech with a peak of 0.9, in one channel clipped at `LEVEL`, then louder by a gain."""
    wave, rate = soundfile.read(CLIP, start=22050, frames=22050)
    wave = 0.9 * wave / np.abs(wave).max()
    wave = np.stack([wave, wave / 2], 1)
    soundfile.write(path, gain * np.clip(wave, -LEVEL, LEVEL), rate, subtype)
    return wave


@pytest.mark.parametrize(
    ("subtype", "made"), [("PCM_16", "PCM_24"), ("FLOAT", "FLOAT"), ("PCM_32", "PCM_32")]
)
def test_tops_are_restored(run: Run, tmp_path: Path, subtype: str, made: str) -> None:
    wave = clipped(tmp_path / "a.wav", subtype)
    result = run("edit", "declip", "a.wav", "-o", "out")
    assert (result.status, result.err.splitlines()[-1]) == (0, "1 written")
    assert "clipped tops were restored" in result.err
    after, rate = soundfile.read(tmp_path / "out/a.wav")
    assert soundfile.info(tmp_path / "out/a.wav").subtype == made
    before, rate_before = soundfile.read(tmp_path / "a.wav")
    assert rate == rate_before
    inside = np.abs(before) < LEVEL - 0.01
    assert np.array_equal(after[inside], before[inside])
    assert np.square(after - wave).sum() < np.square(before - wave).sum() / 4
    record = read_record(tmp_path / "out/a.wav")
    assert record is not None
    assert record.settings == {"edit": "declip", "gain": 1.0}
    assert record.synthetic != "all"


def test_sound_is_softer_where_its_tops_need_room(run: Run, tmp_path: Path) -> None:
    clipped(tmp_path / "a.wav", "PCM_16", 1 / LEVEL)
    before = soundfile.read(tmp_path / "a.wav")[0]
    result = run("edit", "declip", "a.wav", "-o", "out")
    assert "dB softer to fit them" in result.err
    after = soundfile.read(tmp_path / "out/a.wav")[0]
    assert 0.999 < np.abs(after).max() < 1
    # All of it by the same gain.
    inside = np.abs(before) < 0.9
    gain = after[inside] @ before[inside] / (before[inside] @ before[inside])
    assert np.abs(after[inside] - gain * before[inside]).max() < 1e-4


def test_what_is_not_clipped_is_copied(run: Run, tmp_path: Path) -> None:
    before = recording(tmp_path / "a.wav")
    result = run("edit", "declip", "a.wav", "-o", "out", "--no-provenance")
    assert "a.wav: no clipping was found, so the result is a copy" in result.err
    assert np.array_equal(soundfile.read(tmp_path / "out/a.wav", dtype="int32")[0], before)
    assert read_record(tmp_path / "out/a.wav") is None


def test_bad_recordings_are_one_sentence_each(run: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(99, np.nan), 8000, "FLOAT")
    (tmp_path / "b.wav").write_text("not sound")
    result = run("edit", "declip", "a.wav", "b.wav", "-o", "out")
    assert result.status == 2
    assert "a.wav holds NaN or infinity" in result.err
    assert "b.wav" in result.err
    assert files(tmp_path / "out") == []
