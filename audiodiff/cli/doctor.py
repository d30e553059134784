"""`audiodiff doctor`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiodiff.cli.options import A_MODEL, MaxHours, Transpose
from audiodiff.config import MAX_HOURS
from audiodiff.errors import AudiodiffError

if TYPE_CHECKING:
    from torch import Tensor

    from audiodiff.mel.doctor import Examination
    from audiodiff.mel.log_mel import MelConfig


def doctor(
    mel: Annotated[
        Path,
        typer.Argument(
            metavar="MEL",
            help="Mel to examine (.npy .npz .pt .safetensors), or a folder of mels of one kind.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None, typer.Option(help=f"Model that should take the mel: {A_MODEL}.")
    ] = None,
    transpose: Transpose = False,
    max_hours: MaxHours = MAX_HOURS,
) -> None:
    """Say what a mel probably is, and what to do with it.

    A folder is judged as a whole, and each file that differs from it gets a line. The exit status
    is 1 if a mel is damaged or does not fit the model.
    """
    from audiodiff.audio.reader import OR_ALLOW
    from audiodiff.mel.doctor import examine
    from audiodiff.mel.files import IN_PARTS, MEL_SUFFIXES, bytes_of, load_mel
    from audiodiff.system.folders import files_below

    def load(path: Path) -> "Tensor":
        return load_mel(path, transpose, bytes_of(max_hours), IN_PARTS + OR_ALLOW)

    target = None if model is None else _mel_of(model)
    if not mel.is_dir():
        fits = _report(str(mel), examine(load(mel)), target)
    elif paths := files_below(mel, MEL_SUFFIXES):
        fits = _report_folder(mel, paths, load, target)
    else:
        raise AudiodiffError(f"{mel} holds no mel ({', '.join(sorted(MEL_SUFFIXES))}); check it")
    if not fits:
        raise typer.Exit(1)


def _mel_of(model: str) -> "MelConfig":
    """The mel that a model takes."""
    from audiodiff.model.config import ModelConfig
    from audiodiff.model.hub import model_directory
    from audiodiff.model.weights import CONFIG_NAME, read_config

    directory = model_directory(model)
    config = ModelConfig.parse(read_config(directory), str(directory / CONFIG_NAME))
    if config.mel is None:
        raise AudiodiffError(f"--model {model!r} takes no mel; choose another")
    return config.mel


def _report(name: str, examination: "Examination", target: "MelConfig | None") -> bool:
    """Prints what a mel is and what to do with it; returns whether it fits."""
    from audiodiff.mel.doctor import advise

    print(f"{name}: {examination.facts}")
    for preset, evidence in zip(examination.likely, examination.evidence, strict=True):
        print(f"may be {preset}: {evidence}")
    advice = advise(examination, target)
    print(advice.sentence)
    return advice.fits


def _report_folder(
    folder: Path,
    paths: Sequence[Path],
    load: "Callable[[Path], Tensor]",
    target: "MelConfig | None",
) -> bool:
    """Prints what the mels of a folder are together, and those that differ; whether all fit."""
    from audiodiff.mel.doctor import advise, examine, unreadable
    from audiodiff.mel.verdict import some_of

    found: dict[Path, Examination] = {}
    by_bands: dict[int, list[Path]] = {}
    fit = True
    for path in paths:
        try:
            mel = load(path)
        except AudiodiffError as error:
            print(error)
            fit = False
            continue
        found[path] = examine(mel)
        if unreadable(mel) is None:
            by_bands.setdefault(len(mel), []).append(path)
    whole = None
    if by_bands:
        alike = max(by_bands.values(), key=len)
        whole = examine(*map(load, some_of(alike)))
        fit &= _report(f"{folder}, {len(alike)} mels together", whole, target)
    for path, own in found.items():
        if whole is None or not own.agrees(whole):
            print(f"{path}: {advise(own, target).sentence}")
            fit &= own.problem is None
    return fit
