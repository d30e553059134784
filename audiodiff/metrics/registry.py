"""Every metric, by name."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from audiodiff.errors import AudiodiffError
from audiodiff.metrics.bands import MIN_HIGH_RATE, buzz_high, lsd, lsd_high
from audiodiff.metrics.dnsmos import dnsmos, dnsmos_change
from audiodiff.metrics.pairs import MIN_RATE, Samples
from audiodiff.metrics.perceptual import estoi, pesq_wb
from audiodiff.metrics.periodicity import crepe_f1, crepe_rmse, periodicity
from audiodiff.metrics.pitch import f0_mae, voicing_f1
from audiodiff.metrics.silence import silence_noise
from audiodiff.metrics.spectral import log_mel_mae, mcd, multi_resolution_stft
from audiodiff.metrics.visqol import visqol


class Metric(NamedTuple):
    """How to compute one metric, and how to read it.

    Attributes:
        unit: Unit of the score; empty for a pure number.
        better: Which scores are better.
        function: ``(reference, estimate, sample_rate) -> score`` for two waves of one length and
            their rate in Hz; NaN where the metric is undefined.
        undefined: When it is undefined, in words.
        slow: Whether it may take longer than the sound lasts, so that it is computed only if it
            is asked for.
    """

    unit: str
    better: Literal["higher", "lower", "nearer 0"]
    function: Callable[[Samples, Samples, int], float]
    undefined: str = "its function returns no finite number"
    slow: bool = False


_SHORT_OR_SLOW = f"the clip is under 0.25 s or {MIN_RATE} Hz"
_NOT_HIGH = f"the clip is under 0.25 s or {MIN_HIGH_RATE} Hz"

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
    "visqol": Metric(
        "MOS-LQO",
        "higher",
        visqol,
        f"either is silent, or the clip is under 0.7 s or {MIN_RATE} Hz",
    ),
    "dnsmos": Metric(
        "MOS", "higher", dnsmos, f"the estimate is silent, or {_SHORT_OR_SLOW}", slow=True
    ),
    "dnsmos_change": Metric(
        "MOS", "higher", dnsmos_change, f"either is silent, or {_SHORT_OR_SLOW}", slow=True
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
    "lsd": Metric("dB", "lower", lsd, "the clip is under 0.25 s"),
    "lsd_high": Metric("dB", "lower", lsd_high, _NOT_HIGH),
    "buzz_high": Metric("", "nearer 0", buzz_high, _NOT_HIGH),
    "periodicity": Metric("", "lower", periodicity, _SHORT_OR_SLOW, slow=True),
    "crepe_rmse": Metric(
        "cents", "lower", crepe_rmse, f"no frame is voiced in both, or {_SHORT_OR_SLOW}", slow=True
    ),
    "crepe_f1": Metric(
        "", "higher", crepe_f1, f"no frame is voiced, or {_SHORT_OR_SLOW}", slow=True
    ),
}
"""What an evaluation computes, in the order of its tables; assign to it to add a metric."""


def metrics_named(names: str | None) -> tuple[str, ...]:
    """The metrics that a user asks for, in the order of `METRICS`.

    Args:
        names: Names separated by commas, or ``all``; None for all that are not slow.

    Raises:
        AudiodiffError: If a name is of no metric.

    Examples:
        >>> metrics_named("mstft,pesq_wb")
        ('pesq_wb', 'mstft')
    """
    if names is None:
        return tuple(name for name, metric in METRICS.items() if not metric.slow)
    if names == "all":
        return tuple(METRICS)
    asked = [name.strip() for name in names.split(",")]
    for name in asked:
        if name not in METRICS:
            raise AudiodiffError(
                f"there is no metric {name!r}; give all, or some of {', '.join(METRICS)}"
            )
    return tuple(name for name in METRICS if name in asked)
