"""The contract of objectives, and what they are given."""

from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from audiodiff._types import Condition, Wave
from audiodiff.conditioning.parts import moved
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model


class Batch(NamedTuple):
    """Crops of a training run; all randomness follows from the seed and each crop's place.

    Attributes:
        wave: (batch, samples), margins included.
        cond: Condition of the crops: predicted mels, labels.
        seed: Seed of the run.
        first: Place of the first crop in the training sequence.
        progress: Share of the run that is over, in [0, 1).
        step: The last step done.
    """

    wave: Wave
    cond: Condition
    seed: int
    first: int
    progress: float = 0.0
    step: int = 0

    @property
    def places(self) -> range:
        """The places of the crops in the training sequence."""
        return range(self.first, self.first + len(self.wave))

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        wave = self.wave.to(device, non_blocking=True)
        return self._replace(wave=wave, cond=moved(self.cond, device))


@runtime_checkable
class Saved(Protocol):
    """What a run makes: it can be written to a directory."""

    def save(self, directory: Path) -> None:
        """Writes it."""


class Objective(nn.Module):
    """What the trainer minimises, and all that the trainer knows of a model.

    Attributes:
        model: The model of the run.
    """

    model: Model

    @property
    def trained(self) -> nn.Module:
        """The module whose weights are trained and averaged."""
        return self.model.network

    @property
    def kept(self) -> nn.Module | None:
        """A module of the model that has weights which are not trained, such as its codec."""
        codec = self.model.codec
        return codec if isinstance(codec, nn.Module) else None

    @property
    def saved(self) -> Saved:
        """What the trainer saves."""
        return self.model

    @property
    def heard(self) -> Model | None:
        """The model of whose runs the trainer makes previews; None if there is nothing to hear."""
        return self.model

    @property
    def opponent(self) -> nn.Module | None:
        """A module that is trained beside it and not averaged, such as discriminators."""
        return None

    @property
    def sides(self) -> dict[str, nn.Module]:
        """What is trained, by the names by which a checkpoint holds it."""
        return _named(network=self.trained, opponent=self.opponent)

    @property
    def parts(self) -> dict[str, nn.Module]:
        """What has weights, by the names by which a checkpoint holds it."""
        return self.sides | _named(kept=self.kept)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to differentiate, and named figures to log, each a number without gradient."""
        raise NotImplementedError

    def warning(self) -> str | None:
        """What is wrong with the run so far, in a sentence; None if nothing is."""
        return None

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """Named figures of dev crops, ``dev/loss`` among them; the same for the same weights."""
        raise NotImplementedError


def _named(**modules: nn.Module | None) -> dict[str, nn.Module]:
    """Those that are there."""
    return {name: module for name, module in modules.items() if module is not None}


class Setting(NamedTuple):
    """What an objective may know of its run.

    Attributes:
        crop_frames: Length of a crop in mel frames, margins aside.
        margin_frames: Frames on either side that are context but not learned from.
        batch_size: Crops in one batch of one process.
        bf16: Whether the network's products are in bfloat16.
    """

    crop_frames: int
    margin_frames: int
    batch_size: int
    bf16: bool


class ObjectiveConfig(Config):
    """The figures of an objective, from which it is built.

    Attributes:
        kind: The objective's name in `audiodiff.training.objectives.OBJECTIVES`.
        trains_end: Whether it trains a network that takes the end of the step.
    """

    trains_end: ClassVar[bool] = False

    kind: str

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses a model or a run that the objective does not fit.

        Raises:
            ValueError: If something does not fit, naming it.
        """

    def check_new(self, model: ModelConfig) -> None:
        """Refuses to train a model from new weights.

        Raises:
            AudiodiffError: If its codec has weights that the objective does not train.
        """
        if model.codec.has_weights:
            raise AudiodiffError(
                f"codec.kind={model.codec.kind!r} has weights that this run does not train; train "
                "them with objective.kind='autoencoder', and give that model as --init"
            )

    def build(self, model: Model, setting: Setting) -> Objective:
        """The objective of a run."""
        raise NotImplementedError
