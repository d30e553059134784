"""Multistep updates: what the estimates of earlier steps add to a first-order step."""

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import State, Step, Times
from audiodiff.diffusion.targets import expand, scaled
from audiodiff.samplers.exponential import Estimate, History, first_order, half_log_snr


def difference(h: Times, now: Estimate, before: Estimate) -> tuple[Times, State]:
    """The distance of two estimates in units of h, and their divided difference in those units."""
    q = (now.level - before.level) / h
    return q, (now.x0 - before.x0) / expand(q, now.x0)


def correction(h: Times, now: Estimate, before: History) -> State:
    """What the divided differences of DPM-Solver++ add to the first order, over alpha_r."""
    e = torch.expm1(-h)
    q, first = difference(h, now, before[0])
    if len(before) == 1:
        return -scaled(e, first) / 2
    q_before, second = difference(h, *before)
    third = (first - second) / expand(q + q_before, first)
    slope = first + scaled(q, third)
    return scaled(e / h + 1, slope) - scaled((e + h) / h**2 - 0.5, third)


def unified(x_t: State, step: Step, estimates: History, at_r: Estimate | None) -> State:
    """UniPC's predictor or, given the estimate at r, its corrector."""
    now, others = estimates[0], estimates[1:]
    x_r = first_order(x_t, step, now.x0)
    end = half_log_snr(step.schedule, step.r)
    h = end - now.level
    places = [(other.level - now.level) / h for other in others]
    if at_r is not None:
        others, places = (*others, at_r), [*places, torch.ones_like(h)]
    if not others or not bool(end.isfinite().all()):
        return x_r
    weights = _weights(torch.stack(places), h)
    changes = [
        scaled(weight / place, other.x0 - now.x0)
        for weight, place, other in zip(weights, places, others, strict=True)
    ]
    change = sum(changes[1:], changes[0])
    return x_r - scaled(step.alpha_r * torch.expm1(-h), change)


def _weights(places: Float[Tensor, "m batch"], h: Times) -> Float[Tensor, "m batch"]:
    """The rho of ``sum_m rho_m r_m^(k-1) = k! h phi_{k+1}(h) / B``, k = 1, 2 ..."""
    if len(places) == 1:
        return torch.full_like(places, 0.5)
    e = torch.expm1(-h)
    phi, factorial, right = e, 1.0, []
    for k in range(1, len(places) + 1):
        factorial *= k
        phi = phi / -h - 1 / factorial
        right.append(phi * factorial / e)
    powers = torch.stack([places**k for k in range(len(places))])
    return torch.linalg.solve(powers.permute(2, 0, 1), torch.stack(right).T).T
