"""Operations on whole conditions: move, select, join, drop parts."""

from collections.abc import Sequence

import torch

from audiodiff._types import Condition


def moved(cond: Condition, device: torch.device) -> Condition:
    """The condition on a device."""
    return {name: part.to(device, non_blocking=True) for name, part in cond.items()}


def selected(cond: Condition, items: Sequence[int]) -> Condition:
    """The condition of some items of a batch."""
    return {name: part[list(items)] for name, part in cond.items()}


def joined(conds: Sequence[Condition]) -> Condition:
    """One batch of conditions that have the same parts."""
    return {name: torch.cat([cond[name] for cond in conds]) for name in conds[0]}


def without(cond: Condition, *names: str) -> Condition:
    """The condition with some of its parts dropped."""
    return {name: part for name, part in cond.items() if name not in names}
