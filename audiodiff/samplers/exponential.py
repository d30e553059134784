"""What samplers in the exponential form share: the exact step for a constant estimate.

With half the log-SNR ``lambda = log(alpha / sigma)`` as the time, the probability flow is
``x_r = sigma_r / sigma_t x_t + sigma_r int e^lambda x0_hat d lambda`` from lambda_t to lambda_r
(arXiv:2211.01095, proposition 4.1). All of it has gradients with respect to the times.
"""

from typing import NamedTuple

from audiodiff._types import Schedule, State, Step, Times
from audiodiff.diffusion.targets import scaled
from audiodiff.diffusion.times import log_snr


class Estimate(NamedTuple):
    """A denoised estimate, and half the log-SNR at which it was made."""

    x0: State
    level: Times

    @property
    def finite(self) -> bool:
        """Whether there was any signal; without it, the estimate is infinitely far from others."""
        return bool(self.level.isfinite().all())


History = tuple[Estimate, ...]
"""Estimates of earlier steps, the latest first."""


def half_log_snr(schedule: Schedule, t: Times) -> Times:
    """``log(alpha / sigma)``; infinite at t = 0, and at t = 1 where no signal is left."""
    return log_snr(schedule, t) / 2


def estimate(x_t: State, step: Step) -> Estimate:
    """The denoised estimate at t, and its level."""
    return Estimate(step.denoise(x_t, step.t), half_log_snr(step.schedule, step.t))


def first_order(x_t: State, step: Step, x0: State) -> State:
    """``x_r`` as if the estimate were ``x0`` all the way: DDIM's step.

    ``sigma_r / sigma_t x_t + alpha_r (1 - e^-h) x0``, written so that it needs no finite h.
    """
    kept, new = first_order_weights(step.schedule, step.t, step.r)
    return scaled(kept, x_t) + scaled(new, x0)


def first_order_weights(schedule: Schedule, t: Times, r: Times) -> tuple[Times, Times]:
    """The weights of the state and of the estimate in `first_order`."""
    kept = schedule.sigma(r) / schedule.sigma(t)
    return kept, schedule.alpha(r) - schedule.alpha(t) * kept
