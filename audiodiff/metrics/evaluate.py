"""All metrics over a pair, or over two folders, with intervals."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from audiodiff.audio.io import AUDIO_SUFFIXES, load, resample
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.metrics._shared import LIBRARIES, library
from audiodiff.metrics.perceptual import estoi, pesq_wb
from audiodiff.metrics.pitch import pitch_scores
from audiodiff.metrics.silence import silence_noise
from audiodiff.metrics.spectral import log_mel_mae, mcd, multi_resolution_stft

MAX_LENGTH_DIFFERENCE = 0.1
"""Seconds by which a resynthesis may differ from its reference: frames of padding, not a cut."""


class Metric(NamedTuple):
    """How to read one metric."""

    unit: str
    better: Literal["higher", "lower", "nearer 0"]


METRICS: dict[str, Metric] = {
    "pesq_wb": Metric("MOS-LQO", "higher"),
    "estoi": Metric("", "higher"),
    "mstft": Metric("", "lower"),
    "mel_mae": Metric("nepers", "lower"),
    "mcd": Metric("dB", "lower"),
    "f0_mae": Metric("cents", "lower"),
    "voicing_f1": Metric("", "higher"),
    "silence_noise": Metric("dB", "nearer 0"),
}


class FileScores(Config):
    """One pair's scores.

    Attributes:
        name: The files' common path under their roots, without suffix.
        sample_rate: The reference's, at which the pair was compared, in Hz.
        resampled_from: The output's own rate in Hz where it differs, else None.
        scores: By the names of `METRICS`; None where the metric is undefined for this pair.
    """

    name: str
    sample_rate: int
    resampled_from: int | None
    scores: dict[str, float | None]


class Summary(Config):
    """One metric over the files for which it is defined.

    Attributes:
        mean: None over no file.
        interval: Half the width of the 95 % confidence interval of the mean; None under two files.
        n_files: How many files these are.
    """

    mean: float | None
    interval: float | None
    n_files: int


class Pairing(Config):
    """Which output belongs to which reference.

    Attributes:
        pairs: Name, reference and output, sorted by name.
        references_without_output: Names.
        outputs_without_reference: Names.
    """

    pairs: tuple[tuple[str, Path, Path], ...]
    references_without_output: tuple[str, ...] = ()
    outputs_without_reference: tuple[str, ...] = ()


class Evaluation(Config):
    """What `evaluate_folders` found; `model_dump_json` stores it and `parse` reads it back.

    Attributes:
        files: The scored pairs, sorted by name.
        summary: By the names of `METRICS`.
        failed: Why a pair could not be scored, by its name.
        references_without_output: Names.
        outputs_without_reference: Names.
    """

    files: tuple[FileScores, ...]
    summary: dict[str, Summary]
    failed: dict[str, str]
    references_without_output: tuple[str, ...]
    outputs_without_reference: tuple[str, ...]


def evaluate_pair(
    reference: Float[np.ndarray, " reference_samples"],
    estimate: Float[np.ndarray, " estimate_samples"],
    sample_rate: int,
) -> dict[str, float]:
    """Every metric of `METRICS`, after cropping the longer wave at its end.

    Args:
        reference: The recording.
        estimate: The resynthesis.
        sample_rate: Of both, in Hz.

    Returns:
        A value by name; NaN where the metric is undefined (see each one's function).

    Raises:
        AudiodiffError: If the lengths differ by more than `MAX_LENGTH_DIFFERENCE`, the pair cannot
            be compared, or the `eval` extra is missing.
    """
    seconds = [len(wave) / sample_rate for wave in (reference, estimate)]
    if abs(seconds[0] - seconds[1]) > MAX_LENGTH_DIFFERENCE:
        raise AudiodiffError(
            f"the reference lasts {seconds[0]:.3f} s and the estimate {seconds[1]:.3f} s, over "
            f"{MAX_LENGTH_DIFFERENCE} s apart; compare the same utterance, cut at the same places"
        )
    length = min(len(reference), len(estimate))
    pair = reference[:length], estimate[:length]
    f0_mae, voicing_f1 = pitch_scores(*pair, sample_rate)
    return {
        "pesq_wb": pesq_wb(*pair, sample_rate),
        "estoi": estoi(*pair, sample_rate),
        "mstft": multi_resolution_stft(*pair, sample_rate),
        "mel_mae": log_mel_mae(*pair, sample_rate),
        "mcd": mcd(*pair, sample_rate),
        "f0_mae": f0_mae,
        "voicing_f1": voicing_f1,
        "silence_noise": silence_noise(*pair, sample_rate),
    }


def evaluate_files(name: str, reference: Path, output: Path) -> FileScores:
    """Scores one output, resampled to its reference's rate if it has another.

    Args:
        name: What to call the pair.
        reference: A sound file.
        output: What was made of it.

    Raises:
        AudiodiffError: If a file cannot be read, or as `evaluate_pair`.
    """
    original, sample_rate = load(reference)
    made, rate = load(output)
    scores = evaluate_pair(original, resample(made, rate, sample_rate), sample_rate)
    return FileScores(
        name=name,
        sample_rate=sample_rate,
        resampled_from=None if rate == sample_rate else rate,
        scores={
            metric: value if math.isfinite(value) else None for metric, value in scores.items()
        },
    )


def pair_files(reference: Path, output: Path) -> Pairing:
    """Pairs files by their path under the root without suffix; two files are a pair by themselves.

    Args:
        reference: A sound file, or a folder that is searched through.
        output: Likewise.

    Raises:
        AudiodiffError: If a path is missing, a name stands for two files, or nothing pairs.
    """
    references, outputs = _find(reference, "reference"), _find(output, "output")
    if reference.is_file() and output.is_file():
        return Pairing(pairs=((reference.stem, reference, output),))
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
    reference: Path, output: Path, on_file: Callable[[str], None] | None = None
) -> Evaluation:
    """Scores every pair of `pair_files`; an output at another rate is resampled to its reference's.

    A file that cannot be read or compared is reported in `failed` and does not stop the others.

    Args:
        reference: A sound file or a folder of recordings.
        output: The resyntheses, likewise.
        on_file: Called with a pair's name once it is done, scored or failed.

    Raises:
        AudiodiffError: As `pair_files`, or if the `eval` extra is missing.
    """
    pairing = pair_files(reference, output)
    for name in LIBRARIES:
        library(name)
    files, failed = [], {}
    for name, reference_path, output_path in pairing.pairs:
        try:
            files.append(evaluate_files(name, reference_path, output_path))
        except AudiodiffError as error:
            failed[name] = str(error)
        if on_file is not None:
            on_file(name)
    return Evaluation(
        files=tuple(files),
        summary={metric: summarize([file.scores[metric] for file in files]) for metric in METRICS},
        failed=failed,
        references_without_output=pairing.references_without_output,
        outputs_without_reference=pairing.outputs_without_reference,
    )


def summarize(values: Sequence[float | None]) -> Summary:
    """Mean and 95 % confidence interval, ``t_{0.975, n-1} s / sqrt(n)``, leaving out None.

    >>> summarize([1.0, 3.0, None])
    Summary(mean=2.0, interval=12.706204736174694, n_files=2)
    """
    from scipy.stats import t

    defined = np.array([value for value in values if value is not None])
    n = len(defined)
    interval = t.ppf(0.975, n - 1) * defined.std(ddof=1) / math.sqrt(n) if n > 1 else None
    return Summary(
        mean=float(defined.mean()) if n else None,
        interval=None if interval is None else float(interval),
        n_files=n,
    )


def _find(root: Path, role: str) -> dict[str, Path]:
    if root.is_file():
        return {root.stem: root}
    if not root.is_dir():
        raise AudiodiffError(f"{role} {root} does not exist; give a sound file or a folder of them")
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        hidden = path.name.startswith(".")
        if hidden or path.suffix.lower() not in AUDIO_SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in found:
            raise AudiodiffError(
                f"{role} {name!r} is both {found[name].name} and {path.name} in {path.parent}; "
                "keep one of them"
            )
        found[name] = path
    return found


def _count(found: dict[str, Path]) -> str:
    return f"{len(found)} sound file{'' if len(found) == 1 else 's'}"
