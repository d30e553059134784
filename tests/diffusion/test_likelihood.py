"""Likelihoods against those that are known: of Gaussians, and of a mixture of them."""

import math

import pytest
import torch
from contracts import F64, GaussianData
from schedule_examples import EXAMPLES
from torch import Tensor

from audiodiff._types import Schedule
from audiodiff.diffusion.likelihood import bound_bits, flow_bits
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.schedules import Cosine, SubVP

SCHEDULE = Cosine()


def data_of(schedule: Schedule) -> GaussianData:
    """Data that are noise at t = 1, from which runs start: others if some signal is left there."""
    left = schedule.alpha(torch.ones(1, dtype=F64)).item() > 0.05
    return GaussianData(schedule, 0.0 if left else 0.3, 1.0 if left else 0.5)


def bits_under(mean: float, std: float, x: Tensor) -> Tensor:
    """The bits per number of N(mean, std^2)."""
    log_p = torch.distributions.Normal(mean, std).log_prob(x)
    return -log_p.flatten(1).mean(1) / math.log(2)


def sample(mean: float, std: float, *shape: int) -> Tensor:
    return mean + std * torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=F64)


class ExactNoise:
    """Noise whose mean is exactly 0 and variance 1, and which is orthogonal to the states.

    With it, only the times of the bound are left to err, and not chance.
    """

    def __init__(self, x0: Tensor) -> None:
        self.basis = torch.linalg.qr(torch.stack([torch.ones_like(x0[0]), x0[0]], 1)).Q

    def __call__(self, like: Tensor, step: int) -> Tensor:
        noise = NoiseTape([0], [0])(like, step)[0]
        noise = noise - self.basis @ (self.basis.T @ noise)
        return (noise / noise.square().mean().sqrt())[None]


@pytest.mark.parametrize("name", EXAMPLES)
def test_both_are_exact_on_gaussians(name: str) -> None:
    schedule = EXAMPLES[name]
    data = data_of(schedule)
    x0 = sample(data.mean, data.std, 1, 500)
    exact = bits_under(data.mean, data.std, x0).item()
    flow = flow_bits(data, schedule, x0, NoiseTape([0], [0]), n_steps=16)
    assert flow.mean.item() == pytest.approx(exact, abs=1e-3)
    assert flow.error.item() < 1e-12  # each number is on its own, so that any probe has the trace
    bound = bound_bits(data, schedule, x0, ExactNoise(x0), n_steps=32, n_draws=4)
    assert bound.mean.item() == pytest.approx(exact, abs=1e-3)


def test_the_start_of_a_run_counts_where_signal_is_left_at_t_1() -> None:
    """Runs start from noise of the variance alpha^2 + sigma^2, whatever the data's."""
    schedule, mean, std = EXAMPLES["linear"], 0.3, 0.5
    data, x0 = GaussianData(schedule, mean, std), sample(mean, std, 4, 50)
    t_0, t_1 = (torch.full((4,), t, dtype=F64) for t in (schedule.t_min, 1.0))
    alpha = schedule.alpha(t_0)[0]
    variance = (schedule.alpha(t_1).square() + schedule.sigma(t_1).square())[0]
    start = data.flow(alpha * x0, t_0, t_1)
    shrunk = alpha * data.spread(t_1)[0] / data.spread(t_0)[0]
    exact = bits_under(0.0, variance.sqrt().item(), start) - shrunk.log2()
    assert (exact - bits_under(mean, std, x0)).abs().min() > 5e-3
    bits = flow_bits(data, schedule, x0, NoiseTape([0] * 4, [0] * 4)).mean
    torch.testing.assert_close(bits, exact, rtol=0, atol=1e-4)


class CorrelatedPairs:
    """Data N(0, C) in the pairs along the last axis, (batch, 2, pairs)."""

    covariance = torch.tensor([[1.0, 0.8], [0.8, 1.5]], dtype=F64)

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        k = (SCHEDULE.alpha(t) / SCHEDULE.sigma(t))[0]
        inner = torch.eye(2, dtype=F64) + k**2 * self.covariance
        gain = k * self.covariance @ torch.linalg.inv(inner)
        return gain @ x_t / SCHEDULE.sigma(t)[0]

    def sample(self, n: int) -> Tensor:
        return torch.linalg.cholesky(self.covariance) @ sample(0.0, 1.0, 1, 2, n)

    def bits(self, x: Tensor) -> float:
        law = torch.distributions.MultivariateNormal(torch.zeros(2, dtype=F64), self.covariance)
        return -law.log_prob(x[0].T).mean().item() / (2 * math.log(2))


