"""What a network predicts, as ``y = a x_0 + b eps``, and the way back to x_0.

eps (0, 1), x0 (1, 0), v (-sigma, alpha), velocity (alpha', sigma'), score (0, -1/sigma).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Schedule, State, Times

Coefficients = Float[Tensor, "batch_or_1 *ones"]
"""One number per item, or one for all, with an axis for each of the state's."""


def expand(coefficient: Float[Tensor, " batch_or_1"], like: State) -> Coefficients:
    """One number per item, or one for all, shaped and typed to multiply ``like``."""
    return coefficient.to(like).reshape(-1, *[1] * (like.ndim - 1))


def scaled(coefficient: Float[Tensor, " batch_or_1"], x: State) -> State:
    """``coefficient x``, with one number per item, or one for all."""
    return expand(coefficient, x) * x


def diffused(schedule: Schedule, t: Times, x0: State, eps: State) -> State:
    """``x_t = alpha x_0 + sigma eps``."""
    return scaled(schedule.alpha(t), x0) + scaled(schedule.sigma(t), eps)


def rate(f: Callable[[Times], Times], t: Times) -> Times:
    """df/dt by differentiation, also where gradients are off or in inference mode.

    Examples:
        >>> rate(torch.square, torch.tensor([3.0]))
        tensor([6.])
    """
    with torch.inference_mode(False), torch.enable_grad():
        deeper = t.requires_grad  # a rate within a rate, or within a loss of times
        # A clone, as no tensor of inference has gradients.
        at = t if deeper else t.detach().clone().requires_grad_()
        value = f(at)
        if not value.requires_grad:
            return torch.zeros_like(t)
        return torch.autograd.grad(value.sum(), at, create_graph=deeper)[0]


def _eps(schedule: Schedule, t: Times) -> tuple[Times, Times]:
    return torch.zeros_like(t), torch.ones_like(t)


def _x0(schedule: Schedule, t: Times) -> tuple[Times, Times]:
    return torch.ones_like(t), torch.zeros_like(t)


def _v(schedule: Schedule, t: Times) -> tuple[Times, Times]:
    return -schedule.sigma(t), schedule.alpha(t)


def _velocity(schedule: Schedule, t: Times) -> tuple[Times, Times]:
    return rate(schedule.alpha, t), rate(schedule.sigma, t)


def _score(schedule: Schedule, t: Times) -> tuple[Times, Times]:
    return torch.zeros_like(t), -1 / schedule.sigma(t)


TARGETS: dict[str, Callable[[Schedule, Times], tuple[Times, Times]]] = {
    "eps": _eps,
    "x0": _x0,
    "v": _v,
    "velocity": _velocity,
    "score": _score,
}
"""The coefficients (a, b) of every target by name."""


def output_from_x0(target: str, schedule: Schedule, t: Times, x0: State, eps: State) -> State:
    """The output that the network should give: ``y = a x_0 + b eps``."""
    a, b = TARGETS[target](schedule, t)
    return scaled(a, x0) + scaled(b, eps)


def x0_from_output(target: str, schedule: Schedule, t: Times, x_t: State, y: State) -> State:
    """The denoised estimate: ``x_0 = (b x_t - sigma y) / (alpha b - sigma a)``.

    For eps and score it does not exist where alpha is zero, as the noise then says nothing about
    the data.
    """
    of_x, of_y = x0_weights(target, schedule, t)
    return scaled(of_x, x_t) + scaled(of_y, y)


def x0_weights(target: str, schedule: Schedule, t: Times) -> tuple[Times, Times]:
    """The weights of the state and of the output in `x0_from_output`."""
    a, b = TARGETS[target](schedule, t)
    sigma = schedule.sigma(t)
    scale = schedule.alpha(t) * b - sigma * a
    return b / scale, -sigma / scale
