"""Sound files whose headers, sizes or channels are not as they should be."""

import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiodiff.audio import reader
from audiodiff.audio.io import load
from audiodiff.errors import AudiodiffError

RATE = 16000
WAVE = (0.1 * np.sin(np.arange(8000) / 9)).astype(np.float32)


def wav_bytes(wave: np.ndarray = WAVE, kind: str = "WAV", subtype: str = "PCM_16") -> bytearray:
    encoded = io.BytesIO()
    soundfile.write(encoded, wave, RATE, format=kind, subtype=subtype)
    return bytearray(encoded.getvalue())


def with_sizes(content: bytearray, riff: int, data: int) -> bytes:
    place = content.index(b"data")
    content[4:8], content[place + 4 : place + 8] = struct.pack("<I", riff), struct.pack("<I", data)
    return bytes(content)


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "IMA_ADPCM"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
def test_a_cut_wav_is_one_sentence(tmp_path: Path, kind: str, subtype: str) -> None:
    if kind != "WAV" and subtype == "IMA_ADPCM":
        return  # which only a plain wav can hold
    whole = bytes(wav_bytes(kind=kind, subtype=subtype))
    assert len(load(put(tmp_path / "a.wav", whole))[0]) >= len(WAVE)
    for n in (len(whole) // 2, len(whole) - 100):
        with pytest.raises(AudiodiffError, match=r"a\.wav is cut off: its header promises \d+ b"):
            load(put(tmp_path / "a.wav", whole[:n]))


def test_a_cut_big_endian_wav_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, WAVE, RATE, endian="BIG")
    np.testing.assert_allclose(load(path)[0], WAVE, atol=1e-4)
    put(path, path.read_bytes()[:8000])
    with pytest.raises(AudiodiffError, match="promises 16000 bytes of samples and 79.. are there"):
        load(path)


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0, 0),
        (8, 0),
        (36, 0),
        (2**32 - 1, 0),
        (2**32 - 1, 2**32 - 1),
        (2**32 - 1, 2**32 - 37),
        (2**31 - 1, 2**31 - 1),
        (2**31 + 35, 2**31),
        (2**31 - 2**12, 2**31 - 2**12),
        (16036, 16044),  # a header that counts itself
    ],
)
def test_a_stream_that_was_never_closed_is_read_to_its_end(
    tmp_path: Path, riff: int, data: int
) -> None:
    path = put(tmp_path / "a.wav", with_sizes(wav_bytes(), riff, data))
    wave, rate = load(path)
    np.testing.assert_allclose(wave, WAVE, atol=1e-4)
    assert rate == RATE


def test_a_wav_of_no_samples_is_called_so(tmp_path: Path) -> None:
    content = with_sizes(wav_bytes(WAVE[:0]), 36, 0)
    with pytest.raises(AudiodiffError, match="a header and no samples"):
        load(put(tmp_path / "a.wav", content))
    after = content + b"LIST\4\0\0\0INFO"
    with pytest.raises(AudiodiffError, match="a header and no samples"):
        load(put(tmp_path / "a.wav", after[:4] + struct.pack("<I", len(after) - 8) + after[8:]))


def test_chunks_around_the_samples_are_no_samples(tmp_path: Path) -> None:
    content = wav_bytes()
    place = content.index(b"data")
    content[place:place] = b"LIST\3\0\0\0abc\0"
    content += b"LIST\4\0\0\0INFO"
    content[4:8] = struct.pack("<I", len(content) - 8)
    assert len(load(put(tmp_path / "a.wav", bytes(content)))[0]) == len(WAVE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_a_named_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    content = bytes(wav_bytes())
    pipe = tmp_path / "pipe.wav"
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
    assert len(load(pipe)[0]) == len(WAVE)


@pytest.mark.parametrize(("peak", "scale"), [(3000, 2**15), (2e6, 2**23), (2e9, 2**31)])
def test_integers_stored_as_floats_are_told_what_to_divide_by(
    tmp_path: Path, peak: float, scale: int
) -> None:
    soundfile.write(tmp_path / "a.wav", 10 * WAVE * peak, RATE, subtype="FLOAT")
    with pytest.raises(AudiodiffError, match=rf"full scale is 1; divide its samples by {scale}$"):
        load(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", 300 * WAVE, RATE, subtype="FLOAT")
    assert load(tmp_path / "a.wav")[0].max() > 29  # loud, but sound


def test_channels_of_opposite_phase_do_not_cancel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_BLOCK", 2000)
    soundfile.write(tmp_path / "a.wav", np.stack([-0.9 * WAVE, WAVE], 1), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(load(tmp_path / "a.wav")[0], WAVE)
    resampled, _ = load(tmp_path / "a.wav", 22050)
    assert np.abs(resampled).max() == pytest.approx(0.1, abs=0.01)
    # Nor is one channel taken where the others merely have nothing to do with it.
    noise = 0.1 * np.random.default_rng(0).standard_normal((8000, 5)).astype(np.float32)
    noise[:, 3:] = 0
    soundfile.write(tmp_path / "b.wav", noise, RATE, subtype="FLOAT")
    np.testing.assert_allclose(load(tmp_path / "b.wav")[0], noise.mean(axis=1), atol=1e-7)


def test_a_file_is_resampled_block_by_block_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.flac", WAVE, RATE)
    whole, _ = load(tmp_path / "a.flac", 22050)
    monkeypatch.setattr(reader, "_BLOCK", 999)
    np.testing.assert_array_equal(load(tmp_path / "a.flac", 22050)[0], whole)


def test_sizes_are_known_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "slow.wav", np.zeros(21000), 1, subtype="PCM_U8")
    soundfile.write(tmp_path / "long.flac", np.zeros(61 * RATE), RATE)
    monkeypatch.setattr(reader.SoundReader, "blocks", lambda *given: pytest.fail("it was read"))
    with pytest.raises(AudiodiffError, match=r"slow\.wav has a sample rate of 1 Hz, too low to be"):
        load(tmp_path / "slow.wav", 22050)
    with pytest.raises(AudiodiffError, match="lasts 61 s by its header and the limit is 60 s"):
        load(tmp_path / "long.flac", max_hours=1 / 60)
