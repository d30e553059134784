"""Optimisers over a network's parameters, and their learning rate."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from audiodiff.training.config import OptimizerConfig
from audiodiff.training.muon import Muon


def learning_rate(config: OptimizerConfig, step: int, n_steps: int) -> float:
    """Linear warm-up, then lr, then half a cosine to lr x lr_end at the last step.

    Args:
        config: Figures of the optimiser.
        step: Number of the step, from 1.
        n_steps: Length of the run in steps, the last ``decay`` of which is the cosine.
    """
    if step <= config.warmup:
        return config.lr * step / config.warmup
    after = n_steps - config.warmup
    held = (1 - config.decay) * after
    progress = min(1.0, max(0.0, (step - config.warmup - held) / max(1.0, after - held)))
    floor = config.lr * config.lr_end
    return floor + (config.lr - floor) * (1 + math.cos(math.pi * progress)) / 2


class MuonAdamW(Optimizer):
    """Muon on convolutions, AdamW on all else, as one optimiser.

    Muon takes only matrices, so a convolution's kernel is passed as the matrix (out, in x size),
    which shares its memory.

    Args:
        kernels: Kernels of convolutions, (out, in, *size), for Muon.
        others: All other parameters, for AdamW.
        config: Figures of both optimisers.
    """

    def __init__(
        self, kernels: list[nn.Parameter], others: list[nn.Parameter], config: OptimizerConfig
    ) -> None:
        super().__init__([{"params": kernels}, {"params": others}], {"lr": config.lr})
        self.views = [kernel.detach().flatten(1) for kernel in kernels]
        self.muon = Muon(
            self.views, config.lr, weight_decay=config.weight_decay, momentum=config.momentum
        )
        self.adamw = adamw(self.param_groups[1]["params"], config)
        self.adamw_ratio = config.adamw_lr / config.lr

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of both, with AdamW's learning rate in proportion to Muon's."""
        for kernel, view in zip(self.param_groups[0]["params"], self.views, strict=True):
            view.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        self.muon.param_groups[0]["lr"] = self.param_groups[0]["lr"]
        self.adamw.param_groups[0]["lr"] = self.param_groups[0]["lr"] * self.adamw_ratio
        self.muon.step()
        self.adamw.step()

    def state_dict(self) -> dict[str, Any]:
        """Moments by parameter: Muon's first, then AdamW's."""
        first = len(self.views)
        state = dict(self.muon.state_dict()["state"])
        state |= {first + i: moments for i, moments in self.adamw.state_dict()["state"].items()}
        return {"state": state, "param_groups": super().state_dict()["param_groups"]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the moments."""
        first = len(self.views)
        parts: tuple[dict[int, dict[str, Tensor]], ...] = ({}, {})
        for i, moments in state_dict["state"].items():
            parts[i >= first][i - first * (i >= first)] = moments
        for optimizer, state in zip((self.muon, self.adamw), parts, strict=True):
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})


def adamw(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> AdamW:
    """AdamW with the config's figures."""
    lr = config.adamw_lr if config.kind == "muon" else config.lr
    return AdamW(parameters, lr, betas=config.betas, weight_decay=config.weight_decay)


def build_optimizer(
    network: nn.Module, config: OptimizerConfig, opponent: nn.Module | None = None
) -> Optimizer:
    """AdamW, or Muon on the convolutions of ``network.layers`` and AdamW on the rest.

    Args:
        network: The network that is trained.
        config: Figures of the optimiser.
        opponent: What is trained beside it, by AdamW.
    """
    against = [] if opponent is None else list(opponent.parameters())
    if config.kind == "adamw":
        return adamw([*network.parameters(), *against], config)
    layers = network.get_submodule("layers")
    kernels = [parameter for parameter in layers.parameters() if parameter.ndim > 2]
    chosen = {id(parameter) for parameter in kernels}
    others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    return MuonAdamW(kernels, [*others, *against], config)
