"""What is known stays, in the state and in the sound."""

from dataclasses import replace

import pytest
import torch
from contracts import noise
from small_models import UNCONDITIONAL, small_config, small_stft_config, untrained

from audiodiff._types import State, Times
from audiodiff.codecs.waveform import Waveform
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.priors import Unit
from audiodiff.diffusion.schedules import Cosine
from audiodiff.diffusion.targets import scaled
from audiodiff.diffusion.times import uniform
from audiodiff.guidance.contract import Context
from audiodiff.guidance.inpainting import KnownState, KnownWave
from audiodiff.model.run import Run
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.ddpm import DDPM
from audiodiff.samplers.loop import last, sample
from audiodiff.samplers.resampling import Resampling

SCHEDULE = Cosine()
RHO = 0.9


def context(like: State) -> Context:
    """A context of a run without a model."""
    prior = Unit()
    return Context(
        SCHEDULE, Waveform(), prior, {}, like.shape[-1], lambda asked, n_copies=1: gaussian
    )


def gaussian(x_t: State, t: Times) -> State:
    """E[x0 | x_t] of pairs with unit variances and the correlation RHO: exact."""
    alpha, sigma = (of(t).float()[:, None, None] for of in (SCHEDULE.alpha, SCHEDULE.sigma))
    covariance = torch.tensor([[1.0, RHO], [RHO, 1.0]])
    of_noisy = alpha**2 * covariance + sigma**2 * torch.eye(2)
    return (alpha * covariance @ torch.linalg.solve(of_noisy, x_t[:, :, None]))[..., 0]


def drawn(like: State, step: int) -> State:
    """Noise, faster for thousands of items than a tape for each."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(step))


def test_what_is_known_with_errors_counts_by_its_mask() -> None:
    x, known = noise(3, 2), noise(3, 2, seed=1)
    mask = torch.tensor([[1.0, 0.25], [0.0, 0.0], [0.5, 1.0]])
    known[1] = torch.nan  # nothing is read where nothing is known
    t = torch.full((3,), 0.4, dtype=torch.float64)
    made, own = KnownState(known, mask)(gaussian, context(x))(x, t), gaussian(x, t)
    assert torch.equal(made[1], own[1])
    assert made[0, 0] == known[0, 0]
    assert made[2, 1] == known[2, 1]
    torch.testing.assert_close(made[0, 1], 0.25 * known[0, 1] + 0.75 * own[0, 1])
    torch.testing.assert_close(made[2, 0], 0.5 * (known[2, 0] + own[2, 0]))


def test_the_known_part_of_every_state_is_the_data_at_its_noise() -> None:
    like = torch.zeros(3, 2)
    known, mask = torch.tensor([[1.5, 9.0]]).expand(3, 2), torch.tensor([[1.0, 0.0]]).expand(3, 2)
    tape, times = NoiseTape([0, 1, 2], [0, 0, 0]), uniform(SCHEDULE, 10)
    states = list(
        sample(
            gaussian, SCHEDULE, DDIM(), times, tape, like, None, [KnownState(known, mask)],
            context(like),
        )
    )  # fmt: skip
    eps = tape(like, 0)
    for t, x in zip(times[1:], states, strict=True):
        level = t.expand(3)
        expected = scaled(SCHEDULE.alpha(level), known) + scaled(SCHEDULE.sigma(level), eps)
        torch.testing.assert_close(x[:, 0], expected[:, 0], rtol=0, atol=1e-4)
    assert (states[-1][:, 0] == 1.5).all()
    assert not (states[-1][:, 1] == 9.0).any()


def test_what_is_unknown_follows_what_is_known() -> None:
    n = 4000
    known, mask = torch.tensor([[1.5, 0.0]]).expand(n, 2), torch.tensor([[1.0, 0.0]]).expand(n, 2)
    like = torch.zeros(n, 2)
    guidance = [KnownState(known, mask)]
    times = uniform(SCHEDULE, 100)
    plain, resampled = (
        last(sample(gaussian, SCHEDULE, sampler, times, drawn, like, None, guidance, context(like)))
        for sampler in (DDIM(), Resampling(DDPM(), 10))
    )
    # The law of the unknown number has the mean 0.9 x 1.5 and the deviation sqrt(1 - 0.9^2).
    # Replacement alone leans to that of all data.
    assert plain[:, 1].mean() < 1.0
    assert resampled[:, 1].mean().item() == pytest.approx(RHO * 1.5, abs=0.05)
    assert resampled[:, 1].std().item() == pytest.approx((1 - RHO**2) ** 0.5, abs=0.05)


@pytest.mark.parametrize(("n_turns", "n_passes"), [(1, 0), (3, 2)])
def test_known_samples_are_in_the_sound(n_turns: int, n_passes: int) -> None:
    model = untrained(small_stft_config())
    wave = noise(2, 40 * 256) / 10
    mel = model.log_mel(wave)
    mask = torch.ones_like(wave)
    mask[:, 4000:5000] = 0
    known = KnownWave(wave, mask, n_turns, n_passes)
    run = Run(seed=3, guidance=[known])
    with torch.no_grad():
        made = model.make({"mel": mel}, wave.shape[1], run)
        free = model.make({"mel": mel}, wave.shape[1], replace(run, guidance=[]))
    # The spectrogram of a gap has an overlap with what is around it, which is not quite kept.
    far = torch.cat([made[:, :3500] - wave[:, :3500], made[:, 5500:] - wave[:, 5500:]], 1)
    assert far.abs().max() < 0.02
    assert (free - wave).abs().max() > 0.1
    assert (made - wave)[:, 4000:5000].abs().mean() > 0.01


def test_a_model_without_a_mel_has_no_passes() -> None:
    model = untrained(small_config(**UNCONDITIONAL))
    wave = noise(1, 2000) / 10
    mask = torch.arange(2000).lt(1500).float()[None]
    with torch.no_grad():
        made = model.make({}, 2000, Run(guidance=[KnownWave(wave, mask, 2, 4)]))
    assert torch.equal(made[:, :1500], wave[:, :1500])
    assert (made - wave)[:, 1500:].abs().max() > 0.05
