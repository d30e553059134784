"""One check per contract; a schedule, target, prior or sampler is tested by being registered."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from audiodiff._types import Codec, Denoiser, Prior, Sampler, Schedule, Step
from audiodiff.conditioning import OPEN, left_open, without
from audiodiff.diffusion.schedules import Cosine
from audiodiff.diffusion.targets import TARGETS, expand, output_from_x0, x0_from_output
from audiodiff.diffusion.times import log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.contract import Context, Guidance, guided
from audiodiff.networks import NetworkConfig

F64 = torch.float64


class GaussianData:
    """Data N(mean, std^2) in every position: its denoiser and its flow have closed forms.

    E[x_0 | x_t] = mean + alpha std^2 / (alpha^2 std^2 + sigma^2) (x_t - alpha mean), and the
    probability flow keeps (x_t - alpha mean) / sqrt(alpha^2 std^2 + sigma^2) constant.
    """

    def __init__(self, schedule: Schedule, mean: float = 0.3, std: float = 0.5) -> None:
        self.schedule, self.mean, self.std = schedule, mean, std

    def spread(self, t: torch.Tensor) -> torch.Tensor:
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        return (alpha.square() * self.std**2 + sigma.square()).sqrt()

    def __call__(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        alpha = self.schedule.alpha(t)
        gain = alpha * self.std**2 / self.spread(t).square()
        return self.mean + expand(gain, x_t) * (x_t - expand(alpha, x_t) * self.mean)

    def flow(self, x_t: torch.Tensor, t: torch.Tensor, r: torch.Tensor) -> torch.Tensor:
        ratio = self.spread(r) / self.spread(t)
        centred = x_t - expand(self.schedule.alpha(t), x_t) * self.mean
        return expand(self.schedule.alpha(r), x_t) * self.mean + expand(ratio, x_t) * centred


def check_schedule(schedule: Schedule) -> None:
    t = torch.linspace(0, 1, 201, dtype=F64)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    assert alpha.shape == sigma.shape == t.shape
    assert alpha.dtype == F64
    assert alpha[0] == 1
    assert sigma[0] == 0
    assert (alpha >= 0).all()
    assert (alpha <= 1).all()
    assert (sigma.diff() > 0).all()
    assert 0 < schedule.t_min < 1
    inner = t[1:-1]
    levels = log_snr(schedule, inner)
    assert (levels.diff() < 0).all()
    torch.testing.assert_close(schedule.t_of_log_snr(levels), inner, rtol=0, atol=1e-9)
    single = schedule.alpha(t.float())
    torch.testing.assert_close(single, alpha.float(), rtol=0, atol=1e-5)


def check_target(target: str, schedule: Schedule) -> None:
    generator = torch.Generator().manual_seed(0)
    t = torch.linspace(0.05, 0.95, 7, dtype=F64)
    x0, eps = torch.randn(2, 7, 5, generator=generator, dtype=F64)
    x_t = expand(schedule.alpha(t), x0) * x0 + expand(schedule.sigma(t), x0) * eps
    y = output_from_x0(target, schedule, t, x0, eps)
    torch.testing.assert_close(x0_from_output(target, schedule, t, x_t, y), x0, rtol=0, atol=1e-8)
    a, b = TARGETS[target](schedule, t)
    assert a.shape == b.shape == t.shape


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def steps_of(x: torch.Tensor) -> torch.Tensor:
    """The steps of the last axis at which a state is not zero."""
    return x.flatten(0, -2).any(0).nonzero()[:, 0]


def check_codec(codec: Codec, n_samples: int) -> None:
    """There and back, one length, and nothing moved further than the radius says."""
    hop, radius = codec.hop_length, codec.radius
    # Without the highest frequencies, as recorded sound is: a codec may leave out the last bin.
    spectrum = torch.fft.rfft(noise(2, n_samples))
    spectrum[:, int(0.9 * spectrum.shape[1]) :] = 0
    wave = torch.fft.irfft(spectrum, n_samples)
    x = codec.encode(wave)
    assert len(x) == 2
    assert x.shape[-1] * hop == n_samples
    back = codec.decode(x, n_samples)
    assert back.shape == wave.shape
    inner = slice(radius * hop, n_samples - radius * hop)
    torch.testing.assert_close(back[:, inner], wave[:, inner], rtol=0, atol=1e-4)
    torch.testing.assert_close(codec.decode(2 * x, n_samples), 2 * back)
    assert torch.equal(codec.decode(x, n_samples - 7), back[:, :-7])
    with pytest.raises(AudiodiffError, match=f"length={n_samples + 1} but x holds {n_samples} "):
        codec.decode(x, n_samples + 1)
    step = x.shape[-1] // 2
    impulses = torch.zeros(1, n_samples)
    impulses[:, step * hop : (step + 1) * hop] = 1
    touched = steps_of(codec.encode(impulses))
    assert step - radius <= touched.min() <= step <= touched.max() <= step + radius
    changed = x.clone()
    changed[..., step] += 1
    touched = steps_of(codec.decode(changed, n_samples) - back) // hop
    assert step - radius <= touched.min() <= step <= touched.max() <= step + radius


def check_prior(prior: Prior, codec: Codec, mel: torch.Tensor, n_samples: int) -> None:
    white = codec.encode(noise(len(mel), n_samples))
    other = codec.encode(noise(len(mel), n_samples, seed=1))
    cond = prior.condition({"mel": mel})
    coloured = prior.color(white, cond)
    assert coloured.shape == white.shape
    assert torch.isfinite(coloured).all()
    # Linear in the noise, so it stays Gaussian.
    both = prior.color(2 * white + other, cond)
    torch.testing.assert_close(both, 2 * coloured + prior.color(other, cond), rtol=1e-4, atol=1e-4)
    back = prior.whiten(coloured, cond)
    assert (back - white).square().mean() < 0.1
    # No step of the state depends on mel frames further away than the radius says.
    per_frame, frame = white.shape[-1] // mel.shape[2], mel.shape[2] // 2
    changed = mel.clone()
    changed[..., frame] += 1
    touched = steps_of(prior.color(white, prior.condition({"mel": changed})) - coloured)
    if len(touched):
        reach = prior.radius + 1
        assert touched.min() >= (frame - reach) * per_frame
        assert touched.max() < (frame + 1 + reach) * per_frame


def check_sampler(sampler: Sampler, schedule: Schedule, denoise: Denoiser | None = None) -> None:
    """Shapes, and arrival at the data's distribution by the best denoiser, or another."""
    data = GaussianData(schedule)
    generator = torch.Generator().manual_seed(0)
    n = 2000
    t = torch.full((2,), 0.9, dtype=F64)
    x = torch.randn(2, n, generator=generator, dtype=F64) * expand(
        data.spread(t), torch.empty(2, n)
    )
    x = x + expand(schedule.alpha(t), x) * data.mean

    def draw() -> torch.Tensor:
        return torch.randn(2, n, generator=generator, dtype=F64)

    state = sampler.init()
    times = torch.linspace(0.9, 0, 201, dtype=F64)
    for now, then in itertools.pairwise(times):
        x, state = sampler.step(
            x, Step(schedule, now.expand(2), then.expand(2), denoise or data, draw), state
        )
        assert x.shape == (2, n)
        assert x.dtype == F64
    # Six standard errors of the mean, for what the steps leave out beside chance.
    error = 6 * data.std / math.sqrt(2 * n)
    assert abs(x.mean().item() - data.mean) < error
    assert abs(x.std().item() - data.std) < error


