"""A classifier of noisy states, or of sound, with all that it needs, from one config."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from audiodiff._types import Codec, State, Times
from audiodiff.codecs.registry import AnyCodec
from audiodiff.config import Config, SampleRate, Size
from audiodiff.diffusion.schedules import ScheduleConfig
from audiodiff.diffusion.times import log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.model.config import ModelConfig
from audiodiff.model.weights import CONFIG_NAME, read_config, save_model, with_stored_weights
from audiodiff.networks.classifier import ClassifierNetConfig, Vectors

MOST = 20.0
"""The greatest magnitude of a log-SNR; there a state is all sound, or all noise."""


class ClassifierConfig(Config):
    """Everything that makes up a classifier except its weights.

    Attributes:
        kind: What the directory holds.
        sample_rate: Sample rate of the sound in Hz.
        n_frames: Number of frames of the sounds that it was trained on.
        labels: Names of the classes of each kind of label.
        codec: What is classified: the wave, or another representation of it.
        schedule: The forward process whose states it classifies; None if it knows no noise.
        network: The network's sizes.
    """

    kind: Literal["classifier"] = "classifier"
    sample_rate: SampleRate
    n_frames: Size
    labels: dict[str, tuple[str, ...]]
    codec: AnyCodec
    schedule: ScheduleConfig | None = None
    network: ClassifierNetConfig


class Classifier(nn.Module):
    """A network that tells the classes of a state at any time, built from a config.

    Attributes:
        config: The config that it was built from.
        network: The network, which is trained.
        codec: The way from a wave to what is classified.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config, self.network = config, config.network.build()
        self.codec: Codec = config.codec.build(None)

    @classmethod
    def load(cls, directory: str | Path) -> "Classifier":
        """Reads a classifier's directory.

        Raises:
            AudiodiffError: If a file is missing or damaged, the weights do not fit the config, or
                the directory holds a model that makes sound.
        """
        directory = Path(directory)
        values = read_config(directory)
        if not is_classifier(values):
            raise AudiodiffError(
                f"{directory} holds a model that makes sound, no classifier; give a directory that "
                "`audiodiff train` wrote with objective.kind='classifier'"
            )
        config = ClassifierConfig.parse(values, str(directory / CONFIG_NAME))
        return with_stored_weights(lambda: cls(config), directory)

    def save(self, directory: str | Path) -> None:
        """Writes config.json and model.safetensors."""
        save_model(Path(directory), self.config, self.state_dict())

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    def level(self, t: Times) -> Times:
        """The log-SNR of times; that of sound without noise if the classifier knows no other."""
        if self.config.schedule is None:
            return torch.full_like(t, MOST)
        return log_snr(self.config.schedule, t).clamp(-MOST, MOST)

    def features(self, x_t: State, t: Times) -> Vectors:
        """The vector of each item from which the classes are read."""
        return self.network.features(x_t, self.level(t))

    def logits(self, x_t: State, t: Times) -> dict[str, Vectors]:
        """Log-probabilities of the classes of each kind of label, up to a constant."""
        return self.network(x_t, self.level(t))

    def forward(self, x_t: State, t: Times) -> dict[str, Vectors]:
        """The log-probability of every class of each kind of label, log p(label | x_t, t)."""
        return {kind: part.log_softmax(-1) for kind, part in self.logits(x_t, t).items()}


def classifier_for(model: ModelConfig, directory: Path) -> Classifier:
    """Reads a classifier of the states of a model.

    Raises:
        AudiodiffError: If there is none, or it knows other states or other labels.
    """
    with torch.inference_mode(False):  # whose weights would have no gradients to give
        classifier = Classifier.load(directory).requires_grad_(False)
    config = classifier.config
    fits = {
        "schedule": config.schedule == model.schedule,
        "codec": config.codec.has_states_of(model.codec),
        "labels": config.labels == model.label_sets,
    }
    for name, fit in fits.items():
        if not fit:
            raise AudiodiffError(
                f"the classifier {directory} does not fit the model, which has another {name}; "
                f"train one with the model's {name}"
            )
    return classifier


def is_classifier(values: dict[str, Any]) -> bool:
    """Whether the config of a directory is that of a classifier."""
    return values.get("kind") == "classifier"
