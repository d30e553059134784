"""The weights of a band-split model for a wider network, or for another mel.

A wider network computes what the narrow one did: what is new reads everything and is read by
nothing yet (Net2Net, arXiv:1511.05641). Mels are read by interpolation between their bands.
"""

import numpy as np
import torch
from torch import Tensor

from audiodiff.mel.filterbank import hz_of_mels, mels_of_hz
from audiodiff.mel.log_mel import MelConfig
from audiodiff.model.model import Model
from audiodiff.networks.bandsplit import BandSplitConfig


def fitted(old: Model, new: Model) -> dict[str, Tensor]:
    """The old model's weights in the shapes of the new one's network.

    Args:
        old: A band-split model.
        new: One with the same bands and at least as many channels and layers, and new weights.
    """
    own, asked = old.config.network, new.config.network
    assert isinstance(own, BandSplitConfig), "the stages are of band-split networks"
    assert isinstance(asked, BandSplitConfig), "the stages are of band-split networks"
    weights, made = old.network.state_dict(), new.network.state_dict()
    if old.config.mel != new.config.mel:
        assert old.config.mel is not None, "they are vocoders"
        assert new.config.mel is not None, "they are vocoders"
        between = _between(old.config.mel, new.config.mel).to(weights["mel.0.weight"])
        weights["mel.0.weight"] = torch.einsum("cot,on->cnt", weights["mel.0.weight"], between)
    if (own.n_channels, own.n_layers) == (asked.n_channels, asked.n_layers):
        return weights
    for name, value in made.items():
        if name.startswith("layers.") and int(name.split(".")[1]) >= own.n_layers:
            if name.endswith(("bands.weight", "bands.bias")):
                value.zero_()  # a new layer adds nothing yet
        else:
            _put(name, value, weights[name], own, asked)
    return made


def _put(
    name: str, value: Tensor, old: Tensor, own: BandSplitConfig, asked: BandSplitConfig
) -> None:
    """Writes a narrow tensor into a wide one, in place."""
    n, wide = own.n_channels, asked.n_channels
    rows = torch.arange(value.shape[0])
    if name.startswith("mel.2."):
        # Rows are (band, channel).
        rows = (torch.arange(asked.n_bands)[:, None] * wide + torch.arange(n)).flatten()
    elif name.endswith(("frames.weight", "frames.bias", "level.weight", "level.bias")):
        # Rows are (gate or filter, channel).
        rows = torch.cat([torch.arange(n), wide + torch.arange(n)])
    elif not name.startswith(("bands.merge", "mel.0", "embedding")):
        rows = torch.arange(n)
    if value.ndim == 1:
        value[rows] = old
    elif name.endswith(("frames.weight", "bands.weight")) or name.startswith(
        ("last", "bands.merge")
    ):
        value[rows] = 0  # reads no new channel
        value[rows, :n] = old
    else:
        value[rows] = old


def _between(own: MelConfig, asked: MelConfig) -> Tensor:
    """(own n_mels, asked n_mels): one mel from the other, linear between the bands' middles."""
    ours, theirs = _middles(own), _middles(asked)
    return torch.from_numpy(
        np.stack([np.interp(ours, theirs, row) for row in np.eye(len(theirs))], 1)
    )


def _middles(mel: MelConfig) -> np.ndarray:
    """The middle of each band in Hz."""
    ends = mels_of_hz(np.array([mel.f_min, mel.highest_frequency], np.float64), mel.filterbank)
    return hz_of_mels(np.linspace(ends[0], ends[1], mel.n_mels + 2)[1:-1], mel.filterbank)
