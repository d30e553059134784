"""Every metric over a pair of sounds, or over two folders of them."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pydantic import Field

from audiodiff.audio.io import AUDIO_SUFFIXES, load, resample
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.libraries import MissingLibraryError, left_out
from audiodiff.metrics.registry import METRICS, metrics_named
from audiodiff.metrics.summary import Summary, summarize
from audiodiff.system.folders import files_below, listed_name, name_below

MAX_LENGTH_DIFFERENCE = 0.1
"""Seconds by which a resynthesis may differ in length: frames of padding, not a cut."""


class FileScores(Config):
    """One pair's scores.

    Attributes:
        name: The files' common path under their roots, without suffix, as `listed_name` writes it.
        sample_rate: Sample rate of the reference, at which the pair was compared, in Hz.
        resampled_from: Sample rate of the output in Hz where it differs, else None.
        scores: A score for each metric; None where it is undefined for this pair.
    """

    name: str
    sample_rate: int
    resampled_from: int | None
    scores: dict[str, float | None]


class Pairing(Config):
    """Which output belongs to which reference.

    Attributes:
        pairs: Name, reference and output, sorted by name.
        references_without_output: Names of the references left over.
        outputs_without_reference: Names of the outputs left over.
    """

    pairs: tuple[tuple[str, Path, Path], ...]
    references_without_output: tuple[str, ...] = ()
    outputs_without_reference: tuple[str, ...] = ()


class Evaluation(Config):
    """What `evaluate_folders` found; `model_dump_json` stores it and `parse` reads it back.

    Attributes:
        files: The scored pairs, sorted by name.
        summary: The mean of each metric.
        failed: Why a pair could not be scored, by the pair's name.
        left_out: Why a metric could not be computed for any pair, by the metric's name.
        references_without_output: Names of the references left over.
        outputs_without_reference: Names of the outputs left over.
    """

    files: tuple[FileScores, ...]
    summary: dict[str, Summary]
    failed: dict[str, str]
    references_without_output: tuple[str, ...]
    outputs_without_reference: tuple[str, ...]
    left_out: dict[str, str] = Field(default_factory=dict)


def evaluate_pair(
    reference: Float[np.ndarray, " reference_samples"],
    estimate: Float[np.ndarray, " estimate_samples"],
    sample_rate: int,
    metrics: Sequence[str] | None = None,
) -> dict[str, float]:
    """Scores a pair, after cropping the longer wave at its end.

    Args:
        reference: The recording.
        estimate: The resynthesis.
        sample_rate: Sample rate of both, in Hz.
        metrics: Names in `METRICS`; all that are not slow if None.

    Returns:
        A score by name; NaN where the metric is undefined, or a library that it needs is missing.

    Raises:
        AudiodiffError: If the lengths differ by more than `MAX_LENGTH_DIFFERENCE`, or the pair
            cannot be compared.
    """
    seconds = [len(wave) / sample_rate for wave in (reference, estimate)]
    if abs(seconds[0] - seconds[1]) > MAX_LENGTH_DIFFERENCE:
        raise AudiodiffError(
            f"the reference lasts {seconds[0]:.3f} s and the estimate {seconds[1]:.3f} s, over "
            f"{MAX_LENGTH_DIFFERENCE} s apart; compare the same utterance, cut at the same places"
        )
    length = min(len(reference), len(estimate))
    pair = reference[:length], estimate[:length]
    scores = dict.fromkeys(metrics_named(None) if metrics is None else metrics, math.nan)
    for name in scores:
        with suppress(MissingLibraryError):
            scores[name] = METRICS[name].function(*pair, sample_rate)
    return scores


def evaluate_files(
    name: str, reference: Path, output: Path, metrics: Sequence[str] | None = None
) -> FileScores:
    """Scores one output, resampled to its reference's rate if it has another.

    Args:
        name: Name of the pair.
        reference: Sound file of the recording.
        output: Sound file of the resynthesis.
        metrics: Names in `METRICS`; all that are not slow if None.

    Raises:
        AudiodiffError: If a file cannot be read, or `evaluate_pair` refuses the pair.
    """
    original, sample_rate = load(reference)
    made, rate = load(output)
    scores = evaluate_pair(original, resample(made, rate, sample_rate), sample_rate, metrics)
    return FileScores(
        name=name,
        sample_rate=sample_rate,
        resampled_from=None if rate == sample_rate else rate,
        scores={
            metric: value if math.isfinite(value) else None for metric, value in scores.items()
        },
    )


def pair_files(reference: Path, output: Path) -> Pairing:
    """Pairs files by their path under the root without suffix; two single files always pair.

    Args:
        reference: A sound file, or a folder that is searched with its subfolders.
        output: A sound file, or a folder that is searched with its subfolders.

    Raises:
        AudiodiffError: If a path is missing, a name stands for two files, or nothing pairs.
    """
    references, outputs = _find(reference, "reference"), _find(output, "output")
    if reference.is_file() and output.is_file():
        return Pairing(pairs=((listed_name(reference.stem), reference, output),))
    names = sorted(references.keys() & outputs.keys())
    if not names:
        raise AudiodiffError(
            f"no file of {output} ({_count(outputs)}) has the name of one of {reference} "
            f"({_count(references)}); name each output as its reference, suffix aside"
        )
    return Pairing(
        pairs=tuple((name, references[name], outputs[name]) for name in names),
        references_without_output=tuple(sorted(references.keys() - outputs.keys())),
        outputs_without_reference=tuple(sorted(outputs.keys() - references.keys())),
    )


def evaluate_folders(
    reference: Path,
    output: Path,
    on_file: Callable[[str], None] | None = None,
    metrics: Sequence[str] | None = None,
) -> Evaluation:
    """Scores every pair of `pair_files`; an output at another rate is resampled to its reference's.

    A file that cannot be read or compared is reported in `failed` and does not stop the others.

    Args:
        reference: A sound file or a folder of recordings.
        output: A sound file or a folder of resyntheses.
        on_file: Called with a pair's name once it is scored or has failed.
        metrics: Names in `METRICS`; all that are not slow if None.

    Raises:
        AudiodiffError: If the files cannot be paired.
    """
    names = metrics_named(None) if metrics is None else metrics
    pairing = pair_files(reference, output)
    files, failed = [], {}
    for name, reference_path, output_path in pairing.pairs:
        try:
            files.append(evaluate_files(name, reference_path, output_path, names))
        except AudiodiffError as error:
            failed[name] = str(error)
        if on_file is not None:
            on_file(name)
    return Evaluation(
        files=tuple(files),
        summary={metric: summarize([file.scores[metric] for file in files]) for metric in names},
        failed=failed,
        references_without_output=pairing.references_without_output,
        outputs_without_reference=pairing.outputs_without_reference,
        left_out=left_out(names),
    )


def _find(root: Path, role: str) -> dict[str, Path]:
    if root.is_file():
        return {listed_name(root.stem): root}
    if not root.is_dir():
        raise AudiodiffError(f"{role} {root} does not exist; give a sound file or a folder of them")
    found: dict[str, Path] = {}
    for path in files_below(root, AUDIO_SUFFIXES):
        name = name_below(root, path)
        if name in found:
            raise AudiodiffError(
                f"{role} {name!r} is both {found[name].name} and {path.name} in {path.parent}; "
                "keep one of them"
            )
        found[name] = path
    return found


def _count(found: dict[str, Path]) -> str:
    return f"{len(found)} sound file{'' if len(found) == 1 else 's'}"
