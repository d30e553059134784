"""New sounds from a model that takes no mel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field

from audiodiff._types import Sampler, Wave
from audiodiff.conditioning.labels import labels_asked
from audiodiff.conditioning.parts import moved
from audiodiff.config import checked
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.codec_vocoder import hand_vocoder
from audiodiff.pipelines.loading import loaded
from audiodiff.system.devices import use_bf16

SampleCount = Annotated[int, Field(ge=1, le=2**28)]
"""Length in samples of a sound that is made at once."""


class Generator:
    """Makes sounds from a label, or from nothing, with a diffusion model.

    Args:
        model: A trained model without a mel.
        precision: Precision of the network's products: ``fp32``, ``bf16`` or ``auto``.

    Attributes:
        model: The model.
        precision: The precision, as given.
        sample_rate: Sample rate of the sounds in Hz.
        labels: The model's classes of each kind of label, by the kind's name, which is ``label``
            for a single kind; empty for a model without labels.

    Raises:
        AudiodiffError: If the model takes a mel, the precision is unknown, or the vocoder that the
            model's codec names does not exist.
    """

    def __init__(self, model: Model, precision: str = "auto") -> None:
        if model.config.mel is not None:
            raise AudiodiffError(
                "this model makes sound from a mel; use Vocoder, or `audiodiff vocode`"
            )
        use_bf16(precision, model.device)  # refuses an unknown precision
        self.model, self.precision = model.eval(), precision
        hand_vocoder(model, precision)
        self.sample_rate = model.config.sample_rate
        self.labels = model.config.label_sets

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

    @torch.no_grad()
    def generate(
        self,
        n_samples: int,
        label: str | Mapping[str, str] | None = None,
        n_steps: int | None = None,
        sampler: str | Sampler | None = None,
        seed: int = 0,
        guidance_scale: float | None = None,
    ) -> Wave:
        """Makes one sound, (1, n_samples), float32.

        Args:
            n_samples: Length of the sound in samples.
            label: Class of the sound; for a model with several kinds of label, one of each kind by
                the kind's name. What is left out may be anything.
            n_steps: Number of sampler steps; the model's default if None.
            sampler: A sampler or its name; the model's own if None.
            seed: Seed of the noise.
            guidance_scale: Weight of the label: 1 is the model as it was trained; greater weights
                follow the label more closely, with less variety. The model's default if None.

        Raises:
            AudiodiffError: If the model has no such label or no guidance, or another argument is
                wrong.
        """
        n_samples = checked(SampleCount, n_samples, "n_samples")
        cond = moved(labels_asked(label, self.labels), self.model.device)
        if guidance_scale is not None and not self.model.config.sampling.guidance:
            raise AudiodiffError(
                f"guidance_scale={guidance_scale}: this model has no guidance; leave it out"
            )
        run = Run(
            sampler, n_steps, seed=seed, guidance_scale=guidance_scale, precision=self.precision
        )
        whole = n_samples + -n_samples % self.model.codec.hop_length
        return self.model.make(cond, whole, run)[:, :n_samples]
