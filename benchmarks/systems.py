"""The systems that `quality.py` compares: a model, phase retrieval from its mels, and WORLD."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import Float

from audiodiff import LogMel, MelConfig, Model, Run, Vocoder
from audiodiff.diffusion.noise import white_noise
from audiodiff.guidance import MelConsistency
from audiodiff.mel.griffin_lim import griffin_lim as by_griffin_lim
from audiodiff.mel.griffin_lim import magnitudes
from audiodiff.metrics.libraries import library
from audiodiff.metrics.pitch import f0_track

SEED = 0

Samples: TypeAlias = Float[np.ndarray, " samples"]


class Clip(NamedTuple):
    """A clip as systems get it: its samples, its mel, and the mel's config."""

    wave: Samples
    mel: Float[torch.Tensor, "n_mels frames"]
    config: MelConfig


System: TypeAlias = Callable[[Clip], Samples]
"""Makes a clip again. It is sent to another process, so it is a function or a partial of one."""


def clip_of(wave: Samples, config: MelConfig) -> Clip:
    """A wave with a mel that covers it to its end."""
    whole = np.pad(wave, (0, -len(wave) % config.hop_length))
    return Clip(wave, LogMel(config)(torch.from_numpy(whole)[None])[0], config)


@cache
def _vocoder(model: str) -> Vocoder:
    return Vocoder.from_pretrained(model)


def diffusion(clip: Clip, model: str, n_steps: int) -> Samples:
    """The sound of a model of this package, by name or directory, with a number of steps."""
    return _vocoder(model)(clip.mel[None], n_steps, seed=SEED)[0].numpy()


def without_passes(clip: Clip, model: str, n_steps: int) -> Samples:
    """The same without its passes onto the mel: what the network alone gives."""
    vocoder = _vocoder(model)
    kept = [one for one in vocoder.model.guidance() if not isinstance(one, MelConsistency)]
    return vocoder.make(clip.mel[None], Run(n_steps=n_steps, seed=SEED, guidance=kept))[0].numpy()


def griffin_lim(
    clip: Clip,
    n_iterations: int,
    mel_inverse: Literal["least-squares", "pseudo-inverse"] = "least-squares",
) -> Samples:
    """The fast Griffin-Lim algorithm with librosa's defaults; gives frames x hop_length samples.

    Args:
        clip: Clip to make; only its mel is used.
        n_iterations: Number of Griffin-Lim iterations.
        mel_inverse: Method from mel to magnitudes: non-negative least squares, or the
            filterbank's pseudo-inverse clipped at zero, the weaker baseline of some papers.
            librosa's ``mel_to_stft`` gives the latter too for such mels, since their gradient is
            below its tolerance where the solver starts.
    """
    config = clip.config
    if mel_inverse == "least-squares":
        magnitude = magnitudes(clip.mel[None], config)
    else:
        inverse = np.linalg.pinv(config.filterbank_matrix().numpy())
        spectrum = inverse @ config.amplitude(clip.mel).numpy() ** config.power
        magnitude = np.maximum(spectrum, 0) ** (1 / config.power)
    return by_griffin_lim(magnitude, config, n_iterations)


def projection(clip: Clip, model: str, n_passes: int) -> Samples:
    """The prior's noise projected onto the mel: a model's run without its network."""
    inner, mel = _vocoder(model).model, clip.mel[None]
    assert inner.project is not None, "a model that ends with passes has a mel"
    n_samples = mel.shape[2] * clip.config.hop_length
    white = inner.codec.encode(white_noise((SEED,), (1, n_samples)))
    noise = inner.prior.color(white, inner.prior.condition({"mel": mel}))
    wave = inner.codec.decode(noise, n_samples)
    return inner.project(wave, mel, n_passes)[0].numpy()


def world(clip: Clip) -> Samples:
    """Analysis and synthesis by WORLD (Morise et al. 2016): DIO, StoneMask, CheapTrick, D4C.

    It gets the wave itself, and `mcd` and the pitch scores use the same analysis programs.
    """
    pyworld, rate = library("pyworld"), clip.config.sample_rate
    samples = np.ascontiguousarray(clip.wave, dtype=np.float64)
    f0, times = f0_track(clip.wave, rate)
    envelope = pyworld.cheaptrick(samples, f0, times, rate)
    aperiodicity = pyworld.d4c(samples, f0, times, rate)
    return pyworld.synthesize(f0, envelope, aperiodicity, rate)


BASELINES: dict[str, System] = {
    "Griffin-Lim, 32 iterations": partial(griffin_lim, n_iterations=32),
    "Griffin-Lim, 100 iterations": partial(griffin_lim, n_iterations=100),
    "Griffin-Lim, 32 iterations, clipped pseudo-inverse": partial(
        griffin_lim, n_iterations=32, mel_inverse="pseudo-inverse"
    ),
    "WORLD, from the wave": world,
}


def passes_of(model: Model) -> int:
    """Passes onto the mel that the model's default run makes."""
    return sum(
        guidance.n_passes
        for step in range(model.n_steps)
        for guidance in model.guidance()
        if isinstance(guidance, MelConsistency) and guidance.acts_at(step, model.n_steps)
    )


def systems_of(model: str, steps: Sequence[int]) -> dict[str, System]:
    """The model at each number of steps, then without its passes, them alone, and the baselines.

    The keys are their names in the tables.
    """
    names = {n: f"{Path(model).name}, {n} step{'' if n == 1 else 's'}" for n in steps}
    ours: dict[str, System] = {
        name: partial(diffusion, model=model, n_steps=n) for n, name in names.items()
    }
    if n_passes := passes_of(_vocoder(model).model):
        for n, name in names.items():
            ours[f"{name}, no passes"] = partial(without_passes, model=model, n_steps=n)
        name = f"mel projection of noise, {n_passes} passes, no network"
        ours[name] = partial(projection, model=model, n_passes=n_passes)
    return ours | BASELINES
