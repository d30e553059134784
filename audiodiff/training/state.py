"""The state of a training run on disk: weights, their average and the optimiser's moments.

Crops, times and noise are functions of the seed and the step, so there is nothing else to keep.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from audiodiff.checkpoint import load_tensors, save_tensors
from audiodiff.errors import AudiodiffError

STATE_NAME = "state.safetensors"


def save_state(
    path: Path, network: nn.Module, average: Mapping[str, Tensor], optimizer: Optimizer, step: int
) -> None:
    """Writes everything that the next step depends on; whole or not at all."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.items()}
    for i, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{name}": value for name, value in moments.items()}
    save_tensors(path, tensors, {"step": str(step)})


def load_state(
    path: Path, network: nn.Module, average: Mapping[str, Tensor], optimizer: Optimizer
) -> int:
    """Puts a saved state back in place.

    Returns:
        The step that was done last.

    Raises:
        AudiodiffError: If the file is damaged or belongs to another network.
    """
    tensors, metadata = load_tensors(path)
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    try:
        network.load_state_dict(parts["network"])
        for name, tensor in average.items():
            tensor.copy_(parts["average"][name])
    except (RuntimeError, KeyError) as error:
        raise AudiodiffError(
            f"{path} belongs to another network; resume with the config it was saved with"
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in parts["optimizer"].items():
        i, _, key = name.partition(".")
        moments.setdefault(int(i), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    return int(metadata["step"])


class Average:
    """The exponential moving average of a network's weights.

    ``average += (1 - min(decay, (1 + step) / (10 + step))) (weights - average)``: the decay warms
    up, so that a short run's average is not its start.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {
            name: tensor.detach().clone() for name, tensor in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Takes in the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in network.state_dict().items():
            self.tensors[name].lerp_(tensor, 1 - decay)
