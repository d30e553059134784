"""The libraries of the `eval` extra, imported when a metric first needs them."""

import warnings
from importlib import import_module
from types import ModuleType

from audiodiff.errors import AudiodiffError

LIBRARIES = {
    "pesq": ("pesq_wb",),
    "pystoi": ("estoi",),
    "auraloss.freq": ("mstft",),
    "pyworld": ("mcd", "f0_mae", "voicing_f1"),
}
"""The modules that the `eval` extra brings, and the metrics that need each."""


class MissingLibraryError(AudiodiffError):
    """A library that a metric needs cannot be imported.

    Args:
        library: Name of its module.
        reason: Why it cannot be imported.
    """

    def __init__(self, library: str, reason: str) -> None:
        super().__init__(
            f'{library} cannot be imported ({reason}); pip install "audiodiff-vocoder[eval]", for '
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


def left_out() -> dict[str, str]:
    """The metrics that cannot be computed here, as their library is missing, and why."""
    reasons: dict[str, str] = {}
    for name, metrics in LIBRARIES.items():
        try:
            library(name)
        except MissingLibraryError as error:
            reasons |= dict.fromkeys(metrics, str(error))
    return reasons
