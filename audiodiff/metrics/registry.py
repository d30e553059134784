"""Every metric, by name."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from audiodiff.metrics.pairs import MIN_RATE, Samples
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
        undefined: When it is undefined, in words.
    """

    unit: str
    better: Literal["higher", "lower", "nearer 0"]
    function: Callable[[Samples, Samples, int], float]
    undefined: str = "its function returns no finite number"


_SHORT_OR_SLOW = f"the clip is under 0.25 s or {MIN_RATE} Hz"

METRICS: dict[str, Metric] = {
    "pesq_wb": Metric(
        "MOS-LQO",
        "higher",
        pesq_wb,
        f"the reference holds no speech, the estimate has no power, or {_SHORT_OR_SLOW}",
    ),
    "estoi": Metric(
        "", "higher", estoi, f"the reference holds less than 0.4 s of speech, or {_SHORT_OR_SLOW}"
    ),
    "mstft": Metric(
        "", "lower", multi_resolution_stft, "the reference is silent, or the clip is under 0.25 s"
    ),
    "mel_mae": Metric("nepers", "lower", log_mel_mae, _SHORT_OR_SLOW),
    "mcd": Metric("dB", "lower", mcd, _SHORT_OR_SLOW),
    "f0_mae": Metric("cents", "lower", f0_mae, f"no frame is voiced in both, or {_SHORT_OR_SLOW}"),
    "voicing_f1": Metric("", "higher", voicing_f1, f"no frame is voiced, or {_SHORT_OR_SLOW}"),
    "silence_noise": Metric(
        "dB",
        "nearer 0",
        silence_noise,
        f"the reference has fewer than 5 silent frames, or {_SHORT_OR_SLOW}",
    ),
}
"""What an evaluation computes, in the order of its tables; assign to it to add a metric."""
