"""How likely a model holds a state, in bits per number: the less, the more usual the state.

With ``k = alpha / sigma``, the root of the SNR, and ``u = asinh(k)``, a state is scaled to
``y = x_t / sqrt(alpha^2 + sigma^2) = tanh(u) x_0 + eps / cosh(u)``, whatever the schedule. u is 0
at noise alone and near log 2k at data, and equal steps of it suit both ends. Two figures follow:

- the probability flow carries a state to the noise from which runs start, and the density changes
  with the trace of ``d x0_hat / dy`` on the way (arXiv:2011.13456, eq. 39);
- the bound adds up what the estimate's errors cost, ``1/2 E|x_0 - x0_hat|^2 d(k^2)``
  (arXiv:2107.00630, eq. 12).

The density is that of the states themselves, in their own units, blurred by noise of the standard
deviation ``1 / k`` of the last time: a network has learned nothing finer. Where the data are equal
numbers, such as the floor of a log-mel, only that blur keeps the figure finite.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from audiodiff._types import Denoiser, NoiseSource, Schedule, State
from audiodiff.diffusion.targets import scaled
from audiodiff.diffusion.times import Range

PerItem = Float64[Tensor, " batch"]
"""A number for each item."""


class Bits(NamedTuple):
    """An estimate of ``-log2 p(x_0)`` per number of a state; one below 0 is a density above 1.

    Attributes:
        mean: The mean over independent draws.
        error: Its standard error.
    """

    mean: PerItem
    error: PerItem


class _Scaled:
    """The estimate of the scaled state, in place of a state at a time.

    Attributes:
        first: u at the first time, at noise.
        last: u at the last time, at data.
    """

    def __init__(self, denoise: Denoiser, schedule: Schedule, t_range: Range) -> None:
        self.denoise, self.schedule = denoise, schedule
        ends = (1.0, schedule.t_min) if t_range is None else t_range
        t = torch.tensor(ends, dtype=torch.float64)
        self.least_t, self.greatest_t = min(ends), max(ends)
        self.first, self.last = (schedule.alpha(t) / schedule.sigma(t)).asinh().tolist()

    def __call__(self, y: State, u: float) -> State:
        """x0_hat in the shape of y."""
        # The last step may end a rounding error below 0.
        at = torch.tensor([max(u, 0.0)], dtype=torch.float64, device=y.device)
        t = self.schedule.t_of_log_snr(2 * at.sinh().log()).clamp(self.least_t, self.greatest_t)
        scale = (self.schedule.alpha(t).square() + self.schedule.sigma(t).square()).sqrt()
        return self.denoise(scaled(scale, y), t.expand(len(y)))


def flow_bits(
    denoise: Denoiser,
    schedule: Schedule,
    x0: State,
    noise: NoiseSource,
    n_steps: int = 8,
    n_probes: int = 2,
    t_range: Range = None,
) -> Bits:
    """Bits per number by the probability flow, ``dy/du = x0_hat - tanh(u) y``.

    ``log p(x_0) = log N(y_1; 0, 1) + n log(sinh u_0 / cosh u_1) - int tr(d x0_hat / dy) du``, for n
    numbers, with u from u_1 at the first time, where runs start from noise, to u_0 at the last. The
    trace is Hutchinson's, ``E v^T (d x0_hat / dy) v`` with v = +-1, each v being the same all the
    way. The steps are of the classical Runge-Kutta method of order 4, equal in u: one makes four
    calls of the denoiser, and goes backward through each once for every probe.

    Examples:
        >>> from audiodiff.diffusion.noise import NoiseTape
        >>> from audiodiff.diffusion.schedules import VP
        >>> def of_unit_gaussian(x_t, t):
        ...     return x_t * VP().alpha(t)[:, None]
        >>> x0 = torch.zeros(1, 100, dtype=torch.float64)
        >>> bits = flow_bits(of_unit_gaussian, VP(), x0, NoiseTape([0], [0]))
        >>> round(bits.mean.item(), 3), round(math.log2(2 * math.pi) / 2, 3)
        (1.326, 1.326)

    Args:
        denoise: The estimate, whose noise is white.
        schedule: The schedule that it was trained on.
        x0: The states.
        noise: Draws the probes.
        n_steps: Number of steps.
        n_probes: Number of probes, 2 or more.
        t_range: The first and the last time; 1 and the schedule's t_min if None.
    """
    x0_hat_of = _Scaled(denoise, schedule, t_range)
    probes = [noise(x0, n).sign() for n in range(n_probes)]

    def slopes(y: State, u: float) -> tuple[State, Float64[Tensor, "probes batch"]]:
        with torch.enable_grad():
            at = y.detach().requires_grad_()
            x0_hat = x0_hat_of(at, u)
        rows = (torch.autograd.grad(x0_hat, at, v, retain_graph=True)[0] * v for v in probes)
        return x0_hat.detach() - math.tanh(u) * y, torch.stack([_sum(row) for row in rows])

    y = math.tanh(x0_hat_of.last) * x0
    trace = torch.zeros(n_probes, len(x0), dtype=torch.float64, device=x0.device)
    h = (x0_hat_of.first - x0_hat_of.last) / n_steps
    for n in range(n_steps):
        u = x0_hat_of.last + n * h
        y_1, trace_1 = slopes(y, u)
        y_2, trace_2 = slopes(y + h / 2 * y_1, u + h / 2)
        y_3, trace_3 = slopes(y + h / 2 * y_2, u + h / 2)
        y_4, trace_4 = slopes(y + h * y_3, u + h)
        y = y + h / 6 * (y_1 + 2 * y_2 + 2 * y_3 + y_4)
        trace = trace - h / 6 * (trace_1 + 2 * trace_2 + 2 * trace_3 + trace_4)  # h is negative
    n_numbers, stretch = x0[0].numel(), math.sinh(x0_hat_of.last) / math.cosh(x0_hat_of.first)
    per_number = math.log(2 * math.pi) / 2 - math.log(stretch)
    return _bits(n_numbers * per_number + _sum(y.square()) / 2 + trace, n_numbers)


@torch.no_grad()
def bound_bits(
    denoise: Denoiser,
    schedule: Schedule,
    x0: State,
    noise: NoiseSource,
    n_steps: int = 8,
    n_draws: int = 4,
    t_range: Range = None,
) -> Bits:
    """Bits per number by the variational bound: no fewer than the model needs, up to the error.

    ``-log p(x_0) <= n/2 log(2 pi e / k_0^2) + KL(N(k_1 x_0, 1) || N(0, 1 + k_1^2)) + int k E|x_0 -
    x0_hat|^2 dk``: what is left to say at the last time, what the first time's noise gives away,
    and what the times between cost, for n numbers. The density is that of a run with fresh noise,
    and equal to the flow's for a perfect estimate, with which the bound is exact.

    The times are equally spaced in u, where a good estimate's costs are of one size at all but the
    noisiest times, which is importance sampling; each draw has times of its own between those of
    the others.

    Args:
        denoise: The estimate, whose noise is white.
        schedule: The schedule that it was trained on.
        x0: The states.
        noise: Draws the noise.
        n_steps: Number of times of a draw.
        n_draws: Number of draws, 2 or more.
        t_range: The first and the last time; 1 and the schedule's t_min if None.
    """
    x0_hat_of = _Scaled(denoise, schedule, t_range)
    h = (x0_hat_of.last - x0_hat_of.first) / n_steps
    costs = torch.zeros(n_draws, len(x0), dtype=torch.float64, device=x0.device)
    for n in range(n_steps * n_draws):
        u = x0_hat_of.first + h * (n + 0.5) / n_draws
        x0_hat = x0_hat_of(math.tanh(u) * x0 + noise(x0, n) / math.cosh(u), u)
        cost = math.sinh(u) * math.cosh(u) * _sum((x0 - x0_hat).square())  # k dk/du
        # Costs rise with u: each draw is first, second and so on among the others in turn.
        costs[(n + n // n_draws) % n_draws] += h * cost
    k_1, k_0, n_numbers = math.sinh(x0_hat_of.first), math.sinh(x0_hat_of.last), x0[0].numel()
    variance = 1 + k_1**2
    spread = n_numbers * (1 / variance - 1 + math.log(variance))
    given_away = (k_1**2 * _sum(x0.square()) / variance + spread) / 2
    left = n_numbers * (math.log(2 * math.pi * math.e) / 2 - math.log(k_0))
    return _bits(left + given_away + costs, n_numbers)


def _sum(x: State) -> PerItem:
    """The sum over each item's numbers."""
    return x.double().flatten(1).sum(1)


def _bits(nats: Float64[Tensor, "draws batch"], n_numbers: int) -> Bits:
    bits = nats / (n_numbers * math.log(2))
    return Bits(bits.mean(0), bits.std(0) / math.sqrt(len(bits)))
