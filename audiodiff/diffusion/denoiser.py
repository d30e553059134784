"""From a network's output to the denoised estimate."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from audiodiff._types import Condition, Network, Prior, Schedule, State, Times
from audiodiff.diffusion.targets import x0_from_output


class Whitened:
    """A network that works in the prior's whitened coordinates: ``y = color(net(whiten(x_t)))``.

    There the noise is white and the data has about unit variance in silence as in speech, so one
    network serves every level. With the unit prior this is the network itself.

    Args:
        network: What is trained.
        prior: The covariance of the noise.
        mel: What both are conditioned on, or the classes; None without conditioning.
        bf16: Whether the network runs under autocast to bfloat16.

    Attributes:
        shape: What the prior's covariance derives from the mel.
    """

    def __init__(
        self, network: Network, prior: Prior, mel: Condition | None, bf16: bool = False
    ) -> None:
        self.network = network
        self.prior = prior
        self.bf16 = bf16
        self.shape: Any = prior.condition(mel)
        with self._precision(mel):
            self.cond: Any = network.condition(mel)

    def __call__(self, x_t: State, level: Times) -> State:
        """The output in the shape and coordinates of x_t."""
        white = self.prior.whiten(x_t, self.shape)
        with self._precision(x_t):
            y = self.network(white, level, self.cond)
        return self.prior.color(y.to(x_t), self.shape)

    def _precision(self, like: Tensor | None) -> AbstractContextManager[None]:
        """Autocast where asked for; without, whatever the caller has chosen stays."""
        if not self.bf16 or like is None:
            return nullcontext()
        return torch.autocast(like.device.type, torch.bfloat16)


class NetDenoiser:
    """``x0_hat(x_t, t)`` of a network, with its conditioning bound.

    Args:
        network: What was trained, see `Whitened`; what it derives from the mel alone is computed
            once, here.
        schedule: The schedule it was trained on.
        target: What it predicts, a name of `TARGETS`.
        prior: The covariance of the noise that it was trained with.
        mel: The mel or the classes to condition on; None without conditioning.
        bf16: See `Whitened`.
    """

    def __init__(
        self,
        network: Network,
        schedule: Schedule,
        target: str,
        prior: Prior,
        mel: Condition | None,
        bf16: bool = False,
    ) -> None:
        self.level = network.level
        self.whitened = Whitened(network, prior, mel, bf16)
        self.schedule = schedule
        self.target = target

    def __call__(self, x_t: State, t: Times) -> State:
        """The denoised estimate in the shape of x_t."""
        y = self.whitened(x_t, self.level(self.schedule, t))
        return x0_from_output(self.target, self.schedule, t, x_t, y)
