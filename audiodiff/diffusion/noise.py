"""White noise that is a pure function of a seed and a position.

Noise indexed by absolute position makes a chunk of a long utterance, an item of a batch and a
resumed run draw exactly what the whole, the single and the uninterrupted one would.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Codec, Condition, NoiseSource, Prior, State

BLOCK = 4096
"""Positions drawn at once; part of what a seed means, so changing it changes every result."""


def white_noise(key: tuple[int, ...], shape: tuple[int, ...]) -> Float[Tensor, "..."]:
    """Unit Gaussian noise on the CPU, the same for the same key, to the last bits of a float."""
    generator = torch.Generator().manual_seed(_seed(key))
    return torch.randn(shape, generator=generator, dtype=torch.float32)


def _seed(key: tuple[int, ...]) -> int:
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)
    return int(state[0]) & (2**63 - 1)


def is_capturing() -> bool:
    """Whether a CUDA graph is being captured, in which nothing may come from the CPU."""
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()


class DeviceNoise:
    """White noise for a whole batch, drawn on the device of the batch.

    Far quicker on a GPU than a `NoiseTape`, which comes from the CPU, but an item's noise depends
    on its batch, and the same key is other noise on another kind of device. While a CUDA graph is
    captured, noise comes from the device's own generator, which each replay advances. For training.

    Args:
        key: What the noise depends on, such as a seed and a step of training.
    """

    def __init__(self, key: tuple[int, ...]) -> None:
        self.key = key

    def __call__(self, like: State, step: int) -> State:
        """Noise in the shape of ``like`` for one step."""
        generator = None
        if not is_capturing():
            generator = torch.Generator(like.device).manual_seed(_seed((*self.key, step)))
        return torch.randn(like.shape, generator=generator, device=like.device).to(like)


class NoiseTape:
    """An endless tape of white noise of unit variance for each item, read from an offset.

    A step has a tape of its own; the same step at the same place is always the same noise.

    Examples:
        >>> whole = NoiseTape([7], [0])(torch.zeros(1, 1000), step=1)
        >>> part = NoiseTape([7], [600])(torch.zeros(1, 100), step=1)
        >>> torch.equal(part, whole[:, 600:700])
        True

    Args:
        seeds: One seed (0 or more) per item of the batch.
        offsets: Start of each item on its tape, in positions of the last axis, such as samples.
    """

    def __init__(self, seeds: Sequence[int], offsets: Sequence[int]) -> None:
        self.seeds = tuple(seeds)
        self.offsets = tuple(offsets)

    def __call__(self, like: State, step: int) -> State:
        """Noise in the shape of ``like`` for one step."""
        items = [
            self._read(seed, offset, step, like)
            for seed, offset in zip(self.seeds, self.offsets, strict=True)
        ]
        return torch.stack(items).to(like)

    def _read(self, seed: int, offset: int, step: int, like: State) -> Tensor:
        inner, length = tuple(like.shape[1:-1]), like.shape[-1]
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        blocks = [
            white_noise((seed, step, block), (*inner, BLOCK)) for block in range(first, last + 1)
        ]
        return torch.cat(blocks, -1).narrow(-1, offset - first * BLOCK, length)


class Colored:
    """A wave of noise from another source, encoded, with the prior's covariance.

    For a linear codec, noise is drawn as a wave, so that it belongs to a place in the sound; for
    any other, in the shape of the state.

    Args:
        source: White noise in any shape.
        codec: The codec that turns a wave into a state.
        prior: The covariance of the noise.
        cond: The condition of the prior.
        n_samples: Length of the wave in samples.
    """

    def __init__(
        self, source: NoiseSource, codec: Codec, prior: Prior, cond: Condition, n_samples: int
    ) -> None:
        self.source, self.codec, self.prior = source, codec, prior
        self.shape, self.n_samples = prior.condition(cond), n_samples

    def __call__(self, like: State, step: int) -> State:
        """Coloured noise in the shape of ``like``."""
        if not self.codec.linear:
            return self.prior.color(self.source(like, step), self.shape)
        wave = self.source(like.new_empty(like.shape[0], self.n_samples), step)
        return self.prior.color(self.codec.encode(wave), self.shape)
