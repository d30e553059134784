from pathlib import Path

import pytest
import torch
from small_models import small_config, small_stft_config, untrained
from torch import Tensor

from audiodiff._types import Codec
from audiodiff.audio.io import load
from audiodiff.codecs.stft import StftConfig
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.priors import Unit
from audiodiff.diffusion.schedules import VP
from audiodiff.errors import AudiodiffError
from audiodiff.guidance import Context, MelConsistency
from audiodiff.mel.log_mel import LogMel, MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.mel.projection import MelProjection
from audiodiff.model import ModelConfig, Run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "arctic_a0016.wav"
CODECS = {"waveform": WaveformConfig(), "stft": StftConfig()}
MELS = {"kind": "mel-consistency", "n_passes": 4}
INNER = slice(8, -8)
"""Frames that the ends of the wave do not touch."""


@pytest.fixture(scope="module")
def speech() -> Tensor:
    return torch.from_numpy(load(EXAMPLE, 22050)[0])[None, : 200 * 256]


def mel_of(wave: Tensor, config: MelConfig) -> Tensor:
    return LogMel(config)(wave)[..., : wave.shape[-1] // config.hop_length]


def mel_error(wave: Tensor, mel: Tensor, config: MelConfig) -> float:
    difference = config.nepers_per_unit * (mel_of(wave, config) - mel)
    return difference[..., INNER].abs().mean().item()


def discoloured(wave: Tensor) -> Tensor:
    """High frequencies three times louder than the low ones, and all of it quieter."""
    return 0.3 * (wave - 0.5 * wave.roll(1, -1))


def consistent(estimate: Tensor, codec: Codec, mel: Tensor, config: MelConfig, n: int) -> Tensor:
    """What becomes of an estimate in n passes."""
    n_samples = estimate.shape[-1]

    def denoise(x_t: Tensor, t: Tensor) -> Tensor:
        return codec.encode(estimate)

    context = Context(
        schedule=VP(),
        codec=codec,
        prior=Unit(),
        cond={"mel": mel},
        n_samples=n_samples,
        denoiser=lambda cond: denoise,
        mel=config,
        project=MelProjection(LogMel(config)),
    )
    if n:
        denoise = MelConsistency(n_passes=n)(denoise, context)
    like = codec.encode(torch.zeros_like(estimate))
    return codec.decode(denoise(like, torch.tensor([0.5], dtype=torch.float64)), n_samples)


@pytest.mark.parametrize("kind", CODECS)
@pytest.mark.parametrize("preset", ["hifigan", "tacotron2", "lmnt-diffwave"])
def test_passes_give_a_wrongly_coloured_sound_its_mel(
    speech: Tensor, preset: str, kind: str
) -> None:
    config = PRESETS[preset]
    codec = CODECS[kind].build(config)
    mel = mel_of(speech, config)
    errors = [
        mel_error(consistent(discoloured(speech), codec, mel, config, n), mel, config)
        for n in (0, 1, 4)
    ]
    assert errors[0] > 0.5
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.05 * errors[1]


def test_passes_give_noise_the_mel_of_speech(speech: Tensor) -> None:
    config = PRESETS["hifigan"]
    mel = mel_of(speech, config)
    white = 0.05 * torch.randn(speech.shape, generator=torch.Generator().manual_seed(0))
    project = MelProjection(LogMel(config))
    errors = [mel_error(project(white, mel, n), mel, config) for n in (0, 1, 2, 4, 8, 16)]
    assert sorted(errors, reverse=True) == errors
    assert errors[-1] < 0.1 * errors[0]


def test_passes_do_not_carry_rounding_far(speech: Tensor) -> None:
    """Two runtimes must come to the same sound, though their sums differ in the last bit."""
    config = PRESETS["hifigan"]
    mel, project = mel_of(speech, config), MelProjection(LogMel(config))
    generator = torch.Generator().manual_seed(0)
    white, change = (torch.randn(speech.shape, generator=generator) for _ in range(2))
    made = project(0.05 * white, mel, 96)
    other = project(0.05 * white * (1 + 1e-6 * change), mel, 96)
    assert (other - made).abs().max() < 1e-3 * made.abs().max()


def test_what_lies_below_the_mel_is_left_alone(speech: Tensor) -> None:
    config = PRESETS["espnet"]  # from 80 Hz on
    mel, project = mel_of(speech, config), MelProjection(LogMel(config))
    made = project(0.1 * speech + 0.001, mel, 16)
    assert made[:, 4096:-4096].mean().item() == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("kind", CODECS)
def test_a_sound_whose_mel_is_right_stays_as_it_is(speech: Tensor, kind: str) -> None:
    config = PRESETS["hifigan"]
    codec = CODECS[kind].build(config)
    made = consistent(speech, codec, mel_of(speech, config), config, 4)
    inner = slice(8 * 256, -8 * 256)
    difference = (made - speech)[:, inner].abs().max().item()
    assert difference < 1e-5 * speech.abs().max()


def states_of_a_run(config: ModelConfig, mel: Tensor, **sampling: object) -> list[Tensor]:
    """The waves after each step of a model whose config's sampling is changed so."""
    values = config.model_dump()
    changed = ModelConfig.parse(values | {"sampling": values["sampling"] | sampling}, "test")
    model = untrained(changed)
    n_samples = mel.shape[-1] * config.hop_length
    with torch.no_grad():
        like, tape = torch.zeros(len(mel), n_samples), NoiseTape([0] * len(mel), [0] * len(mel))
        states = model.states(like, {"mel": mel}, Run(), tape)
        return [model.codec.decode(x, n_samples) for x in states]


@pytest.mark.parametrize("config", [small_config(), small_stft_config()])
def test_a_models_last_step_alone_is_consistent(config: ModelConfig, speech: Tensor) -> None:
    mel = mel_of(speech, config.mel)
    first, last = states_of_a_run(config, mel, guidance=[MELS | {"steps": "last"}])
    expected_first, expected_last = states_of_a_run(config, mel)
    assert torch.equal(first, expected_first)
    assert mel_error(last, mel, config.mel) < 0.5 * mel_error(expected_last, mel, config.mel)


@pytest.mark.parametrize("config", [small_config(), small_stft_config()])
def test_estimates_between_calls_may_be_consistent_too(config: ModelConfig, speech: Tensor) -> None:
    # To so late a time that the state there is the estimate of the call before.
    mel, times = mel_of(speech, config.mel), (0.9, 1e-3, 0.0)
    first, _ = states_of_a_run(config, mel, times=times, guidance=[MELS | {"steps": "before-last"}])
    plain, _ = states_of_a_run(config, mel, times=times)
    assert mel_error(first, mel, config.mel) < 0.5 * mel_error(plain, mel, config.mel)
    (alone,) = states_of_a_run(
        config, mel, times=(0.9, 0.0), guidance=[MELS | {"steps": "before-last"}]
    )
    (untouched,) = states_of_a_run(config, mel, times=(0.9, 0.0))
    assert torch.equal(alone, untouched)


@pytest.mark.parametrize("config", [small_config(), small_stft_config()])
def test_a_run_may_set_out_from_noise_with_the_right_mel(
    config: ModelConfig, speech: Tensor
) -> None:
    # So late that what it sets out from is what it ends with.
    mel, times = mel_of(speech, config.mel), (1e-3, 0.0)
    (plain,) = states_of_a_run(config, mel, times=times)
    (made,) = states_of_a_run(config, mel, times=times, start_passes=8)
    assert mel_error(made, mel, config.mel) < 0.4 * mel_error(plain, mel, config.mel)


@pytest.mark.parametrize(
    ("preset", "n_fft"), [("hifigan", 768), ("espnet", 768), ("speecht5", 1024), ("vocos", 1024)]
)
def test_passes_work_at_the_lowest_rate_that_holds_the_mel(preset: str, n_fft: int) -> None:
    assert len(MelProjection(LogMel(PRESETS[preset])).window) == n_fft


def test_what_lies_above_the_mel_is_left_alone(speech: Tensor) -> None:
    config = PRESETS["hifigan"]
    mel = mel_of(speech, config)
    white = 0.05 * torch.randn(speech.shape, generator=torch.Generator().manual_seed(0))
    made = MelProjection(LogMel(config))(white, mel, 8)
    before, after = (
        torch.stft(x, 1024, window=torch.hann_window(1024), return_complex=True)[0, :, 8:-8]
        for x in (white, made)
    )
    top = 380  # bins of 21.5 Hz, the mel's end and a window's width
    assert (after - before)[top:].abs().mean() < 1e-3 * before[top:].abs().mean()
    assert (after - before)[: top - 20].abs().mean() > 0.5 * before[: top - 20].abs().mean()


def test_above_the_mel_the_last_estimate_is_noise_as_loud(speech: Tensor) -> None:
    config = small_stft_config()
    mel = mel_of(speech, config.mel)
    first, plain = states_of_a_run(config, mel)
    same, noisy = states_of_a_run(
        config, mel, guidance=[{"kind": "noise-above-mel", "steps": "last"}]
    )
    assert torch.equal(first, same)
    codec = config.codec.build(config.mel)
    before, after = (codec.encode(x).square().sum(1).sqrt()[0, :, 8:-8] for x in (plain, noisy))
    n = config.mel.n_covered_bins(config.codec.n_fft)
    assert n == 372
    torch.testing.assert_close(after[: n - 3], before[: n - 3], rtol=0.05, atol=1e-5)
    # The median of a magnitude stays, and it varies as noise does: by a Rayleigh's 5.6 dB.
    ratio = (after[n + 3 :] / before[n + 3 :].clamp(min=1e-9)).log()
    assert ratio.median().abs() < 0.3
    assert ratio.std() > 0.4


def test_a_model_of_waves_has_no_such_noise() -> None:
    values = small_config().model_dump(mode="json")
    values["sampling"]["guidance"] = [{"kind": "noise-above-mel"}]
    with pytest.raises(AudiodiffError, match="'noise-above-mel' needs codec.kind='stft'"):
        ModelConfig.parse(values, "test")
