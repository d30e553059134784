"""The record of the sounds that a model makes."""

from collections.abc import Mapping
from pathlib import Path

from audiodiff.codecs.latent import mels_of
from audiodiff.conditioning.text import normalised
from audiodiff.model.found import weights_digest
from audiodiff.model.hub import pretrained_names
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.provenance.record import Record, Setting, software


def record_of(
    model: Model,
    name: str,
    run: Run,
    settings: Mapping[str, Setting | None] | None = None,
    synthetic: object = "all",
    labels: Mapping[str, str] | None = None,
) -> Record:
    """The record of the sounds of a run.

    Args:
        model: The model.
        name: Name by which the user gave the model; empty if there is none.
        run: The run.
        settings: Other settings that the sounds depend on; None leaves one out.
        synthetic: The parts that are made: ``all``, or spans of (start, end) in seconds.
        labels: The label of each kind that was asked for; none if None.

    Raises:
        AudiodiffError: If a span does not end after its start, or there is none.
    """
    sampling = model.config.sampling
    sampler = sampling.sampler if run.sampler is None else run.sampler
    scale = run.guidance_scale
    if scale is None and (model.config.label_sets or model.config.network.n_bytes is not None):
        scale = sampling.guidance_scale
    negative = None if run.negative_text is None else normalised(run.negative_text)
    given = {"vocoder": _vocoder_of(model), "negative_text": negative, **(settings or {})}
    values = {
        "software": software(),
        "model": public_name(name),
        "weights": model.digest,
        "sampler": sampler if isinstance(sampler, str) else type(sampler).__name__,
        "steps": len(model.times(run)) - 1,
        "seed": run.seed if isinstance(run.seed, int) else None,
        "guidance_scale": scale,
        "labels": labels or {},
        "settings": {key: value for key, value in given.items() if value is not None},
        "synthetic": synthetic,
    }
    return Record.parse(values, "the record of a sound")


def _vocoder_of(model: Model) -> str | None:
    """The vocoder of a model of mels, by its name; for a directory, the digest of its weights."""
    codec = mels_of(model.codec)
    if codec is None or not codec.config.vocoder:
        return None
    return public_name(codec.config.vocoder) or weights_digest(Path(codec.config.vocoder))


def public_name(name: str) -> str | None:
    """A model's name without a user's name or a path; None for a model directory.

    Args:
        name: Name of a model in this package, path of a model directory, or hub id ``owner/name``.
    """
    if name in pretrained_names():
        return name
    return None if not name or Path(name).is_dir() else name.rsplit("/", 1)[-1]
