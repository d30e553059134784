"""``python -m audiodiff``: the command line, also for launchers that start a module."""

from audiodiff.cli import main

main()
