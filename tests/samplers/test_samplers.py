"""Solvers against closed forms and against those of diffusers."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from contracts import F64, GaussianData, noise

from audiodiff._types import Step
from audiodiff.diffusion.schedules import VP, Cosine, LinearBetas, RectifiedFlow
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.mel_consistency import MelConsistency
from audiodiff.model.run import Run
from audiodiff.samplers import DDPM
from audiodiff.samplers.ddim import DDIM
from audiodiff.samplers.dpm_solver import DPMSolver
from audiodiff.samplers.euler import Euler
from audiodiff.samplers.langevin import PredictorCorrector
from audiodiff.samplers.registry import SAMPLERS, build_sampler
from audiodiff.samplers.unipc import UniPC

ORDERS = {
    "ddim": 1,
    "euler": 1,
    "dpm++1": 1,
    "dpm++2m": 2,
    "dpm++3m": 2,  # the published formula, see `DPMSolver`
    "heun": 2,
    "unipc2": 3,
    "unipc3": 4,
}
SCHEDULES = {"vp": VP(), "cosine": Cosine(), "rectified-flow": RectifiedFlow()}


def refuse() -> torch.Tensor:
    raise AssertionError("a deterministic sampler draws no noise")


def at(t: float) -> torch.Tensor:
    return torch.tensor([t], dtype=F64)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_the_order_is_the_published_one(name: str, order: int, schedule: Any) -> None:
    data, x = GaussianData(schedule), torch.tensor([[1.3]], dtype=F64)
    ends = log_snr(schedule, torch.tensor([0.9, 0.2], dtype=F64))
    errors, counts = [], [20, 28, 40, 56, 80]
    for n in counts:
        times = schedule.t_of_log_snr(torch.linspace(*ends.tolist(), n + 1, dtype=F64))
        sampler, y = SAMPLERS[name](), x
        state = sampler.init()
        for i, (t, r) in enumerate(itertools.pairwise(times)):
            y, state = sampler.step(y, Step(schedule, t[None], r[None], data, refuse), state)
            # The first steps of a multistep solver are of lower order: put them right.
            if i < 3:
                y = data.flow(x, times[:1], r[None])
        errors.append((y - data.flow(x, times[:1], times[-1:])).abs().item())
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope < -order + 0.5
    if name in ("ddim", "euler", "heun"):  # others may cancel errors on data so plain
        assert slope > -order - 0.1


def test_dpm_solver_of_order_1_is_ddim() -> None:
    schedule, x = Cosine(), noise(1, 50).double()
    data = GaussianData(schedule)
    for t, r in [(1.0, 0.6), (0.6, 0.0)]:
        one, _ = DPMSolver(1).step(x, Step(schedule, at(t), at(r), data, refuse), ())
        other, _ = DDIM().step(x, Step(schedule, at(t), at(r), data, refuse), None)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def test_euler_on_rectified_flow_is_ddim() -> None:
    schedule, x = RectifiedFlow(), noise(1, 50).double()
    data = GaussianData(schedule)
    for t, r in [(1.0, 0.6), (0.6, 0.0)]:
        one, _ = Euler().step(x, Step(schedule, at(t), at(r), data, refuse), None)
        other, _ = DDIM().step(x, Step(schedule, at(t), at(r), data, refuse), None)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


@pytest.mark.parametrize("schedule", [Cosine(), RectifiedFlow()], ids=["cosine", "rectified-flow"])
@pytest.mark.parametrize("name", ORDERS)
def test_a_run_may_start_where_there_is_no_signal(name: str, schedule: Any) -> None:
    data, x = GaussianData(schedule), noise(1, 20, seed=4).double()
    exact = data.flow(x, at(1.0), at(0.0))
    errors = []
    for n in (10, 80):
        sampler, y, times = SAMPLERS[name](), x, torch.linspace(1, 0, n + 1, dtype=F64)
        state = sampler.init()
        for t, r in itertools.pairwise(times):
            y, state = sampler.step(y, Step(schedule, t[None], r[None], data, refuse), state)
        errors.append((y - exact).abs().max().item())
    assert errors[1] < 0.5 * errors[0] < 0.1


@pytest.mark.parametrize("name", ORDERS)
def test_the_times_have_gradients(name: str) -> None:
    schedule, x = RectifiedFlow(), noise(2, 20).double()
    data, sampler = GaussianData(schedule), SAMPLERS[name]()
    times = torch.tensor([0.95, 0.7, 0.5, 0.2, 0.0], dtype=F64, requires_grad=True)
    state, y = sampler.init(), x
    for t, r in itertools.pairwise(times):
        y, state = sampler.step(y, Step(schedule, t.expand(2), r.expand(2), data, refuse), state)
    (gradient,) = torch.autograd.grad(y.square().sum(), times)
    assert gradient.isfinite().all()
    assert (gradient[:4] != 0).all()


@pytest.mark.parametrize("name", [*SAMPLERS, "ddim+langevin", "ddpm+langevin"])
def test_a_step_calls_the_denoiser_as_often_as_it_says(name: str) -> None:
    schedule, calls = VP(), []
    data, sampler = GaussianData(schedule), build_sampler(name)

    def spy(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        calls.append(t.item())
        return data(x_t, t)

    x, state = noise(1, 10).double(), sampler.init()
    for n, (t, r) in enumerate([(0.9, 0.6), (0.6, 0.3)], 1):
        x, state = sampler.step(
            x, Step(schedule, at(t), at(r), spy, lambda: noise(1, 10).double()), state
        )
        assert len(calls) == n * sampler.calls


@pytest.mark.parametrize("predictor", [DDIM(), DDPM()], ids=["ddim", "ddpm"])
def test_a_corrector_mends_the_spread(predictor: Any) -> None:
    schedule, n = VP(), 20_000
    data, t, r = GaussianData(schedule), at(0.5), at(0.49)
    generator = torch.Generator().manual_seed(0)

    def draw() -> torch.Tensor:
        return torch.randn(1, n, generator=generator, dtype=F64)

    def spread(factor: float, steps: int) -> float:
        sampler = PredictorCorrector(predictor, snr=0.3)
        x = data.spread(t) * factor * draw() + schedule.alpha(t) * data.mean
        for _ in range(steps):
            moved, _ = sampler.step(x, Step(schedule, t, r, data, draw), None)
            x = schedule.alpha(t) * data.mean + (moved - schedule.alpha(r) * data.mean) * (
                data.spread(t) / data.spread(r)
            )
        return (x.std() / data.spread(t)).item()

    assert spread(1.0, 30) == pytest.approx(1, abs=0.06)  # its step is not infinitely short
    assert spread(1.5, 30) == pytest.approx(1, abs=0.08)


def test_bad_figures_are_refused() -> None:
    with pytest.raises(AudiodiffError, match="order=0"):
        UniPC(0)
    with pytest.raises(AudiodiffError, match="snr=0"):
        PredictorCorrector(DDIM(), snr=0.0)
    with pytest.raises(AudiodiffError, match=r"sampler='nope\+langevin' is unknown"):
        build_sampler("nope+langevin")


N_TRAINED = 1000
BETAS = LinearBetas(n_steps=N_TRAINED, beta_start=1e-4, beta_end=0.02)


def theirs(name: str, **options: Any) -> Any:
    """A scheduler of diffusers on the same betas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind = getattr(pytest.importorskip("diffusers"), name)
        betas = list(BETAS.step_betas)
        return kind(num_train_timesteps=N_TRAINED, trained_betas=betas, **options)


