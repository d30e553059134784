"""Judges the doctor on voices that it did not learn from, as Markdown tables.

Sounds are those of `doctor_examples.py`, of half a second and more. A preset counts as named if it
is the likeliest or stated as a tie; a mel in no preset's scale counts as told if that is said, or
stated as a tie. Refused is what `vocode` refuses. Silent mels are left out.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from doctor_examples import N_SCALES, Example, examples, parts, voices
from pool import pooled
from script import run_script
from torch import Tensor

from audiodiff import PRESETS, AudiodiffError
from audiodiff.mel.check import check_range
from audiodiff.mel.doctor import examine
from audiodiff.mel.recognition import OWN
from audiodiff.mel.scales import SCALES, alike
from audiodiff.mel.verdict import verdict

FIRST = 1_000_000
"""The number of the first sound, far from those that were learned from."""

LEAST_SECONDS = 0.5

GROUPS = tuple(dict.fromkeys(alike(name)[0] for name in PRESETS))
"""The first of the presets that are alike."""


def bands(preset: str) -> int:
    """Number of bands of a preset."""
    return PRESETS[preset].n_mels


def worth_judging(found: Iterator[Example]) -> Iterator[Example]:
    """Examples of mels that last at least `LEAST_SECONDS` and are not silent throughout."""
    for kind, name, mel in found:
        if name in PRESETS and mel.min() < mel.max():
            config = PRESETS[name]
            if mel.shape[1] * config.hop_length >= LEAST_SECONDS * config.sample_rate:
                yield kind, name, mel


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


class Judged(NamedTuple):
    """What was said of a mel.

    Attributes:
        name: Its preset.
        scale: Its scale.
        verdict: The first of the likeliest presets that are alike; ``none`` if there is none.
        named: Whether its preset is the likeliest, or stated as a tie.
        told: Whether it is said to be, or possibly to be, in no preset's scale.
        refused: Whether `vocode` would refuse it as of its preset.
        as_others: Of how many presets unlike its own, with as many bands, `vocode` would refuse it.
        others: Number of these presets.
    """

    name: str
    scale: str
    verdict: str
    named: bool
    told: bool
    refused: bool
    as_others: int
    others: int


def refused(mel: Tensor, name: str) -> bool:
    """Whether `vocode` refuses a mel that is said to be of a preset."""
    config = PRESETS[name]
    try:
        check_range(mel, config, "mel")
    except AudiodiffError:
        return True
    said = verdict([mel], config)
    return said is not None and said.certain


def judged(clips: Sequence[Sequence[Path]], seeds: Iterable[int]) -> list[Judged]:
    """What is said of the mels of some sounds."""
    found = []
    for kind, name, mel in worth_judging(examples(clips, seeds, N_SCALES)):
        said = examine(mel)
        others = [
            other for other in GROUPS if other not in alike(name) and bands(other) == len(mel)
        ]
        verdict = alike(said.likely[0])[0] if said.likely and not said.doubtful else "none"
        told = said.problem is not None or bool(said.doubts)
        named = name in said.likely
        as_others = sum(refused(mel, other) for other in others) if kind.scale == OWN else 0
        fault = refused(mel, name)
        found.append(Judged(name, kind.scale, verdict, named, told, fault, as_others, len(others)))
    return found


def share(values: Iterable[bool]) -> str:
    """The share of true values, with three digits."""
    return f"{statistics.mean(values):.3f}"


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders with the clips of a voice each.")],
    n_sounds: Annotated[int, typer.Option(help="Number of sounds.")] = 600,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
) -> None:
    """Print the confusion matrix of presets, and how often wrong scales are told."""
    clips = voices(folders, "test.txt")
    calls = pooled(judged, [(clips, part) for part in parts(FIRST, n_sounds)], workers)
    found = [one for _, call in calls for one in call.result()]
    rows = []
    for name in PRESETS:
        own = [one for one in found if one.name == name and one.scale == OWN]
        counts = Counter(one.verdict for one in own)
        cells = [str(counts[group] or "") for group in [*GROUPS, "none"]]
        shares = [share(one.named for one in own), share(one.refused for one in own)]
        tries = sum(one.others for one in own)
        shares.append(f"{sum(one.as_others for one in own) / tries:.3f}" if tries else "-")
        rows.append([name, str(len(own)), *cells, *shares])
    heads = ["mel of", "mels", *GROUPS, "none", "named", "refused", "refused as others"]
    print(table(heads, rows), end="\n\n")
    rows = []
    for scale in SCALES:
        of = [one for one in found if one.scale == scale]
        rows.append(
            [scale, str(len(of)), share(one.told for one in of), share(one.refused for one in of)]
        )
    print(table(["in the scale", "mels", "told", "refused"], rows))


if __name__ == "__main__":
    run_script(main)
