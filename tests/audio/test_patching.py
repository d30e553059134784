"""Copies of sound files with some samples replaced."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiodiff.audio import patching, writer
from audiodiff.audio.patching import Patch, patched
from audiodiff.audio.reader import opened
from audiodiff.errors import AudiodiffError

RATE = 44100
PATCH = np.linspace(-0.5, 0.5, 2 * 300).reshape(2, 300)


def recording(path: Path, subtype: str, n: int = 5000) -> np.ndarray:
    """A stereo file of all codes that its format has."""
    rng = np.random.default_rng(0)
    wave = rng.integers(-(2**31), 2**31, (n, 2)).astype(np.int32)
    if subtype in ("FLOAT", "DOUBLE"):
        soundfile.write(path, 3 * rng.standard_normal((n, 2)), RATE, subtype)
    else:
        soundfile.write(path, wave, RATE, subtype)
    return read(path)


def read(path: Path) -> np.ndarray:
    kinds = {"FLOAT": "float32", "DOUBLE": "float64"}
    return soundfile.read(path, dtype=kinds.get(soundfile.info(path).subtype, "int32"))[0]


@pytest.mark.parametrize(
    ("name", "subtype", "bits"),
    [
        ("a.wav", "PCM_U8", 8),
        ("a.wav", "PCM_16", 16),
        ("a.wav", "PCM_24", 24),
        ("a.wav", "PCM_32", 32),
        ("a.wav", "FLOAT", 24),
        ("a.wav", "DOUBLE", 53),
        ("a.flac", "PCM_16", 16),
        ("a.flac", "PCM_24", 24),
    ],
)
def test_all_but_the_patch_is_as_it_was(tmp_path: Path, name: str, subtype: str, bits: int) -> None:
    before = recording(tmp_path / name, subtype)
    patched(tmp_path / name, tmp_path / "out/b.wav", [Patch(1000, PATCH)], 1.0)
    info = soundfile.info(tmp_path / "out/b.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, subtype)
    after = read(tmp_path / "out/b.wav")
    assert np.array_equal(after[:1000], before[:1000])
    assert np.array_equal(after[1300:], before[1300:])
    made, _ = soundfile.read(tmp_path / "out/b.wav")
    np.testing.assert_allclose(made[1000:1300], PATCH.T, rtol=0, atol=0.51 * 2.0 ** (1 - bits))


@pytest.mark.parametrize("block", [64, 2**20])
def test_patches_may_lie_across_blocks_and_after_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(patching, "BLOCK", block)
    before = recording(tmp_path / "a.wav", "PCM_16", 1000)
    patches = [Patch(900, PATCH), Patch(10, PATCH[:, :5])]
    patched(tmp_path / "a.wav", tmp_path / "b.wav", patches, 1.0)
    after = read(tmp_path / "b.wav")
    assert len(after) == 1200
    assert np.array_equal(after[15:900], before[15:900])
    codes = np.rint(PATCH.T * 32768).astype(np.int32) << 16
    assert np.array_equal(after[900:], codes)
    assert np.array_equal(after[10:15], codes[:5])


def test_beyond_full_scale_is_clipped(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav", "PCM_16", 100)
    patched(tmp_path / "a.wav", tmp_path / "b.wav", [Patch(0, 9 * PATCH[:, :100])], 1.0)
    made, _ = soundfile.read(tmp_path / "b.wav", dtype="int16")
    assert made.min() == -32768
    assert made.max() == 32767
    assert abs(made[50, 1] - 9 * PATCH[1, 50] * 32768) < 1


def test_a_lossy_file_is_decoded(tmp_path: Path) -> None:
    wave = np.sin(np.arange(RATE) / 20) / 2
    soundfile.write(tmp_path / "a.ogg", wave, RATE)
    patched(tmp_path / "a.ogg", tmp_path / "b.wav", [Patch(500, np.zeros((1, 100)))], 1.0)
    decoded, made = (soundfile.read(tmp_path / name)[0] for name in ("a.ogg", "b.wav"))
    np.testing.assert_allclose(made[600:], decoded[600:], rtol=0, atol=2**-14)
    assert not made[500:600].any()


def test_four_gigabytes_become_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MAX_WAV_BYTES", 1000)
    before = recording(tmp_path / "a.wav", "PCM_16")
    patched(tmp_path / "a.wav", tmp_path / "b.wav", [], 1.0)
    assert (tmp_path / "b.wav").read_bytes()[:4] == b"RF64"
    assert np.array_equal(read(tmp_path / "b.wav"), before)
    with opened(tmp_path / "b.wav") as sound:
        assert sound.n_samples == len(before)


def test_a_copy_that_was_not_written_whole_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording(tmp_path / "a.wav", "PCM_16")

    def full(file: soundfile.SoundFile, block: np.ndarray) -> None:
        return write(file, block[:10])

    write = soundfile.SoundFile.write
    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(AudiodiffError, match="b.wav was not written as it should be; free space"):
        patched(tmp_path / "a.wav", tmp_path / "b.wav", [], 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording(tmp_path / "a.wav", "PCM_16")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(AudiodiffError, match=r"cannot write .*b\.wav: No space left on device"):
        patched(tmp_path / "a.wav", tmp_path / "b.wav", [], 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