def timesteps(scheduler: Any, n: int) -> torch.Tensor:
    """The scheduler's own, for so many steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy, for its way with arrays
        scheduler.set_timesteps(n)
    return scheduler.timesteps


def estimate(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """A denoiser that is not linear, so that no error cancels."""
    return torch.tanh(2 * x_t) * expand(0.5 + BETAS.alpha(t), x_t) / 2


def our_states(sampler: Any, x: torch.Tensor, times: list[float], noises: Any = None) -> list[Any]:
    state, states = sampler.init(), []
    draw = refuse if noises is None else lambda: next(noises)
    for t, r in itertools.pairwise(times):
        x, state = sampler.step(x, Step(BETAS, at(t), at(r), estimate, draw), state)
        states.append(x)
    return states


PAIRS = {
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": True}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {"solver_order": 2}),
    "dpm++3m": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    "dpm++2m-sde": (
        "DPMSolverMultistepScheduler",
        {"solver_order": 2, "algorithm_type": "sde-dpmsolver++"},
    ),
    "unipc2": ("UniPCMultistepScheduler", {"solver_order": 2}),
    "unipc3": ("UniPCMultistepScheduler", {"solver_order": 3}),
}


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_what_diffusers_computes(name: str) -> None:
    kind, options = PAIRS[name]
    scheduler, n = theirs(kind, prediction_type="sample", **options), 20
    steps = timesteps(scheduler, n)
    times = [(step + 1) / N_TRAINED for step in steps.tolist()] + [0.0]
    x, drawn = noise(1, 50).double(), noise(n, 1, 50, seed=1).double()
    stochastic = name.endswith("sde")
    ours = our_states(SAMPLERS[name](), x, times, iter(drawn) if stochastic else None)
    y, expected = x, []
    for i, step in enumerate(steps):
        more = {"variance_noise": drawn[i]} if stochastic else {}
        y = scheduler.step(estimate(y, at(times[i])), step, y, **more).prev_sample
        expected.append(y)
    # Its third order falls to 2 and 1 in the last steps whatever their length.
    same = n - 2 if name == "unipc3" else n
    for one, other in zip(ours[:same], expected, strict=False):
        torch.testing.assert_close(one, other.double(), rtol=1e-4, atol=1e-4)


def test_heun_is_what_diffusers_computes() -> None:
    n = 10  # whose timesteps are whole numbers
    scheduler = theirs("HeunDiscreteScheduler", prediction_type="epsilon")
    steps = timesteps(scheduler, n).tolist()
    times = [(step + 1) / N_TRAINED for step in [steps[0], *steps[1::2]]] + [0.0]
    x = noise(1, 50).double()
    ours = our_states(SAMPLERS["heun"](), x, times)[-1]
    y = x / BETAS.alpha(at(times[0]))
    for step in scheduler.timesteps:
        t = at((step.item() + 1) / N_TRAINED)
        x_t = scheduler.scale_model_input(y, step)
        eps = (x_t - BETAS.alpha(t) * estimate(x_t, t)) / BETAS.sigma(t)
        y = scheduler.step(eps, step, y).prev_sample
    torch.testing.assert_close(ours, y.double(), rtol=1e-4, atol=1e-4)


def test_a_class_in_place_of_a_sampler_and_the_reverse_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(AudiodiffError, match=r"sampler=DDIM is a class; .*, such as DDIM\(\)"):
        build_sampler(DDIM)  # type: ignore[arg-type]
    with pytest.raises(AudiodiffError, match="sampler is of type int, which lacks calls, init"):
        build_sampler(5)  # type: ignore[arg-type]
    with pytest.raises(AudiodiffError, match="guidance=MelConsistency is a class"):
        Run(guidance=[MelConsistency])  # type: ignore[list-item]
    monkeypatch.setitem(SAMPLERS, "mine", DDIM())  # type: ignore[arg-type]
    with pytest.raises(
        AudiodiffError, match=r"SAMPLERS\['mine'\] holds an instance of DDIM; assign"
    ):
        build_sampler("mine")
