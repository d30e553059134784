"""Judging sound against its reference; assign to `METRICS` or `SET_METRICS` to add a metric."""

from audiodiff.metrics.distributions import SET_METRICS, SetMetric
from audiodiff.metrics.registry import METRICS, Metric

__all__ = ["METRICS", "SET_METRICS", "Metric", "SetMetric"]
