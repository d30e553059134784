"""The objective of classifiers: of noisy states for guidance, or of sound for judging."""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from audiodiff._types import Condition, State, Times
from audiodiff.conditioning.parts import OPEN
from audiodiff.diffusion.targets import diffused
from audiodiff.model.classifier import Classifier, ClassifierConfig
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.networks.classifier import ClassifierNetConfig, ClassifierSizes
from audiodiff.training.objectives.contract import Batch, Objective, ObjectiveConfig, Setting
from audiodiff.training.objectives.diffusion import DEV_TIMES, TimesConfig, white_like


class CrossEntropyConfig(ObjectiveConfig):
    """The figures of training a classifier.

    Attributes:
        network: The classifier's sizes.
        noisy: Whether it classifies the states of the model's forward process, as guidance needs,
            or sound alone, as a judge does.
        times: Distribution of the times of noisy states.
    """

    kind: Literal["classifier"] = "classifier"
    network: ClassifierSizes = Field(default_factory=ClassifierSizes)
    noisy: bool = True
    times: TimesConfig = Field(default_factory=TimesConfig)

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses a model without labels, and one with a mel."""
        if not model.label_sets:
            raise ValueError("objective.kind='classifier' needs model.labels; name the classes")
        if model.mel is not None:
            raise ValueError("objective.kind='classifier' needs a model without model.mel")
        if model.codec.has_weights:
            raise ValueError(
                f"objective.kind='classifier' cannot train on codec.kind={model.codec.kind!r}, "
                "whose weights it would need; use the codec of the mel"
            )

    def build(self, model: Model, setting: Setting) -> "CrossEntropy":
        """The objective of a run."""
        return CrossEntropy(self, model, setting)


class CrossEntropy(Objective):
    """``-log p(label | x_t, t)``, summed over the kinds of label (arXiv:2105.05233, section 4).

    Trains a `Classifier` on what diffuses in a model, whose own network is not used.

    Args:
        config: The classifier's sizes, and whether and when it knows noise.
        model: The model: its codec, its forward process and its labels.
        setting: The length of a crop.
    """

    def __init__(self, config: CrossEntropyConfig, model: Model, setting: Setting) -> None:
        super().__init__()
        self.model, self.times = model.requires_grad_(False), config.times
        schedule = model.config.schedule if config.noisy else None
        labels = model.config.label_sets
        self.classifier = Classifier(
            ClassifierConfig(
                sample_rate=model.config.sample_rate,
                n_frames=setting.crop_frames + 2 * setting.margin_frames,
                labels=labels,
                codec=model.config.codec,
                schedule=schedule,
                network=ClassifierNetConfig(
                    **config.network.model_dump(),
                    shape=model.config.codec.shape,
                    n_labels={kind: len(names) for kind, names in labels.items()},
                ),
            )
        )
        self.dev_times = DEV_TIMES if config.noisy else (0.0,)

    @property
    def trained(self) -> nn.Module:
        """The classifier's network."""
        return self.classifier.network

    @property
    def saved(self) -> Classifier:
        """The classifier."""
        return self.classifier

    @property
    def heard(self) -> None:
        """None, as a classifier makes no sound."""

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the batch, and each kind's share of right classes to log."""
        t = self.times.at(batch.places, self.model.schedule.t_min).to(batch.wave.device)
        loss, right = self.at(self._state(batch, t), t, batch.cond)
        return loss, {f"train/right_{kind}": share for kind, share in right.items()}

    def at(self, x_t: State, t: Times, cond: Condition) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean loss, and each kind's share of right classes."""
        loss, right = x_t.new_zeros(()), {}
        for kind, logits in self.classifier.logits(x_t, t).items():
            loss = loss + F.cross_entropy(logits.float(), cond[kind], ignore_index=OPEN)
            right[kind] = (logits.argmax(-1) == cond[kind]).float().mean()
        return loss, right

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss and each kind's share of right classes at fixed times, and the mean loss."""
        figures: dict[str, float] = {}
        losses = []
        for level in self.dev_times:
            t = torch.full((len(batch.wave),), level, dtype=torch.float64, device=batch.wave.device)
            with torch.no_grad():
                loss, right = self.at(self._state(batch, t), t, batch.cond)
            losses.append(loss.item())
            for kind, share in right.items():
                figures[f"dev/right_{kind}_t{level:.2f}"] = share.item()
        return figures | {"dev/loss": sum(losses) / len(losses)}

    @torch.no_grad()
    def _state(self, batch: Batch, t: Times) -> State:
        """The crops at the times, with the noise of their places; as they are without noise."""
        model = self.model
        x0 = model.codec.encode(batch.wave)
        if self.classifier.config.schedule is None:
            return x0
        white = white_like(batch, model)
        eps = model.codec.encode(white) if model.codec.linear else white
        return diffused(model.schedule, t, x0, eps)
