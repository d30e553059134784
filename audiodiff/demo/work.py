"""The demo's work, without its page: a visitor's file, a run step by step, scores."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.audio import io
from audiodiff.audio.reader import opened
from audiodiff.diffusion.times import TIMES
from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import MEL_SUFFIXES, load_mel
from audiodiff.mel.griffin_lim import griffin_lim as by_griffin_lim
from audiodiff.mel.griffin_lim import magnitudes
from audiodiff.mel.own import OwnMel, own_mel
from audiodiff.mel.presets import PRESETS
from audiodiff.metrics import pairs
from audiodiff.metrics.libraries import MissingLibraryError
from audiodiff.metrics.registry import METRICS, Metric
from audiodiff.model.run import Run
from audiodiff.pipelines.reading import own_mel_of
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.provenance.making import record_of
from audiodiff.provenance.record import Record

MAX_SECONDS = 60
"""Longest sound that a visitor may give, in seconds."""

MAX_MEL_BYTES = 2**26
"""Largest size in memory of a mel that a visitor may give, in bytes."""

OWN = "the model's own"
"""Choice of a sampler, rule or preset that stands for the model's default."""

RULES = (OWN, *TIMES)

N_ITERATIONS = 32
"""Number of Griffin-Lim iterations."""

FIGURES = {"PESQ": "pesq_wb", "ESTOI": "estoi", "M-STFT": "mstft", "mel error": "mel_mae"}
"""The metrics that are shown, by the name that they are shown under."""

Samples = Float[Tensor, " samples"]


class Given(NamedTuple):
    """A visitor's input.

    Attributes:
        wave: Sound at the model's sample rate; None if a mel was given.
        own: Mel of the sound, or the mel given, in the model's preset.
    """

    wave: Samples | None
    own: OwnMel

    @property
    def mel(self) -> Mel:
        """The mel, of shape (1, n_mels, frames)."""
        return self.own.mel


class Choice(NamedTuple):
    """A run that a visitor chose.

    Attributes:
        n_steps: Number of sampler steps.
        sampler: Name of the sampler, or `OWN`.
        rule: Name of a rule for the times, from `TIMES`, or `OWN`.
        seed: Seed of the noise.
    """

    n_steps: int
    sampler: str = OWN
    rule: str = OWN
    seed: int = 0


class Stage(NamedTuple):
    """A run after one of its steps.

    Attributes:
        n: Number of steps done.
        t: Diffusion time reached, from 1 (noise) to 0 (data).
        wave: Sound of the run's state at that time.
    """

    n: int
    t: float
    wave: Samples


def read(vocoder: Vocoder, file: str | None, preset: str = OWN) -> Given:
    """Reads an uploaded file.

    Args:
        vocoder: Vocoder whose sample rate and mel the input is brought to.
        file: Path of a sound, or of a mel by its suffix; None if nothing was uploaded.
        preset: Preset of the mel, a name of `PRESETS`; `OWN` for the model's.

    Raises:
        AudiodiffError: If the file is missing, unusable or too long.
    """
    if not file:
        raise AudiodiffError("there is nothing to work on; give a sound or a mel first")
    path = Path(file)
    if path.suffix.lower() in MEL_SUFFIXES:
        mel = load_mel(path, max_bytes=MAX_MEL_BYTES)
        config = vocoder.mel_config if preset == OWN else PRESETS[preset]
        # Before it is converted, which takes many times its memory.
        check_length(mel.shape[-1] * config.hop_length / config.sample_rate, path, "vocode")
        own = own_mel(mel, vocoder.mel_config, None if preset == OWN else preset, path.name)
        return Given(None, own)
    with opened(path) as sound:
        check_length(sound.n_samples / sound.sample_rate, path, "vocode")
        wave = torch.from_numpy(io.read_wave(sound, vocoder.sample_rate))
    return Given(wave, own_mel_of(vocoder, wave))


def run_of(vocoder: Vocoder, choice: Choice) -> Run:
    """The run that a visitor chose.

    Raises:
        AudiodiffError: If there are too few steps.
    """
    model, sampler = vocoder.model, None if choice.sampler == OWN else choice.sampler
    run = Run(sampler, choice.n_steps, seed=choice.seed, precision=vocoder.precision)
    if choice.rule == OWN:
        return run
    t_range = model.config.sampling.t_range
    times = TIMES[choice.rule](model.schedule, choice.n_steps, t_range)
    return replace(run, n_steps=None, times=times.tolist())


def record_of_choice(vocoder: Vocoder, name: str, choice: Choice) -> Record:
    """The record of the sound of a run that a visitor chose.

    Args:
        vocoder: The vocoder.
        name: Name of its model.
        choice: The run.
    """
    rule = None if choice.rule == OWN else choice.rule
    return record_of(vocoder.model, name, run_of(vocoder, choice), {"rule": rule})


@torch.inference_mode()
def run(vocoder: Vocoder, given: Given, choice: Choice) -> Iterator[Stage]:
    """A run step by step; the last step's wave is the result, as long as the input.

    Raises:
        AudiodiffError: If the sampler is unknown or there are too few steps.
    """
    model, cond = vocoder.model, {"mel": given.mel.to(vocoder.device)}
    n_samples = given.mel.shape[2] * vocoder.hop_length
    snapshots = model.steps(cond, n_samples, run_of(vocoder, choice))
    for n, shot in enumerate(islice(snapshots, 1, None), 1):  # the first is noise alone
        (wave,) = given.own.sound([model.codec.decode(shot.state, n_samples)])
        yield Stage(n, shot.t, wave[0].cpu())


def griffin_lim(vocoder: Vocoder, given: Given) -> Samples:
    """Griffin-Lim's sound of the same mel, as a baseline."""
    config = vocoder.mel_config
    wave = torch.from_numpy(by_griffin_lim(magnitudes(given.mel, config), config, N_ITERATIONS))
    return next(given.own.sound([wave.float()[None]]))[0]


def figures(given: Given, wave: Samples, rate: int) -> dict[str, float | str]:
    """Scores of a sound against the original, or why there is none; empty for a mel alone."""
    if given.wave is None:
        return {}
    pair = given.wave.numpy(), wave.numpy()
    return {shown: _score(METRICS[name], *pair, rate) for shown, name in FIGURES.items()}


def _score(
    metric: Metric, reference: pairs.Samples, estimate: pairs.Samples, rate: int
) -> float | str:
    try:
        score = metric.function(reference, estimate, rate)
    except MissingLibraryError as error:
        return f"{error.library} is missing"
    if math.isfinite(score):
        return score
    return "too short" if pairs.too_short(reference, rate) else "no speech"


def check_length(seconds: float, path: Path, command: str) -> None:
    """Refuses what lasts longer than `MAX_SECONDS`.

    Args:
        seconds: Length of a visitor's input in seconds.
        path: Its file.
        command: Name of the command that takes it.

    Raises:
        AudiodiffError: Naming both lengths.
    """
    if seconds > MAX_SECONDS:
        raise AudiodiffError(
            f"{path.name} lasts {seconds:.0f} s and the limit here is {MAX_SECONDS}; cut it, or "
            f"use `audiodiff {command}`, which takes hours"
        )
