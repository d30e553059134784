"""The state of a training run on disk: weights, their average and the optimiser's moments.

Crops, times and noise are functions of the seed and the place in the training sequence, so there is
nothing else to keep.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import NonNegativeFloat, NonNegativeInt
from torch import Tensor, nn
from torch.optim import Optimizer

from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.weights import load_tensors, save_tensors
from audiodiff.system.documents import parse_json
from audiodiff.training.config import TrainConfig
from audiodiff.training.objectives.classifier import CrossEntropyConfig

STATE_NAME = "state.safetensors"

PROGRESS = "progress"
"""Key of the progress in a state's metadata."""


class Record(Config):
    """The progress of a run in its state, with a digest for the clips."""

    step: NonNegativeInt
    items: NonNegativeInt
    clips: str
    seconds: NonNegativeFloat = 0.0


class Progress(NamedTuple):
    """The progress of a run, and its clips.

    Attributes:
        step: The last step done.
        items: Crops drawn so far, by all processes.
        clips: Ids of the clips that crops are cut from.
        seconds: Time that it took, for a run whose length is a time; 0 for others, whose files
            are the same however long they take.
    """

    step: int
    items: int
    clips: Sequence[str]
    seconds: float = 0.0

    def after(self, items: int) -> "Progress":
        """The progress after one more step of ``items`` crops."""
        return self._replace(step=self.step + 1, items=self.items + items)

    def record(self) -> "Record":
        """The progress as a state holds it."""
        digest = hashlib.sha256("\n".join(self.clips).encode(errors="surrogateescape"))
        return Record(
            step=self.step, items=self.items, clips=digest.hexdigest(), seconds=self.seconds
        )


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    average: Mapping[str, Tensor],
    optimizer: Optimizer,
    progress: Progress,
) -> None:
    """Writes everything that the next step depends on, whole or not at all."""
    tensors = {
        f"{part}.{name}": value
        for part, module in modules.items()
        for name, value in module.state_dict().items()
    }
    tensors |= {f"average.{name}": value for name, value in average.items()}
    for i, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{name}": value for name, value in moments.items()}
    # In one entry: safetensors writes several in any order, and equal runs have equal files.
    save_tensors(path, tensors, {PROGRESS: progress.record().model_dump_json()})


def load_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    average: Mapping[str, Tensor],
    optimizer: Optimizer,
    start: Progress,
) -> Progress:
    """Restores a saved state in place.

    Args:
        path: The file.
        modules: Modules that receive the weights, by the names that they were saved by.
        average: Tensors that receive the average of the weights.
        optimizer: Optimiser that receives the moments.
        start: The run's progress before its first step.

    Returns:
        The saved progress of the run.

    Raises:
        AudiodiffError: If the file is damaged or belongs to another network or to other clips.
    """
    tensors, metadata = load_tensors(path)
    if PROGRESS not in metadata:
        raise AudiodiffError(
            f"{path} lacks the progress of its run, as those of older versions do; start again in "
            "another --out, with --init and this run's model"
        )
    parts: dict[str, dict[str, Tensor]] = {"average": {}, "optimizer": {}}
    parts |= {part: {} for part in modules}
    try:
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        for part, module in modules.items():
            module.load_state_dict(parts[part])
        for name, tensor in average.items():
            tensor.copy_(parts["average"][name])
    except (RuntimeError, KeyError) as error:
        raise AudiodiffError(
            f"{path} belongs to another network; resume with the config it was saved with"
        ) from error
    record = Record.parse(parse_json(metadata[PROGRESS], str(path)), str(path))
    if record.clips != start.record().clips:
        raise AudiodiffError(
            f"{path} was trained on other clips; resume with the same --data, or start again "
            "in another --out"
        )
    moments: dict[int, dict[str, Tensor]] = {}
    groups = optimizer.state_dict()["param_groups"]
    try:
        for name, tensor in parts["optimizer"].items():
            i, _, key = name.partition(".")
            moments.setdefault(int(i), {})[key] = tensor
        optimizer.load_state_dict({"state": moments, "param_groups": groups})
    except ValueError as error:
        raise AudiodiffError(
            f"{path} is damaged ({error}); start again in another --out"
        ) from error
    return start._replace(step=record.step, items=record.items, seconds=record.seconds)


def initial_weights(config: TrainConfig, directory: Path) -> dict[str, Tensor]:
    """The weights of a model directory, for a run whose network and codec are the same.

    The two may differ in parts of the condition that only one of them takes, such as a text, as far
    as `NetworkConfig.takes_weights_of` says so.

    Raises:
        AudiodiffError: If it is not a model directory, its network or a codec with weights is
            another, or the run trains a classifier.
    """
    if isinstance(config.objective, CrossEntropyConfig):
        raise AudiodiffError(
            f"--init {directory}: objective.kind='classifier' starts from new weights; leave it out"
        )
    model = Model.load(directory)
    if not config.model.network.takes_weights_of(model.config.network):
        raise AudiodiffError(
            f"--init {directory}: its network is not the config's; start from a model that was "
            "trained with the same [model.network]"
        )
    if config.model.codec.has_weights and model.config.codec != config.model.codec:
        raise AudiodiffError(
            f"--init {directory}: its codec is not the config's; start from a model that was "
            "trained with the same [model.codec]"
        )
    return model.state_dict()


class Average:
    """The exponential moving average of a network's weights.

    ``average += (1 - min(decay, (1 + step) / (10 + step))) (weights - average)``: the decay warms
    up, so that the average of a short run forgets its start.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {
            name: tensor.detach().clone() for name, tensor in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Updates the average with the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = network.state_dict()
        weights = [current[name] for name in self.tensors]
        torch._foreach_lerp_(list(self.tensors.values()), weights, 1 - decay)
