"""What is done to each clip: its level, its ends, its channels."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpora import prepared, put

from audiodiff.data.layouts import read_layout
from audiodiff.data.prepare_clip import _trimmed
from audiodiff.data.prepared import PrepareSettings


def test_loudness_and_trimming(tmp_path: Path) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    rate = 16000
    for seed in range(2):
        rng = np.random.default_rng(seed)
        wave = np.concatenate([np.zeros(rate), 0.02 * rng.standard_normal(2 * rate)])
        wave[: rate // 2] = 1e-6
        (tmp_path / "raw").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "raw" / f"{seed}.wav", wave, rate, subtype="FLOAT")
    settings = PrepareSettings(sample_rate=rate, loudness=-23.0, trim_db=40.0)
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "out", settings)
    made, _ = soundfile.read(tmp_path / "out" / "wavs" / "0.flac")
    assert found["0"].seconds == pytest.approx(2.0, abs=0.1)
    assert pyloudnorm.Meter(rate).integrated_loudness(made) == pytest.approx(-23.0, abs=0.1)
    quiet = PrepareSettings(sample_rate=rate, loudness=-2.0)
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "loud", quiet)
    assert "under the loudness, for its peaks" in found["0"].remarks[0]
    assert found["0"].peak_db == pytest.approx(0.0, abs=0.05)


def test_what_has_no_loudness_keeps_its_level(tmp_path: Path) -> None:
    pytest.importorskip("pyloudnorm")
    put(tmp_path / "raw" / "good.wav", 0)
    put(tmp_path / "raw" / "other.wav", 1)
    put(tmp_path / "raw" / "short.wav", 2, seconds=0.3)
    hum = 0.0009 * np.sin(2 * np.pi * 20 * np.arange(44100) / 22050)
    soundfile.write(tmp_path / "raw" / "hum.wav", hum, 22050, subtype="PCM_24")
    settings = PrepareSettings(sample_rate=22050, min_seconds=0.2, loudness=-23.0)
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "out", settings)
    assert found["short"].remarks == (
        "under 0.4 s, too short to have a loudness, so its level is kept",
    )
    assert found["hum"].remarks == ("below the gate of -70 LUFS, so its level is kept",)
    for name, peak in (("short", 0.31), ("hum", 0.0009)):
        made, _ = soundfile.read(tmp_path / "out" / "wavs" / f"{name}.flac")
        assert np.abs(made).max() == pytest.approx(peak, rel=0.1)


def test_hum_goes_and_the_level_rises_as_far_as_peaks_allow(tmp_path: Path) -> None:
    time = np.arange(32000) / 16000
    swell = np.sin(np.pi * time / 2) ** 2
    tone, hum = (swell * np.sin(2 * np.pi * frequency * time) for frequency in (500, 10))
    (tmp_path / "raw").mkdir()
    for name, level in (("quiet", 0.1), ("loud", 0.6)):
        soundfile.write(tmp_path / "raw" / f"{name}.wav", level * tone + 0.3 * hum, 16000)
    settings = PrepareSettings(sample_rate=16000, high_pass=60.0, gain_db=6.0)
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "out", settings)
    made, _ = soundfile.read(tmp_path / "out" / "wavs" / "quiet.flac")
    np.testing.assert_allclose(made, 0.1 * 10 ** (6 / 20) * tone, atol=1e-3)
    assert found["quiet"].remarks == ()
    assert found["loud"].peak_db == pytest.approx(0.0, abs=0.02)
    assert found["loud"].remarks == ("1.6 dB under the gain, for its peaks",)
    lowered = PrepareSettings(sample_rate=16000, gain_db=-20.0)
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "low", lowered)
    assert found["quiet"].peak_db == pytest.approx(-28.0, abs=0.1)


def test_channels_of_opposite_phase_are_remarked(tmp_path: Path) -> None:
    put(tmp_path / "raw" / "good.wav", 0)
    wave = 0.3 * np.sin(np.arange(22050) / 9)
    soundfile.write(tmp_path / "raw" / "wide.wav", np.stack([wave, -wave], 1), 22050)
    found = prepared(read_layout("folder", tmp_path / "raw", None), tmp_path / "out")
    assert found["wide"].remarks == ("2 channels of opposite phase, only the loudest kept",)
    assert found["wide"].peak_db == pytest.approx(-10.5, abs=0.1)


@pytest.mark.parametrize("n", [4000, 30_001, 51_200])
def test_trimming_is_librosas(n: int) -> None:
    from librosa.effects import trim

    rng = np.random.default_rng(n)
    wave = (0.1 * rng.standard_normal(n) * np.hanning(n) ** 6).astype(np.float32)
    for trim_db in (20.0, 40.0, 60.0):
        np.testing.assert_array_equal(_trimmed(wave, trim_db), trim(wave, top_db=trim_db)[0])
