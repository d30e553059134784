"""A model's run over recordings, for all code that evaluates, shows or searches."""

from types import MappingProxyType

import torch

from audiodiff._types import Condition, Mel, Wave
from audiodiff.conditioning.parts import moved
from audiodiff.model.model import Model
from audiodiff.model.run import DEFAULT, Run


def mel_of(model: Model, wave: Wave) -> Mel:
    """The mel of recordings of a whole number of hops, one frame per hop.

    Args:
        model: A model with a mel.
        wave: (batch, frames x hop_length) at the model's rate.
    """
    assert model.log_mel is not None, "callers check that the model has a mel"
    return model.log_mel(wave)[..., : wave.shape[1] // model.config.hop_length]


def with_mel(model: Model, cond: Condition, wave: Wave) -> Condition:
    """A condition with the recordings' own mel, if the model takes one and none is given.

    Args:
        model: Any model.
        cond: Condition of the recordings.
        wave: (batch, samples) at the model's rate, a whole number of hops.
    """
    if model.log_mel is None or "mel" in cond:
        return cond
    return {**cond, "mel": mel_of(model, wave)}


@torch.no_grad()
def resynthesized(
    model: Model, wave: Wave, run: Run = DEFAULT, cond: Condition = MappingProxyType({})
) -> Wave:
    """Recordings resynthesised from their mels, as long as they were.

    A model without a mel makes new sounds of that length.

    Args:
        model: Any model.
        wave: (batch, samples) at the model's rate.
        run: The run.
        cond: Condition of the recordings beside their mel.
    """
    n_samples, hop_length = wave.shape[1], model.config.hop_length
    whole = torch.nn.functional.pad(wave, (0, -n_samples % hop_length)).to(model.device)
    cond = with_mel(model, moved(cond, model.device), whole)
    return model.make(cond, whole.shape[1], run)[:, :n_samples]
