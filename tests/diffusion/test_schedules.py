import pytest
import torch
from contracts import (
    F64,
)
from schedule_examples import EXAMPLES

from audiodiff.diffusion.schedules import (
    VP,
    Betas,
    LinearBetas,
    SubVP,
)


def test_linear_betas_are_diffwaves() -> None:
    schedule = LinearBetas()
    steps = torch.arange(1, 51, dtype=F64) / 50
    alpha_bar = (1 - torch.linspace(1e-4, 0.05, 50, dtype=F64)).cumprod(0)
    torch.testing.assert_close(schedule.alpha(steps).square(), alpha_bar, rtol=0, atol=1e-14)


def test_sub_vp_has_less_noise_than_vp() -> None:
    t = torch.linspace(0.1, 1, 5, dtype=F64)
    torch.testing.assert_close(SubVP().sigma(t), VP().sigma(t).square())


@pytest.mark.parametrize("name", EXAMPLES)
def test_schedules_are_equal_by_their_fields_whether_used_or_not(name: str) -> None:
    fields = EXAMPLES[name].model_dump()
    used, also, fresh = (type(EXAMPLES[name]).parse(fields, name) for _ in range(3))
    for schedule in (used, also):
        schedule.alpha(torch.tensor([0.5]))
    assert used == also == fresh


def test_betas_outside_0_to_1_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Betas(betas=(0.1, 1.0))
