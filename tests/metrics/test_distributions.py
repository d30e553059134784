"""Metrics of sets, on Gaussians whose distances are known and on points placed by hand."""

import math

import pytest
import torch

from audiodiff.errors import AudiodiffError
from audiodiff.metrics.distributions import (
    SET_METRICS,
    coverage,
    density,
    extrapolated_frechet_distance,
    frechet_distance,
    kernel_distance,
    nearest,
    precision,
    recall,
)


def gaussian(
    n: int, seed: int, mean: float = 0.0, std: float = 1.0, width: int = 8
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return mean + std * torch.randn(n, width, generator=generator, dtype=torch.float64)


def with_moments(mean: list[float], covariance: list[list[float]]) -> torch.Tensor:
    """Points whose own mean and covariance are exactly these."""
    x = gaussian(200, 5, width=len(mean))
    x = x - x.mean(0)
    whitener = torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T)))
    root = torch.linalg.cholesky(torch.tensor(covariance, dtype=torch.float64))
    return x @ whitener.T @ root.T + torch.tensor(mean, dtype=torch.float64)


def test_frechet_distance_is_that_of_gaussians() -> None:
    one = with_moments([1.0, 2.0], [[2.0, 0.5], [0.5, 1.0]])
    far = with_moments([4.0, -2.0], [[8.0, 2.0], [2.0, 4.0]])
    # Of covariances C and 4 C: tr(C + 4 C - 2 * 2 C) = tr C = 3, and 25 between the means.
    assert frechet_distance(one, far) == pytest.approx(28)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    a = with_moments([0.0, 0.0], [[1.0, 0.0], [0.0, 9.0]])
    b = with_moments([0.0, 0.0], [[4.0, 0.0], [0.0, 1.0]])
    assert frechet_distance(a, b) == pytest.approx((1 - 2) ** 2 + (3 - 1) ** 2)


def test_few_clips_make_it_too_great_and_extrapolation_mends_that() -> None:
    reference, truth = gaussian(20000, 0), 8 * 0.2**2
    sets = [gaussian(200, seed, mean=0.2) for seed in range(1, 21)]
    plain, extrapolated = (
        sum(f(reference, made) for made in sets) / 20 - truth
        for f in (frechet_distance, extrapolated_frechet_distance)
    )
    assert plain > 0.1
    assert abs(extrapolated) < 0.25 * plain


def test_kernel_distance_is_unbiased() -> None:
    distances = [kernel_distance(gaussian(60, n), gaussian(60, 100 + n)) for n in range(40)]
    mean = sum(distances) / 40
    error = torch.tensor(distances).std().item() / math.sqrt(40)
    assert abs(mean) < 3 * error
    assert min(distances) < 0
    assert kernel_distance(gaussian(60, 0), gaussian(60, 1, mean=0.5)) > 10 * error


def test_neighbourhoods_are_counted() -> None:
    """Recordings at 0, 1, ... 9 on a line: the third neighbour of an inner one is 2 away."""
    line = torch.arange(10.0)[:, None]
    assert precision(line, line + 0.5) == 1
    far = torch.tensor([[4.5], [4.6], [50.0], [60.0]])
    assert precision(line, far) == 0.5
    assert recall(line, line[:5] + 0.25) < 1
    # 4.5 is within three (the fifth neighbour of an inner one) of 2, 3, ... 7, and of the ends'
    # greater neighbourhoods 0 and 9 (five away), 1 and 8 (four away).
    assert density(line, torch.full((6, 1), 4.5)) == 10 / 5
    assert coverage(line, torch.full((6, 1), 0.0)) == 0.4
    assert coverage(line, line) == 1
    assert nearest(far, line)[:, None].tolist() == [[0.5], pytest.approx([0.4]), [41.0], [51.0]]


@pytest.mark.parametrize("name", SET_METRICS)
def test_worse_sets_score_worse(name: str) -> None:
    metric, reference = SET_METRICS[name], gaussian(300, 0)
    good, bad = (metric.function(reference, gaussian(300, 1, std=std)) for std in (1.0, 0.3))
    if name in ("precision", "density"):  # which an uneven choice of the likeliest pleases
        bad = metric.function(reference, gaussian(300, 1, mean=2.0))
    assert (good > bad) is (metric.better == "higher")


@pytest.mark.parametrize("name", SET_METRICS)
def test_what_cannot_be_compared_is_said(name: str) -> None:
    function, x = SET_METRICS[name].function, gaussian(100, 0)
    with pytest.raises(AudiodiffError, match="holds 1 clips but this metric needs"):
        function(x, x[:1])
    with pytest.raises(AudiodiffError, match="use one encoder"):
        function(x, x[:, :5])
    broken = x.clone()
    broken[3, 2] = torch.nan
    with pytest.raises(AudiodiffError, match="holds NaN or infinity"):
        function(x, broken)
