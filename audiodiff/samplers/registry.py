"""The samplers by name."""

from collections.abc import Callable
from functools import partial

from audiodiff._types import Sampler
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.consistency import Consistency
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.ddpm import DDPM
from audiodiff.samplers.dpm_solver import DPMSolver
from audiodiff.samplers.euler import Euler
from audiodiff.samplers.heun import Heun
from audiodiff.samplers.langevin import PredictorCorrector
from audiodiff.samplers.sde_dpm_solver import SDEDPMSolver
from audiodiff.samplers.unipc import UniPC

SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "ddpm": DDPM,
    "ddim": DDIM,
    "euler": Euler,
    "heun": Heun,
    "dpm++1": partial(DPMSolver, 1),
    "dpm++2m": partial(DPMSolver, 2),
    "dpm++3m": partial(DPMSolver, 3),
    "dpm++2m-sde": SDEDPMSolver,
    "unipc2": partial(UniPC, 2),
    "unipc3": partial(UniPC, 3),
    "consistency": Consistency,
}
"""The factory of each sampler in its default form, by name; assign to it to add one."""

CORRECTED = "+langevin"
"""The suffix of a sampler's name that wraps it in a Langevin corrector."""


def build_sampler(sampler: str | Sampler) -> Sampler:
    """The sampler of a name in `SAMPLERS`, with or without `CORRECTED`; a sampler as it is.

    Examples:
        >>> build_sampler("heun").calls
        2

    Raises:
        AudiodiffError: If the name is unknown.
    """
    if not isinstance(sampler, str):
        return sampler
    plain = sampler.removesuffix(CORRECTED)
    if plain not in SAMPLERS:
        raise AudiodiffError(
            f"sampler={sampler!r} is unknown; choose from {', '.join(SAMPLERS)}, with or without "
            f"{CORRECTED}"
        )
    built = SAMPLERS[plain]()
    return built if plain == sampler else PredictorCorrector(built)
