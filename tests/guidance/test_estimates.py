"""Guidance that moves the estimate: to an observation, below a ceiling, to statistics of bands."""

import pytest
import torch
from contracts import noise

from audiodiff._types import State, Times
from audiodiff.codecs.waveform import Waveform
from audiodiff.diffusion.priors import Unit
from audiodiff.diffusion.schedules import Cosine
from audiodiff.diffusion.times import uniform
from audiodiff.guidance import BandStatistics, Ceiling, LevelCeiling, LinearObservation
from audiodiff.guidance.ceiling import level
from audiodiff.guidance.contract import Context
from audiodiff.guidance.statistics import statistics
from audiodiff.samplers.ddpm import DDPM
from audiodiff.samplers.loop import last, sample

SCHEDULE = Cosine()


def standard(x_t: State, t: Times) -> State:
    """E[x0 | x_t] of white Gaussian data: exact."""
    return SCHEDULE.alpha(t).float().view(-1, *[1] * (x_t.ndim - 1)) * x_t


def context(like: State) -> Context:
    prior = Unit()
    return Context(
        SCHEDULE, Waveform(), prior, {}, like.shape[-1], lambda asked, n_copies=1: standard
    )


def drawn(like: State, step: int) -> State:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(step))


def pairs(x: State) -> torch.Tensor:
    return x.unflatten(1, (-1, 2)).mean(2)


def test_samples_of_which_means_are_known_follow_the_conditional_law() -> None:
    like, y = torch.zeros(4000, 4), torch.tensor([[1.5, -0.5]]).expand(4000, 2)
    guidance = LinearObservation(y, pairs, lambda y: y.repeat_interleave(2, 1))
    times = uniform(SCHEDULE, 200)
    x = last(
        sample(standard, SCHEDULE, DDPM(), times, drawn, like, None, [guidance], context(like))
    )
    torch.testing.assert_close(pairs(x), y, rtol=0, atol=1e-5)
    difference = x[:, ::2] - x[:, 1::2]  # of two standard numbers, whatever their mean
    assert difference.mean().item() == pytest.approx(0, abs=0.05)
    assert difference.std().item() == pytest.approx(2**0.5, abs=0.05)


def test_no_estimate_is_above_the_ceiling() -> None:
    top, x = noise(2, 8, 30), noise(2, 8, 30, seed=1)
    t = torch.full((2,), 0.3, dtype=torch.float64)
    made = Ceiling(top)(standard, context(x))(x, t)
    assert torch.equal(made, torch.minimum(top, standard(x, t)))


def test_frames_are_no_louder_than_their_ceiling_and_keep_their_spectra() -> None:
    x, top = noise(2, 8, 30), noise(2, 1, 30, seed=1)
    top[:, :, 10:] = torch.inf
    t = torch.full((2,), 0.3, dtype=torch.float64)
    own = standard(x, t)
    made = LevelCeiling(top, scale=2.0, n_bands=6)(standard, context(x))(x, t)
    power = torch.exp(2 * 2.0 * made[:, :6]).sum(1, keepdim=True)
    assert torch.all(power <= 1.001 * torch.exp(2 * 2.0 * top))
    lowered = (own - made)[:, :1]
    torch.testing.assert_close(made, own - lowered)
    was_louder = level(own[:, :6], 2.0) > top
    assert torch.equal(lowered > 0, was_louder)
    assert 0 < was_louder.sum() < was_louder[:, :, :10].numel()


def test_the_estimate_has_the_statistics_of_the_frames_that_count() -> None:
    x = noise(2, 8, 30)
    weight = torch.zeros(2, 1, 30)
    weight[:, :, 10:20] = 0.1
    mean, std = noise(2, 8, 1, seed=1), 1 + noise(2, 8, 1, seed=2).abs()
    t = torch.full((2,), 0.3, dtype=torch.float64)
    made = BandStatistics(mean, std, weight)(standard, context(x))(x, t)
    found = statistics(made, weight)
    torch.testing.assert_close(found[0], mean)
    torch.testing.assert_close(found[1], std)
    inside = made[:, :, 10:20]
    torch.testing.assert_close(inside.mean(2, keepdim=True), mean)
    torch.testing.assert_close(inside.std(2, correction=0, keepdim=True), std)
