"""The libraries that metrics need, imported when a metric first needs them."""

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np

from audiodiff.errors import AudiodiffError


class Library(NamedTuple):
    """A module outside the package.

    Attributes:
        extra: The extra that brings it.
        metrics: The metrics that need it.
    """

    extra: Literal["eval", "judges"]
    metrics: tuple[str, ...]


_DNSMOS = ("dnsmos", "dnsmos_change")

LIBRARIES = {
    "pesq": Library("eval", ("pesq_wb",)),
    "pystoi": Library("eval", ("estoi",)),
    "auraloss.freq": Library("eval", ("mstft",)),
    "pyworld": Library("eval", ("mcd", "f0_mae", "voicing_f1")),
    "visqol": Library("judges", ("visqol",)),
    "speechmos.dnsmos": Library("judges", _DNSMOS),
    "onnxruntime": Library("judges", _DNSMOS),
    "torchcrepe": Library("judges", ("periodicity", "crepe_rmse", "crepe_f1")),
}
"""The modules that extras bring, and the metrics that need each."""


class MissingLibraryError(AudiodiffError):
    """A library that a metric needs cannot be imported.

    Args:
        library: Name of its module.
        reason: Why it cannot be imported.
    """

    def __init__(self, library: str, reason: str) -> None:
        super().__init__(
            f"{library} cannot be imported ({reason}); pip install "
            f'"audiodiff-vocoder[{LIBRARIES[library].extra}]", for which a C compiler may be needed'
        )
        self.library = library


def library(name: str) -> ModuleType:
    """Imports one of `LIBRARIES`.

    Raises:
        MissingLibraryError: If it, or something that it needs, is not installed or does not load.
    """
    try:
        with warnings.catch_warnings():
            # pyworld reads its version through pkg_resources, which warns that it is deprecated;
            # the extra pins a setuptools that still has it, so there is nothing for a user to do.
            warnings.filterwarnings("ignore", message=".*pkg_resources")
            return import_module(name)
    except (ImportError, OSError) as error:
        # OSError: torchcrepe imports torchaudio, whose code does not load beside some torches.
        raise MissingLibraryError(name, str(error)) from error


def left_out(metrics: Collection[str]) -> dict[str, str]:
    """Those of some metrics that cannot be computed here, as their library is missing, and why."""
    reasons: dict[str, str] = {}
    for name, (_, served) in LIBRARIES.items():
        wanted = [metric for metric in served if metric in metrics]
        try:
            if wanted:
                library(name)
        except MissingLibraryError as error:
            reasons |= dict.fromkeys(wanted, str(error))
    return reasons


@contextmanager
def repeatable_numpy() -> Iterator[None]:
    """Within it, numpy's global generator starts from 0; after it, it is as it was before.

    Some libraries dither with it. Scoring must neither depend on that generator nor advance it.
    """
    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)
