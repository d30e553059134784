"""Searches for the best times of a run, given its sampler and number of steps: one method a file.

A method is anything that satisfies `Search`; assign it to `SEARCHES` to use it by name.
"""

from audiodiff.search.contract import Search, SearchSetting, Solved
from audiodiff.search.registry import SEARCHES, build_search

__all__ = ["SEARCHES", "Search", "SearchSetting", "Solved", "build_search"]
