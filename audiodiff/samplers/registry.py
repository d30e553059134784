"""The samplers by name."""

from collections.abc import Callable
from functools import partial

from audiodiff._types import Sampler
from audiodiff.errors import AudiodiffError, refuse_class
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
        AudiodiffError: If the name is unknown, or it is no sampler but a class, for example.
    """
    if not isinstance(sampler, str):
        refuse_class(sampler, "sampler")
        if not isinstance(sampler, Sampler):
            raise AudiodiffError(
                f"sampler is of type {type(sampler).__name__}, which lacks calls, init or step; "
                "give a name, or an object that has them"
            )
        return sampler
    plain = sampler.removesuffix(CORRECTED)
    if plain not in SAMPLERS:
        raise AudiodiffError(
            f"sampler={sampler!r} is unknown; choose from {', '.join(SAMPLERS)}, with or without "
            f"{CORRECTED}"
        )
    factory = SAMPLERS[plain]
    if not callable(factory):
        raise AudiodiffError(
            f"SAMPLERS[{plain!r}] holds an instance of {type(factory).__name__}; assign what makes "
            "one, such as its class"
        )
    built = factory()
    return built if plain == sampler else PredictorCorrector(built)
