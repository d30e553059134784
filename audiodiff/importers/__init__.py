"""Checkpoints of other projects, one file each; assign to `IMPORTERS` to add one."""

from audiodiff.importers.registry import IMPORTERS

__all__ = ["IMPORTERS"]
