"""What a model is, as its config.json says it."""

from typing import Annotated, Any, Literal

import torch
from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from audiodiff.codecs.registry import CodecConfig
from audiodiff.codecs.stft import StftConfig
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.config import Config
from audiodiff.diffusion.priors import CODECS_OF, PriorConfig
from audiodiff.diffusion.schedules import ScheduleConfig
from audiodiff.diffusion.targets import TARGETS
from audiodiff.diffusion.times import TIMES, check_times
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.networks.bandsplit import BandSplitConfig
from audiodiff.networks.diffwave import DiffWaveConfig
from audiodiff.networks.wavegrad import WaveGradConfig
from audiodiff.samplers.loop import build_sampler

NetworkConfig = Annotated[
    DiffWaveConfig | WaveGradConfig | BandSplitConfig, Field(discriminator="kind")
]
"""The field type for configs that hold a network."""


class SamplingConfig(Config):
    """How a model runs unless the caller says otherwise.

    Attributes:
        sampler: A name that `build_sampler` takes.
        times: The default run, falling from noise to 0.
        rule: How another number of steps is placed, a name of `TIMES`.
        t_range: The first and the last time of another number of steps at which the network is
            called; None for the rule's own.
        clamp: The state is clamped to +-clamp after every step; None leaves it alone.
        start_passes: A run sets out from noise that so many passes of `MelProjection` have made
            agree with the mel; 0 for noise alone.
        mel_passes: Passes over the estimate of the last step.
        passes_between: Passes over those before it. The early estimates of a model that is trained
            by the diffusion loss alone are averages over what may still become of them, whose mel
            is not the answer's; those of a model trained through its own run are sounds.
        noise_above_mel: Whether the last estimate gets the texture of noise above the mel's
            highest frequency, see `NoiseAbove`; for the STFT codec.
    """

    sampler: str = "ddim"
    times: tuple[float, ...]
    rule: str = "uniform"
    clamp: PositiveFloat | None = None
    t_range: tuple[float, float] | None = None
    start_passes: NonNegativeInt = 0
    mel_passes: NonNegativeInt = 0
    passes_between: NonNegativeInt = 0
    noise_above_mel: bool = False

    @model_validator(mode="after")
    def _known_names(self) -> "SamplingConfig":
        build_sampler(self.sampler)
        _known("rule", self.rule, TIMES)
        check_times(self.times)
        if self.t_range is not None and not 1 > self.t_range[0] > self.t_range[1] > 0:
            raise ValueError(f"t_range={self.t_range} must fall, both between 0 and 1")
        return self

    @property
    def n_passes(self) -> int:
        """Passes of the default run, between its steps and at its end."""
        return self.passes_between * (len(self.times) - 2) + self.mel_passes


