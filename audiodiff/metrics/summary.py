"""The mean of a metric over files, with its confidence interval."""

import math
from collections.abc import Sequence

import numpy as np

from audiodiff.config import Config


class Summary(Config):
    """One metric over the files for which it is defined.

    Attributes:
        mean: Mean score; None without files.
        interval: Half the width of the 95 % confidence interval of the mean; None for fewer than
            two files.
        n_files: Number of files for which the metric is defined.
    """

    mean: float | None
    interval: float | None
    n_files: int


def summarize(values: Sequence[float | None]) -> Summary:
    """Mean and 95 % confidence interval, ``t_{0.975, n-1} s / sqrt(n)``, leaving out None.

    >>> summarize([1.0, 3.0, None])
    Summary(mean=2.0, interval=12.706204736174694, n_files=2)
    """
    from scipy.stats import t

    defined = np.array([value for value in values if value is not None])
    n = len(defined)
    interval = t.ppf(0.975, n - 1) * defined.std(ddof=1) / math.sqrt(n) if n > 1 else None
    return Summary(
        mean=float(defined.mean()) if n else None,
        interval=None if interval is None else float(interval),
        n_files=n,
    )
