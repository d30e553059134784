"""Metrics of a set of made sounds against a set of recordings, by the features of each."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff.errors import AudiodiffError

Features: TypeAlias = Float[Tensor, "clips width"]
"""One row of features for each clip, in float64."""

Others: TypeAlias = Float[Tensor, "others other_width"]
"""Features of another set, of the same width, which is checked."""

N_SIZES = 15
"""Number of sizes of subsets from which a distance is extrapolated."""


class SetMetric(NamedTuple):
    """How to compute a metric of two sets of clips, and how to read it.

    Attributes:
        better: Which scores are better.
        function: ``(reference, made) -> score`` for the features of both sets.
    """

    better: Literal["higher", "lower"]
    function: Callable[[Features, Others], float]


def frechet_distance(reference: Features, made: Others) -> float:
    """``|m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2))`` of the Gaussians with their moments.

    Heusel and others, arXiv:1706.08500; for sound, Kilgour and others, arXiv:1812.08466. Few clips
    make it too great, see `extrapolated_frechet_distance`.

    Examples:
        >>> x = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(x, x + 2), 6)
        12.0
    """
    _check(reference, made, at_least=2)
    one, other = reference.double(), made.double()
    first, second = (torch.atleast_2d(torch.cov(x.T)) for x in (one, other))
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    apart = (one.mean(0) - other.mean(0)).square().sum()
    return max(0.0, (apart + first.trace() + second.trace() - 2 * shared).item())


def extrapolated_frechet_distance(reference: Features, made: Others) -> float:
    """The Frechet distance that infinitely many made clips would have.

    The distance of n clips is about linear in 1 / n: a line is fitted to the distances of subsets
    of several sizes and followed to 1 / n = 0 (Chong and Forsyth, arXiv:1911.07023; for sound, Gui
    and others, arXiv:2311.01616). It can come out a little below 0.
    """
    _check(reference, made, at_least=4 * N_SIZES)
    generator = torch.Generator().manual_seed(0)
    sizes = torch.linspace(len(made) / 4, len(made), N_SIZES).round().long().tolist()
    subsets = (made[torch.randperm(len(made), generator=generator)[:size]] for size in sizes)
    distances = torch.tensor(
        [frechet_distance(reference, part) for part in subsets], dtype=torch.float64
    )
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    line = torch.stack([inverse, torch.ones_like(inverse)], 1)
    return torch.linalg.lstsq(line, distances[:, None]).solution[1].item()


def kernel_distance(reference: Features, made: Others) -> float:
    """The squared maximum mean discrepancy under ``k(x, y) = (x . y / width + 1)^3``, unbiased.

    Binkowski and others, arXiv:1801.01401. Around 0 where both sets are of one distribution.
    """
    _check(reference, made, at_least=2)
    one, other = reference.double(), made.double()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        k = kernel(x, x)
        return (k.sum() - k.trace()) / (len(x) * (len(x) - 1))

    return (within(one) + within(other) - 2 * kernel(one, other).mean()).item()


def precision(reference: Features, made: Others) -> float:
    """The share of made clips that are as near to a recording as its third neighbour is.

    Kynkaanniemi and others, arXiv:1904.06991.
    """
    _check(reference, made, at_least=4)
    return _within(made, reference, 3).any(1).double().mean().item()


def recall(reference: Features, made: Others) -> float:
    """The share of recordings that are as near to a made clip as its third neighbour is.

    Kynkaanniemi and others, arXiv:1904.06991.
    """
    return precision(made, reference)


def density(reference: Features, made: Others) -> float:
    """How many recordings' neighbourhoods a made clip lies in, on average, as a share of five.

    Naeem and others, arXiv:2002.09797: unlike precision, one outlier among the recordings changes
    little. Around 1 where both sets are of one distribution; it may exceed 1.
    """
    _check(reference, made, at_least=6)
    return _within(made, reference, 5).double().sum(1).mean().item() / 5


def coverage(reference: Features, made: Others) -> float:
    """The share of recordings with a made clip as near as their fifth neighbour.

    Naeem and others, arXiv:2002.09797.
    """
    _check(reference, made, at_least=6)
    return _within(made, reference, 5).any(0).double().mean().item()


SET_METRICS: dict[str, SetMetric] = {
    "frechet": SetMetric("lower", frechet_distance),
    "frechet_inf": SetMetric("lower", extrapolated_frechet_distance),
    "kernel": SetMetric("lower", kernel_distance),
    "precision": SetMetric("higher", precision),
    "recall": SetMetric("higher", recall),
    "density": SetMetric("higher", density),
    "coverage": SetMetric("higher", coverage),
}
"""What compares two sets of clips, in the order of its tables; assign to it to add a metric."""


def nearest(made: Features, others: Others) -> Float[Tensor, " clips"]:
    """The distance of each made clip to the nearest of other clips.

    A clip that is much nearer to the training clips than to held-out ones was memorised.
    """
    return torch.cdist(made.double(), others.double()).amin(1)


def _within(points: Features, centres: Others, k: int) -> Tensor:
    """Whether each point lies no further from each centre than the centre's k-th neighbour."""
    centres = centres.double()
    # The nearest of all is the centre itself.
    radii = torch.cdist(centres, centres).kthvalue(k + 1, dim=1).values
    return torch.cdist(points.double(), centres) <= radii


def _check(reference: Features, made: Others, at_least: int) -> None:
    for name, features in (("reference", reference), ("made", made)):
        if len(features) < at_least:
            raise AudiodiffError(
                f"{name} holds {len(features)} clips but this metric needs {at_least}; give more"
            )
        if not torch.isfinite(features).all():
            raise AudiodiffError(f"{name} holds NaN or infinity; mend what made its features")
    if reference.shape[1] != made.shape[1]:
        raise AudiodiffError(
            f"reference has {reference.shape[1]} features and made {made.shape[1]}; use one encoder"
        )
