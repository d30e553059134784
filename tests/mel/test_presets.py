from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from audiodiff.audio.io import load
from audiodiff.mel.check import check_mel
from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.presets import PRESETS

REFERENCES = {
    "hifigan": 1e-4,
    "bigvgan-24k": 1e-4,
    "vocos": 1e-4,
    "speecht5": 1e-4,
    "lmnt-diffwave": 1e-5,
    "lmnt-wavegrad": 1e-5,
}


@pytest.mark.parametrize(("name", "tolerance"), REFERENCES.items())
def test_presets_match_the_public_implementations(
    shared: Path, name: str, tolerance: float
) -> None:
    config = PRESETS[name]
    with np.load(shared / "parity" / "mels.npz") as arrays:
        rate = int(arrays[f"rate/{name}"])
        wave = torch.from_numpy(arrays[f"wave/{rate}"])[None]
        expected = torch.from_numpy(arrays[f"mel/{name}"])[None]
    assert config.sample_rate == rate
    assert config.n_frames(wave.shape[-1]) == expected.shape[-1]
    torch.testing.assert_close(LogMel(config)(wave), expected, rtol=0, atol=tolerance)
    check_mel(expected, config, name)


@pytest.mark.parametrize(
    ("name", "pair"),
    [("tacotron2", "tacotron2_LJ050-0270"), ("vocos", "vocos_1089_134686_000002_000000")],
)
def test_presets_match_the_mels_of_real_pipelines(shared: Path, name: str, pair: str) -> None:
    # Both agree in framing (centred), padding (reflection) and scale. What is left is rounding: the
    # STFT's float32 error is a part of a frame's loudest bin, so bands far below it differ most.
    config = PRESETS[name]
    wave, rate = load(shared / "parity" / "pairs" / f"{pair}.wav")
    expected = torch.from_numpy(np.load(shared / "parity" / "pairs" / f"{pair}.npy"))
    assert rate == config.sample_rate
    mel = LogMel(config)(torch.from_numpy(wave)[None])[0]
    assert mel.shape == expected.shape
    difference = (mel - expected).abs()
    assert difference.mean() < 5e-6
    assert difference.max() < 2e-3
    linear = (config.amplitude(mel) - config.amplitude(expected)).abs()
    assert (linear / config.amplitude(expected).amax(dim=0)).max() < 1e-5


def test_the_tacotron2_pair_is_not_a_hifigan_mel(shared: Path) -> None:
    # The difference that the preset's comment states: half a hop and one frame.
    folder = shared / "parity" / "pairs"
    wave, _ = load(folder / "tacotron2_LJ050-0270.wav")
    expected = torch.from_numpy(np.load(folder / "tacotron2_LJ050-0270.npy"))
    mel = LogMel(PRESETS["hifigan"])(torch.from_numpy(wave)[None])[0]
    assert mel.shape[-1] == expected.shape[-1] - 1
    assert (mel - expected[:, :-1]).abs().mean() == pytest.approx(0.27, abs=0.01)


def librosa_mel(wave: Tensor, **overrides: object) -> np.ndarray:
    """The filterbank's output by librosa's own route, in float64."""
    settings: dict[str, object] = {
        "sr": 22050,
        "n_fft": 1024,
        "hop_length": 256,
        "win_length": 1024,
        "n_mels": 80,
        "window": "hann",
        "power": 1.0,
        "pad_mode": "reflect",
    }
    return librosa.feature.melspectrogram(y=wave[0].double().numpy(), **(settings | overrides))


def assert_mel(name: str, wave: Tensor, expected: np.ndarray) -> None:
    mel = LogMel(PRESETS[name])(wave.double())[0]
    torch.testing.assert_close(mel, torch.from_numpy(expected), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["tacotron2", "speechbrain"])
def test_centred_natural_log_presets_match_librosa(speech: Tensor, name: str) -> None:
    assert_mel(name, speech, np.log(np.maximum(librosa_mel(speech, fmin=0, fmax=8000), 1e-5)))


def test_nemo_matches_librosa(speech: Tensor) -> None:
    padded = torch.from_numpy(np.pad(speech.numpy(), ((0, 0), (384, 384)), mode="reflect"))
    symmetric = np.hanning(1024)
    linear = librosa_mel(padded, fmin=0, fmax=8000, window=symmetric, center=False)
    assert_mel("nemo", speech, np.log(np.maximum(linear, 1e-5)))


@pytest.mark.parametrize(
    ("name", "pad_mode", "floor"), [("espnet", "reflect", 1e-10), ("fastdiff", "constant", 1e-6)]
)
def test_common_log_presets_match_librosa(
    speech: Tensor, name: str, pad_mode: str, floor: float
) -> None:
    linear = librosa_mel(speech, fmin=80, fmax=7600, pad_mode=pad_mode)
    assert_mel(name, speech, np.log10(np.maximum(linear, floor)))


def test_coqui_matches_librosa(speech: Tensor) -> None:
    decibels = 20 * np.log10(np.maximum(librosa_mel(speech, fmin=0, fmax=None), 1e-8)) - 20
    expected = np.clip((decibels + 100) / 100 * 8 - 4, -4, 4)
    assert_mel("coqui", speech, expected)


def test_energies_match_librosa(speech: Tensor) -> None:
    config = PRESETS["espnet"].model_copy(update={"power": 2, "filterbank": "htk"})
    linear = librosa_mel(speech, fmin=80, fmax=7600, power=2.0, htk=True, norm=None)
    mel = LogMel(config)(speech.double())
    torch.testing.assert_close(
        mel[0], torch.from_numpy(np.log10(np.maximum(linear, 1e-10))), rtol=0, atol=2e-5
    )
    expected = torch.from_numpy(linear).sqrt()
    torch.testing.assert_close(config.amplitude(mel)[0], expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", PRESETS)
def test_filterbanks_are_torchaudios(name: str) -> None:
    config = PRESETS[name]
    kind = "slaney" if config.filterbank == "slaney" else None
    expected = melscale_fbanks(
        config.n_fft // 2 + 1,
        config.f_min,
        config.highest_frequency,
        config.n_mels,
        config.sample_rate,
        norm=kind,
        mel_scale=kind or "htk",
    ).T
    # torchaudio works in float32: its band edges are off by some 1e-5 of a bin.
    atol = 2e-5 * expected.max().item()
    torch.testing.assert_close(config.filterbank_matrix(), expected, rtol=0, atol=atol)


def test_configs_survive_json() -> None:
    for name, config in PRESETS.items():
        assert MelConfig.model_validate_json(config.model_dump_json()) == config, name
