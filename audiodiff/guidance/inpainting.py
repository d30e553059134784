"""What is known stays: guidance by a part of the state, or by a part of the sound."""

from dataclasses import dataclass

import torch

from audiodiff._types import Denoiser, State, Times, Wave
from audiodiff.conditioning.known import Mask
from audiodiff.guidance.contract import Context


@dataclass(frozen=True)
class KnownState:
    """``x0_hat <- mask known + (1 - mask) x0_hat``: data consistency on the estimate.

    With a deterministic sampler the known part of every state is then the known data at the noise
    of its time, as RePaint replaces it (arXiv:2201.09865). For any model.

    Examples:
        >>> guidance = KnownState(torch.zeros(1, 80, 9), torch.ones(1, 80, 9))
        >>> guidance.acts_at(step=0, n_steps=2)
        True

    Attributes:
        known: A state.
        mask: 1 where it is known, 0 where it is not, and between where it is known with errors.
    """

    known: State
    mask: Mask

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Always."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser with the known part put in."""

        def consistent(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            return torch.where(self.mask > 0, torch.lerp(x0, self.known, self.mask), x0)

        return consistent


@dataclass(frozen=True)
class KnownWave:
    """The known samples of the estimate's sound are put in, in turn with passes onto the mel.

    Both are projections, so their turns lead to a sound that has the known samples and the mel,
    with phases that go on across the joints. For a model whose codec makes sound without
    a vocoder; without a mel there are no passes.

    Attributes:
        known: A wave.
        mask: 1 where it is known, 0 elsewhere.
        n_turns: Number of times that the samples are put in.
        n_passes: Passes of `audiodiff.mel.projection.MelProjection` before each.
    """

    known: Wave
    mask: Wave
    n_turns: int = 1
    n_passes: int = 0

    def acts_at(self, step: int, n_steps: int) -> bool:
        """Always."""
        return True

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser with the known samples put in."""
        codec, project, mel = context.codec, context.project, context.cond.get("mel")

        def consistent(x_t: State, t: Times) -> State:
            x0 = denoise(x_t, t)
            with torch.no_grad():
                wave = codec.decode(x0, context.n_samples)
                for _ in range(self.n_turns):
                    if project is not None and mel is not None:
                        wave = project(wave, mel, self.n_passes)
                    wave = torch.where(self.mask > 0, self.known, wave)
                return codec.encode(wave).to(x0)

        return consistent