class ModelConfig(Config):
    """Everything to vocode: mel, rate, network, schedule, target, prior and default times.

    Attributes:
        format: Version of this layout.
        sample_rate: Of the sound, in Hz.
        mel: The mel that conditions the network, or a preset's name; None for a model without one.
        labels: Classes of what a model without a mel makes, by name; None for any. A network whose
            ``n_mels`` or ``n_labels`` is not given has those of the mel and the labels.
        codec: What diffuses: the wave, or its spectrogram.
        network: The network's sizes.
        schedule: The forward process that it was trained on.
        target: What it predicts, a name of `TARGETS`.
        prior: The covariance of the noise.
        sampling: How it runs by default.
    """

    format: Literal[1] = 1
    sample_rate: PositiveInt
    mel: MelConfig | None = None
    labels: tuple[str, ...] | None = None
    codec: CodecConfig = Field(default_factory=WaveformConfig)
    network: NetworkConfig
    schedule: ScheduleConfig
    target: str
    prior: PriorConfig = Field(default_factory=PriorConfig)
    sampling: SamplingConfig

    @model_validator(mode="before")
    @classmethod
    def _network_fits(cls, values: Any) -> Any:
        """Gives the network the sizes that the mel and the labels have."""
        network = values.get("network") if isinstance(values, dict) else None
        if not isinstance(network, dict):
            return values
        mel, labels = values.get("mel"), values.get("labels")
        if isinstance(mel, str) and mel in PRESETS:
            mel = PRESETS[mel]
        n_mels = mel.get("n_mels") if isinstance(mel, dict) else getattr(mel, "n_mels", None)
        sizes = {} if n_mels is None else {"n_mels": n_mels}
        if network.get("kind") == "diffwave":  # the others need a mel
            sizes = {"n_mels": n_mels} if mel is None else sizes
            sizes |= {} if labels is None else {"n_labels": len(labels)}
        return values | {"network": sizes | network}

    @field_validator("mel", mode="before")
    @classmethod
    def _preset_by_name(cls, mel: Any) -> Any:
        if not isinstance(mel, str):
            return mel
        _known("mel", mel, PRESETS)
        return PRESETS[mel]

    @model_validator(mode="after")
    def _parts_fit(self) -> "ModelConfig":
        _known("target", self.target, TARGETS)
        alpha_at_noise = self.schedule.alpha(torch.ones(1, dtype=torch.float64)).item()
        if self.target in ("eps", "score") and alpha_at_noise < 1e-4:
            raise ValueError(
                f"target={self.target!r} needs some signal at t = 1 and schedule.kind="
                f"{self.schedule.kind!r} has none; predict v, x0 or velocity"
            )
        n_mels = None if self.mel is None else self.mel.n_mels
        if n_mels != self.network.n_mels:
            raise ValueError(f"network.n_mels={self.network.n_mels} but the mel has {n_mels}")
        self._check_labels()
        if self.codec.kind not in CODECS_OF[self.prior.kind]:
            raise ValueError(
                f"prior.kind={self.prior.kind!r} works on codec.kind="
                f"{' or '.join(CODECS_OF[self.prior.kind])}, not {self.codec.kind!r}"
            )
        self._check_network()
        if self.sampling.noise_above_mel and not isinstance(self.codec, StftConfig):
            raise ValueError("sampling.noise_above_mel=True needs codec.kind='stft'")
        if self.mel is None:
            if self.prior.kind != "unit":
                raise ValueError(f"prior.kind={self.prior.kind!r} needs a mel; use 'unit'")
            for name in ("start_passes", "mel_passes", "passes_between"):
                if getattr(self.sampling, name):
                    raise ValueError(f"sampling.{name} needs a mel; use 0")
            return self
        if self.mel.sample_rate != self.sample_rate:
            raise ValueError(
                f"sample_rate={self.sample_rate} but mel.sample_rate={self.mel.sample_rate}"
            )
        if self.mel.hop_length != self.hop_length:
            raise ValueError(
                f"the network makes a hop of {self.hop_length} but mel.hop_length="
                f"{self.mel.hop_length}; set network.upsample_factors"
            )
        return self

    def _check_labels(self) -> None:
        """Whether the network has a class for each label."""
        n_labels = getattr(self.network, "n_labels", None)
        if (None if self.labels is None else len(self.labels)) != n_labels:
            named = "none" if self.labels is None else len(self.labels)
            raise ValueError(f"network.n_labels={n_labels} but of labels there are {named}")
        if self.labels is None:
            return
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels={self.labels} holds a name twice")
        if self.mel is not None:
            raise ValueError("labels are for models without a mel; leave one of them out")

    def _check_network(self) -> None:
        """Whether the network takes what the codec makes."""
        if isinstance(self.network, (DiffWaveConfig, WaveGradConfig)):
            if not isinstance(self.codec, WaveformConfig):
                raise ValueError(f"network.kind={self.network.kind!r} needs codec.kind='waveform'")
            return
        if not isinstance(self.codec, StftConfig):
            raise ValueError("network.kind='band-split' needs codec.kind='stft'")
        if self.codec.n_bins != self.network.n_bins:
            raise ValueError(
                f"network.bands hold {self.network.n_bins} bins but codec.n_fft="
                f"{self.codec.n_fft} makes {self.codec.n_bins}"
            )

    @property
    def n_mel_bins(self) -> int:
        """Bins of the STFT codec up to the mel's highest frequency."""
        assert self.mel is not None, "only what has a mel asks for them"
        assert isinstance(self.codec, StftConfig), "and an STFT codec"
        return self.mel.n_covered_bins(self.codec.n_fft)

    @property
    def hop_length(self) -> int:
        """Samples per mel frame."""
        if isinstance(self.network, (DiffWaveConfig, WaveGradConfig)):
            return self.network.hop_length
        assert self.mel is not None, "a band-split network has a mel"
        return self.mel.hop_length


def _known(name: str, value: str, registry: dict[str, Any]) -> None:
    if value not in registry:
        raise ValueError(f"{name}={value!r} is unknown; choose from {', '.join(registry)}")
