"""How likely a model holds recordings, from waves and from folders of files."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional as F

from audiodiff._types import Wave
from audiodiff.audio import io
from audiodiff.conditioning.labels import labels_asked
from audiodiff.conditioning.parts import joined, moved
from audiodiff.config import DrawCount, Seed, StepCount, checked
from audiodiff.data.corpus import clips_of
from audiodiff.data.labelled import read_table
from audiodiff.diffusion.likelihood import Bits, bound_bits, flow_bits
from audiodiff.diffusion.noise import NoiseTape
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.bits import BitsEvaluation, ClipBits, Estimate, summary_of
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.evaluate import known_labels
from audiodiff.pipelines.loading import loaded
from audiodiff.pipelines.run import with_mel
from audiodiff.system.threads import Map

N_STEPS = 8
N_DRAWS = 2
MAX_SECONDS = 60
"""Length of the longest sound, which goes through the network as a whole, and backward."""


class LikelihoodOf(NamedTuple):
    """The likelihood of sounds in bits per number: the less, the more usual the sound.

    Attributes:
        n_numbers: Numbers in the state of a sound.
        flow: By the probability flow, `flow_bits`.
        bound: By the variational bound, `bound_bits`.
    """

    n_numbers: int
    flow: Bits
    bound: Bits


class LikelihoodMeter:
    """Says how likely a model holds sounds, in bits per number.

    The density is that of the codec's quantity: of the wave, or of the log-mel in its preset's
    units, which is that of the normalised mel with log2(scale) bits more per number. It is
    the model's own without guidance, which is no density. A mel is a choice of what to hear,
    so nothing follows for the wave.

    Examples:
        >>> meter = LikelihoodMeter.from_pretrained("digits", n_steps=1)
        >>> meter.quantity, meter.scale
        ('hifigan mel', 3.36)
        >>> meter(torch.randn(1, 8000) / 100, label={"digit": "seven"}).n_numbers
        5120

    Args:
        model: A model whose noise is white in its states.
        n_steps: Number of steps of each estimate.
        n_draws: Number of probes of the flow's trace, and of draws of the bound, 2 or more.
        seed: Seed of both.

    Attributes:
        sample_rate: Sample rate of the sounds in Hz.
        labels: The model's classes of each kind of label, by the kind's name.
        quantity: The quantity whose density it is.
        scale: What a difference of 1 in a state is in that quantity.

    Raises:
        AudiodiffError: If the model's noise is not white in its states, so that it has no density
            that is known, or another argument is wrong.
    """

    def __init__(
        self, model: Model, n_steps: int = N_STEPS, n_draws: int = N_DRAWS, seed: int = 0
    ) -> None:
        config = model.config
        if config.prior.kind != "unit":
            raise AudiodiffError(
                f"prior.kind={config.prior.kind!r} shapes the noise by the mel, for which the "
                "likelihood is not known here; give a model with prior.kind='unit', such as digits"
            )
        if model.codec.linear and math.prod(config.codec.shape) != model.codec.hop_length:
            raise AudiodiffError(
                f"codec.kind={config.codec.kind!r} makes more numbers than a sound has samples, so "
                "that its states have no density; give a model of waves or of mels, such as digits"
            )
        self.n_steps = checked(StepCount, n_steps, "n_steps")
        self.n_draws = checked(DrawCount, n_draws, "n_draws")
        self.model, self.seed = model.eval(), checked(Seed, seed, "seed")
        self.sample_rate, self.labels = config.sample_rate, config.label_sets
        self.quantity, self.scale = config.codec.quantity, config.codec.scale

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        device: str = "cpu",
        n_steps: int = N_STEPS,
        n_draws: int = N_DRAWS,
        seed: int = 0,
    ) -> "LikelihoodMeter":
        """Loads a model.

        Args:
            name: A model of this package, a model directory, or the id ``owner/name`` of a model on
                the Hugging Face Hub.
            device: Device to run it on, e.g. ``cpu`` or ``cuda``.
            n_steps: Number of steps of each estimate.
            n_draws: Number of probes of the flow's trace, and of draws of the bound, 2 or more.
            seed: Seed of both.

        Raises:
            AudiodiffError: If there is no such model or device, its files are damaged, or its
                noise is not white in its states.
        """
        return cls(loaded(name, device), n_steps, n_draws, seed)

    @torch.no_grad()
    def __call__(self, wave: Wave, label: str | Mapping[str, str] | None = None) -> LikelihoodOf:
        """The likelihood of sounds of one length, each as if it were alone.

        A sound shorter than the model's own has silence after it, as in training; a model that
        takes a mel is given the sound's.

        Args:
            wave: Sounds at `sample_rate`, (batch, samples).
            label: Class of the sounds, as `Generator` takes it; None for any.

        Raises:
            AudiodiffError: If the model has no such label, or the sound is empty or too long.
        """
        config, seconds = self.model.config, wave.shape[1] / self.sample_rate
        if not 0 < seconds <= MAX_SECONDS:
            raise AudiodiffError(
                f"the sound lasts {seconds:.1f} s; give one of up to {MAX_SECONDS} s, such as a "
                "part of it"
            )
        n_samples = max(wave.shape[1], config.sampling.n_samples or 0)
        n_samples += -n_samples % config.hop_length
        whole = F.pad(wave.float(), (0, n_samples - wave.shape[1])).to(self.model.device)
        cond = labels_asked(label, self.labels)
        cond = moved(joined([cond] * len(wave)), self.model.device)
        cond, x0 = with_mel(self.model, cond, whole), self.model.codec.encode(whole)
        denoise = self.model.context(cond, n_samples, Run(precision="fp32")).denoiser(cond)
        noise = NoiseTape([self.seed] * len(wave), [0] * len(wave))
        asked = self.n_steps, self.n_draws, config.sampling.t_range
        return LikelihoodOf(
            x0[0].numel(),
            self._in_quantity(flow_bits(denoise, self.model.schedule, x0, noise, *asked)),
            self._in_quantity(bound_bits(denoise, self.model.schedule, x0, noise, *asked)),
        )

    def _in_quantity(self, bits: Bits) -> Bits:
        return Bits(bits.mean.cpu() + math.log2(self.scale), bits.error.cpu())


def evaluate_likelihood(
    meter: LikelihoodMeter,
    name: str,
    folder: Path,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
    each: Map = map,
) -> BitsEvaluation:
    """The likelihood of the recordings of a folder.

    A file that cannot be read is reported in `failed` and does not stop the others. A clip is
    judged under its labels of the model's kinds, those in ``labels.csv`` of its folder or in the
    record that `audiodiff generate` wrote into it, and otherwise as any sound.

    Args:
        meter: The meter.
        name: Name of its model.
        folder: Folder of recordings, those of its ``test.txt`` if there is one.
        on_clip: Called after each clip with the number of clips done, and of all.
        each: Judges clips one after another, or side by side.

    Raises:
        AudiodiffError: If the folder is missing or none of its sounds can be judged, or if a label
            is none of the model's.
    """
    paths, table = clips_of(folder, "test"), read_table([folder])
    labels = {
        id_: known_labels(meter.labels, id_, table, path, "model") for id_, path in paths.items()
    }

    def judged(id_: str) -> ClipBits | AudiodiffError:
        try:
            wave = torch.from_numpy(io.load(paths[id_], meter.sample_rate)[0])
            found = meter(wave[None], labels[id_] or None)
            flow, bound = _estimate(found.flow), _estimate(found.bound)
        except AudiodiffError as error:
            return error
        return ClipBits(
            name=id_, labels=labels[id_], n_numbers=found.n_numbers, flow=flow, bound=bound
        )

    clips, failed = [], {}
    for done, (id_, result) in enumerate(zip(paths, each(judged, paths), strict=True), 1):
        if isinstance(result, AudiodiffError):
            failed[str(paths[id_])] = str(result)
        else:
            clips.append(result)
        on_clip(done, len(paths))
    if not clips:
        raise AudiodiffError(
            f"no sound in {folder} can be judged, e.g. {next(reversed(failed.values()))}"
        )
    return BitsEvaluation(
        model=name,
        quantity=meter.quantity,
        scale=meter.scale,
        clips=tuple(clips),
        summary=summary_of(clips),
        failed=failed,
    )


def _estimate(bits: Bits) -> Estimate:
    """The figure of a single sound.

    Raises:
        AudiodiffError: If it is not finite.
    """
    mean, error = bits.mean.item(), bits.error.item()
    if not math.isfinite(mean + error):
        raise AudiodiffError(
            f"the sound has {mean} bits per number under this model; give another model, or more "
            "steps"
        )
    return Estimate(mean=mean, error=error)
