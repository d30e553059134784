"""Checkpoints of other projects, one file each; `audiodiff.convert` has them by name."""
