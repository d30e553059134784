"""Any scheduler of `diffusers` on a model of this package.

A scheduler has a noise level ``alpha_s, sigma_s`` at each of its steps. Our denoiser is called at
the time ``t`` with ``alpha(t) / sigma(t) = alpha_s / sigma_s``, where the two states differ by a
factor only, whatever the two schedules are.
"""

from typing import Any

import torch
from torch import Tensor

from audiodiff._types import Condition, State, Wave
from audiodiff.config import Seed, StepCount, checked
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.times import log_snr
from audiodiff.errors import AudiodiffError
from audiodiff.guidance.contract import guided
from audiodiff.mel.check import check_mel
from audiodiff.model.run import Run
from audiodiff.pipelines.vocoder import Vocoder

TOLERANCE = 0.01
"""Greatest difference between the log-SNR of a scheduler's step and that of our time for it."""


@torch.inference_mode()
def vocode(vocoder: Vocoder, mel: Tensor, scheduler: Any, n_steps: int, seed: int = 0) -> Wave:
    """Makes the sound of a mel with a scheduler of diffusers.

    The state is kept in the prior's whitened coordinates, where the noise that the scheduler draws
    is white. The initial noise is that of a run of our own samplers.

    Args:
        vocoder: Vocoder whose model is run.
        mel: Mels of shape (batch, n_mels, frames) in the model's preset.
        scheduler: Scheduler instance, e.g. ``DPMSolverMultistepScheduler(trained_betas=...)``; its
            ``set_timesteps`` is called.
        n_steps: Number of steps given to ``set_timesteps``.
        seed: Seed of all noise.

    Returns:
        Sound of shape (batch, frames x hop_length), float32.

    Raises:
        AudiodiffError: If the mel does not fit, or the scheduler clips, has a noise level outside
            the model's schedule, or has none that can be read.
    """
    n_steps, seed = checked(StepCount, n_steps, "n_steps"), checked(Seed, seed, "seed")
    model = vocoder.model
    mel = check_mel(mel, vocoder.mel_config, "mel").to(vocoder.device, torch.float32)
    for option in ("clip_sample", "thresholding"):
        if scheduler.config.get(option):
            raise AudiodiffError(
                f"scheduler.config.{option}=True clips what lies beyond +-1, and our states do; "
                f"build the scheduler with {option}=False"
            )
    scheduler.set_timesteps(n_steps, device=vocoder.device)
    levels = [_level(scheduler, i) for i in range(len(scheduler.timesteps))]
    times = _times(vocoder, levels)
    n_samples = mel.shape[2] * vocoder.hop_length
    wave = NoiseTape([seed] * len(mel), [0] * len(mel))(mel.new_empty(len(mel), n_samples), 0)
    cond: Condition = {"mel": mel}
    context = model.context(cond, n_samples, Run(precision=vocoder.precision))
    own, shape = context.denoiser(cond), model.prior.condition(cond)
    generator = torch.Generator(vocoder.device).manual_seed(seed)
    draws = {"generator": generator} if _takes_generator(scheduler) else {}
    x = model.codec.encode(wave) * getattr(scheduler, "init_noise_sigma", 1.0)
    for i, (alpha, sigma) in enumerate(levels):
        step, t = scheduler.timesteps[i], times[i]
        denoise = guided(own, model.guidance(), context, i, len(levels))
        if hasattr(scheduler, "scale_model_input"):
            scheduler.scale_model_input(x, step)  # some schedulers require it before a step
        # At an equal ratio alpha / sigma the states differ by the ratio of the sigmas.
        scale = (model.schedule.sigma(t[None]) / sigma).to(x)
        at = t.expand(len(x)).to(x.device)
        x0 = model.prior.whiten(denoise(model.prior.color(x * scale, shape), at), shape)
        output = _output(scheduler, x, x0, alpha, sigma)
        x = scheduler.step(output, step, x, **draws).prev_sample
    return model.codec.decode(model.prior.color(x, shape), n_samples)


def _level(scheduler: Any, i: int) -> tuple[float, float]:
    """Alpha and sigma of a scheduler's step i."""
    name = type(scheduler).__name__
    if hasattr(scheduler, "precondition_outputs"):
        raise AudiodiffError(
            f"{name} has its own preconditioning; give the scheduler of the same solver without it"
        )
    if not hasattr(scheduler, "sigmas"):
        if not hasattr(scheduler, "alphas_cumprod"):
            raise AudiodiffError(
                f"{name} has no readable noise level; give one with sigmas or betas"
            )
        power = scheduler.alphas_cumprod[int(scheduler.timesteps[i])].item()
        return power**0.5, (1 - power) ** 0.5
    sigma = scheduler.sigmas[i].item()
    if hasattr(scheduler, "_sigma_to_alpha_sigma_t"):
        alpha, sigma = scheduler._sigma_to_alpha_sigma_t(torch.tensor(sigma, dtype=torch.float64))
        return float(alpha), float(sigma)
    return (1 - sigma if name.startswith("FlowMatch") else 1.0), sigma


def _times(vocoder: Vocoder, levels: list[tuple[float, float]]) -> Tensor:
    """Our times with the log-SNR of each level.

    Raises:
        AudiodiffError: If a level lies outside the model's schedule.
    """
    schedule = vocoder.model.schedule
    wanted = torch.tensor(levels, dtype=torch.float64).log() @ torch.tensor([2.0, -2.0]).double()
    times = schedule.t_of_log_snr(wanted).clamp(max=1)
    for t, level in zip(times, wanted, strict=True):
        reached = log_snr(schedule, t[None]).item()
        if not (reached == level.item() or abs(reached - level.item()) < TOLERANCE):
            raise AudiodiffError(
                f"the scheduler has a step of log-SNR {level.item():.2f}, outside the model's "
                f"schedule, which ends at {reached:.2f}; build it with the betas of the model"
            )
    return times


def _output(scheduler: Any, x: State, x0: State, alpha: float, sigma: float) -> State:
    """The network output that the scheduler expects, from our denoised estimate."""
    default = "flow_prediction" if type(scheduler).__name__.startswith("FlowMatch") else "epsilon"
    kind = scheduler.config.get("prediction_type", default)
    eps = (x - alpha * x0) / sigma
    outputs = {
        "epsilon": eps,
        "sample": x0,
        "v_prediction": alpha * eps - sigma * x0,
        "flow_prediction": eps - x0,
    }
    if kind not in outputs:
        raise AudiodiffError(
            f"scheduler.config.prediction_type={kind!r} is unknown; build the scheduler with one "
            f"of {', '.join(outputs)}"
        )
    return outputs[kind]


def _takes_generator(scheduler: Any) -> bool:
    return "generator" in scheduler.step.__code__.co_varnames
