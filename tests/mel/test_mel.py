from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from audiodiff.audio import frames
from audiodiff.audio.io import load
from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_mel, looks_like
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


def noise(samples: int, batch: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, samples, generator=generator)


@pytest.fixture(scope="module")
def speech(shared: Path) -> Tensor:
    with np.load(shared / "parity" / "mels.npz") as arrays:
        return torch.from_numpy(arrays["wave/22050"])[None]


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


@pytest.mark.parametrize("name", PRESETS)
def test_frames_are_as_many_as_promised(name: str) -> None:
    config = PRESETS[name]
    log_mel = LogMel(config)
    for samples in (max(config.min_samples, 300), 4096, 4097, 5119):
        mel = log_mel(noise(samples))
        assert mel.shape == (1, config.n_mels, config.n_frames(samples))
    if config.framing == "exact":
        assert config.n_frames(256 * 9) == 9


@pytest.mark.parametrize("name", PRESETS)
def test_a_wave_too_short_to_reflect_is_refused(name: str) -> None:
    config = PRESETS[name]
    log_mel = LogMel(config)
    assert log_mel(noise(config.min_samples)).shape[-1] >= 1
    if config.pad_mode == "zeros":
        return
    short = config.min_samples - 1
    with pytest.raises(AudiodiffError, match=f"{short} samples .* at least {short + 1}"):
        log_mel(noise(short))


def test_a_wave_without_a_batch_axis_is_refused() -> None:
    with pytest.raises(AudiodiffError, match=r"\(5000,\) but must be \(batch, samples\)"):
        PRESETS["hifigan"].check_wave(torch.zeros(5000))


@pytest.mark.parametrize("name", ["hifigan", "lmnt-wavegrad"])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    config = PRESETS[name]
    wave = noise(60000, batch=2)
    padded = frames.pad(wave, config.n_padding, config.pad_mode)
    whole = frames.stft(padded, config.stft_window(), config.hop_length)
    mel = LogMel(config)(wave)
    for n_frames in (1, 7, 32):
        monkeypatch.setattr(frames, "_BLOCK_SAMPLES", n_frames * 2 * config.n_fft)
        cut = list(frames.blocks(padded, config.n_fft, config.hop_length))
        assert len(cut) == -(-whole.shape[-1] // n_frames)
        parts = [frames.stft(part, config.stft_window(), config.hop_length) for part in cut]
        assert torch.equal(torch.cat(parts, dim=-1), whole)
        torch.testing.assert_close(LogMel(config)(wave), mel, rtol=0, atol=2e-6)


def test_a_long_wave_is_never_framed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    transform = frames.stft

    def spy(padded: Tensor, window: Tensor, hop_length: int) -> Tensor:
        spectrum = transform(padded, window, hop_length)
        sizes.append(spectrum.numel())
        return spectrum

    monkeypatch.setattr(frames, "stft", spy)
    minutes = LogMel(PRESETS["hifigan"])(noise(22050 * 120))
    assert minutes.shape[-1] == PRESETS["hifigan"].n_frames(22050 * 120)
    assert len(sizes) == 3
    assert max(sizes) <= 2**22


def test_items_of_a_batch_do_not_mix() -> None:
    log_mel = LogMel(PRESETS["hifigan"])
    wave = noise(8192, batch=3)
    alone = torch.cat([log_mel(item[None]) for item in wave])
    torch.testing.assert_close(log_mel(wave), alone, rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", ["periodic", "symmetric"])
def test_a_short_window_sits_in_the_middle_of_the_frame(kind: str) -> None:
    wave = noise(5000)
    window = frames.hann(300, 512, kind)  # type: ignore[arg-type]
    expected = torch.stft(
        wave,
        512,
        128,
        win_length=300,
        window=torch.hann_window(300, periodic=kind == "periodic"),
        center=True,
        return_complex=True,
    )
    padded = frames.pad(wave, 256, "reflect")
    torch.testing.assert_close(frames.stft(padded, window, 128), expected)


@pytest.mark.parametrize("name", ["hifigan", "tacotron2", "lmnt-diffwave"])
def test_gradients_are_right_and_finite_in_silence(name: str) -> None:
    sizes = {"n_fft": 16, "hop_length": 4, "win_length": 16, "n_mels": 3}
    values = PRESETS[name].model_dump() | sizes
    log_mel = LogMel(MelConfig.parse(values, name))
    wave = noise(40).double().requires_grad_()
    assert torch.autograd.gradcheck(log_mel, wave)
    silence = torch.zeros(1, 40, requires_grad=True)
    log_mel(silence).sum().backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()


def test_autocast_does_not_coarsen_the_mel(speech: Tensor) -> None:
    log_mel = LogMel(PRESETS["hifigan"])
    expected = log_mel(speech)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(log_mel(speech), expected)
    half = log_mel(speech.bfloat16())
    assert half.dtype == torch.float32


def test_buffers_are_not_in_checkpoints() -> None:
    assert LogMel(PRESETS["hifigan"]).state_dict() == {}


@pytest.mark.parametrize("name", PRESETS)
def test_amplitude_undoes_the_preset(name: str) -> None:
    config = PRESETS[name]
    linear = torch.tensor([2e-4, 0.03, 1.0, 7.0]).double()
    torch.testing.assert_close(config.amplitude(config.compress(linear)), linear)


@pytest.mark.parametrize("name", PRESETS)
def test_the_range_holds_silence_and_the_loudest_wave(name: str) -> None:
    config = PRESETS[name]
    least, greatest = config.value_range()
    silence = LogMel(config)(torch.zeros(1, 8192))
    assert silence.min().item() >= least - 1e-5
    time = torch.arange(8192) / config.sample_rate
    waves = torch.stack([torch.ones(8192), *(torch.sin(6.2832 * f * time) for f in (440, 3000))])
    mel = LogMel(config)(torch.cat([waves, torch.sign(noise(8192))]))
    assert mel.max().item() <= greatest
    # The bound is no use if it is far off: these waves come within a factor of 32 (3.5 nepers).
    bound, reached = config.amplitude(torch.tensor([greatest, mel.max().item()]))
    assert bound / reached < 32


def test_check_mel_gives_back_three_axes() -> None:
    mel = torch.full((80, 5), -4.0)
    assert torch.equal(check_mel(mel, PRESETS["hifigan"], "mel"), mel[None])
    assert check_mel(mel[None], PRESETS["hifigan"], "mel").shape == (1, 80, 5)


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (torch.zeros(80), r"a\.npy has shape \(80,\) but must be"),
        (torch.zeros(1, 1, 80, 5), r"but must be \(batch, n_mels, frames\)"),
        (torch.zeros(1, 70, 80), r"looks like \(batch, frames, n_mels\): transpose it"),
        (torch.zeros(70, 80), r"looks like \(frames, n_mels\): transpose it"),
        (torch.zeros(1, 100, 70), r"100 bands, but the preset has n_mels=80; compute it"),
        (torch.zeros(1, 80, 0), "holds no frames"),
        (torch.zeros(1, 80, 5, dtype=torch.int16), r"a\.npy is torch\.int16; give floats"),
        (torch.full((1, 80, 5), 30.0), r"\[30, 30\] but the preset gives \[-11\.51, 3\.225\]"),
    ],
)
def test_check_mel_names_the_fault(mel: Tensor, message: str) -> None:
    with pytest.raises(AudiodiffError, match=message):
        check_mel(mel, PRESETS["hifigan"], "a.npy")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_check_mel_counts_values_that_are_not_finite(value: float) -> None:
    mel = torch.zeros(1, 80, 5)
    mel[0, 3, 2] = mel[0, 7, 1] = value
    with pytest.raises(AudiodiffError, match=r"in 2 of 400 values, the first at index \(0, 3, 2\)"):
        check_mel(mel, PRESETS["hifigan"], "mel")


