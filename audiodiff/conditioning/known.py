"""The known part of a state, which a network continues into the rest."""

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import State

KNOWN = "known"
"""The name of the part in a condition."""

Mask = State
"""In the shape of a state: 1 where it is known, and 0 where it is not."""


def known_part(x: State, mask: Mask) -> Float[Tensor, "batch channels steps"]:
    """A state where it is known, zeros where it is not, and its mask.

    A part of zeros says that nothing is known, as an absent one does.

    Examples:
        >>> known_part(torch.full((1, 2, 3), 5.0), torch.tensor([1.0, 1.0, 0.0]).expand(1, 2, 3))
        tensor([[[5., 5., 0.],
                 [5., 5., 0.],
                 [1., 1., 0.],
                 [1., 1., 0.]]])

    Args:
        x: The state.
        mask: 1 where it is known, 0 elsewhere.
    """
    mask = mask.to(x)
    return torch.cat([x * mask, mask], 1).flatten(1, -2)
