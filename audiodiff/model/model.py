"""A model: its network and everything that is needed to run it, from one config."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import nn

from audiodiff._types import (
    Codec,
    Condition,
    Denoiser,
    Mel,
    NoiseSource,
    Prior,
    Sampler,
    Schedule,
    State,
    Wave,
)
from audiodiff.codecs.registry import build_codec
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.noise import Colored, NoiseTape
from audiodiff.diffusion.priors import PRIORS
from audiodiff.diffusion.times import TIMES, TimeGrid, check_times
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.mel_consistency import MelConsistent
from audiodiff.guidance.noise_above_mel import NoiseAbove
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.projection import MelProjection
from audiodiff.model.config import ModelConfig
from audiodiff.model.found import Schedules, load_schedules
from audiodiff.model.weights import (
    WEIGHTS_NAME,
    load_tensors,
    load_weights,
    read_config,
    save_model,
)
from audiodiff.networks.bandsplit import BandSplitConfig, BandSplitNet
from audiodiff.networks.diffwave import DiffWave, DiffWaveConfig
from audiodiff.networks.wavegrad import WaveGrad, WaveGradConfig
from audiodiff.samplers.ancestral import Clamped
from audiodiff.samplers.loop import build_sampler, last, sample

GUESS = 2**32
"""Place on the noise tape of what a run's start is made of, after all that a run draws."""


def build_network(
    config: DiffWaveConfig | WaveGradConfig | BandSplitConfig,
) -> DiffWave | WaveGrad | BandSplitNet:
    """The network of a config, with new weights."""
    if isinstance(config, DiffWaveConfig):
        return DiffWave(config)
    return WaveGrad(config) if isinstance(config, WaveGradConfig) else BandSplitNet(config)


class Model(nn.Module):
    """A network with its schedule and prior, built from a config.

    Attributes:
        config: What it was built from.
        network: The trained part.
        schedule: Its noise schedule.
        codec: The way between a wave and what diffuses.
        prior: Its noise.
        n_steps: Steps of its default run.
        searched: Times that a search found for other runs.
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
        self.project = None if self.log_mel is None else MelProjection(self.log_mel)
        self.n_steps = len(config.sampling.times) - 1
        self.bf16 = False
        self.searched: Schedules = {}

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
        model.searched = load_schedules(directory)
        return model.eval()

    def save(self, directory: Path) -> None:
        """Writes config.json and model.safetensors."""
        save_model(directory, self.config, self.network.state_dict())

    def denoisers(self, mel: Condition | None, finish: bool = True) -> tuple[Denoiser, Denoiser]:
        """x0_hat with the mel bound, in the steps of a run before its last and in that.

        They are made consistent with the mel as `SamplingConfig` says.

        Args:
            mel: See `run`.
            finish: Whether the last step's is, and has its texture of noise; without, it is the
                network's own, and differentiable.
        """
        config, sampling = self.config, self.config.sampling
        own = NetDenoiser(
            self.network, self.schedule, config.target, self.prior, mel, bf16=self.bf16
        )
        if mel is None or self.project is None:
            return own, own
        between = self._consistent(own, mel, sampling.passes_between)
        if not finish:
            return between, own
        last: Denoiser = own
        if sampling.noise_above_mel:
            last = NoiseAbove(own, self.schedule, self.prior, mel, config.n_mel_bins)
        return between, self._consistent(last, mel, sampling.mel_passes)

    def _consistent(self, denoise: Denoiser, mel: Mel, n_passes: int) -> Denoiser:
        if not n_passes:
            return denoise
        assert self.project is not None, "a model with a mel has a projection"
        return MelConsistent(denoise, self.codec, self.project, mel, n_passes)

    def sampler(self, name: str | None = None) -> Sampler:
        """The sampler of that name, or the model's own, clamped if the model says so.

        Raises:
            AudiodiffError: If the name is unknown.
        """
        name = self.config.sampling.sampler if name is None else name
        limit = self.config.sampling.clamp
        sampler = build_sampler(name)
        return sampler if limit is None else Clamped(sampler, limit)

    def times(self, n_steps: int | None = None, sampler: str | None = None) -> TimeGrid:
        """The times of a run: those that a search found, the default ones, or by the model's rule.

        Args:
            n_steps: None for the model's default run, whatever was found.
            sampler: By name; None for the model's own.

        Raises:
            AudiodiffError: If n_steps is below 1.
        """
        sampling = self.config.sampling
        if n_steps is None:
            return check_times(sampling.times)
        if found := self.searched.get((sampler or sampling.sampler, n_steps)):
            return check_times(found.times)
        if n_steps == self.n_steps:
            return check_times(sampling.times)
        if n_steps < 1:
            raise AudiodiffError(f"n_steps={n_steps}: a run has at least one step")
        return TIMES[sampling.rule](self.schedule, n_steps, sampling.t_range)

    def run(
        self,
        like: Wave,
        mel: Condition | None,
        times: TimeGrid,
        sampler: Sampler,
        white: NoiseSource,
        finish: bool = True,
    ) -> Iterator[State]:
        """Yields the state after each step; the codec makes sound of it.

        Args:
            like: A wave whose shape and device the sound takes, (batch, frames x hop_length), or of
                any length without a mel.
            mel: (batch, n_mels, frames) in the model's own preset; the places of labels of a model
                that has those; None for an unconditional one.
            times: The run, see `times`.
            sampler: See `sampler`.
            white: Unit noise in the shape of waves.
            finish: See `denoisers`.
        """
        n_samples, x = like.shape[1], self.codec.encode(like)
        noise = Colored(white, self.codec, self.prior, mel, n_samples)
        start, passes = None, self.config.sampling.start_passes
        if mel is not None and self.project is not None and passes:
            guess = self.codec.decode(noise(x, GUESS), n_samples)
            start = self.codec.encode(self.project(guess, mel, passes))
        denoise, finisher = self.denoisers(mel, finish)
        return sample(denoise, self.schedule, sampler, times, noise, x, start, finisher)

    def make(
        self,
        mel: Condition | None,
        n_samples: int,
        times: TimeGrid,
        sampler: Sampler,
        seeds: Sequence[int],
        offsets: Sequence[int],
        finish: bool = True,
    ) -> Wave:
        """The sound at the end of a run, (batch, n_samples).

        Args:
            mel: See `run`, and so are times, sampler and finish.
            n_samples: frames x hop_length, or any length without a mel.
            times: See above.
            sampler: See above.
            seeds: One per item of the batch.
            offsets: For each item, the sample of its noise tape at which it starts.
            finish: See above.
        """
        like = next(self.network.parameters()).new_zeros(len(seeds), n_samples)
        tape = NoiseTape(seeds, offsets)
        return self.codec.decode(last(self.run(like, mel, times, sampler, tape, finish)), n_samples)

    @property
    def receptive_radius(self) -> int:
        """Mel frames on either side that one call of the denoiser looks at."""
        return self.config.network.receptive_radius + 2 * self.prior.radius + self.codec.radius
