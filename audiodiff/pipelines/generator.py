"""New sounds from a model that takes no mel."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from audiodiff._types import Condition, Sampler, Wave
from audiodiff.conditioning.labels import labels_asked
from audiodiff.conditioning.parts import joined, moved
from audiodiff.conditioning.text import text_asked
from audiodiff.config import Count, SampleCount, Seed, checked, shown
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.run import DEFAULT, Run
from audiodiff.pipelines.codec_vocoder import hand_vocoder
from audiodiff.pipelines.loading import loaded
from audiodiff.system.devices import use_bf16


class Generator:
    """Makes sounds from a label, a text, or from nothing, with a diffusion model.

    A sound is as long as the model's own, silence at its end included.

    Args:
        model: A trained model without a mel.
        precision: Precision of the network's products: ``fp32``, ``bf16`` or ``auto``.

    Attributes:
        model: The model.
        precision: The precision, as given.
        sample_rate: Sample rate of the sounds in Hz.
        n_samples: Length in samples of a sound for which no other is asked: the model's own, or a
            second.
        labels: The model's classes of each kind of label, by the kind's name, which is ``label``
            for a single kind; empty for a model without labels.
        n_bytes: Most bytes of a text; None for a model that takes none.

    Raises:
        AudiodiffError: If the model takes a mel, the precision is unknown, or the vocoder, the
            autoencoder or the encoder of texts that it names cannot be used.
    """

    def __init__(self, model: Model, precision: str = "auto") -> None:
        if model.config.mel is not None:
            raise AudiodiffError(
                "this model makes sound from a mel; use Vocoder, or `audiodiff vocode`"
            )
        use_bf16(precision, model.device)  # refuses an unknown precision
        self.model, self.precision = model.eval(), precision
        model.config.fetch(model.device)
        hand_vocoder(model, precision)
        own = model.config.sampling.n_samples
        self.sample_rate = model.config.sample_rate
        self.n_samples = self.sample_rate if own is None else own
        self.labels = model.config.label_sets
        self.n_bytes = model.config.network.n_bytes

    @classmethod
    def from_pretrained(
        cls, name: str | Path, device: str = "cpu", precision: str = "auto"
    ) -> "Generator":
        """Loads a model.

        Args:
            name: A model of this package, a model directory, or the id ``owner/name`` of a model on
                the Hugging Face Hub.
            device: Device to run it on, e.g. ``cpu`` or ``cuda``.
            precision: Precision of the network's products: ``fp32``, ``bf16`` or ``auto``.

        Raises:
            AudiodiffError: If there is no such model or device, its files are damaged, or it takes
                a mel.
        """
        return cls(loaded(name, device), precision)

    def generate(
        self,
        n: int = 1,
        label: str | Mapping[str, str] | None = None,
        guidance_scale: float | None = None,
        seed: int = 0,
        n_steps: int | None = None,
        sampler: str | Sampler | None = None,
        n_samples: int | None = None,
        batch_size: int = 8,
        text: str | None = None,
        negative_text: str | None = None,
    ) -> Wave:
        """Makes sounds, (n, samples), float32.

        Each is the one that ``generate(1, ...)`` makes with its seed.

        Args:
            n: Number of sounds.
            label: Class of the sounds; for a model with several kinds of label, one of each kind by
                the kind's name. What is left out may be anything.
            guidance_scale: Weight of the label or the text: 1 is the model as it was trained;
                greater weights follow it more closely, with less variety. The model's default if
                None.
            seed: Seed of the first sound; each later one adds 1.
            n_steps: Number of sampler steps; the model's default if None.
            sampler: A sampler or its name; the model's own if None.
            n_samples: Length of each sound in samples; that of the generator if None.
            batch_size: Greatest number of sounds made at once.
            text: What the sounds are, in words; anything if None or empty.
            negative_text: What the sounds should not be, in words, from which guidance leads away.

        Raises:
            AudiodiffError: If the model has no such label or no guidance, takes no text, or another
                argument is wrong.
        """
        n, seed = checked(Count, n, "n"), checked(Seed, seed, "seed")
        batch_size = checked(Count, batch_size, "batch_size")
        n_samples = self._length(n_samples)
        checked(SampleCount, n * n_samples, "n * n_samples")
        checked(Seed, seed + n - 1, "seed + n - 1")
        cond = self.condition(label, text)
        run = Run(sampler, n_steps, guidance_scale=guidance_scale, negative_text=negative_text)
        made = []
        for first in range(seed, seed + n, batch_size):
            seeds = range(first, min(first + batch_size, seed + n))
            part = replace(run, seed=tuple(seeds))
            made.append(self.make(joined([cond] * len(seeds)), part, n_samples))
        return torch.cat(made)

    def condition(
        self, label: str | Mapping[str, str] | None = None, text: str | None = None
    ) -> Condition:
        """The condition of one sound, for `make`.

        Args:
            label: The label, or one of each kind, as `generate` takes it.
            text: The text.

        Raises:
            AudiodiffError: If the model has no such label, or does not take the text.
        """
        return {**labels_asked(label, self.labels), **text_asked(text, self.n_bytes)}

    @torch.no_grad()
    def make(self, cond: Condition, run: Run = DEFAULT, n_samples: int | None = None) -> Wave:
        """Makes sounds at once by a `Run`, which also takes times and guidance.

        Args:
            cond: The labels of each sound as indices, (batch,) by kind, and its text as bytes, as
                `condition` gives them and `joined` joins them; empty for anything, as many as the
                run has seeds.
            run: The run, with one seed for all sounds or one for each.
            n_samples: Length of each sound in samples; that of the generator if None.

        Raises:
            AudiodiffError: If the model has no guidance for the run's scale or negative text, or a
                setting of the run is wrong.
        """
        n_samples = self._length(n_samples)
        for name in ("guidance_scale", "negative_text"):
            asked = getattr(run, name)
            if asked is not None and not self.model.guidance(run):
                raise AudiodiffError(
                    f"{name}={shown(asked)}: this model has no guidance; leave it out"
                )
        if run.precision is None:
            run = replace(run, precision=self.precision)
        whole = n_samples + -n_samples % self.model.codec.hop_length
        return self.model.make(moved(cond, self.model.device), whole, run)[:, :n_samples]

    def _length(self, n_samples: int | None) -> int:
        """A length that is asked for, or the generator's own."""
        if n_samples is None:
            return self.n_samples
        length: int = checked(SampleCount, n_samples, "n_samples")
        return length
