"""The diffusion loss."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from audiodiff._types import Condition, State, Times, Wave
from audiodiff.codecs.stft import StftConfig
from audiodiff.conditioning.known import KNOWN, known_part
from audiodiff.conditioning.parts import OPEN
from audiodiff.conditioning.text import TEXT
from audiodiff.config import Config
from audiodiff.diffusion.denoiser import Whitened
from audiodiff.diffusion.noise import DeviceNoise, is_capturing, white_noise
from audiodiff.diffusion.targets import diffused, output_from_x0
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.pipelines.run import with_mel
from audiodiff.training.objectives.contract import Batch, Objective, ObjectiveConfig, Setting
from audiodiff.training.objectives.masks import MasksConfig

DEV_TIMES = (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Times at which the loss is measured on dev crops."""

MASKS = 2**16
"""Marks the draws of masks among those of a place, which labels that are left open count from 0."""

GOLDEN = 0.6180339887498949
"""Step between draws in [0, 1), which any number of draws fills evenly."""


class TimesConfig(Config):
    """The distribution of the times that training draws.

    Attributes:
        kind: ``uniform`` over [t_min, 1], or ``logit-normal``: ``t = sigmoid(mean + std z)``
            (arXiv:2403.03206).
        mean: Mean of the logit; above 0 there is more noise than data.
        std: Standard deviation of the logit.
    """

    kind: Literal["uniform", "logit-normal"] = "uniform"
    mean: float = Field(default=0.0, ge=-100, le=100)
    std: float = Field(default=1.0, gt=0, le=100)

    def at(self, places: Iterable[int], t_min: float) -> Times:
        """The times of places in the training sequence, between ``t_min`` and 1."""
        return self.of(even(places), t_min)

    def of(self, shares: Times, t_min: float) -> Times:
        """The times of numbers that are uniform in [0, 1)."""
        if self.kind == "logit-normal":
            normal = torch.special.ndtri(shares.clamp(1e-6, 1 - 1e-6))
            shares = torch.sigmoid(self.mean + self.std * normal)
        return t_min + (1 - t_min) * shares


class Clean(NamedTuple):
    """Crops before they are diffused, without their margins.

    Attributes:
        x0: Their states.
        white: White noise of unit variance in the shape of the states.
        cond: Their condition, with the known part for a model that fills gaps.
        mask: 1 where a state is known and does not count; None for a model that fills no gaps.
    """

    x0: State
    white: State
    cond: Condition
    mask: State | None = None


class DiffusionConfig(ObjectiveConfig):
    """The figures of the diffusion loss.

    Attributes:
        loss: ``l1`` or ``l2``, on the target in whitened coordinates.
        above_f_max: Weight of the frequencies above the mel's highest, which it leaves open; for
            the STFT codec.
        times: Distribution of times.
        drop: Probability with which each kind of label, by name, or ``text`` is left open for a
            crop, so that the model learns to do without; classifier-free guidance needs it.
        masks: Distribution of the masks that hide a part of each crop, for a model with
            ``infill``; only what they hide counts.
    """

    kind: Literal["diffusion"] = "diffusion"
    loss: Literal["l1", "l2"] = "l1"
    above_f_max: float = Field(default=1.0, ge=0, le=1e6)
    times: TimesConfig = Field(default_factory=TimesConfig)
    drop: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    masks: MasksConfig | None = None

    def check(self, model: ModelConfig, setting: Setting) -> None:
        """Refuses to drop parts that the model does not take, and masks that it does not need."""
        if (model.infill is None) != (self.masks is None):
            raise ValueError(
                f"model.infill={model.infill} but objective.masks is "
                f"{'missing' if self.masks is None else 'given'}; a model that fills gaps needs "
                "both, others neither"
            )
        parts = [*model.label_sets, *([] if model.network.n_bytes is None else [TEXT])]
        for part in self.drop:
            if part not in parts:
                known = f"only {', '.join(parts)}" if parts else "it takes no labels and no text"
                raise ValueError(f"objective.drop: this model cannot leave {part!r} open; {known}")

    def build(self, model: Model, setting: Setting) -> "DiffusionLoss":
        """The objective of a run."""
        return DiffusionLoss(self, model, setting.margin_frames)


