import pytest
import torch
from contracts import (
    F64,
)
from schedule_examples import EXAMPLES

from audiodiff.diffusion.schedules import (
    VP,
    LinearBetas,
    RectifiedFlow,
)
from audiodiff.diffusion.times import PUBLISHED, TIMES, check_times, from_betas, log_snr
from audiodiff.errors import AudiodiffError


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("rule", TIMES)
def test_times_fall_from_one_to_zero(rule: str, name: str) -> None:
    for n_steps in (2, 3, 7):
        times = TIMES[rule](EXAMPLES[name], n_steps, None)
        assert len(times) == n_steps + 1
        torch.testing.assert_close(check_times(times.tolist()), times)
        assert times[0] == 1


def test_a_range_bounds_the_calls_of_the_network() -> None:
    schedule = RectifiedFlow()
    for rule in TIMES:
        times = TIMES[rule](schedule, 4, (0.99, 0.5))
        assert times[[0, 3, 4]].tolist() == pytest.approx([0.99, 0.5, 0.0])
        assert TIMES[rule](schedule, 1, (0.99, 0.5)).tolist() == pytest.approx([0.99, 0.0])
    gaps = log_snr(schedule, TIMES["log-snr"](schedule, 4, (0.99, 0.5))[:-1]).diff()
    torch.testing.assert_close(gaps, gaps[0].expand(3))


def test_quadratic_times_grow_evenly() -> None:
    for t_range in (None, (0.9, 0.2)):
        times = TIMES["quadratic"](VP(), 6, t_range)[:-1]
        torch.testing.assert_close(times.diff().diff(), times.diff().diff()[:1].expand(4))
        assert (times.diff().diff() < 0).all()


def test_log_snr_times_are_equal_steps_of_it() -> None:
    times = TIMES["log-snr"](VP(), 6, None)
    gaps = log_snr(VP(), times[1:-1]).diff()
    torch.testing.assert_close(gaps, gaps[0].expand(4))


def test_karras_times_are_equal_steps_of_the_root() -> None:
    times = TIMES["karras"](VP(), 6, (0.9, 0.1))
    roots = (-log_snr(VP(), times[:-1]) / 2 / 7).exp()
    torch.testing.assert_close(roots.diff(), roots.diff()[:1].expand(5), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_schedules_lose_no_step(name: str) -> None:
    schedule = LinearBetas(n_steps=1000, beta_start=1e-6, beta_end=0.01)
    times = from_betas(schedule, PUBLISHED[name])
    assert len(times) == len(PUBLISHED[name]) + 1
    torch.testing.assert_close(check_times(times.tolist()), times)


def test_aligned_betas_have_their_own_noise_levels() -> None:
    betas = [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5]
    times = from_betas(LinearBetas(), betas)
    alpha_bar = (1 - torch.tensor(betas, dtype=F64)).cumprod(0)
    torch.testing.assert_close(LinearBetas().alpha(times[:-1].flip(0)).square(), alpha_bar)
    assert len(times) == 7


def test_a_step_outside_the_trained_range_is_refused_by_name() -> None:
    with pytest.raises(AudiodiffError, match=r"step 1 \(beta=1e-05\)"):
        from_betas(LinearBetas(), [1e-5, 0.1])
    with pytest.raises(AudiodiffError, match=r"step 2 \(beta=0.9\)"):
        from_betas(LinearBetas(), [0.1, 0.9])


@pytest.mark.parametrize("times", [[1.0], [1.0, 0.5], [0.5, 0.5, 0.0], [1.5, 0.0], [0.0, 1.0]])
def test_times_that_do_not_fall_to_zero_are_refused(times: list[float]) -> None:
    with pytest.raises(AudiodiffError, match="times fall"):
        check_times(times)