def test_check_mel_allows_what_models_predict_and_pipelines_pad() -> None:
    mel = torch.full((1, 80, 5), -11.52)
    check_mel(mel, PRESETS["nemo"], "mel")
    check_mel(mel - 1.9, PRESETS["nemo"], "mel")
    with pytest.raises(AudiodiffError, match=r"-13\.62"):
        check_mel(mel - 2.1, PRESETS["nemo"], "mel")
    with pytest.raises(AudiodiffError, match=r"\[0\.5, 1\.1\] but the preset gives \[0, 1\]"):
        check_mel(torch.linspace(0.5, 1.1, 400).view(80, 5), PRESETS["lmnt-diffwave"], "mel")


@pytest.mark.parametrize("made_by", PRESETS)
def test_looks_like_knows_each_preset_by_speech_with_silence(speech: Tensor, made_by: str) -> None:
    wave = torch.cat([speech, torch.zeros(1, 4096)], dim=-1)
    assert made_by in looks_like(LogMel(PRESETS[made_by])(wave))


@pytest.mark.parametrize(
    ("made_by", "said_to_be", "hint"),
    [
        ("vocos", "bigvgan-24k", "a mel of vocos"),
        ("tacotron2", "espnet", "a mel of hifigan or bigvgan-24k or tacotron2"),
        ("espnet", "fastdiff", "a mel of speecht5 or espnet"),
        ("hifigan", "coqui", "a mel of hifigan"),
        ("coqui", "lmnt-diffwave", "a mel of coqui"),
    ],
)
def test_check_mel_guesses_the_preset(
    speech: Tensor, made_by: str, said_to_be: str, hint: str
) -> None:
    wave = torch.cat([speech, torch.zeros(1, 4096)], dim=-1)
    mel = LogMel(PRESETS[made_by])(wave)
    with pytest.raises(AudiodiffError, match=hint):
        check_mel(mel, PRESETS[said_to_be], "mel")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"win_length": 2048}, "win_length=2048 must not exceed"),
        ({"f_max": 12000.0}, "f_max=12000.0 must rise from 0 to at most half of sample_rate=22050"),
        ({"f_min": 9000.0}, "f_min=9000.0"),
        ({"hop_length": 255}, "even n_fft - hop_length"),
        ({"hop_length": 0}, "hop_length: input should be greater than 0"),
        ({"hop_size": 256}, "hop_size: extra inputs"),
    ],
)
def test_impossible_configs_are_refused(change: dict[str, object], message: str) -> None:
    values = PRESETS["hifigan"].model_dump() | change
    with pytest.raises(AudiodiffError, match=message):
        MelConfig.parse(values, "config.json")


def test_configs_survive_json() -> None:
    for name, config in PRESETS.items():
        assert MelConfig.model_validate_json(config.model_dump_json()) == config, name
