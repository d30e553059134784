import numpy as np
import pytest
import scipy.stats

from audiodiff.metrics.summary import summarize


def test_interval_is_students():
    values = [1.0, 2.5, 2.0, 4.0, 3.5]
    summary = summarize([*values, None])
    low, high = scipy.stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values)
    )
    assert summary.mean is not None
    assert summary.interval is not None
    assert (summary.mean - summary.interval, summary.mean + summary.interval) == pytest.approx(
        (low, high)
    )
    assert summary.n_files == 5
    assert summarize([2.0, None]).interval is None
    assert summarize([None]).mean is None
