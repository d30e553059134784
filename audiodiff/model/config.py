"""The config of a model, stored as its config.json."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field, field_validator, model_validator

from audiodiff.codecs.registry import AnyCodec
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.conditioning.known import KNOWN
from audiodiff.conditioning.text import TEXT
from audiodiff.config import Config, Count, SampleRate
from audiodiff.diffusion.priors import AnyPrior, UnitConfig
from audiodiff.diffusion.schedules import ScheduleConfig
from audiodiff.diffusion.targets import TARGETS
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.model.sampling import SamplingConfig
from audiodiff.model.upgrade import prior_with_its_own_figures
from audiodiff.networks.registry import NETWORKS, AnyNetwork


class ModelConfig(Config):
    """Everything that makes up a model except its weights.

    Attributes:
        format: Version of this layout; 1 is read as 2.
        sample_rate: Sample rate of the sound in Hz.
        mel: The mel that conditions the network, or a preset's name; None for a model without one.
        labels: Names of the classes that condition the network, or those of each of several kinds
            of label by its name; None for a model without labels.
        infill: Frames of the longest gap that the network learns to fill, given the part of a state
            that is known (see `known_part`); None for a model that fills none.
        codec: What diffuses: the wave, or another representation of it.
        network: The network's sizes; its ``n_mels`` and ``n_labels`` default to those of the mel
            and the labels. The model takes a text if its network does.
        schedule: The forward process that it was trained on.
        target: The quantity that it predicts, a name in `TARGETS`.
        prior: The covariance of the noise.
        sampling: The default run.
    """

    format: Literal[2] = 2
    sample_rate: SampleRate
    mel: MelConfig | None = None
    labels: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None
    infill: Count | None = None
    codec: AnyCodec = Field(default_factory=WaveformConfig)
    network: AnyNetwork
    schedule: ScheduleConfig
    target: str
    prior: AnyPrior = Field(default_factory=UnitConfig)
    sampling: SamplingConfig

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, values: Any) -> Any:
        """Reads format 1 as 2, and gives the network the sizes of the mel and the labels."""
        if not isinstance(values, dict):
            return values
        if values.get("format") == 1:
            values = values | {"format": 2}
        if isinstance(values.get("prior"), dict):
            values = values | {"prior": prior_with_its_own_figures(values["prior"])}
        network = values.get("network")
        kind = network.get("kind") if isinstance(network, dict) else None
        if not isinstance(kind, str) or kind not in NETWORKS:
            return values
        mel, labels = values.get("mel"), values.get("labels")
        mel = PRESETS.get(mel, mel) if isinstance(mel, str) else mel
        n_mels = mel.get("n_mels") if isinstance(mel, dict) else getattr(mel, "n_mels", None)
        known = {"n_mels": n_mels, "n_labels": _n_labels(labels)}
        fields = NETWORKS[kind].model_fields
        sizes = {
            name: size
            for name, size in known.items()
            # None only where a field allows it; elsewhere a message says what is missing.
            if name in fields and (size is not None or _takes_none(fields[name].annotation))
        }
        return values | {"network": sizes | network}

    @field_validator("mel", mode="before")
    @classmethod
    def _preset_by_name(cls, mel: Any) -> Any:
        if not isinstance(mel, str):
            return mel
        _check_known("mel", mel, PRESETS)
        return PRESETS[mel]

    @model_validator(mode="after")
    def _parts_fit(self) -> "ModelConfig":
        self._check_target()
        self._check_condition()
        self._check_prior()
        self.network.check_codec(self.codec)
        self._check_sampling()
        self._check_rates()
        return self

    def _check_target(self) -> None:
        _check_known("target", self.target, TARGETS)
        alpha_at_noise = self.schedule.alpha(torch.ones(1, dtype=torch.float64)).item()
        if self.target in ("eps", "score") and alpha_at_noise < 1e-4:
            raise ValueError(
                f"target={self.target!r} needs some signal at t = 1 and schedule.kind="
                f"{self.schedule.kind!r} has none; predict v, x0 or velocity"
            )

    def _check_condition(self) -> None:
        """Checks that the network takes the mel, the labels and the known part of the model."""
        for part, names in self.label_sets.items():
            if len(set(names)) < len(names):
                raise ValueError(f"labels: {part} holds a name twice: {', '.join(names)}")
        sizes = {part: len(names) for part, names in self.label_sets.items()}
        if self.mel is not None:
            sizes["mel"] = self.mel.n_mels
        if self.infill is not None:
            if not self.codec.shape:
                raise ValueError(
                    f"infill needs a codec with bands, not codec.kind={self.codec.kind!r}"
                )
            sizes[KNOWN] = 2 * math.prod(self.codec.shape)
        if self.network.n_bytes is not None:
            sizes[TEXT] = self.network.n_bytes
        wanted = self.network.parts
        for part in {**sizes, **wanted}:
            if sizes.get(part) != wanted.get(part):
                field, words = _SIZES.get(part, (f"n_labels.{part}", "there are"))
                raise ValueError(
                    f"network.{field}={wanted.get(part)} but {words} {sizes.get(part, 'none')}"
                )

    def _check_prior(self) -> None:
        codecs = self.prior.codecs
        if codecs is not None and self.codec.kind not in codecs:
            raise ValueError(
                f"prior.kind={self.prior.kind!r} works on codec.kind={' or '.join(codecs)}, not "
                f"{self.codec.kind!r}"
            )
        self.prior.build(self.codec, self.mel)  # some need a mel

    def _check_sampling(self) -> None:
        """Checks that the default run's guidance has what it needs."""
        if self.mel is None and self.sampling.start_passes:
            raise ValueError("sampling.start_passes needs a mel; use 0")
        if self.mel is not None and self.sampling.n_samples is not None:
            raise ValueError(
                f"sampling.n_samples={self.sampling.n_samples} but the mel decides the length of a "
                "sound; leave it out"
            )
        for guidance in self.sampling.guidance:
            what = f"sampling.guidance: kind={guidance.kind!r}"
            for part in guidance.parts:
                if part not in self.network.parts:
                    raise ValueError(f"{what} needs a {part}, which this model does not take")
            if guidance.codecs is not None and self.codec.kind not in guidance.codecs:
                raise ValueError(f"{what} needs codec.kind={' or '.join(guidance.codecs)!r}")

    def _check_rates(self) -> None:
        if self.codec.sample_rate not in (None, self.sample_rate):
            raise ValueError(
                f"sample_rate={self.sample_rate} but codec.kind={self.codec.kind!r} has "
                f"{self.codec.sample_rate}"
            )
        if self.mel is None:
            return
        if self.mel.sample_rate != self.sample_rate:
            raise ValueError(
                f"sample_rate={self.sample_rate} but mel.sample_rate={self.mel.sample_rate}"
            )
        if self.mel.hop_length != self.hop_length:
            raise ValueError(
                f"the network makes a hop of {self.hop_length} but mel.hop_length="
                f"{self.mel.hop_length}; set network.upsample_factors"
            )

    def fetch(self, device: torch.device) -> None:
        """Loads what the model names but does not hold: an encoder of texts, an autoencoder.

        Args:
            device: The device that the model runs on.

        Raises:
            AudiodiffError: If it cannot be loaded.
        """
        self.network.fetch(device)
        self.codec.fetch(device)

    @property
    def label_sets(self) -> dict[str, tuple[str, ...]]:
        """The classes of each kind of label by its name; a single kind is ``label``."""
        if self.labels is None:
            return {}
        return self.labels if isinstance(self.labels, dict) else {"label": self.labels}

    @property
    def hop_length(self) -> int:
        """Samples per frame of the network, the codec or the mel, whichever has frames; or 1."""
        mel = None if self.mel is None else self.mel.hop_length
        hops = (self.network.hop_length, self.codec.hop_length, mel)
        return next((hop for hop in hops if hop is not None), 1)


_SIZES = {
    "mel": ("n_mels", "the mel has"),
    "label": ("n_labels", "there are"),
    KNOWN: (f"frames.{KNOWN}", "model.infill makes"),
}
"""The network's field for the size of a part, and what has that size."""


def _n_labels(labels: Any) -> Any:
    """The number of labels, or that of each kind, of a config that may not be valid."""
    if isinstance(labels, Mapping):
        return {kind: len(names) for kind, names in labels.items() if isinstance(names, Sequence)}
    return len(labels) if isinstance(labels, Sequence) else None


def _takes_none(annotation: Any) -> bool:
    return type(None) in getattr(annotation, "__args__", ())


def _check_known(name: str, value: str, registry: Any) -> None:
    if value not in registry:
        raise ValueError(f"{name}={value!r} is unknown; choose from {', '.join(registry)}")
