"""The libraries of the `eval` extra, imported when a metric first needs them."""

import warnings
from importlib import import_module
from types import ModuleType

from audiodiff.errors import AudiodiffError

LIBRARIES = ("pesq", "pystoi", "auraloss.freq", "pyworld")
"""The modules that the `eval` extra brings."""


def library(name: str) -> ModuleType:
    """Imports one of `LIBRARIES`.

    Raises:
        AudiodiffError: If it, or something that it needs, is not installed.
    """
    try:
        with warnings.catch_warnings():
            # pyworld reads its version through pkg_resources, which warns that it is deprecated;
            # the extra pins a setuptools that still has it, so there is nothing for a user to do.
            warnings.filterwarnings("ignore", message=".*pkg_resources")
            return import_module(name)
    except ImportError as error:
        raise AudiodiffError(
            f"evaluation needs {name} ({error}): pip install 'audiodiff-vocoder[eval]'"
        ) from error
