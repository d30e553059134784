"""The one sampling loop, and the samplers by name."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

from audiodiff._types import Denoiser, NoiseSource, Sampler, Schedule, State
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.samplers.ancestral import Ancestral
from audiodiff.samplers.consistency import Consistency
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.dpm_solver import DPMSolver, SDEDPMSolver
from audiodiff.samplers.heun import Euler, Heun
from audiodiff.samplers.langevin import PredictorCorrector
from audiodiff.samplers.unipc import UniPC

SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "ddpm": Ancestral,
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
"""Every sampler by name, in its default form."""

CORRECTED = "+langevin"
"""What after a sampler's name puts a Langevin corrector around it."""


def build_sampler(name: str) -> Sampler:
    """The sampler of a name of `SAMPLERS`, with `CORRECTED` after it or not.

    Raises:
        AudiodiffError: If the name is unknown.
    """
    plain = name.removesuffix(CORRECTED)
    if plain not in SAMPLERS:
        raise AudiodiffError(
            f"sampler={name!r} is unknown; choose from {', '.join(SAMPLERS)}, with or without "
            f"{CORRECTED}"
        )
    sampler = SAMPLERS[plain]()
    return sampler if plain == name else PredictorCorrector(sampler)


def initial_state(
    schedule: Schedule, times: TimeGrid, noise: NoiseSource, like: State, start: State | None
) -> State:
    """``x_T = alpha start + sigma eps``, or without a start ``sqrt(alpha^2 + sigma^2) eps``.

    The latter has the variance at times[0] of data of the prior's own; for a variance-preserving
    schedule it is the noise itself, as DDPM starts.
    """
    t = times[:1].to(like.device)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    eps = noise(like, 0)
    if start is None:
        return expand((alpha.square() + sigma.square()).sqrt(), like) * eps
    return expand(alpha, like) * start + expand(sigma, like) * eps


def last(states: Iterator[State]) -> State:
    """The final state, without holding those before it."""
    return deque(states, maxlen=1)[0]


def sample(
    denoise: Denoiser,
    schedule: Schedule,
    sampler: Sampler,
    times: TimeGrid,
    noise: NoiseSource,
    like: State,
    start: State | None = None,
    finish: Denoiser | None = None,
) -> Iterator[State]:
    """Yields the state after each step; the last one is the sample.

    Args:
        denoise: The denoised estimate with its conditioning bound.
        schedule: The schedule that the denoiser was trained on.
        sampler: One way of stepping.
        times: Falling from noise to 0, shape (n_steps + 1,), float64.
        noise: Noise of the prior's covariance; step 0 is the initial state's.
        like: A tensor whose shape, dtype and device the state takes.
        start: A guess at the sample, which the run sets out from at times[0] (SDEdit,
            arXiv:2108.01073); None for noise alone.
        finish: What takes the place of ``denoise`` in the last step; None for nothing else.
    """
    x = initial_state(schedule, times, noise, like, start)
    state = sampler.init()
    at = times.to(like.device)
    drawn = count(1)  # 0 is the initial state's
    for n in range(len(times) - 1):
        t, r = (at[i].expand(like.shape[0]) for i in (n, n + 1))
        if finish is not None and n == len(times) - 2:
            denoise = finish
        x, state = sampler.step(denoise, schedule, x, t, r, state, lambda: noise(like, next(drawn)))
        yield x
