"""Operations on whole conditions: move, select, join, drop or open parts."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from audiodiff._types import Condition

OPEN = -1
"""The label of an item whose class is left open, and what is there in place of a missing byte."""


def moved(cond: Condition, device: torch.device) -> Condition:
    """The condition on a device."""
    return {name: part.to(device, non_blocking=True) for name, part in cond.items()}


def n_items(cond: Condition) -> int | None:
    """Number of items; None for the null condition, which fits any number."""
    return len(next(iter(cond.values()))) if cond else None


def selected(cond: Condition, items: Sequence[int]) -> Condition:
    """The condition of some items of a batch.

    Examples:
        >>> selected({"label": torch.tensor([3, 1, 2])}, [0, 2])
        {'label': tensor([3, 2])}
    """
    return {name: part[list(items)] for name, part in cond.items()}


def joined(conds: Sequence[Condition]) -> Condition:
    """One batch of conditions that have the same parts; open bytes follow a shorter text.

    Examples:
        >>> joined([{"label": torch.tensor([3])}, {"label": torch.tensor([1, 2])}])
        {'label': tensor([3, 1, 2])}
        >>> joined([{"text": torch.tensor([[104, 105]])}, {"text": torch.tensor([[33]])}])
        {'text': tensor([[104, 105],
                [ 33,  -1]])}
    """
    return {name: _joined([cond[name] for cond in conds]) for name in conds[0]}


def _joined(parts: Sequence[Tensor]) -> Tensor:
    if parts[0].is_floating_point() or parts[0].ndim < 2:
        return torch.cat(list(parts))
    longest = max(part.shape[1] for part in parts)
    return torch.cat([F.pad(part, (0, longest - part.shape[1]), value=OPEN) for part in parts])


def can_be_open(cond: Condition) -> bool:
    """Whether every part can be left open for single items: labels and texts, but not a mel."""
    return not any(part.is_floating_point() for part in cond.values())


def left_open(cond: Condition, items: Sequence[int] | None = None) -> Condition:
    """The condition with its classes and texts left open for some items, or for all.

    Examples:
        >>> left_open({"label": torch.tensor([3, 1, 2])}, [0, 2])
        {'label': tensor([-1,  1, -1])}
    """
    assert can_be_open(cond), "callers check this"
    where = slice(None) if items is None else list(items)
    opened = {name: part.clone() for name, part in cond.items()}
    for part in opened.values():
        part[where] = OPEN
    return opened


def without(cond: Condition, *names: str) -> Condition:
    """The condition with some of its parts dropped.

    Examples:
        >>> without({"mel": torch.zeros(1, 80, 9), "label": torch.tensor([3])}, "mel")
        {'label': tensor([3])}
    """
    return {name: part for name, part in cond.items() if name not in names}