def part_of(part: str, size: int, n_frames: int) -> torch.Tensor:
    """A part of the condition of two items: classes, texts of four and three bytes, or a mel."""
    if part == "label":
        return torch.tensor([0, size - 1])
    if part == "text":
        return torch.tensor([[110, 105, 110, 101], [115, 105, 120, OPEN]])
    return noise(2, size, n_frames)


def check_network(config: NetworkConfig, codec: Codec, n_frames: int) -> None:
    """One shape, any part of the condition dropped, and nothing read further than it declares."""
    torch.manual_seed(0)
    network = config.build()
    for parameter in network.parameters():  # last layers begin at zero
        torch.nn.init.normal_(parameter, std=0.1)
    hop = codec.hop_length if config.hop_length is None else config.hop_length
    x = codec.encode(noise(2, n_frames * hop))
    level = network.level(Cosine(), torch.tensor([0.3, 0.7], dtype=F64))
    assert level.shape == (2,)
    whole = {part: part_of(part, size, n_frames) for part, size in config.parts.items()}
    with torch.no_grad():
        y = network(x, level, network.condition(whole))
        assert y.shape == x.shape
        for part in whole:
            left = {name: value for name, value in whole.items() if name != part}
            dropped = network(x, level, network.condition(left))
            assert dropped.shape == x.shape
            assert not torch.equal(dropped, y)
            if not whole[part].is_floating_point():  # dropped for the first item alone
                opened = whole | {part: left_open({part: whole[part]}, [0])[part]}
                one = network(x, level, network.condition(opened))
                torch.testing.assert_close(one, torch.cat([dropped[:1], y[1:]]))
        changed, frame = x.clone(), n_frames // 2
        per_frame = x.shape[-1] // n_frames
        changed[..., frame * per_frame : (frame + 1) * per_frame] += 1
        touched = steps_of(network(changed, level, network.condition(whole)) - y) // per_frame
        if config.can_take_end:
            check_end(config, x, level)
    radius = config.receptive_radius
    assert frame - radius <= touched.min() <= frame <= touched.max() <= frame + radius


def check_end(config: NetworkConfig, x: torch.Tensor, level: torch.Tensor) -> None:
    """New, it ignores the end of the step; trained, no end means the beginning itself."""
    network = config.model_copy(update={"takes_end": True}).build()
    plain = config.build()
    left = network.load_state_dict(plain.state_dict(), strict=False)
    assert all(name.startswith("end.") for name in left.missing_keys)
    for one in (network, plain):  # which begin at zero, as the end's embedding should stay
        torch.manual_seed(1)
        for name, parameter in one.named_parameters():
            if not name.startswith("end."):
                torch.nn.init.normal_(parameter, std=0.1)
    nothing = network.condition({})
    before = plain(x, level, nothing)
    assert torch.equal(network(x, level, nothing, level / 2), before)
    for parameter in network.end.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    now = network(x, level, nothing)
    assert torch.equal(now, network(x, level, nothing, level))
    assert not torch.equal(now, network(x, level, nothing, level / 2))


def check_guidance(guidance: Guidance, context: Context, x_t: torch.Tensor) -> None:
    """A denoiser of the same shape, which the steps say where it acts."""
    t = torch.full((len(x_t),), 0.5, dtype=F64)
    own = context.denoiser(context.cond)
    acting = [guidance.acts_at(step, 4) for step in range(4)]
    assert any(acting)
    with torch.no_grad():
        steered = guidance(own, context)(x_t, t)
        assert steered.shape == x_t.shape
        assert steered.isfinite().all()
        assert not torch.equal(steered, own(x_t, t))
    # What it reads may have been dropped: then it leaves the denoiser alone.
    if parts := getattr(guidance, "parts", ()):
        assert guidance(own, replace(context, cond=without(context.cond, *parts))) is own
    never = guided(own, [guidance], context, acting.index(False), 4) if False in acting else own
    assert never is own
