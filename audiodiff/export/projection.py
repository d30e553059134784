"""The projection onto a mel in operations that suit a graph."""

import torch
from jaxtyping import Complex
from torch import Tensor
from torch._higher_order_ops.while_loop import while_loop

from audiodiff._types import Mel, Wave
from audiodiff.audio.frames import silence_around
from audiodiff.export.factored import FactoredSTFT
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.projection import MelProjection, momentum


class GraphProjection(MelProjection):
    """The projection with its passes as a loop and their transforms as products.

    Ninety unrolled passes take forever to export, and onnxruntime's own DFT is many times slower
    than products.
    """

    def __init__(self, log_mel: LogMel) -> None:
        super().__init__(log_mel)
        # A copy, as a loop whose parts share memory is traced a second time, by other means.
        self.transform = FactoredSTFT(self.window.clone(), self.hop_length)

    def _passes(self, wave: Wave, wanted: Mel, n_passes: int) -> Wave:
        if n_passes == 1:
            return super()._passes(wave, wanted, n_passes)
        momenta = torch.tensor([0.0, *momentum(n_passes)])

        def more(n: Tensor, before: Wave, wave: Wave) -> Tensor:
            return n < n_passes

        def turn(n: Tensor, before: Wave, wave: Wave) -> tuple[Tensor, Wave, Wave]:
            after = self._pass(wave, wanted)
            onward = after + momenta.index_select(0, n[None]) * (after - before)
            return n + 1, after.contiguous(), onward.contiguous()

        first = self._pass(wave, wanted).contiguous()
        return while_loop(more, turn, (torch.tensor(1), first, first.clone()))[1]

    def _spectrum(self, wave: Wave) -> Complex[Tensor, "batch bins frames"]:
        padded = silence_around(wave, len(self.window), self.hop_length, self.n_padding)
        return torch.complex(*self.transform.analysis(padded))

    def _sound(self, spectrum: Complex[Tensor, "batch bins frames"], n_frames: int) -> Wave:
        wave = self.transform.synthesis(spectrum.real, spectrum.imag)
        wave = wave / self.transform.weights(n_frames).clamp(min=1e-8)
        return wave.narrow(1, self.n_padding, n_frames * self.hop_length)
