"""The searches by name."""

from collections.abc import Callable

from audiodiff.errors import AudiodiffError
from audiodiff.search.bound import Bound
from audiodiff.search.coefficients import Coefficients
from audiodiff.search.contract import Search, SearchSetting
from audiodiff.search.gradient import Gradient
from audiodiff.search.grid import Grid
from audiodiff.search.learned import Learned
from audiodiff.search.likelihood import Likelihood
from audiodiff.search.perceptual import Perceptual
from audiodiff.search.problem import N_CANDIDATES
from audiodiff.search.straightness import Straightness
from audiodiff.search.trajectory import Trajectory

SEARCHES: dict[str, Callable[[SearchSetting], Search]] = {
    "straightness": Straightness,
    "likelihood": Likelihood,
    "bound": Bound,
    "trajectory": Trajectory,
    "coefficients": Coefficients,
    "gradient": Gradient,
    "grid": Grid,
    "learned": Learned,
    "perceptual": Perceptual,
}
"""What makes each search, by method, the cheapest first. Assign to it to add one."""


def build_search(method: str, setting: SearchSetting) -> Search:
    """The search of a method.

    Args:
        method: Name in `SEARCHES`.
        setting: What the search may use.

    Raises:
        AudiodiffError: If the method is unknown, or the longest run has more steps than the
            `N_CANDIDATES` times that searches choose among.
    """
    if method not in SEARCHES:
        raise AudiodiffError(f"method={method!r} is unknown; choose from {', '.join(SEARCHES)}")
    if setting.most > N_CANDIDATES:
        raise AudiodiffError(
            f"n_steps={setting.most} is too many; searches find runs of 1 to {N_CANDIDATES} steps"
        )
    return SEARCHES[method](setting)
