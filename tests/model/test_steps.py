"""A run seen step by step is the run itself."""

import math
from dataclasses import replace

import pytest
import torch
from small_models import small_config, untrained
from torch import Tensor

from audiodiff import Model, Run
from audiodiff.diffusion import Denoiser, NoiseTape, log_snr
from audiodiff.guidance import Context

N_SAMPLES = 20 * 256


class Halved:
    """Guidance that halves the estimate."""

    def acts_at(self, step: int, n_steps: int) -> bool:
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        return lambda x_t, t: denoise(x_t, t) / 2


@pytest.fixture
def model() -> Model:
    return untrained(small_config())


@pytest.fixture
def cond(model: Model) -> dict[str, Tensor]:
    wave = torch.randn(2, N_SAMPLES, generator=torch.Generator().manual_seed(0)) / 10
    assert model.log_mel is not None
    return {"mel": model.log_mel(wave)[..., :20]}


@pytest.mark.parametrize("sampler", ["ddim", "heun", "dpm++2m", "unipc2", "ddim+langevin"])
def test_the_snapshots_are_those_of_the_run(
    model: Model, cond: dict[str, Tensor], sampler: str
) -> None:
    run = Run(sampler, n_steps=3, seed=(4, 5), guidance=[Halved()])
    shots = list(model.steps(cond, N_SAMPLES, run))
    assert not any(shot.state.requires_grad or shot.estimate.requires_grad for shot in shots)
    times = model.times(run)
    assert [shot.t for shot in shots] == times.tolist()
    assert [shot.log_snr for shot in shots] == log_snr(model.schedule, times).tolist()
    with torch.no_grad():
        own = model.states(torch.zeros(2, N_SAMPLES), cond, run, NoiseTape([4, 5], [0, 0]))
        for shot, state in zip(shots[1:], own, strict=True):
            assert torch.equal(shot.state, state)
        assert torch.equal(
            model.codec.decode(shots[-1].state, N_SAMPLES), model.make(cond, N_SAMPLES, run)
        )
        denoise = model.context(cond, N_SAMPLES, run).denoiser(cond)
        for shot in shots[:-1]:
            t = torch.full((2,), shot.t, dtype=torch.float64)
            torch.testing.assert_close(shot.estimate, denoise(shot.state, t) / 2)
    assert shots[-1].log_snr == math.inf
    assert shots[-1].estimate is shots[-1].state


def test_watching_calls_the_network_no_more(model: Model, cond: dict[str, Tensor]) -> None:
    calls: list[None] = []
    model.network.register_forward_hook(lambda *_: calls.append(None))
    for n_steps in (1, 4):
        calls.clear()
        assert len(list(model.steps(cond, N_SAMPLES, Run("ddim", n_steps)))) == n_steps + 1
        assert len(calls) == n_steps


def test_the_seed_decides(model: Model, cond: dict[str, Tensor]) -> None:
    run = Run(n_steps=2, seed=1)
    (first, *_), (again, *_) = (list(model.steps(cond, N_SAMPLES, run)) for _ in range(2))
    assert torch.equal(first.state, again.state)
    other = next(model.steps(cond, N_SAMPLES, replace(run, seed=2)))
    assert not torch.equal(first.state, other.state)
