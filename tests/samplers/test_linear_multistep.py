"""Solvers with given coefficients, beside those whose coefficients follow from the times."""

import itertools

import pytest
import torch
from contracts import F64, noise

from audiodiff._types import Sampler, Schedule, Step
from audiodiff.diffusion.schedules import VP, Cosine
from audiodiff.diffusion.targets import expand
from audiodiff.errors import AudiodiffError
from audiodiff.samplers import LinearMultistep, build_sampler
from audiodiff.samplers.linear_multistep import coefficients_of, unit_states

TIMES = torch.tensor([1.0, 0.8, 0.55, 0.3, 0.1, 0.0], dtype=F64)


def end_of(sampler: Sampler, schedule: Schedule) -> torch.Tensor:
    """Of a run with an estimate that is not linear."""

    def estimate(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.tanh(2 * x_t) * expand(0.5 + schedule.alpha(t), x_t) / 2

    x, memory = noise(1, 50).double(), sampler.init()
    for t, r in itertools.pairwise(TIMES):
        x, memory = sampler.step(x, Step(schedule, t[None], r[None], estimate, pytest.fail), memory)
    return x


@pytest.mark.parametrize("schedule", [VP(), Cosine()], ids=["vp", "cosine"])
@pytest.mark.parametrize(
    ("name", "most"), [("ddim", 1), ("dpm++2m", 2), ("dpm++3m", 3), ("unipc2", 3), ("unipc3", 4)]
)
def test_it_makes_the_run_of_another_solver(name: str, most: int, schedule: Schedule) -> None:
    sampler = build_sampler(name)
    rows = coefficients_of(sampler, schedule, TIMES)
    assert max(map(len, rows)) == most
    if name != "unipc3":  # whose estimates at noise alone are left out of the next ones
        assert all(sum(row) == pytest.approx(1) for row in rows)
    torch.testing.assert_close(end_of(LinearMultistep(rows), schedule), end_of(sampler, schedule))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("consistency", "Consistency draws noise; give one that does not, such as ddim"),
        ("dpm++2m-sde", "SDEDPMSolver draws noise"),
        ("heun", "Heun makes several estimates a step"),
        ("ddim+langevin", "PredictorCorrector makes several estimates"),
        ("euler", "Euler is not of the exponential form"),
    ],
)
def test_what_has_no_coefficients_is_refused(name: str, said: str) -> None:
    with pytest.raises(AudiodiffError, match=said):
        coefficients_of(build_sampler(name), VP(), TIMES)


def test_weights_of_a_run_have_gradients() -> None:
    times = TIMES.clone().requires_grad_()
    states = unit_states(build_sampler("dpm++2m"), VP(), times)
    (gradient,) = torch.autograd.grad(states[-2].square().sum(), times)
    assert (gradient[:-1] != 0).all()


def test_coefficients_that_fit_no_run_are_refused() -> None:
    with pytest.raises(AudiodiffError, match="coefficients are empty"):
        LinearMultistep([])
    with pytest.raises(AudiodiffError, match="step 1 has 2 weights; give 1 to 1"):
        LinearMultistep([(1.0, 0.5)])
    with pytest.raises(AudiodiffError, match="step 2 has 0 weights"):
        LinearMultistep([(1.0,), ()])
    with pytest.raises(AudiodiffError, match="for 2 steps do not fit a longer run"):
        end_of(LinearMultistep([(1.0,), (1.0,)]), VP())
