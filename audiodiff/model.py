"""A model: its network and everything that is needed to run it, from one config."""

from collections.abc import Iterator, Sequence
from pathlib import Path
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
from torch import nn

from audiodiff._types import Codec, Denoiser, Mel, Prior, Sampler, Schedule, Wave
from audiodiff.audio.codecs import CodecConfig, StftConfig, WaveformConfig, build_codec
from audiodiff.audio.mel import LogMel, MelConfig
from audiodiff.audio.presets import PRESETS
from audiodiff.checkpoint import (
    WEIGHTS_NAME,
    load_tensors,
    load_weights,
    read_config,
    save_model,
)
from audiodiff.config import Config
from audiodiff.diffusion.consistency import MelConsistent, MelProjection
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.noise import Colored, NoiseTape
from audiodiff.diffusion.priors import CODECS_OF, PRIORS, PriorConfig
from audiodiff.diffusion.schedules import ScheduleConfig
from audiodiff.diffusion.targets import TARGETS
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times
from audiodiff.errors import AudiodiffError
from audiodiff.models.bandsplit import BandSplitConfig, BandSplitNet
from audiodiff.models.diffwave import DiffWave, DiffWaveConfig
from audiodiff.samplers.ancestral import Clamped
from audiodiff.samplers.loop import SAMPLERS, sample

NetworkConfig = Annotated[DiffWaveConfig | BandSplitConfig, Field(discriminator="kind")]
"""The field type for configs that hold a network."""


class SamplingConfig(Config):
    """How a model runs unless the caller says otherwise.

    Attributes:
        sampler: A name of `SAMPLERS`.
        times: The default run, falling from noise to 0.
        rule: How another number of steps is placed, a name of `TIMES`.
        t_start: The first time of another number of steps: the rule's times are multiplied by it.
        clamp: The state is clamped to +-clamp after every step; None leaves it alone.
        start_passes: A run sets out from noise that so many passes of `MelProjection` have made
            agree with the mel; 0 for noise alone.
        mel_passes: Passes over the last estimate.
    """

    sampler: str = "ddim"
    times: tuple[float, ...]
    rule: str = "uniform"
    clamp: PositiveFloat | None = None
    t_start: float = Field(default=1.0, gt=0, le=1)
    start_passes: NonNegativeInt = 0
    mel_passes: NonNegativeInt = 0

    @model_validator(mode="after")
    def _known_names(self) -> "SamplingConfig":
        _known("sampler", self.sampler, SAMPLERS)
        _known("rule", self.rule, TIMES)
        check_times(self.times)
        return self


class ModelConfig(Config):
    """Everything to vocode: mel, rate, network, schedule, target, prior and default times.

    Attributes:
        format: Version of this layout.
        sample_rate: Of the sound, in Hz.
        mel: The mel that conditions the network, or a preset's name; None for an unconditional
            model.
        codec: What diffuses: the wave, or its spectrogram.
        network: The network's sizes.
        schedule: The forward process that it was trained on.
        target: What it predicts, a name of `TARGETS`.
        prior: The covariance of the noise.
        sampling: How it runs by default.
    """

    format: Literal[1] = 1
    sample_rate: PositiveInt
    mel: MelConfig | None
    codec: CodecConfig = Field(default_factory=WaveformConfig)
    network: NetworkConfig
    schedule: ScheduleConfig
    target: str
    prior: PriorConfig = Field(default_factory=PriorConfig)
    sampling: SamplingConfig

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
        if self.codec.kind not in CODECS_OF[self.prior.kind]:
            raise ValueError(
                f"prior.kind={self.prior.kind!r} works on codec.kind="
                f"{' or '.join(CODECS_OF[self.prior.kind])}, not {self.codec.kind!r}"
            )
        self._check_network()
        if self.mel is None:
            if self.prior.kind != "unit":
                raise ValueError(f"prior.kind={self.prior.kind!r} needs a mel; use 'unit'")
            if self.sampling.start_passes or self.sampling.mel_passes:
                raise ValueError("sampling.start_passes and mel_passes need a mel; use 0")
            return self
        if self.mel.sample_rate != self.sample_rate:
            raise ValueError(
                f"sample_rate={self.sample_rate} but mel.sample_rate={self.mel.sample_rate}"
            )
        if self.mel.hop_length != self.hop_length:
            raise ValueError(
                f"the network makes a hop of {self.hop_length} but mel.hop_length="
                f"{self.mel.hop_length}; for DiffWave set network.upsample_factors"
            )
        return self

    def _check_network(self) -> None:
        """Whether the network takes what the codec makes."""
        if isinstance(self.network, DiffWaveConfig):
            if not isinstance(self.codec, WaveformConfig):
                raise ValueError("network.kind='diffwave' needs codec.kind='waveform'")
            return
        if not isinstance(self.codec, StftConfig):
            raise ValueError("network.kind='band-split' needs codec.kind='stft'")
        if self.codec.n_bins != self.network.n_bins:
            raise ValueError(
                f"network.bands hold {self.network.n_bins} bins but codec.n_fft="
                f"{self.codec.n_fft} makes {self.codec.n_bins}"
            )

    @property
    def hop_length(self) -> int:
        """Samples per mel frame."""
        if isinstance(self.network, DiffWaveConfig):
            return self.network.hop_length
        assert self.mel is not None, "a band-split network has a mel"
        return self.mel.hop_length


