"""Every metric, by name."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from audiodiff.metrics.pairs import Samples
from audiodiff.metrics.perceptual import estoi, pesq_wb
from audiodiff.metrics.pitch import f0_mae, voicing_f1
from audiodiff.metrics.silence import silence_noise
from audiodiff.metrics.spectral import log_mel_mae, mcd, multi_resolution_stft


class Metric(NamedTuple):
    """How to compute one metric, and how to read it.

    Attributes:
        unit: Unit of the score; empty for a pure number.
        better: Which scores are better.
        function: ``(reference, estimate, sample_rate) -> score`` for two waves of one length and
            their rate in Hz; NaN where the metric is undefined.
    """

    unit: str
    better: Literal["higher", "lower", "nearer 0"]
    function: Callable[[Samples, Samples, int], float]


METRICS: dict[str, Metric] = {
    "pesq_wb": Metric("MOS-LQO", "higher", pesq_wb),
    "estoi": Metric("", "higher", estoi),
    "mstft": Metric("", "lower", multi_resolution_stft),
    "mel_mae": Metric("nepers", "lower", log_mel_mae),
    "mcd": Metric("dB", "lower", mcd),
    "f0_mae": Metric("cents", "lower", f0_mae),
    "voicing_f1": Metric("", "higher", voicing_f1),
    "silence_noise": Metric("dB", "nearer 0", silence_noise),
}
"""What an evaluation computes, in the order of its tables; assign to it to add a metric."""
