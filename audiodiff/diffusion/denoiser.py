"""From a network's output to the denoised estimate."""

from contextlib import AbstractContextManager, nullcontext
from copy import copy
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
        self.network: Any = network  # which may take an end
        self.prior, self.bf16 = prior, bf16
        self.shape: Any = prior.condition(cond)
        asked = cond if asked is None else asked
        with self._precision(next(iter(asked.values()), None)):
            self.features: Any = network.condition(asked)

    def __call__(self, x_t: State, level: Times, end: Times | None = None) -> State:
        """The output in the shape and coordinates of x_t.

        Args:
            x_t: The state.
            level: Its noise level.
            end: The level at the step's end, for a network that takes it.
        """
        white, ends = self.prior.whiten(x_t, self.shape), () if end is None else (end,)
        with self._precision(x_t):
            y = self.network(white, level, self.features, *ends)
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
        takes_end: Whether the network takes the end of the step.

    Attributes:
        r: The end of the step, one per item; None for the estimate at a time alone.
    """

    r: Times | None = None

    def __init__(
        self,
        network: Network,
        schedule: Schedule,
        target: str,
        prior: Prior,
        cond: Condition,
        bf16: bool = False,
        asked: Condition | None = None,
        takes_end: bool = False,
    ) -> None:
        self.level, self.takes_end = network.level, takes_end
        self.whitened = Whitened(network, prior, cond, bf16, asked)
        self.schedule = schedule
        self.target = target

    def __call__(self, x_t: State, t: Times) -> State:
        """The denoised estimate in the shape of x_t."""
        return x0_from_output(self.target, self.schedule, t, x_t, self.output(x_t, t))

    def output(self, x_t: State, t: Times) -> State:
        """The network's output in the shape of x_t, from which the estimate is made."""
        end = None if self.r is None else self.level(self.schedule, self.r)
        return self.whitened(x_t, self.level(self.schedule, t), end)

    def toward(self, r: Times) -> "NetDenoiser":
        """The denoiser for a step to r: another one only if the network takes the step's end."""
        if not self.takes_end:
            return self
        other = copy(self)
        other.r = r
        return other
