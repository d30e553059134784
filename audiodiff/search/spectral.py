"""The spectral cost of a run."""

from audiodiff.audio.distance import SpectralDistance
from audiodiff.search.problem import Cost, Problem

WINDOWS = (256, 1024, 2048)
"""Window lengths of the spectrograms by which runs are compared, in samples."""


def spectral_cost(problem: Problem) -> Cost:
    """The mean `SpectralDistance` between a run's sound and the one that it ought to make."""
    distance = SpectralDistance(WINDOWS, problem.model.config.sample_rate)
    return lambda times: distance(problem.run(times), problem.target).mean().item()
