"""A model: its network and everything that is needed to run it, from one config."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from audiodiff._types import (
    Codec,
    Condition,
    Denoiser,
    NoiseSource,
    Prior,
    Sampler,
    Schedule,
    State,
    Wave,
)
from audiodiff.conditioning.parts import joined, moved, n_items
from audiodiff.conditioning.text import text_asked
from audiodiff.diffusion.denoiser import NetDenoiser
from audiodiff.diffusion.noise import Colored, NoiseTape
from audiodiff.diffusion.times import TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.contract import Context, Guidance
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.projection import MelProjection
from audiodiff.model.classifier import Classifier, classifier_for, is_classifier
from audiodiff.model.config import ModelConfig
from audiodiff.model.found import Found, FoundTimes, load_times, weights_sha256
from audiodiff.model.hub import model_directory
from audiodiff.model.run import DEFAULT, Run
from audiodiff.model.steps import Snapshot, Watch, snapshot, without_gradients
from audiodiff.model.upgrade import weights_of_format_1
from audiodiff.model.weights import CONFIG_NAME, read_config, save_model, with_stored_weights
from audiodiff.samplers.clamped import Clamped
from audiodiff.samplers.loop import last, sample
from audiodiff.system.devices import use_bf16

GUESS = 2**32
"""Step on the noise tape of the guess that a run may start from, beyond all that a run draws."""


class Model(nn.Module):
    """A network with its schedule, codec and prior, built from a config.

    Attributes:
        config: The config that it was built from.
        network: The network, which is trained.
        schedule: The noise schedule.
        codec: The way between a wave and what diffuses; saved with the model if it has weights.
        prior: The covariance of the noise.
        log_mel: The mel front-end; None for a model without a mel.
        project: The projection onto the mel; None for a model without one.
        n_steps: Steps of the default run.
        searched: Times that a search found for other runs.
        directory: The directory that it was loaded from; None if it was built.
        classifiers: Classifiers that have guided the model, by their name.
    """

    network: Any  # a `Network` that is a torch module

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.network = config.network.build()
        self.schedule: Schedule = config.schedule
        self.codec: Codec = config.codec.build(config.mel)
        self.prior: Prior = config.prior.build(config.codec, config.mel)
        self.log_mel = None if config.mel is None else LogMel(config.mel)
        self.project = None if self.log_mel is None else MelProjection(self.log_mel)
        self.n_steps = len(config.sampling.times) - 1
        self.searched: FoundTimes = {}
        self.directory: Path | None = None
        self.classifiers: dict[str, Classifier] = {}

    @classmethod
    def load(cls, directory: str | Path) -> "Model":
        """Reads a model directory.

        Raises:
            AudiodiffError: If a file is missing or damaged, the weights do not fit the config, or
                the directory holds a classifier.
        """
        directory = Path(directory)
        values = read_config(directory)
        if is_classifier(values):
            raise AudiodiffError(
                f"{directory} holds a classifier, which makes no sound; give the model that it "
                "judges or guides"
            )
        config = ModelConfig.parse(values, str(directory / CONFIG_NAME))
        renamed = weights_of_format_1 if values.get("format") == 1 else dict
        model = with_stored_weights(lambda: cls(config), directory, renamed)
        model.searched, model.directory = load_times(directory), directory
        return model

    def save(self, directory: str | Path) -> None:
        """Writes config.json and model.safetensors, with the weights of every module."""
        save_model(Path(directory), self.config, self.state_dict())

    @cached_property
    def digest(self) -> str | None:
        """SHA-256 digest of the weights that it was loaded from; None if it was built."""
        return None if self.directory is None else weights_sha256(self.directory)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    def sampler(self, run: Run = DEFAULT) -> Sampler:
        """The solver of a run, clamped if the model's config says so."""
        sampler, clamp = self.solver(run), self.config.sampling.clamp
        return sampler if clamp is None else Clamped(sampler, clamp)

    def solver(self, run: Run = DEFAULT) -> Sampler:
        """The sampler of a run, or the coefficients that a search found in its place.

        Raises:
            AudiodiffError: If its name is unknown.
        """
        return self.config.sampling.solver_of(run, self.found(run))

    def found(self, run: Run) -> Found | None:
        """What a search found for a run; None if there is nothing, or the run has its own times."""
        return self.config.sampling.found_of(run, self.searched)

    def times(self, run: Run = DEFAULT) -> TimeGrid:
        """The times of a run: those given, those that a search found, or by the model's rule.

        Raises:
            AudiodiffError: If given times do not fall from at most 1 to 0.
        """
        return self.config.sampling.times_of(run, self.schedule, self.found(run))

    def guidance(self, run: Run = DEFAULT) -> Sequence[Guidance]:
        """The guidance of a run, the innermost first."""
        return self.config.sampling.guidance if run.guidance is None else run.guidance

    def context(self, cond: Condition, n_samples: int, run: Run = DEFAULT) -> Context:
        """What guidance may know of a run, including the model's own denoiser.

        Raises:
            AudiodiffError: If the run's precision is unknown, or the model does not take the
                negative text.
        """
        bf16 = use_bf16("fp32" if run.precision is None else run.precision, self.device)

        def denoiser(asked: Condition, n_copies: int = 1) -> Denoiser:
            return NetDenoiser(
                self.network,
                self.schedule,
                self.config.target,
                self.prior,
                cond if n_copies == 1 else joined([cond] * n_copies),
                bf16,
                asked,
                self.config.network.takes_end,
            )

        scale = run.guidance_scale
        return Context(
            schedule=self.schedule,
            codec=self.codec,
            prior=self.prior,
            cond=cond,
            n_samples=n_samples,
            denoiser=denoiser,
            null=self._null(cond, run),
            mel=self.config.mel,
            project=self.project,
            scale=self.config.sampling.guidance_scale if scale is None else scale,
            classifier=self.classifier,
        )

    def _null(self, cond: Condition, run: Run) -> Condition:
        """The condition that guidance leads away from, for as many items as the run has."""
        asked = text_asked(run.negative_text, self.config.network.n_bytes, "negative_text")
        if not asked:
            return {}
        return moved(joined([asked] * len(run.seeds(n_items(cond)))), self.device)

    def classifier(self, name: str) -> Classifier:
        """A classifier of this model's states, on its device; loaded once.

        Args:
            name: A classifier's directory, or a name as `model_directory` takes it.

        Raises:
            AudiodiffError: If there is no such classifier, or it was trained for another model.
        """
        if name not in self.classifiers:
            self.classifiers[name] = classifier_for(self.config, model_directory(name))
        return self.classifiers[name].to(self.device)

    def states(
        self,
        like: Wave,
        cond: Condition,
        run: Run,
        white: NoiseSource,
        start: State | None = None,
    ) -> Iterator[State]:
        """Yields the state after each step, which the codec decodes to sound.

        Args:
            like: A wave of the sound's shape and on its device, (batch, frames x hop_length), or
                of any length for a model without a mel.
            cond: The condition: ``mel`` in the model's own preset, ``label`` as indices into its
                labels.
            run: The run.
            white: White noise of unit variance in the shape of waves, such as a `NoiseTape`.
            start: A guess at the state, which begins the run at the noise of its first time
                (SDEdit, arXiv:2108.01073); the model's own if None.

        Raises:
            AudiodiffError: If the sampler, the times or the precision of the run are wrong.
        """
        n_samples, x = like.shape[1], self.codec.encode(like)
        noise = Colored(white, self.codec, self.prior, cond, n_samples)
        passes = self.config.sampling.start_passes
        if start is None and passes and self.project is not None and "mel" in cond:
            guess = self.codec.decode(noise(x, GUESS), n_samples)
            start = self.codec.encode(self.project(guess, cond["mel"], passes))
        context = self.context(cond, n_samples, run)
        return sample(
            context.denoiser(cond),
            self.schedule,
            self.sampler(run),
            self.times(run),
            noise,
            x,
            start,
            self.guidance(run),
            context,
        )

    def make(
        self,
        cond: Condition,
        n_samples: int,
        run: Run = DEFAULT,
        offsets: Sequence[int] | None = None,
    ) -> Wave:
        """The sound at the end of a run, (batch, n_samples).

        Args:
            cond: The condition: ``mel`` in the model's own preset, ``label`` as indices into its
                labels.
            n_samples: Length of the sound: frames x hop_length, or any length without a mel.
            run: The run.
            offsets: Start of each item on its noise tape, in samples; 0 if None.

        Raises:
            AudiodiffError: If a name, a number of steps or a seed of the run is wrong.
        """
        return self.codec.decode(last(self._states(cond, n_samples, run, offsets)), n_samples)

    def steps(self, cond: Condition, n_samples: int, run: Run = DEFAULT) -> Iterator[Snapshot]:
        """Yields a run at each of its times, without gradients: n_steps + 1 snapshots.

        The last one holds the end, where the estimate is the state itself. To look at the estimates
        takes no further calls of the network.

        Args:
            cond: The condition: ``mel`` in the model's own preset, ``label`` as indices into its
                labels.
            n_samples: Length of the sound: frames x hop_length, or any length without a mel.
            run: The run.

        Raises:
            AudiodiffError: If a name, a number of steps or a seed of the run is wrong.
        """
        watch = Watch()
        watched = replace(run, guidance=(*self.guidance(run), watch))
        for state in without_gradients(self._states(cond, n_samples, watched)):
            yield from watch.seen
            end = state
        yield snapshot(self.schedule, self.times(run)[-1:].expand(len(end)), end, end)

    def _states(
        self, cond: Condition, n_samples: int, run: Run, offsets: Sequence[int] | None = None
    ) -> Iterator[State]:
        """The states of a run on the noise of its own seeds."""
        seeds = run.seeds(n_items(cond))
        tape = NoiseTape(seeds, offsets or [0] * len(seeds))
        like = next(self.parameters()).new_zeros(len(seeds), n_samples)
        return self.states(like, cond, run, tape)

    @property
    def receptive_radius(self) -> int:
        """Mel frames on either side that one call of the denoiser depends on."""
        return self.config.network.receptive_radius + 2 * self.prior.radius + self.codec.radius
