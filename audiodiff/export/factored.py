"""A short-time Fourier transform in real products, for runtimes without a fast one."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from audiodiff.audio.frames import Padded

Bins = Float[Tensor, "batch bins frames"]
"""The real or the imaginary parts of a spectrum."""


class FactoredSTFT:
    """The transform of `frames.stft` and its inverse, by two small matrices instead of a large one.

    With ``n = p q``, samples ``q i + j`` and bins ``k = u + p v`` (Cooley and Tukey 1965)::

        X[u + p v] = sum_j W_q^(j v) W_n^(j u) sum_i W_p^(i u) x[q i + j],  W_n = exp(-2 pi i / n)

    For 768 samples that takes a tenth of the products of the whole matrix, and its shorter sums
    round no worse than a fast transform.

    Args:
        window: The window, (n_fft,), of even length.
        hop_length: Samples per frame.
    """

    def __init__(self, window: Float[Tensor, " n_fft"], hop_length: int) -> None:
        n = len(window)
        self.hop_length, self.n_bins = hop_length, n // 2 + 1
        self.unit = math.gcd(n, hop_length)
        p = max(p for p in range(1, math.isqrt(n) + 1) if n % p == 0)
        q = n // p
        self.shape = (p, q)
        n_kept = q // 2 + 1  # of v: beyond it all bins mirror others
        i, j = torch.arange(p), torch.arange(q)
        first, twiddle, second = _waves(i, i, p), _waves(i, j, n), _waves(j, j[:n_kept], q)
        self.window = window.reshape(p, q)
        self.first = torch.cat([first.real, first.imag]).float()
        self.twiddle = twiddle.real.float(), twiddle.imag.float()
        self.second = _as_real(second).float()
        # A real sound from half of its bins: those between the ends count twice.
        weight = torch.full((n_kept * p,), 2.0, dtype=torch.float64)
        weight[[0, n // 2]] = 1
        weight[self.n_bins :] = 0
        self.weight = (weight / n).float()
        self.inverse_second = _as_real(second.mH).float()
        self.inverse_first = torch.cat([first.real, first.imag], 1).float()

    def analysis(self, padded: Padded) -> tuple[Bins, Bins]:
        """Real and imaginary parts of the frames of a padded wave."""
        real, imag = (self.first @ (self._framed(padded) * self.window)).chunk(2, -2)
        c, s = self.twiddle
        parts = torch.cat([real * c - imag * s, real * s + imag * c], -1) @ self.second
        real, imag = (
            x.transpose(-1, -2).flatten(-2)[..., : self.n_bins].transpose(1, 2)  # at u + p v
            for x in parts.chunk(2, -1)
        )
        return real, imag

    def synthesis(self, real: Bins, imag: Bins) -> Padded:
        """The sum of the frames, windowed again, still to be divided by `weights`."""
        p, _ = self.shape
        missing = len(self.weight) - self.n_bins
        rows = [functional.pad(x.transpose(1, 2), (0, missing)) * self.weight for x in (real, imag)]
        parts = torch.cat([x.unflatten(-1, (-1, p)).transpose(-1, -2) for x in rows], -1)
        real, imag = (parts @ self.inverse_second).chunk(2, -1)
        c, s = self.twiddle
        turned = torch.cat([real * c + imag * s, imag * c - real * s], -2)
        return self._overlapped((self.inverse_first @ turned) * self.window)

    def weights(self, n_frames: int) -> Float[Tensor, "1 padded"]:
        """The sum of the squared windows of a number of frames."""
        frame = self.window.square()[None, None]
        return self._overlapped(frame.expand(1, n_frames, *self.shape))

    def _framed(self, padded: Padded) -> Float[Tensor, "batch frames p q"]:
        unit, (p, q) = self.unit, self.shape
        step, n_parts = self.hop_length // unit, p * q // unit
        n_units = padded.shape[1] // unit
        units = padded[:, : n_units * unit].unflatten(1, (n_units, unit))
        n_frames = (n_units - n_parts) // step + 1
        parts = [units[:, k : k + step * (n_frames - 1) + 1 : step] for k in range(n_parts)]
        return torch.cat(parts, 2).unflatten(2, (p, q))

    def _overlapped(self, frames: Float[Tensor, "batch frames p q"]) -> Padded:
        unit, n_parts = self.unit, self.shape[0] * self.shape[1] // self.unit
        step = self.hop_length // unit
        parts = frames.flatten(2).unflatten(2, (n_parts, unit))
        n_turns = -(-n_parts // step)
        columns = []
        for place in range(step):
            column = [
                functional.pad(parts[:, :, k], (0, 0, turn, n_turns - 1 - turn))
                for turn, k in enumerate(range(place, n_parts, step))
            ]
            columns.append(torch.stack(column).sum(0))
        return torch.stack(columns, 2).flatten(1)


def _waves(i: Tensor, j: Tensor, n: int) -> Tensor:
    """``exp(-2 pi i j k / n)``."""
    angle = -2 * math.pi / n * (i[:, None] * j).remainder(n).double()
    return torch.polar(torch.ones_like(angle), angle)


def _as_real(matrix: Tensor) -> Tensor:
    """The real matrix that acts on rows ``[real, imag]`` as a complex matrix does."""
    top = torch.cat([matrix.real, matrix.imag], 1)
    return torch.cat([top, torch.cat([-matrix.imag, matrix.real], 1)])
