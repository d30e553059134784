"""A model's run over recordings, for all code that evaluates, shows or searches."""

import torch

from audiodiff._types import Mel, Wave
from audiodiff.model.model import DEFAULT, Model
from audiodiff.model.run import Run


def mel_of(model: Model, wave: Wave) -> Mel:
    """The mel of recordings of a whole number of hops, one frame per hop.

    Args:
        model: A model with a mel.
        wave: (batch, frames x hop_length) at the model's rate.
    """
    assert model.log_mel is not None, "callers check that the model has a mel"
    return model.log_mel(wave)[..., : wave.shape[1] // model.config.hop_length]


@torch.no_grad()
def resynthesized(model: Model, wave: Wave, run: Run = DEFAULT) -> Wave:
    """Recordings resynthesised from their mels, as long as they were.

    Args:
        model: A model with a mel.
        wave: (batch, samples) at the model's rate.
        run: The run.
    """
    n_samples, hop_length = wave.shape[1], model.config.hop_length
    whole = torch.nn.functional.pad(wave, (0, -n_samples % hop_length)).to(model.device)
    return model.make({"mel": mel_of(model, whole)}, whole.shape[1], run)[:, :n_samples]
