"""What the demo does, without its page: a visitor's file, a run step by step, figures."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.audio import io
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.diffusion.times import TIMES, TimeGrid
from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import MEL_SUFFIXES, load_mel
from audiodiff.mel.griffin_lim import griffin_lim as by_griffin_lim
from audiodiff.mel.griffin_lim import magnitudes
from audiodiff.mel.own import OwnMel, own_mel
from audiodiff.metrics.registry import METRICS
from audiodiff.pipelines.files import mel_of
from audiodiff.pipelines.vocoder import Vocoder

MAX_SECONDS = 60
"""Of sound that a visitor may give."""

OWN = "the model's own"
"""Of samplers and rules: what it does unless told otherwise."""

RULES = (OWN, *TIMES)

N_ITERATIONS = 32
"""Of Griffin-Lim."""

FIGURES = {"PESQ": "pesq_wb", "ESTOI": "estoi", "M-STFT": "mstft", "mel error": "mel_mae"}
"""The metrics that are shown, by the name that they are shown under."""

Samples = Float[Tensor, " samples"]


class Given(NamedTuple):
    """What a visitor gave.

    Attributes:
        wave: Sound at the model's rate; None of a mel.
        own: The sound's mel or the one given.
    """

    wave: Samples | None
    own: OwnMel

    @property
    def mel(self) -> Mel:
        """(1, n_mels, frames)."""
        return self.own.mel


class Choice(NamedTuple):
    """A run that a visitor chose.

    Attributes:
        n_steps: Of the sampler.
        sampler: By name, or `OWN`.
        rule: A name of `TIMES`, or `OWN`.
        seed: Of the noise.
    """

    n_steps: int
    sampler: str = OWN
    rule: str = OWN
    seed: int = 0


class Step(NamedTuple):
    """Where a run is.

    Attributes:
        n: Steps done.
        t: The time that it has come to.
        wave: What it would sound like there.
    """

    n: int
    t: float
    wave: Samples


def read(vocoder: Vocoder, file: str | None, preset: str = OWN) -> Given:
    """Reads a file that was uploaded.

    Args:
        vocoder: Whose rate and mel it gets.
        file: Sound, or a mel by its suffix; None if nothing was.
        preset: Whose mel it is, a name of `PRESETS`; `OWN` for the model's.

    Raises:
        AudiodiffError: If it is missing, bad or too long.
    """
    if not file:
        raise AudiodiffError("there is nothing to work on; give a sound or a mel first")
    path = Path(file)
    if path.suffix.lower() in MEL_SUFFIXES:
        config = vocoder.mel_config
        if config is None:
            raise AudiodiffError("this model takes no mel; choose another")
        own = own_mel(load_mel(path), config, None if preset == OWN else preset, path.name)
        _check_length(own.n_samples / own.rate, path)
        return Given(None, own)
    wave = torch.from_numpy(io.load(path, vocoder.sample_rate)[0])
    _check_length(len(wave) / vocoder.sample_rate, path)
    return Given(wave, mel_of(vocoder, wave))


def times_of(vocoder: Vocoder, choice: Choice) -> TimeGrid:
    """The times of a run.

    Raises:
        AudiodiffError: If there are too few steps.
    """
    model = vocoder.model
    if choice.rule == OWN:
        return model.times(choice.n_steps, None if choice.sampler == OWN else choice.sampler)
    return TIMES[choice.rule](model.schedule, choice.n_steps, model.config.sampling.t_range)


@torch.inference_mode()
def run(vocoder: Vocoder, given: Given, choice: Choice) -> Iterator[Step]:
    """A run, step by step; the last one is the sound, as long as what was given.

    Raises:
        AudiodiffError: If a name or number is wrong.
    """
    model = vocoder.model
    times = times_of(vocoder, choice)
    sampler = model.sampler(None if choice.sampler == OWN else choice.sampler)
    n_samples = given.mel.shape[2] * vocoder.hop_length
    like = torch.zeros(1, n_samples, device=vocoder.device)
    tape = NoiseTape([choice.seed], [0])
    states = model.run(like, given.mel.to(vocoder.device), times, sampler, tape)
    for n, state in enumerate(states, 1):
        (wave,) = given.own.sound([model.codec.decode(state, n_samples)])
        yield Step(n, times[n].item(), wave[0].cpu())


def griffin_lim(vocoder: Vocoder, given: Given) -> Samples:
    """What phase retrieval makes of the same mel."""
    config = vocoder.mel_config
    assert config is not None, "what was read has a mel"
    wave = torch.from_numpy(by_griffin_lim(magnitudes(given.mel, config), config, N_ITERATIONS))
    return next(given.own.sound([wave.float()[None]]))[0]


def figures(given: Given, wave: Samples, rate: int) -> dict[str, float]:
    """How near a sound is to the original; nothing where there is none."""
    if given.wave is None:
        return {}
    pair = given.wave.numpy(), wave.numpy()
    return {name: METRICS[metric].function(*pair, rate) for name, metric in FIGURES.items()}


def _check_length(seconds: float, path: Path) -> None:
    if seconds > MAX_SECONDS:
        raise AudiodiffError(
            f"{path.name} lasts {seconds:.0f} s and the limit here is {MAX_SECONDS}; cut it, or "
            "use `audiodiff vocode`, which has none"
        )
