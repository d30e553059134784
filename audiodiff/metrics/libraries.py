"""The libraries of the `eval` extra, imported when a metric first needs them."""

import warnings
from importlib import import_module
from types import ModuleType

from audiodiff.errors import AudiodiffError

LIBRARIES = ("pesq", "pystoi", "auraloss.freq", "pyworld")
"""The modules that the `eval` extra brings."""


class MissingLibraryError(AudiodiffError):
    """A library that a metric needs cannot be imported.

    Args:
        library: Name of its module.
        reason: Why it cannot be imported.
    """

    def __init__(self, library: str, reason: str) -> None:
        super().__init__(
            f"{library} cannot be imported ({reason}); pip install 'audiodiff-vocoder[eval]', for "
            "which a C compiler may be needed"
        )
        self.library = library


def library(name: str) -> ModuleType:
    """Imports one of `LIBRARIES`.

    Raises:
        MissingLibraryError: If it, or something that it needs, is not installed.
    """
    try:
        with warnings.catch_warnings():
            # pyworld reads its version through pkg_resources, which warns that it is deprecated;
            # the extra pins a setuptools that still has it, so there is nothing for a user to do.
            warnings.filterwarnings("ignore", message=".*pkg_resources")
            return import_module(name)
    except ImportError as error:
        raise MissingLibraryError(name, str(error)) from error
