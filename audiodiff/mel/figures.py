"""The figures of a mel by which its preset and scale are recognised."""

from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from audiodiff.mel.presets import PRESETS

MAX_FRAMES = 4096
"""Most frames of a mel to look at, spread evenly over a longer one."""

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

N_LOW, N_HIGH = 12, 12
"""Number of the lowest bands, and of groups of the others, whose levels are figures."""

LEAST = 1e-3
"""What keeps logarithms of shares and ratios finite."""


def figures(mel: Float[Tensor, "n_mels frames"]) -> Float[Tensor, " n_figures"]:
    """Figures of a mel of finite values: its range and spread, its spectrum and how it moves.

    The spectrum is that of the louder half of the frames and of the softest quarter, relative to
    the median and the standard deviation, so that it depends on no scale.
    """
    n = mel.shape[1]
    at = torch.arange(n) if n <= MAX_FRAMES else torch.linspace(0, n - 2, MAX_FRAMES).long()
    mel = mel.detach().cpu()
    values, after = mel[:, at].float(), mel[:, (at + 1).clamp(max=n - 1)].float()
    ordered = values.flatten().sort().values
    places = (torch.tensor(QUANTILES) * (len(ordered) - 1)).long()
    quantiles = ordered[places]
    low, median, high = quantiles[0], quantiles[len(QUANTILES) // 2], quantiles[-1]
    std = values.std() + 1e-6
    near = LEAST * (high - low)
    shares = torch.stack(
        [(values <= low + near).float().mean(), (values >= high - near).float().mean()]
    )
    moves = torch.stack([(after - values).abs().mean(), values.diff(dim=0).abs().mean()]) / std
    by_frame = values.mean(0)
    loud = values[:, by_frame >= by_frame.median()].mean(1)
    soft = values[:, by_frame <= by_frame.quantile(0.25)].mean(1)
    relative = [(part - median) / std for part in (quantiles, _spectrum(loud), _spectrum(soft))]
    absolute = torch.cat([quantiles, values.mean()[None]])
    levels = absolute.sign() * torch.log1p(4 * absolute.abs())
    logs = torch.cat([std[None], shares + LEAST, moves + LEAST]).log()
    return torch.cat([levels, logs, *relative, _ends(low, high, len(mel)).float()])


def _spectrum(bands: Float[Tensor, " n_mels"]) -> Float[Tensor, " n_groups"]:
    """The lowest bands, and the means of groups of the others."""
    groups = torch.nn.functional.adaptive_avg_pool1d(bands[None, N_LOW:], N_HIGH)[0]
    return torch.cat([bands[:N_LOW], groups])


def _ends(low: Tensor, high: Tensor, n_mels: int) -> Bool[Tensor, " n_ends"]:
    """Whether the values begin at, or below, the floor of a preset or of a scale."""
    floors = torch.tensor(_floors(n_mels))
    near = 1e-3 * floors.abs().clamp(min=1.0)
    at_one = ((high - 1).abs() < LEAST)[None]
    return torch.cat([(low - floors).abs() <= near, low < floors - near, at_one])


@cache
def _floors(n_mels: int) -> tuple[float, ...]:
    presets = {round(c.floor_value, 4) for c in PRESETS.values() if c.n_mels == n_mels}
    return tuple(sorted(presets | {-1.0, 0.0, -5.0, -7.0, -23.0259, -80.0, -100.0}))
