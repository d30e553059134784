"""Files through a vocoder, of any length."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from small_models import small_config, untrained

from audiodiff.audio import io, reader
from audiodiff.errors import AudiodiffError
from audiodiff.pipelines import files, reading
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system.jobs import Job


def noise(n_samples: int, n_channels: int = 1) -> np.ndarray:
    return 0.2 * np.random.default_rng(0).standard_normal((n_samples, n_channels))


@pytest.mark.parametrize("rate", [22050, 16000])
def test_a_long_sound_is_read_made_and_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    vocoder = Vocoder(untrained(small_config()))
    wave = noise(30001)
    soundfile.write(tmp_path / "a.wav", np.concatenate([wave, -wave], 1), rate, subtype="FLOAT")
    expected, _ = io.load(tmp_path / "a.wav", 22050)
    whole = reading.own_mel_of(vocoder, torch.from_numpy(expected))
    monkeypatch.setattr(reading, "WHOLE_SECONDS", 0)
    monkeypatch.setattr(reader, "_BLOCK", 5000)
    monkeypatch.setattr(io, "read_wave", lambda *given: pytest.fail("it was read as a whole"))
    own = reading.read_sound(vocoder, tmp_path / "a.wav", 6.0)
    assert own.n_samples == whole.n_samples == len(expected)
    torch.testing.assert_close(own.mel, whole.mel, atol=1e-4, rtol=0)
    job, made = Job(tmp_path / "a.wav", tmp_path / "b.wav"), []
    result = files.vocode_file(
        vocoder, job, files.VocodeSettings(rate=24000), lambda _, *seconds: made.append(seconds)
    )
    info = soundfile.info(tmp_path / "b.wav")
    assert (info.samplerate, info.channels, info.subtype) == (24000, 1, "PCM_16")
    assert info.frames == round(len(expected) * 24000 / 22050)
    assert result.seconds == pytest.approx(info.frames / 24000)
    assert sum(seconds for seconds, _ in made) == pytest.approx(len(expected) / 22050)
    assert {whole for _, whole in made} == {len(expected) / 22050}


def test_a_sound_that_ends_early_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WHOLE_SECONDS", 0)
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(30000), 22050)
    path.write_bytes(path.read_bytes()[:20000])
    job = Job(path, tmp_path / "out" / "a.wav")
    with pytest.raises(AudiodiffError, match="a.flac"):
        files.vocode_file(
            Vocoder(untrained(small_config())), job, files.VocodeSettings(), lambda *_: None
        )
    assert not (tmp_path / "out").exists()


def test_pieces_make_the_file_that_the_whole_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = np.clip(6 * noise(5000)[:, 0], -1.5, 1.5).astype(np.float32)
    clipped = io.save(tmp_path / "whole.wav", wave, 16000)
    made = io.save_pieces(tmp_path / "pieces.wav", np.array_split(wave, 7), 16000)
    assert made == (5000, clipped)
    assert clipped
    assert (tmp_path / "pieces.wav").read_bytes() == (tmp_path / "whole.wav").read_bytes()
    with pytest.raises(AudiodiffError, match="none.wav would hold no sample"):
        io.save_pieces(tmp_path / "none.wav", [], 16000)
    monkeypatch.setattr(io, "MAX_WAV_SAMPLES", 4000)
    with pytest.raises(AudiodiffError, match="exceeds the 4 GB of a wav file"):
        io.save_pieces(tmp_path / "none.wav", np.array_split(wave, 7), 16000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pieces.wav", "whole.wav"]
