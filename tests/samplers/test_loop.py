import pytest
import torch
from contracts import (
    F64,
    GaussianData,
    noise,
)
from schedule_examples import EXAMPLES

from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.schedules import (
    VE,
    VP,
)
from audiodiff.diffusion.times import uniform
from audiodiff.samplers import DDPM, Clamped
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.loop import sample


def test_clamped_keeps_every_state_within_the_limit() -> None:
    schedule = VP()
    states = list(
        sample(
            GaussianData(schedule),
            schedule,
            Clamped(DDPM(), 0.4),
            uniform(schedule, 5),
            NoiseTape([0], [0]),
            torch.empty(1, 200),
        )
    )
    assert len(states) == 5
    assert all(state.abs().max() <= 0.4 for state in states)
    assert states[0].abs().max() == pytest.approx(0.4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_run_sets_out_from_its_start(name: str) -> None:
    seen = []

    def spy(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x_t)
        return torch.zeros_like(x_t)

    schedule, times = EXAMPLES[name], torch.tensor([0.6, 0.2, 0.0], dtype=F64)
    start, tape = noise(2, 100, seed=3).double(), NoiseTape([0, 1], [0, 0])
    list(sample(spy, schedule, DDIM(), times, tape, start, start))
    alpha, sigma = (f(times[:1]) for f in (schedule.alpha, schedule.sigma))
    torch.testing.assert_close(seen[0], alpha * start + sigma * tape(start, 0))


def test_ve_starts_with_its_greatest_noise() -> None:
    seen = []

    def spy(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x_t)
        return torch.zeros_like(x_t)

    schedule = VE()
    list(
        sample(
            spy, schedule, DDIM(), uniform(schedule, 1), NoiseTape([0], [0]), torch.empty(1, 5000)
        )
    )
    assert seen[0].std().item() == pytest.approx(50, rel=0.05)
