"""From a network's output to the denoised estimate."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from audiodiff._types import Condition, Network, Prior, Schedule, State, Times
from audiodiff.diffusion.targets import x0_from_output


class Whitened:
    """A network that works in the prior's whitened coordinates: ``y = color(net(whiten(x_t)))``.

    There the noise is white and the data has about unit variance, in silence as in speech, so one
    network serves every level. With the unit prior this is the network itself.

    Args:
        network: The network that is trained.
        prior: The covariance of the noise.
        cond: The condition of both.
        bf16: Whether the network runs under autocast to bfloat16.
        asked: The condition of the network alone, where it is not the prior's, as in guidance.

    Attributes:
        shape: The shape of the prior's covariance under the condition.
    """

    def __init__(
        self,
        network: Network,
        prior: Prior,
        cond: Condition,
        bf16: bool = False,
        asked: Condition | None = None,
    ) -> None:
        self.network, self.prior, self.bf16 = network, prior, bf16
        self.shape: Any = prior.condition(cond)
        asked = cond if asked is None else asked
        with self._precision(next(iter(asked.values()), None)):
            self.features: Any = network.condition(asked)

    def __call__(self, x_t: State, level: Times) -> State:
        """The output in the shape and coordinates of x_t."""
        white = self.prior.whiten(x_t, self.shape)
        with self._precision(x_t):
            y = self.network(white, level, self.features)
        return self.prior.color(y.to(x_t), self.shape)

    def _precision(self, like: Tensor | None) -> AbstractContextManager[None]:
        """Autocast if asked for; otherwise the caller's own precision stays."""
        if not self.bf16 or like is None:
            return nullcontext()
        return torch.autocast(like.device.type, torch.bfloat16)


class NetDenoiser:
    """``x0_hat(x_t, t)`` of a network, with its condition bound.

    Args:
        network: The trained network; its features of the condition are computed once, here.
        schedule: The schedule that it was trained on.
        target: The quantity that it predicts, a name in `TARGETS`.
        prior: The covariance of the noise that it was trained with.
        cond: The condition of the network and the prior.
        bf16: Whether the network runs under autocast to bfloat16.
        asked: The condition of the network alone, where it is not the prior's, as in guidance.
    """

    def __init__(
        self,
        network: Network,
        schedule: Schedule,
        target: str,
        prior: Prior,
        cond: Condition,
        bf16: bool = False,
        asked: Condition | None = None,
    ) -> None:
        self.level = network.level
        self.whitened = Whitened(network, prior, cond, bf16, asked)
        self.schedule = schedule
        self.target = target

    def __call__(self, x_t: State, t: Times) -> State:
        """The denoised estimate in the shape of x_t."""
        y = self.whitened(x_t, self.level(self.schedule, t))
        return x0_from_output(self.target, self.schedule, t, x_t, y)
