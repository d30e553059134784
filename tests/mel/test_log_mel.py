import pytest
import torch
from torch import Tensor

from audiodiff.audio import frames
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.presets import PRESETS


def noise(samples: int, batch: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, samples, generator=generator)


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
