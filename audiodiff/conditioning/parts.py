"""Operations on whole conditions: move, select, join, drop parts."""

from collections.abc import Sequence

import torch

from audiodiff._types import Condition


def moved(cond: Condition, device: torch.device) -> Condition:
    """The condition on a device."""
    return {name: part.to(device, non_blocking=True) for name, part in cond.items()}


def selected(cond: Condition, items: Sequence[int]) -> Condition:
    """The condition of some items of a batch.

    Example:
        >>> selected({"label": torch.tensor([3, 1, 2])}, [0, 2])
        {'label': tensor([3, 2])}
    """
    return {name: part[list(items)] for name, part in cond.items()}


def joined(conds: Sequence[Condition]) -> Condition:
    """One batch of conditions that have the same parts.

    Example:
        >>> joined([{"label": torch.tensor([3])}, {"label": torch.tensor([1, 2])}])
        {'label': tensor([3, 1, 2])}
    """
    return {name: torch.cat([cond[name] for cond in conds]) for name in conds[0]}


def without(cond: Condition, *names: str) -> Condition:
    """The condition with some of its parts dropped.

    Example:
        >>> without({"mel": torch.zeros(1, 80, 9), "label": torch.tensor([3])}, "mel")
        {'label': tensor([3])}
    """
    return {name: part for name, part in cond.items() if name not in names}
