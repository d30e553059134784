"""Every sampler and target gives one sound, in whatever mode of gradients it runs."""

import pytest
import torch
from small_models import small_config, untrained
from torch import Tensor

from audiodiff import Model, Run, Vocoder
from audiodiff.diffusion import TARGETS
from audiodiff.samplers import SAMPLERS

BETAS = {"kind": "linear"}  # some signal is left at t = 1, which eps and score need
TIMES = [1.0, 0.6, 0.3, 0.0]


def mel_for(model: Model) -> Tensor:
    wave = torch.randn(1, 12 * 256, generator=torch.Generator().manual_seed(0)) / 10
    return model.log_mel(wave)[..., :12].detach()


def in_every_mode(model: Model, run: Run) -> list[Tensor]:
    """The sound through `Vocoder`, in inference mode, without gradients, with them, in autocast."""
    mel, n_samples = mel_for(model), 12 * 256
    made = [Vocoder(model, precision="fp32").make(mel, run)]
    with torch.inference_mode():
        made.append(model.make({"mel": mel.clone()}, n_samples, run))
    with torch.no_grad():
        made.append(model.make({"mel": mel}, n_samples, run))
    made.append(model.make({"mel": mel}, n_samples, run).detach())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        made.append(model.make({"mel": mel}, n_samples, run))
    return made


def check_agreement(made: list[Tensor]) -> None:
    *exact, coarse = made
    for other in exact[1:]:
        torch.testing.assert_close(other, exact[0], rtol=1e-5, atol=1e-6)
    assert torch.corrcoef(torch.cat([exact[0], coarse.to(exact[0])]))[0, 1] > 0.99


@pytest.mark.parametrize("sampler", [*SAMPLERS, "euler+langevin"])
def test_every_sampler_in_every_mode(sampler: str) -> None:
    model = untrained(small_config(schedule=BETAS, sampling={"times": TIMES}))
    made = in_every_mode(model, Run(sampler))
    check_agreement(made)
    # No sampler leaves the state where it was.
    still = Run(sampler, times=[1.0, 0.999, 0.0])
    assert not torch.allclose(made[0], Vocoder(model).make(mel_for(model), still))


@pytest.mark.parametrize("sampler", ["euler", "dpm++2m"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_in_every_mode(target: str, sampler: str) -> None:
    config = small_config(schedule=BETAS, target=target, sampling={"times": TIMES})
    check_agreement(in_every_mode(untrained(config), Run(sampler)))


def test_eulers_steps_on_rectified_flow_are_ddims() -> None:
    flow = small_config(schedule={"kind": "rectified-flow"}, sampling={"times": TIMES})
    model = untrained(flow)
    vocoder, mel = Vocoder(model, precision="fp32"), mel_for(model)
    made = vocoder(mel, sampler="euler")
    torch.testing.assert_close(made, vocoder(mel, sampler="ddim"), rtol=1e-4, atol=1e-5)
