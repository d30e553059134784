"""The command line, one file a command."""

from audiodiff.cli.app import app, main

__all__ = ["app", "main"]