def test_probes_find_the_trace_of_correlated_data() -> None:
    data = CorrelatedPairs()
    x0 = data.sample(40_000)
    bits = flow_bits(data, SCHEDULE, x0, NoiseTape([0], [0]), n_probes=8)
    assert bits.mean.item() == pytest.approx(data.bits(x0), abs=1e-3)


def test_errors_are_true_and_shrink_with_draws() -> None:
    data = CorrelatedPairs()
    x0 = data.sample(20)
    for estimate in (flow_bits, bound_bits):
        few, many = (estimate(data, SCHEDULE, x0, NoiseTape([0], [0]), 6, n) for n in (8, 64))
        assert many.error < few.error / 1.5
        assert abs(many.mean.item() - data.bits(x0)) < 4 * many.error
        assert abs(few.mean.item() - data.bits(x0)) < 5 * few.error


def test_seeds_repeat_and_an_item_is_as_it_would_be_alone() -> None:
    data = CorrelatedPairs()
    x0 = torch.cat([data.sample(20), data.sample(20).flip(2)])
    for estimate in (flow_bits, bound_bits):
        both = estimate(data, SCHEDULE, x0, NoiseTape([3, 4], [0, 0]))
        alone = estimate(data, SCHEDULE, x0[1:], NoiseTape([4], [0]))
        torch.testing.assert_close(both.mean[1:], alone.mean)
        again = estimate(data, SCHEDULE, x0, NoiseTape([3, 4], [0, 0]))
        assert torch.equal(both.mean, again.mean)
        assert torch.equal(both.error, again.error)
        assert not torch.equal(
            both.mean[1:], estimate(data, SCHEDULE, x0[1:], NoiseTape([5], [0]))[0]
        )


class Mixture:
    """Three Gaussians in two dimensions, and the best estimate."""

    means = torch.tensor([[-1.0, 0.0], [1.0, 0.5], [0.5, -1.0]], dtype=F64)
    std = 0.3

    def exponents(self, x: Tensor, alpha: Tensor, variance: Tensor) -> Tensor:
        """``log N(x; alpha mean, variance)`` for each Gaussian."""
        squares = (x[:, None] - alpha * self.means).square().sum(2)
        return -squares / (2 * variance) - (2 * math.pi * variance).log()

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = SCHEDULE.alpha(t)[0], SCHEDULE.sigma(t)[0]
        variance = alpha**2 * self.std**2 + sigma**2
        weights = self.exponents(x_t, alpha, variance).softmax(1)[..., None]
        gain = alpha * self.std**2 / variance
        return (weights * (self.means + gain * (x_t[:, None] - alpha * self.means))).sum(1)

    def bits(self, x: Tensor) -> Tensor:
        one, variance = torch.ones((), dtype=F64), torch.tensor(self.std**2, dtype=F64)
        log_p = self.exponents(x, one, variance).logsumexp(1) - math.log(3)
        return -log_p / (2 * math.log(2))


def test_the_flow_is_exact_on_a_mixture() -> None:
    data, axis = Mixture(), torch.linspace(-1.5, 1.5, 5, dtype=F64)
    x0 = torch.cartesian_prod(axis, axis)

    def all_probes(like: Tensor, step: int) -> Tensor:
        """The two probes whose mean is the trace in two dimensions."""
        return torch.tensor([1.0, 1.0 - 2 * step], dtype=F64).expand_as(like)

    flow = flow_bits(data, SCHEDULE, x0, all_probes, n_steps=24)
    torch.testing.assert_close(flow.mean, data.bits(x0), rtol=0, atol=1e-2)
    tape = NoiseTape([0] * 25, [0] * 25)
    bound = bound_bits(data, SCHEDULE, x0, tape, n_steps=16, n_draws=8)
    assert (bound.mean - data.bits(x0) > -4 * bound.error).all()


def test_the_solver_is_of_order_4() -> None:
    data = GaussianData(SubVP())
    x0 = sample(data.mean, data.std, 1, 500)
    noise = NoiseTape([0], [0])
    few, more, most = (flow_bits(data, SubVP(), x0, noise, n).mean.item() for n in (8, 16, 64))
    assert abs(few - most) > 10 * abs(more - most)
