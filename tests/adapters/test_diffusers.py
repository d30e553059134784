"""Schedulers of diffusers on our models."""

import warnings
from typing import Any, ClassVar

import pytest
import torch
from contracts import noise

from audiodiff import AudiodiffError, ModelConfig, Run, Vocoder
from audiodiff.adapters.diffusers import vocode
from audiodiff.diffusion.schedules import LinearBetas
from audiodiff.model.model import Model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    diffusers = pytest.importorskip("diffusers")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

TINY = {
    "sample_rate": 22050,
    "mel": "hifigan",
    "network": {"kind": "diffwave", "n_channels": 4, "n_layers": 2},
    "target": "x0",
    "prior": {"kind": "mel-energy"},
    "sampling": {"sampler": "ddim", "times": [1.0, 0.0]},
}
BETAS = {"kind": "linear", "n_steps": 1000, "beta_start": 1e-4, "beta_end": 0.02}
TRAINED = {"trained_betas": list(LinearBetas(**BETAS).step_betas)}
FLOW = {"kind": "rectified-flow"}


def vocoder(schedule: dict) -> Vocoder:
    torch.manual_seed(0)
    model = Model(ModelConfig.parse(TINY | {"schedule": schedule}, "test"))
    torch.nn.init.normal_(model.network.output.weight, std=0.05)
    return Vocoder(model.eval())


@pytest.fixture
def mel() -> torch.Tensor:
    return noise(2, 80, 12) - 5


def theirs(name: str, **options: Any) -> Any:
    return getattr(diffusers, name)(**options)


@pytest.mark.parametrize(
    ("ours", "name", "options"),
    [
        ("ddim", "DDIMScheduler", {"clip_sample": False}),
        ("dpm++2m", "DPMSolverMultistepScheduler", {}),
        ("unipc2", "UniPCMultistepScheduler", {}),
        ("ddim", "EulerDiscreteScheduler", {}),
    ],
)
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_a_run_is_that_of_our_own_sampler(
    mel: torch.Tensor, ours: str, name: str, options: dict, prediction: str
) -> None:
    if name == "EulerDiscreteScheduler" and prediction == "sample":
        pytest.skip("not implemented there")
    voc, n = vocoder(BETAS), 16
    scheduler = theirs(name, prediction_type=prediction, **options, **TRAINED)
    made = vocode(voc, mel, scheduler, n, seed=3)
    times = (scheduler.timesteps.double().cpu() + 1) / 1000
    times = torch.cat([times, times.new_zeros(1)])
    model = voc.model
    with torch.inference_mode():
        expected = model.make(
            {"mel": mel}, 12 * 256, Run(ours, times=times.tolist(), seed=3, precision=voc.precision)
        )
    # Euler's first state has a little more noise, and its steps lie between the trained ones; the
    # rest is single precision.
    limit = 5e-2 if name == "EulerDiscreteScheduler" else 1e-3
    assert (made - expected).square().mean() < limit**2 * expected.square().mean()


def test_a_flow_runs_on_flow_matching(mel: torch.Tensor) -> None:
    voc = vocoder(FLOW)
    scheduler = theirs("FlowMatchEulerDiscreteScheduler")
    made = vocode(voc, mel, scheduler, 8, seed=3)
    times = scheduler.sigmas.double().cpu()
    with torch.inference_mode():
        run = Run("ddim", times=times.tolist(), seed=3, precision=voc.precision)
        expected = voc.model.make({"mel": mel}, 12 * 256, run)
    assert (made - expected).square().mean() < 1e-6 * expected.square().mean()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("DDPMScheduler", {"clip_sample": False}),
        ("EulerAncestralDiscreteScheduler", {}),
        ("HeunDiscreteScheduler", {}),
        ("KDPM2DiscreteScheduler", {}),
        ("LMSDiscreteScheduler", {}),
        ("DEISMultistepScheduler", {}),
        ("PNDMScheduler", {"skip_prk_steps": True}),
        ("SASolverScheduler", {}),
    ],
)
def test_other_schedulers_run_and_repeat(mel: torch.Tensor, name: str, options: dict) -> None:
    voc = vocoder(BETAS)
    one, two = (vocode(voc, mel, theirs(name, **options, **TRAINED), 6, seed=1) for _ in range(2))
    assert one.shape == (2, 12 * 256)
    assert one.isfinite().all()
    assert torch.equal(one, two)


def test_a_scheduler_without_levels_is_refused(mel: torch.Tensor) -> None:
    class Blind:
        config: ClassVar = {}
        timesteps = torch.arange(3)

        def set_timesteps(self, n: int, device: torch.device) -> None:
            pass

    with pytest.raises(AudiodiffError, match="Blind has no readable noise level; give"):
        vocode(vocoder(BETAS), mel, Blind(), 3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("DDIMScheduler", {}, "clip_sample=True clips"),
        ("EDMEulerScheduler", {}, "EDMEulerScheduler has its own preconditioning"),
        ("EulerDiscreteScheduler", {"beta_end": 0.9}, "log-SNR -.*outside the model's schedule"),
    ],
)
def test_what_does_not_fit_is_refused(
    mel: torch.Tensor, name: str, options: dict, message: str
) -> None:
    with pytest.raises(AudiodiffError, match=message):
        vocode(vocoder(BETAS), mel, theirs(name, **options), 4)