def _known(name: str, value: str, registry: dict[str, Any]) -> None:
    if value not in registry:
        raise ValueError(f"{name}={value!r} is unknown; choose from {', '.join(registry)}")


def build_network(config: DiffWaveConfig | BandSplitConfig) -> DiffWave | BandSplitNet:
    """The network of a config, with new weights."""
    return DiffWave(config) if isinstance(config, DiffWaveConfig) else BandSplitNet(config)


class Model(nn.Module):
    """A network with its schedule and prior, built from a config.

    Attributes:
        config: What it was built from.
        network: The trained part.
        schedule: Its noise schedule.
        codec: The way between a wave and what diffuses.
        prior: Its noise.
        n_steps: Steps of its default run.
        bf16: Whether the network's products are bf16 in `run`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.network = build_network(config.network)
        self.schedule: Schedule = config.schedule
        self.codec: Codec = build_codec(config.codec, config.mel)
        self.prior: Prior = PRIORS[config.prior.kind](config.prior, config.codec, config.mel)
        self.log_mel = None if config.mel is None else LogMel(config.mel)
        self.n_steps = len(config.sampling.times) - 1
        self.bf16 = False

    @classmethod
    def load(cls, directory: Path) -> "Model":
        """Reads a model directory.

        Raises:
            AudiodiffError: If a file is missing, damaged or does not fit the other.
        """
        config = ModelConfig.parse(read_config(directory), str(directory / "config.json"))
        model = cls(config)
        path = directory / WEIGHTS_NAME
        load_weights(model.network, load_tensors(path)[0], path)
        return model.eval()

    def save(self, directory: Path) -> None:
        """Writes config.json and model.safetensors."""
        save_model(directory, self.config, self.network.state_dict())

    def denoiser(self, mel: Mel | None, times: TimeGrid) -> Denoiser:
        """x0_hat with the mel bound, made consistent with it in the last step of a run.

        Args:
            mel: See `run`.
            times: Of the run.
        """
        config = self.config
        denoise = NetDenoiser(
            self.network, self.schedule, config.target, self.prior, mel, bf16=self.bf16
        )
        project, passes = self._projection(mel), config.sampling.mel_passes
        if mel is None or project is None or not passes:
            return denoise
        n_samples = mel.shape[-1] * config.hop_length
        return MelConsistent(denoise, self.codec, project, passes, times[-2].item(), n_samples)

    def _projection(self, mel: Mel | None) -> MelProjection | None:
        return None if mel is None or self.log_mel is None else MelProjection(self.log_mel, mel)

    def sampler(self, name: str | None = None) -> Sampler:
        """The sampler of that name, or the model's own, clamped if the model says so.

        Raises:
            AudiodiffError: If the name is unknown.
        """
        name = self.config.sampling.sampler if name is None else name
        if name not in SAMPLERS:
            raise AudiodiffError(f"sampler={name!r} is unknown; choose from {', '.join(SAMPLERS)}")
        limit = self.config.sampling.clamp
        sampler = SAMPLERS[name]()
        return sampler if limit is None else Clamped(sampler, limit)

    def times(self, n_steps: int | None = None) -> TimeGrid:
        """The model's default times, or ``n_steps`` placed by its rule.

        Raises:
            AudiodiffError: If n_steps is below 1.
        """
        sampling = self.config.sampling
        if n_steps is None or n_steps == self.n_steps:
            return check_times(sampling.times)
        if n_steps < 1:
            raise AudiodiffError(f"n_steps={n_steps}: a run has at least one step")
        return TIMES[sampling.rule](self.schedule, n_steps) * sampling.t_start

    def run(
        self,
        mel: Mel | None,
        n_samples: int,
        times: TimeGrid,
        sampler: Sampler,
        seeds: Sequence[int],
        offsets: Sequence[int],
    ) -> Iterator[Wave]:
        """Yields the wave after each step, (batch, n_samples); the last is the result.

        Args:
            mel: (batch, n_mels, frames) in the model's own preset; None for an unconditional one.
            n_samples: frames x hop_length, or any length without a mel.
            times: The run, see `times`.
            sampler: See `sampler`.
            seeds: One per item of the batch.
            offsets: For each item, the sample of its noise tape at which it starts.
        """
        wave = next(self.network.parameters()).new_zeros(len(seeds), n_samples)
        noise = Colored(NoiseTape(seeds, offsets), self.codec, self.prior, mel, n_samples)
        like = self.codec.encode(wave)
        start, project = None, self._projection(mel)
        if project is not None and self.config.sampling.start_passes:
            guess = self.codec.decode(noise(like, len(times)), n_samples)
            start = self.codec.encode(project(guess, self.config.sampling.start_passes))
        denoise = self.denoiser(mel, times)
        for x in sample(denoise, self.schedule, sampler, times, noise, like, start):
            yield self.codec.decode(x, n_samples)

    @property
    def receptive_radius(self) -> int:
        """Mel frames on either side that one call of the denoiser looks at."""
        return self.config.network.receptive_radius + 2 * self.prior.radius + self.codec.radius
