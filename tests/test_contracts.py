import itertools

import numpy as np
import pytest
import torch
from contracts import (
    F64,
    GaussianData,
    check_guidance,
    check_network,
    check_prior,
    check_sampler,
    check_schedule,
    check_target,
    noise,
)
from small_models import small_stft_config, untrained

from audiodiff._types import Step
from audiodiff.codecs.stft import StftConfig
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.diffusion.noise import BLOCK, NoiseTape, white_noise
from audiodiff.diffusion.priors import PRIORS, PriorConfig
from audiodiff.diffusion.schedules import (
    SCHEDULES,
    VE,
    VP,
    Betas,
    LinearBetas,
    RectifiedFlow,
    SubVP,
)
from audiodiff.diffusion.targets import TARGETS
from audiodiff.diffusion.times import PUBLISHED, TIMES, check_times, from_betas, log_snr, uniform
from audiodiff.errors import AudiodiffError
from audiodiff.guidance import GUIDANCE
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS
from audiodiff.networks import NETWORKS
from audiodiff.samplers import DDPM, Clamped
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.loop import sample
from audiodiff.samplers.registry import SAMPLERS

EXAMPLES = {name: kind() for name, kind in SCHEDULES.items() if name != "betas"}
EXAMPLES["betas"] = Betas(betas=(0.001, 0.01, 0.05, 0.1, 0.3, 0.6))
CODECS = {"waveform": WaveformConfig(), "stft": StftConfig()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_schedule_contract(name: str) -> None:
    check_schedule(EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("target", TARGETS)
def test_target_contract(target: str, name: str) -> None:
    check_target(target, EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampler_contract(sampler: str, name: str) -> None:
    if name == "betas":
        pytest.skip("six coarse steps are not followed by a hundred fine ones")
    schedule, denoise = EXAMPLES[name], None
    if sampler == "consistency":  # which is for estimates that are samples, as the flow's end is
        data = GaussianData(schedule)
        denoise = lambda x_t, t: data.flow(x_t, t, torch.zeros_like(t))  # noqa: E731
    check_sampler(SAMPLERS[sampler](), schedule, denoise)


@pytest.mark.parametrize("preset", ["hifigan", "vocos", "lmnt-wavegrad"])
@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in PRIORS for kind in PRIORS[name].codecs or CODECS]
)
def test_prior_contract(name: str, kind: str, preset: str) -> None:
    config = PRESETS[preset]
    n_samples = 40 * config.hop_length
    wave = torch.randn(2, n_samples, generator=torch.Generator().manual_seed(0)) / 10
    mel = LogMel(config)(wave)[..., :40]
    prior = PRIORS[name](PriorConfig(kind=name), CODECS[kind], config)
    check_prior(prior, CODECS[kind].build(config), mel, n_samples)


def test_the_spectral_prior_has_the_level_of_the_sound() -> None:
    config = PRESETS["hifigan"]
    white = torch.randn(1, 400 * 256, generator=torch.Generator().manual_seed(1))
    figures = PriorConfig(kind="mel-spectral", std_min=1e-4)
    prior = PRIORS["mel-spectral"](figures, WaveformConfig(), config)
    mel = LogMel(config)(0.02 * white)
    # A band of one or two bins is a noisy estimate of the level, which adds some power.
    assert prior.color(white, prior.condition({"mel": mel})).std().item() == pytest.approx(
        0.02, rel=0.15
    )
    assert prior.whiten(0.02 * white, prior.condition({"mel": mel})).std().item() == pytest.approx(
        1, rel=0.15
    )


def test_the_energy_prior_is_priorgrads_formula() -> None:
    config = PRESETS["hifigan"]
    figures = PriorConfig(kind="mel-energy", energy_min=0.5)
    prior = PRIORS["mel-energy"](figures, WaveformConfig(), config)
    mel = torch.full((1, 80, 3), -11.0)
    mel[..., 1] = np.log(4 / 80)  # the square root of the sum is 2
    mel[..., 2] = 3.0  # beyond the maximum
    std = prior.color(torch.ones(1, 768), prior.condition({"mel": mel}))[0, ::256]
    torch.testing.assert_close(std, torch.tensor([0.1, 1.5 / 3.5, 1.0]))


@pytest.mark.parametrize("name", ["linear", "cosine", "vp", "sub-vp", "ve", "rectified-flow"])
def test_ddim_is_of_first_order(name: str) -> None:
    schedule = RectifiedFlow() if name == "rectified-flow" else EXAMPLES[name]
    data = GaussianData(schedule)
    start, end = (torch.tensor([t], dtype=F64) for t in (0.9, 0.2))
    x = torch.tensor([[1.3]], dtype=F64)
    exact = data.flow(x, start, end)
    errors, counts = [], [20, 40, 80, 160, 320]
    for n in counts:
        y, times = x, torch.linspace(0.9, 0.2, n + 1, dtype=F64)
        for now, then in itertools.pairwise(times):
            y, _ = DDIM().step(y, Step(schedule, now[None], then[None], data, torch.Tensor), None)
        errors.append((y - exact).abs().item())
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize("name", EXAMPLES)
def test_ddim_eta1_is_ancestral(name: str) -> None:
    schedule = EXAMPLES[name]
    data = GaussianData(schedule)
    x, noise = torch.randn(2, 1, 50, generator=torch.Generator().manual_seed(0), dtype=F64)
    for now, then in [(1.0, 0.7), (0.7, 0.3), (0.3, 0.0)]:
        t, r = torch.tensor([now], dtype=F64), torch.tensor([then], dtype=F64)
        one, _ = DDIM(eta=1.0).step(x, Step(schedule, t, r, data, lambda: noise), None)
        other, _ = DDPM().step(x, Step(schedule, t, r, data, lambda: noise), None)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_ddim_refuses_an_eta_outside_its_range() -> None:
    with pytest.raises(AudiodiffError, match=r"eta=1.5"):
        DDIM(eta=1.5)


def test_clamped_keeps_every_state_within_the_limit() -> None:
    schedule = VP()
    states = list(
        sample(
            GaussianData(schedule),
            schedule,
            Clamped(DDPM(), 0.4),
            uniform(schedule, 5),
            NoiseTape([0], [0]),
            torch.empty(1, 200),
        )
    )
    assert len(states) == 5
    assert all(state.abs().max() <= 0.4 for state in states)
    assert states[0].abs().max() == pytest.approx(0.4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_run_sets_out_from_its_start(name: str) -> None:
    seen = []

    def spy(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x_t)
        return torch.zeros_like(x_t)

    schedule, times = EXAMPLES[name], torch.tensor([0.6, 0.2, 0.0], dtype=F64)
    start, tape = noise(2, 100, seed=3).double(), NoiseTape([0, 1], [0, 0])
    list(sample(spy, schedule, DDIM(), times, tape, start, start))
    alpha, sigma = (f(times[:1]) for f in (schedule.alpha, schedule.sigma))
    torch.testing.assert_close(seen[0], alpha * start + sigma * tape(start, 0))


def test_ve_starts_with_its_greatest_noise() -> None:
    seen = []

    def spy(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x_t)
        return torch.zeros_like(x_t)

    schedule = VE()
    list(
        sample(
            spy, schedule, DDIM(), uniform(schedule, 1), NoiseTape([0], [0]), torch.empty(1, 5000)
        )
    )
    assert seen[0].std().item() == pytest.approx(50, rel=0.05)


def test_linear_betas_are_diffwaves() -> None:
    schedule = LinearBetas()
    steps = torch.arange(1, 51, dtype=F64) / 50
    alpha_bar = (1 - torch.linspace(1e-4, 0.05, 50, dtype=F64)).cumprod(0)
    torch.testing.assert_close(schedule.alpha(steps).square(), alpha_bar, rtol=0, atol=1e-14)


def test_sub_vp_has_less_noise_than_vp() -> None:
    t = torch.linspace(0.1, 1, 5, dtype=F64)
    torch.testing.assert_close(SubVP().sigma(t), VP().sigma(t).square())


@pytest.mark.parametrize("name", EXAMPLES)
def test_schedules_are_equal_by_their_fields_whether_used_or_not(name: str) -> None:
    fields = EXAMPLES[name].model_dump()
    used, also, fresh = (type(EXAMPLES[name]).parse(fields, name) for _ in range(3))
    for schedule in (used, also):
        schedule.alpha(torch.tensor([0.5]))
    assert used == also == fresh


def test_betas_outside_0_to_1_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Betas(betas=(0.1, 1.0))


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("rule", TIMES)
def test_times_fall_from_one_to_zero(rule: str, name: str) -> None:
    for n_steps in (2, 3, 7):
        times = TIMES[rule](EXAMPLES[name], n_steps, None)
        assert len(times) == n_steps + 1
        torch.testing.assert_close(check_times(times.tolist()), times)
        assert times[0] == 1


def test_a_range_bounds_the_calls_of_the_network() -> None:
    schedule = RectifiedFlow()
    for rule in TIMES:
        times = TIMES[rule](schedule, 4, (0.99, 0.5))
        assert times[[0, 3, 4]].tolist() == pytest.approx([0.99, 0.5, 0.0])
        assert TIMES[rule](schedule, 1, (0.99, 0.5)).tolist() == pytest.approx([0.99, 0.0])
    gaps = log_snr(schedule, TIMES["log-snr"](schedule, 4, (0.99, 0.5))[:-1]).diff()
    torch.testing.assert_close(gaps, gaps[0].expand(3))


def test_log_snr_times_are_equal_steps_of_it() -> None:
    times = TIMES["log-snr"](VP(), 6, None)
    gaps = log_snr(VP(), times[1:-1]).diff()
    torch.testing.assert_close(gaps, gaps[0].expand(4))


def test_karras_times_are_equal_steps_of_the_root() -> None:
    times = TIMES["karras"](VP(), 6, (0.9, 0.1))
    roots = (-log_snr(VP(), times[:-1]) / 2 / 7).exp()
    torch.testing.assert_close(roots.diff(), roots.diff()[:1].expand(5), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_schedules_lose_no_step(name: str) -> None:
    schedule = LinearBetas(n_steps=1000, beta_start=1e-6, beta_end=0.01)
    times = from_betas(schedule, PUBLISHED[name])
    assert len(times) == len(PUBLISHED[name]) + 1
    torch.testing.assert_close(check_times(times.tolist()), times)


def test_aligned_betas_have_their_own_noise_levels() -> None:
    betas = [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5]
    times = from_betas(LinearBetas(), betas)
    alpha_bar = (1 - torch.tensor(betas, dtype=F64)).cumprod(0)
    torch.testing.assert_close(LinearBetas().alpha(times[:-1].flip(0)).square(), alpha_bar)
    assert len(times) == 7


def test_a_step_outside_the_trained_range_is_refused_by_name() -> None:
    with pytest.raises(AudiodiffError, match=r"step 1 \(beta=1e-05\)"):
        from_betas(LinearBetas(), [1e-5, 0.1])
    with pytest.raises(AudiodiffError, match=r"step 2 \(beta=0.9\)"):
        from_betas(LinearBetas(), [0.1, 0.9])


@pytest.mark.parametrize("times", [[1.0], [1.0, 0.5], [0.5, 0.5, 0.0], [1.5, 0.0], [0.0, 1.0]])
def test_times_that_do_not_fall_to_zero_are_refused(times: list[float]) -> None:
    with pytest.raises(AudiodiffError, match="times fall"):
        check_times(times)


def test_noise_belongs_to_its_position() -> None:
    length = 3 * BLOCK
    whole = NoiseTape([7], [0])(torch.empty(1, length), 2)
    for offset, size in [(0, 10), (BLOCK - 5, 10), (BLOCK, BLOCK), (123, 2 * BLOCK)]:
        part = NoiseTape([7], [offset])(torch.empty(1, size), 2)
        torch.testing.assert_close(part, whole[:, offset : offset + size], rtol=0, atol=0)


def test_noise_differs_by_seed_and_step_and_not_by_batch() -> None:
    like = torch.empty(2, 4, 100)
    noise = NoiseTape([1, 2], [0, 0])(like, 0)
    alone = NoiseTape([2], [0])(like[:1], 0)
    torch.testing.assert_close(noise[1:], alone, rtol=0, atol=0)
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(NoiseTape([2], [0])(like[:1], 1), alone)
    long = white_noise((3,), (100_000,))
    assert long.mean().abs() < 0.02
    assert long.std().item() == pytest.approx(1, abs=0.02)


SMALL = {
    "diffwave": {"n_channels": 4, "n_layers": 4, "dilation_cycle": 4, "n_labels": 3},
    "wavegrad": {"n_channels": 2, "n_mels": 80, "upsample_factors": (4, 4, 4, 2, 2)},
    "band-split": {"bands": ((16, 16), (32, 8)), "n_channels": 16, "n_layers": 2},
}
"""Sizes with which a registered network is quick to try; all others are tried as they are."""


@pytest.mark.parametrize("name", NETWORKS)
def test_network_contract(name: str) -> None:
    config = NETWORKS[name](**SMALL.get(name, {}))
    check_network(config, CODECS[config.codec].build(PRESETS["hifigan"]), 31)


NEEDED = {"mel-consistency": {"n_passes": 2}}
"""What a registered guidance has no default for."""


@pytest.mark.parametrize("steps", ["all", "last", "before-last"])
@pytest.mark.parametrize("name", GUIDANCE)
def test_guidance_contract(name: str, steps: str) -> None:
    guidance = GUIDANCE[name](steps=steps, **NEEDED.get(name, {}))
    model = untrained(small_stft_config())
    wave = noise(1, 20 * 256) / 10
    cond = {"mel": model.log_mel(wave)[..., :20]}
    check_guidance(guidance, model.context(cond, 20 * 256), model.codec.encode(wave))