class DiffusionLoss(Objective):
    """``mean |whiten(y - y_hat)|^p`` with y the model's target and p = 1 or 2.

    With target eps and the unit prior this is DDPM's loss (arXiv:2006.11239), L1 as in DiffWave;
    with the mel-energy prior it is PriorGrad's (arXiv:2106.06406, eq. 5).

    Args:
        config: The power, the weights and the times.
        model: The model whose network is trained.
        margin_frames: Mel frames on either side of a crop that do not count.
    """

    def __init__(self, config: DiffusionConfig, model: Model, margin_frames: int = 0) -> None:
        super().__init__()
        self.model, self.times, self.drop = model, config.times, config.drop
        self.masks = config.masks
        self.power = {"l1": 1, "l2": 2}[config.loss]
        self.margin = margin_frames * model.config.hop_length
        self.register_buffer("weight", _weight(model.config, config.above_f_max), persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over the batch, and nothing else to log."""
        return self.per_item(batch).mean(), {}

    def per_item(self, batch: Batch) -> Float[Tensor, " batch"]:
        """The loss of each crop, at the time and with the noise of its place."""
        wave, t_min = batch.wave, self.model.schedule.t_min
        if is_capturing():
            drawn = torch.rand(len(wave), dtype=torch.float64, device=wave.device)
            t = self.times.of(drawn, t_min)
        else:
            t = self.times.at(batch.places, t_min).to(wave.device)
        return self.of(self.clean(batch), t)

    def clean(self, batch: Batch) -> Clean:
        """The crops of a batch, with the labels, masks and noise of their places."""
        cond, white = _dropped(batch, self.drop), white_like(batch, self.model)
        return self.clean_of(batch.wave, cond, white, self._masks(batch))

    def clean_of_dev(self, batch: Batch) -> Clean:
        """The same of dev crops: all their labels, and masks and noise that are always the same."""
        wave = batch.wave
        white = white_noise((0,), (len(wave), *_shape_of_noise(self.model, wave))).to(wave)
        return self.clean_of(wave, batch.cond, white, self._masks(batch._replace(seed=0)))

    def of(self, clean: Clean, t: Times) -> Float[Tensor, " batch"]:
        """The loss of each crop at given times."""
        model = self.model
        network = Whitened(model.network, model.prior, clean.cond)
        with torch.no_grad():
            eps = model.prior.color(clean.white, network.shape)
            x_t = diffused(model.schedule, t, clean.x0, eps)
            y = output_from_x0(model.config.target, model.schedule, t, clean.x0, eps)
        y_hat = network(x_t, model.network.level(model.schedule, t))
        error = model.prior.whiten(y - y_hat, network.shape).abs().pow(self.power)
        return self.mean(error, clean.mask)

    def mean(self, error: State, mask: State | None) -> Float[Tensor, " batch"]:
        """The weighted mean over each crop of an error, where a mask does not say it is known."""
        error = error * self.get_buffer("weight")
        if mask is None:
            return error.flatten(1).mean(1)
        unknown = (1 - mask).flatten(1)
        return (error.flatten(1) * unknown).sum(1) / unknown.sum(1).clamp(min=1)

    def on_dev(self, batch: Batch) -> dict[str, float]:
        """The loss at each of `DEV_TIMES`, and their mean."""
        clean, losses = self.clean_of_dev(batch), {}
        for level in DEV_TIMES:
            t = torch.full((len(clean.x0),), level, dtype=torch.float64, device=clean.x0.device)
            losses[f"dev/loss_t{level:.2f}"] = self.of(clean, t).mean().item()
        return losses | {"dev/loss": sum(losses.values()) / len(losses)}

    @torch.no_grad()
    def clean_of(
        self, wave: Wave, cond: Condition, white: State, levels: State | None = None
    ) -> Clean:
        """The crops of waves.

        Args:
            wave: (batch, samples).
            cond: Condition of the crops; their own mel is computed if it has none.
            white: White noise in the shape of the wave, or of the state if the codec is not linear.
            levels: Where the state is above them it is known to the network, and does not count;
                None for a model that fills no gaps.
        """
        model = self.model
        if model.log_mel is not None:
            mel = with_mel(model, cond, wave)["mel"]
            n_frames = wave.shape[-1] // model.config.hop_length
            cond = {**cond, "mel": self._inner(mel[..., :n_frames], model.config.hop_length)}
        noise = model.codec.encode(white) if model.codec.linear else white
        x0, noise = (
            self._inner(x, model.codec.hop_length) for x in (model.codec.encode(wave), noise)
        )
        mask = None if levels is None else (x0 > levels).to(x0)
        if mask is not None:
            cond = {**cond, KNOWN: known_part(x0, mask)}
        return Clean(x0, noise, cond, mask)

    def _masks(self, batch: Batch) -> State | None:
        """The mask of each crop, by its place, as levels; None for a model that fills no gaps."""
        longest = self.model.config.infill
        if self.masks is None or longest is None:
            return None
        wave, codec = batch.wave, self.model.codec
        shape = self.model.config.codec.shape
        n_frames = (wave.shape[1] - 2 * self.margin) // codec.hop_length
        rngs = (np.random.default_rng((batch.seed, place, MASKS)) for place in batch.places)
        drawn = [self.masks.draw(rng, shape[-1], n_frames, longest) for rng in rngs]
        per_band = torch.stack(drawn).view(len(wave), *(1 for _ in shape[1:]), shape[-1], n_frames)
        return per_band.expand(-1, *shape, -1).to(wave)

    def _inner(self, x: Tensor, hop_length: int) -> Tensor:
        """Removes the margins from a sequence with a step every ``hop_length`` samples."""
        cut = self.margin // hop_length
        return x[..., cut : x.shape[-1] - cut]


def even(places: Iterable[int]) -> Times:
    """A number in [0, 1) for each place, which any stretch of the training sequence fills evenly.

    >>> even(range(4))
    tensor([0.0000, 0.6180, 0.2361, 0.8541], dtype=torch.float64)
    """
    return torch.tensor([place * GOLDEN % 1 for place in places], dtype=torch.float64)


def white_like(batch: Batch, model: Model) -> State:
    """White noise of unit variance for each crop of a batch, by its place.

    On a GPU it is that of the batch, by the place of the first. It has the shape of the waves, or
    of the states of a model whose codec is not linear.
    """
    wave, shape = batch.wave, _shape_of_noise(model, batch.wave)
    if wave.is_cuda:
        return DeviceNoise((batch.seed, batch.first))(wave.new_empty(len(wave), *shape), 0)
    noise = [white_noise((batch.seed, place), shape) for place in batch.places]
    return torch.stack(noise).to(wave)


def _shape_of_noise(model: Model, wave: Wave) -> tuple[int, ...]:
    """The shape of one crop's noise."""
    if model.codec.linear:
        return (wave.shape[1],)
    return (*model.config.codec.shape, wave.shape[1] // model.codec.hop_length)


def _dropped(batch: Batch, drop: Mapping[str, float]) -> Condition:
    """The condition of a batch, parts of it left open at random, as seed and place decide."""
    cond = dict(batch.cond)
    for n, (part, probability) in enumerate(sorted(drop.items())):
        if part in cond:
            keys = [(batch.seed, place, n) for place in batch.places]
            chance = [np.random.default_rng(key).random() for key in keys]
            is_open = torch.tensor(chance, device=cond[part].device) < probability
            is_open = is_open.view(-1, *(1 for _ in cond[part].shape[1:]))
            cond[part] = cond[part].masked_fill(is_open, OPEN)
    return cond


def _weight(config: ModelConfig, above_f_max: float) -> Float[Tensor, "*bins_and_one"]:
    """The weight of each bin of a spectrogram, mean 1; of a wave, 1."""
    codec, mel = config.codec, config.mel
    if not isinstance(codec, StftConfig) or mel is None:
        return torch.ones(())
    hertz = torch.arange(codec.n_bins) * (mel.sample_rate / codec.n_fft)
    weight = torch.where(hertz > mel.highest_frequency, above_f_max, 1.0)
    return (weight / weight.mean())[:, None]
