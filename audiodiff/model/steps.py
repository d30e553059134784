"""A run seen step by step."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from audiodiff._types import Denoiser, Schedule, State, Times
from audiodiff.diffusion.times import log_snr
from audiodiff.guidance.contract import Context


class Snapshot(NamedTuple):
    """A run at one of its times.

    Attributes:
        t: Diffusion time, from 1 at noise to 0 at data.
        log_snr: ``log(alpha^2 / sigma^2)`` at that time, infinite where there is no noise.
        state: The state x_t, (batch, *state), which the codec decodes to sound.
        estimate: The denoised estimate ``x0_hat(x_t, t)``, guidance included, in the same shape.
    """

    t: float
    log_snr: float
    state: State
    estimate: State


def snapshot(schedule: Schedule, t: Times, state: State, estimate: State) -> Snapshot:
    """The snapshot of a batch whose items are all at one time."""
    return Snapshot(t[0].item(), log_snr(schedule, t[:1]).item(), state, estimate)


def without_gradients(states: Iterator[State]) -> Iterator[State]:
    """The states, each made without gradients, while what takes them may have some."""
    while True:
        with torch.no_grad():
            state = next(states, None)
        if state is None:
            return
        yield state


class Watch:
    """A guidance that changes nothing, and keeps the first estimate of each step.

    It has to be the outermost. Samplers make that estimate at the beginning of their step.

    Attributes:
        seen: That of the step now made; none before the sampler has asked for it.
    """

    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def acts_at(self, step: int, n_steps: int) -> bool:
        """At every step."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser of one step as it is."""
        self.seen.clear()

        def watched(x_t: State, t: Times) -> State:
            estimate = denoise(x_t, t)
            if not self.seen:
                self.seen.append(snapshot(context.schedule, t, x_t, estimate))
            return estimate

        return watched
