"""The one sampling loop."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TypeVar

from audiodiff._types import Denoiser, NoiseSource, Sampler, Schedule, State, Step
from audiodiff.diffusion.targets import expand, scaled
from audiodiff.diffusion.times import TimeGrid
from audiodiff.guidance.contract import Context, Guidance, guided, toward

Item = TypeVar("Item")


def initial_state(
    schedule: Schedule, times: TimeGrid, noise: NoiseSource, like: State, start: State | None
) -> State:
    """``x_T = alpha start + sigma eps``, or without a start ``sqrt(alpha^2 + sigma^2) eps``.

    The latter has the variance that data of the prior's covariance has at times[0]; for a
    variance-preserving schedule it is the noise itself, as in DDPM.
    """
    t = times[:1].to(like.device)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    eps = noise(like, 0)
    if start is None:
        return scaled((alpha.square() + sigma.square()).sqrt(), eps)
    return expand(alpha, like) * start + scaled(sigma, eps)


def last(states: Iterator[Item]) -> Item:
    """The final state of a run, without holding those before it."""
    return deque(states, maxlen=1)[0]


def sample(
    denoise: Denoiser,
    schedule: Schedule,
    sampler: Sampler,
    times: TimeGrid,
    noise: NoiseSource,
    like: State,
    start: State | None = None,
    guidance: Sequence[Guidance] = (),
    context: Context | None = None,
) -> Iterator[State]:
    """Yields the state after each step; the last one is the sample.

    The sampler takes the steps; this draws the initial state, and binds guidance and noise.

    Examples:
        >>> import torch
        >>> from audiodiff.diffusion.noise import NoiseTape
        >>> from audiodiff.diffusion.schedules import RectifiedFlow
        >>> from audiodiff.diffusion.times import uniform
        >>> from audiodiff.samplers.ddim import DDIM
        >>> silence = lambda x_t, t: torch.zeros_like(x_t)
        >>> schedule, like = RectifiedFlow(), torch.zeros(1, 100)
        >>> noise = NoiseTape([0], [0])
        >>> states = sample(silence, schedule, DDIM(), uniform(schedule, 4), noise, like)
        >>> last(states).abs().max()
        tensor(0.)

    Args:
        denoise: The denoised estimate with its condition bound.
        schedule: The schedule that the denoiser was trained on.
        sampler: The sampler that takes each step.
        times: Times falling from at most 1 to 0, shape (n_steps + 1,), float64.
        noise: Noise of the prior's covariance; step 0 is for the initial state.
        like: A tensor whose shape, dtype and device the state takes.
        start: A guess at the sample, from which the run starts at times[0] (SDEdit,
            arXiv:2108.01073); None for noise alone.
        guidance: Wrappers of the denoiser, the innermost first, used at the steps where it acts.
        context: What guidance may know of the run; needed if there is any guidance.
    """
    x, memory = initial_state(schedule, times, noise, like, start), sampler.init()
    on_device, n_steps = times.to(like.device), len(times) - 1
    drawn = count(1)  # 0 is for the initial state

    for n in range(n_steps):
        t, r = (on_device[i].expand(like.shape[0]) for i in (n, n + 1))
        known = None if context is None else context.toward(r)
        steered = guided(toward(denoise, r), guidance, known, n, n_steps)
        step = Step(schedule, t, r, steered, lambda: noise(like, next(drawn)))
        x, memory = sampler.step(x, step, memory)
        yield x
