import itertools

import numpy as np
import pytest
import torch
from contracts import (
    F64,
    GaussianData,
)
from schedule_examples import EXAMPLES

from audiodiff._types import Step
from audiodiff.diffusion.schedules import (
    RectifiedFlow,
)
from audiodiff.errors import AudiodiffError
from audiodiff.samplers import DDPM
from audiodiff.samplers.ddim import DDIM


@pytest.mark.parametrize("name", ["linear", "cosine", "vp", "sub-vp", "ve", "rectified-flow"])
def test_ddim_is_of_first_order(name: str) -> None:
    schedule = RectifiedFlow() if name == "rectified-flow" else EXAMPLES[name]
    data = GaussianData(schedule)
    start, end = (torch.tensor([t], dtype=F64) for t in (0.9, 0.2))
    x = torch.tensor([[1.3]], dtype=F64)
    exact = data.flow(x, start, end)
    errors, counts = [], [20, 40, 80, 160, 320]
    for n in counts:
        y, times = x, torch.linspace(0.9, 0.2, n + 1, dtype=F64)
        for now, then in itertools.pairwise(times):
            y, _ = DDIM().step(y, Step(schedule, now[None], then[None], data, torch.Tensor), None)
        errors.append((y - exact).abs().item())
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("name", EXAMPLES)
def test_ddim_eta1_is_ancestral(name: str) -> None:
    schedule = EXAMPLES[name]
    data = GaussianData(schedule)
    x, noise = torch.randn(2, 1, 50, generator=torch.Generator().manual_seed(0), dtype=F64)
    for now, then in [(1.0, 0.7), (0.7, 0.3), (0.3, 0.0)]:
        t, r = torch.tensor([now], dtype=F64), torch.tensor([then], dtype=F64)
        one, _ = DDIM(eta=1.0).step(x, Step(schedule, t, r, data, lambda: noise), None)
        other, _ = DDPM().step(x, Step(schedule, t, r, data, lambda: noise), None)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_ddim_without_noise_draws_none() -> None:
    def refuse() -> torch.Tensor:
        raise AssertionError("eta = 0 is deterministic")

    schedule = EXAMPLES["cosine"]
    t, r = torch.tensor([0.7], dtype=F64), torch.tensor([0.3], dtype=F64)
    step = Step(schedule, t, r, GaussianData(schedule), refuse)
    x = torch.ones(1, 50, dtype=F64)
    DDIM(eta=0.0).step(x, step, None)
    with pytest.raises(AssertionError, match="deterministic"):
        DDIM(eta=0.1).step(x, step, None)


def test_ddim_refuses_an_eta_outside_its_range() -> None:
    with pytest.raises(AudiodiffError, match=r"eta=1.5"):
        DDIM(eta=1.5)
