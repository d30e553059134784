"""Runs written out, and as ONNX graphs under onnxruntime."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from contracts import noise
from test_vocoder import CONSISTENT, small_config, small_stft_config, untrained

from audiodiff.audio.mel import LogMel
from audiodiff.diffusion.schedules import VP
from audiodiff.diffusion.times import check_times
from audiodiff.errors import AudiodiffError
from audiodiff.model import Model
from audiodiff.model_config import ModelConfig
from audiodiff.samplers.loop import SAMPLERS, build_sampler, last, sample
from audiodiff.samplers.unrolled import Unrolled

NAMES = [*SAMPLERS, "ddpm+langevin", "dpm++2m+langevin"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("first", [1.0, 0.9])
def test_a_run_written_out_is_the_run(name: str, first: float) -> None:
    schedule, times = VP(), check_times([first, 0.7, 0.4, 0.2, 0.0])
    like = torch.zeros(2, 50, dtype=torch.float64)
    target = noise(2, 50, seed=9).double()

    def tape(like: torch.Tensor, step: int) -> torch.Tensor:
        return noise(2, 50, seed=step).double()

    def denoise(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x_t) * t[:, None] + target

    def run(sampler: object) -> torch.Tensor:
        return last(sample(denoise, schedule, sampler, times, tape, like))

    expected = run(build_sampler(name))
    made = run(Unrolled(build_sampler(name), schedule, times))
    torch.testing.assert_close(made, expected, rtol=1e-9, atol=1e-9)


SAMPLING = {"sampler": "ddpm", "times": [0.9, 0.5, 0.0], "clamp": 1.0}
FEW = {"start_passes": 1, "passes_between": 1, "mel_passes": 1}  # each takes seconds to write
CONFIGS = {
    "diffwave": small_config(sampling=SAMPLING),
    "wavegrad": small_config(
        network={
            "kind": "wavegrad", "n_channels": 2, "n_mels": 80, "upsample_factors": (4, 4, 4, 2, 2),
        },
        prior={"kind": "unit"},
    ),
    "consistent": small_stft_config(
        sampling=CONSISTENT | FEW | {"sampler": "dpm++2m", "noise_above_mel": True}
    ),
}  # fmt: skip


def exported(config: ModelConfig, path: Path, noise_input: bool) -> "tuple[Model, object, object]":
    pytest.importorskip("onnxscript")
    ort = pytest.importorskip("onnxruntime")
    from audiodiff.export import UnrolledRun, export_onnx

    model = untrained(config)
    run = UnrolledRun(model)
    export_onnx(run, path, noise_input)
    return model, run, ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def mel_of(config: ModelConfig, batch: int, n_frames: int) -> torch.Tensor:
    assert config.mel is not None
    wave = 0.1 * noise(batch, n_frames * config.hop_length)
    return LogMel(config.mel)(wave)[..., :n_frames]


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_onnxruntime_makes_the_same_sound(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    _, run, session = exported(config, tmp_path / "m.onnx", noise_input=True)
    for batch, n_frames in ((1, 9), (4, 40)):
        mel = mel_of(config, batch, n_frames)
        white = noise(batch, run.n_draws * n_frames * config.hop_length)
        white = white.reshape(batch, run.n_draws, -1)
        with torch.no_grad():
            expected = run(mel, white).numpy()
        (made,) = session.run(["audio"], {"mel": mel.numpy(), "noise": white.numpy()})
        assert made.shape == (batch, 1, n_frames * config.hop_length)
        assert np.abs(made - expected).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.slow
def test_without_a_noise_input_it_draws_its_own(tmp_path: Path) -> None:
    config = CONFIGS["diffwave"]
    _, _, session = exported(config, tmp_path / "m.onnx", noise_input=False)
    assert [value.name for value in session.get_inputs()] == ["mel"]
    assert session.get_inputs()[0].shape == ["batch", 80, "frames"]
    mel = mel_of(config, 2, 12).numpy()
    one, other = (session.run(None, {"mel": mel})[0] for _ in range(2))
    assert one.shape == (2, 1, 12 * 256)
    assert np.abs(one - other).max() > 0.1 * np.abs(one).max()
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["model_type"] == "hifigan"
    assert (facts["sample_rate"], facts["steps"]) == ("22050", "2")
    assert json.loads(facts["mel"])["n_mels"] == 80


def test_more_passes_than_a_graph_can_hold_are_refused() -> None:
    from audiodiff.export import UnrolledRun

    sampling = {"times": [0.9, 0.5, 0.0], "passes_between": 10, "mel_passes": 6}
    model = untrained(small_stft_config(sampling=sampling))
    assert UnrolledRun(model).n_draws == 1
    with pytest.raises(AudiodiffError, match="3 steps of this model make 26 passes"):
        UnrolledRun(model, 3)


def test_a_model_without_a_mel_is_refused() -> None:
    from audiodiff.export import UnrolledRun

    config = small_config(
        mel=None, network={"kind": "diffwave", "n_channels": 4, "n_layers": 2, "n_mels": None},
        prior={"kind": "unit"},
    )  # fmt: skip
    with pytest.raises(AudiodiffError, match="takes no mel"):
        UnrolledRun(untrained(config))
