"""Mel consistency: the estimate is made to agree with the mel that is asked for."""

import torch

from audiodiff._types import Codec, Denoiser, Mel, State, Times
from audiodiff.mel.projection import MelProjection


class MelConsistent:
    """Another denoiser whose estimate is projected onto the given mel.

    The mel is a known measurement of the answer. No gradient goes through a pass.

    Args:
        denoise: What makes the estimate.
        codec: Its way to a wave and back.
        project: Onto a mel.
        mel: The given one.
        n_passes: How many.
    """

    def __init__(
        self,
        denoise: Denoiser,
        codec: Codec,
        project: MelProjection,
        mel: Mel,
        n_passes: int,
    ) -> None:
        self.denoise, self.codec, self.project = denoise, codec, project
        self.mel, self.n_passes = mel, n_passes
        self.n_samples = mel.shape[-1] * project.log_mel.config.hop_length

    def __call__(self, x_t: State, t: Times) -> State:
        """The denoised estimate in the shape of x_t."""
        x0 = self.denoise(x_t, t)
        with torch.no_grad():
            wave = self.codec.decode(x0, self.n_samples)
            return self.codec.encode(self.project(wave, self.mel, self.n_passes)).to(x0)
