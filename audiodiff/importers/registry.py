"""Every importer of another project's checkpoints, by name."""

from collections.abc import Callable
from pathlib import Path

from audiodiff.importers.lmnt import from_lmnt_diffwave, from_lmnt_wavegrad
from audiodiff.importers.philsyn import from_bddm, from_philsyn_diffwave, with_bddm_schedule
from audiodiff.importers.speechbrain import from_speechbrain_diffwave
from audiodiff.model.model import Model

__all__ = ["IMPORTERS", "with_bddm_schedule"]

IMPORTERS: dict[str, Callable[[str | Path], Model]] = {
    "lmnt-diffwave": from_lmnt_diffwave,
    "lmnt-wavegrad": from_lmnt_wavegrad,
    "philsyn-diffwave": from_philsyn_diffwave,
    "bddm": from_bddm,
    "speechbrain-diffwave": from_speechbrain_diffwave,
}
"""Importers by the name that ``--from`` takes."""
