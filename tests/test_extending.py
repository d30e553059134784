"""Parts of a user's own, written outside the package, work wherever a name does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
from small_models import small_config, untrained
from torch import Tensor, nn

from audiodiff import Model, ModelConfig, Run, Vocoder
from audiodiff.codecs import CODECS, CodecConfig
from audiodiff.conditioning import Condition
from audiodiff.config import Config
from audiodiff.diffusion import (
    PRIORS,
    SCHEDULES,
    Denoiser,
    NoiseTape,
    PriorConfig,
    Schedule,
    log_snr,
    scaled,
)
from audiodiff.guidance import GUIDANCE, Context
from audiodiff.mel.log_mel import MelConfig
from audiodiff.networks import NETWORKS, NetworkConfig
from audiodiff.samplers import SAMPLERS, Step


@pytest.fixture
def registries() -> Iterator[None]:
    """What a test assigns to the registries is gone after it."""
    all_of_them: list[dict[str, Any]] = [
        SAMPLERS, SCHEDULES, PRIORS, NETWORKS, CODECS, GUIDANCE,
    ]  # fmt: skip
    before = [dict(registry) for registry in all_of_them]
    yield
    for registry, content in zip(all_of_them, before, strict=True):
        registry.clear()
        registry.update(content)


@pytest.fixture
def mel() -> Tensor:
    vocoder = Vocoder(untrained(small_config()))
    return vocoder.mel(torch.randn(1, 20 * 256, generator=torch.Generator().manual_seed(0)) / 10)


class Midpoint:
    """``x_r`` by the slope in the middle of the step, in sigma / alpha."""

    calls = 2

    def init(self) -> None:
        return None

    def step(self, x_t: Tensor, step: Step, memory: None) -> tuple[Tensor, None]:
        ratio = step.sigma_r / step.sigma_t
        x0 = step.denoise(x_t, step.t)
        middle = (step.t + step.r) / 2
        alpha, sigma = step.schedule.alpha(middle), step.schedule.sigma(middle)
        inner = sigma / step.sigma_t
        x_m = scaled(inner, x_t) + scaled(alpha - step.alpha_t * inner, x0)
        x0 = step.denoise(x_m, middle)
        return scaled(ratio, x_t) + scaled(step.alpha_r - step.alpha_t * ratio, x0), None


def test_a_sampler(mel: Tensor, registries: None) -> None:
    vocoder = Vocoder(untrained(small_config()))
    made = vocoder(mel, n_steps=3, sampler=Midpoint())
    assert made.shape == (1, 20 * 256)
    assert not torch.equal(made, vocoder(mel, n_steps=3, sampler="ddim"))
    SAMPLERS["midpoint"] = Midpoint
    assert torch.equal(made, vocoder(mel, n_steps=3, sampler="midpoint"))
    named = Vocoder(
        untrained(small_config(sampling={"sampler": "midpoint", "times": [1.0, 0.5, 0.0]}))
    )
    assert named(mel).isfinite().all()


class Cubic(Config):
    """``alpha^2 = 1 - t^3``."""

    kind: Literal["cubic"] = "cubic"
    t_min: float = 0.01

    def alpha(self, t: Tensor) -> Tensor:
        return (1 - t**3).clamp(min=0).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        return t**1.5

    def t_of_log_snr(self, log_snr: Tensor) -> Tensor:
        return torch.sigmoid(-log_snr) ** (1 / 3)


def test_a_schedule(mel: Tensor, registries: None, tmp_path: Path) -> None:
    own: Schedule = Cubic()
    t = torch.tensor([0.3], dtype=torch.float64)
    torch.testing.assert_close(own.t_of_log_snr(log_snr(own, t)), t)
    as_object = untrained(small_config(schedule=Cubic()))
    SCHEDULES["cubic"] = Cubic
    by_name = untrained(small_config(schedule={"kind": "cubic"}))
    made = Vocoder(as_object)(mel)
    assert torch.equal(made, Vocoder(by_name)(mel))
    by_name.save(tmp_path)
    assert torch.equal(made, Vocoder.from_pretrained(tmp_path, precision="auto")(mel))


class LouderConfig(PriorConfig):
    """White noise, with a figure of its own."""

    codecs: ClassVar[tuple[str, ...] | None] = ("waveform",)
    kind: Literal["louder"] = "louder"
    std: float

    def build(self, codec: CodecConfig, mel: MelConfig | None) -> "Louder":
        return Louder(self.std)


class Louder:
    radius = 0

    def __init__(self, std: float) -> None:
        self.std = std

    def condition(self, cond: Condition) -> None:
        return None

    def color(self, white: Tensor, shape: None) -> Tensor:
        return white * self.std

    def whiten(self, x: Tensor, shape: None) -> Tensor:
        return x / self.std


def test_a_prior(mel: Tensor, registries: None, tmp_path: Path) -> None:
    PRIORS["louder"] = LouderConfig
    stds = []
    for prior in ({"kind": "unit"}, {"kind": "louder", "std": 2.0}):
        untrained(small_config(prior=prior)).save(tmp_path)
        model = Model.load(tmp_path)
        white = NoiseTape([0], [0])
        with torch.no_grad():
            # After so short a step the state is still the noise.
            run = Run("ddim", times=[1.0, 0.999, 0.0])
            x = next(model.states(torch.zeros(1, 5120), {"mel": mel}, run, white))
        stds.append(x.std().item())
    assert stds[1] == pytest.approx(2 * stds[0], rel=0.05)


class GainConfig(NetworkConfig):
    """One number per level, and none for the condition."""

    codec: ClassVar[str] = "waveform"
    kind: Literal["gain"] = "gain"

    @property
    def parts(self) -> dict[str, int]:
        return {}

    @property
    def receptive_radius(self) -> int:
        return 0

    def build(self) -> "Gain":
        return Gain()


class Gain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def level(self, schedule: Schedule, t: Tensor) -> Tensor:
        return t

    def condition(self, cond: Condition) -> None:
        return None

    def forward(self, x_t: Tensor, level: Tensor, features: None) -> Tensor:
        return self.weight * level.to(x_t)[:, None] * x_t


def test_a_network(registries: None, tmp_path: Path) -> None:
    NETWORKS["gain"] = GainConfig
    values = {
        "sample_rate": 8000,
        "network": {"kind": "gain"},
        "schedule": {"kind": "cosine"},
        "target": "v",
        "sampling": {"times": [1.0, 0.5, 0.0]},
    }
    model = Model(ModelConfig.parse(values, "test"))
    model.save(tmp_path)
    made = Model.load(tmp_path).make({}, 300, Run(seed=[1, 2]))
    assert made.shape == (2, 300)
    assert torch.equal(made, model.make({}, 300, Run(seed=[1, 2])))


class Extrapolated:
    """``x0_hat <- x0_hat(nothing) + scale (x0_hat(cond) - x0_hat(nothing))`` but at the end."""

    def acts_at(self, step: int, n_steps: int) -> bool:
        return step < n_steps - 1

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        anything = context.denoiser({})

        def guided(x_t: Tensor, t: Tensor) -> Tensor:
            free = anything(x_t, t)
            return free + context.scale * (denoise(x_t, t) - free)

        return guided


def test_a_guidance(mel: Tensor) -> None:
    vocoder = Vocoder(untrained(small_config()), precision="fp32")
    plain = vocoder(mel)

    def at(scale: float) -> Tensor:
        return vocoder.make(mel, Run(guidance=[Extrapolated()], guidance_scale=scale))

    # A scale of 1 is the conditional model; what lies beyond it is further from the free one.
    torch.testing.assert_close(at(1.0), plain, rtol=0, atol=1e-4)
    assert (at(3.0) - plain).abs().max() > 1e-3
    free = (at(0.0) - plain).square().mean()
    torch.testing.assert_close((at(0.5) - plain).square().mean(), free / 4, rtol=1, atol=0)


class Quieter(Config):
    """A guidance that a config can name."""

    parts: ClassVar[tuple[str, ...]] = ()
    codecs: ClassVar[tuple[str, ...] | None] = None
    kind: Literal["quieter"] = "quieter"
    factor: float = 0.5

    def acts_at(self, step: int, n_steps: int) -> bool:
        return step == n_steps - 1

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        return lambda x_t, t: self.factor * denoise(x_t, t)


def test_a_guidance_by_name(mel: Tensor, registries: None, tmp_path: Path) -> None:
    GUIDANCE["quieter"] = Quieter
    sampling: dict[str, object] = {"sampler": "ddim", "times": [1.0, 0.5, 0.0]}
    plain = untrained(small_config(sampling=sampling))
    steered = untrained(small_config(sampling=sampling | {"guidance": [{"kind": "quieter"}]}))
    steered.save(tmp_path)
    again = Vocoder.from_pretrained(tmp_path)(mel)
    torch.testing.assert_close(again, 0.5 * Vocoder(plain)(mel))


class ScaledConfig(CodecConfig):
    """A codec with a weight, as learned ones have."""

    kind: Literal["scaled"] = "scaled"

    def build(self, mel: MelConfig | None) -> "ScaledCodec":
        return ScaledCodec()


class ScaledCodec(nn.Module):
    linear: bool = True
    hop_length: int = 1
    radius: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def encode(self, wave: Tensor) -> Tensor:
        return wave * self.scale

    def decode(self, x: Tensor, length: int) -> Tensor:
        return (x / self.scale)[:, :length]


class GainOfScaledConfig(GainConfig):
    codec: ClassVar[str] = "scaled"


def test_a_codec_is_saved_with_its_weights(registries: None, tmp_path: Path) -> None:
    CODECS["scaled"], NETWORKS["gain"] = ScaledConfig, GainOfScaledConfig
    values = {
        "sample_rate": 8000,
        "codec": {"kind": "scaled"},
        "network": {"kind": "gain"},
        "schedule": {"kind": "cosine"},
        "target": "v",
        "sampling": {"times": [1.0, 0.0]},
    }
    model = Model(ModelConfig.parse(values, "test"))
    torch.nn.init.constant_(model.get_parameter("codec.scale"), 3.0)
    model.save(tmp_path)
    assert Model.load(tmp_path).get_parameter("codec.scale").item() == 3.0


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")  # pydantic's, which says less
def test_a_field_that_a_property_would_hide_is_refused() -> None:
    with pytest.raises(TypeError, match="HiddenConfig.hop_length is a field and a base declares"):

        class HiddenConfig(CodecConfig):
            hop_length: int  # type: ignore[assignment]
