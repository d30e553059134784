"""A report on a prepared corpus for people: ``report.md`` and ``report.png``."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audiodiff.audio.plots import save_figure
from audiodiff.data.layouts import Layout
from audiodiff.data.prepared import MANIFEST_NAME, Facts, Manifest, PrepareSettings
from audiodiff.system.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 20
"""The most clips left out that the report names; the manifest names them all."""

_FIGURE = re.compile(r"-?\d+(?:\.\d+)?")


def write_report(out: Path, layout: Layout, found: Manifest, settings: PrepareSettings) -> None:
    """Writes ``report.md`` and ``report.png`` into a prepared corpus."""
    kept = [facts for facts in found.values() if facts.reason is None]
    left_out = [facts for facts in found.values() if facts.reason is not None]
    parts = ["# Report", _splits(layout, found), _settings(settings)]
    if remarks := [remark for facts in kept for remark in facts.remarks]:
        parts.append("Kept, though\n\n" + _counted(remarks))
    if left_out:
        parts.append("Left out, as\n\n" + _counted(map(_fault, left_out)))
        parts.append(_named(left_out))
    with replacing(out / "report.md") as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    save_figure(_figure(kept), out / "report.png")


def _splits(layout: Layout, found: Manifest) -> str:
    lines = ["| split | clips | hours | left out |", "|---|---|---|---|"]
    for split, ids in layout.lists.items():
        kept = [found[id_] for id_ in ids if found[id_].reason is None]
        hours = sum(facts.seconds for facts in kept) / 3600
        lines.append(f"| {split} | {len(kept)} | {hours:.2f} | {len(ids) - len(kept)} |")
    unused = len(found) - sum(map(len, layout.lists.values()))
    return "\n".join(lines) + (f"\n\n{unused} clips are in no list." if unused else "")


def _settings(settings: PrepareSettings) -> str:
    lines = [f"- {name}: {value}" for name, value in settings.model_dump().items() if value]
    return "Settings\n\n" + "\n".join(lines)


def _counted(sentences: Iterable[str]) -> str:
    """A line for each kind of sentence, the commonest first, with the range of its figures."""
    kinds: dict[str, list[str]] = {}
    for sentence in sentences:
        kinds.setdefault(_FIGURE.sub("N", sentence), []).append(sentence)
    commonest = sorted(kinds.values(), key=len, reverse=True)
    return "\n".join(
        f"- {_together(alike)}: {len(alike)} clip{'' if len(alike) == 1 else 's'}"
        for alike in commonest
    )


def _together(alike: Sequence[str]) -> str:
    """One sentence for several that differ only in their figures: ``it lasts 0.1 to 0.3 s``."""
    figures = zip(*(map(float, _FIGURE.findall(sentence)) for sentence in alike), strict=True)
    ranges = (
        f"{min(column):g}" if min(column) == max(column) else f"{min(column):g} to {max(column):g}"
        for column in figures
    )
    return _FIGURE.sub(lambda figure: next(ranges), alike[0])


def _named(left_out: Sequence[Facts]) -> str:
    lines = [f"- {facts.id}: {facts.reason}" for facts in left_out[:SHOWN]]
    if len(left_out) > SHOWN:
        lines.append(f"- and {len(left_out) - SHOWN} more, see {MANIFEST_NAME}")
    return "\n".join(lines)


def _fault(facts: Facts) -> str:
    """The reason without the names of files; every file that cannot be read is of one kind."""
    if not facts.rate:
        return "cannot be read"
    return re.sub(r"same sound as .*", "same sound as another", facts.reason or "")


def _figure(kept: Iterable[Facts]) -> "Figure":
    kept = list(kept)
    return _histograms(
        [
            ("seconds", [facts.seconds for facts in kept]),
            ("root mean square, dB re full scale", [facts.rms_db or 0.0 for facts in kept]),
            ("peak, dB re full scale", [facts.peak_db or 0.0 for facts in kept]),
        ],
        "clips",
    )


def _histograms(panels: Sequence[tuple[str, Sequence[float]]], what: str) -> "Figure":
    """Histograms side by side, of pairs of a label and values; ``what`` is what they count."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(panels), 3), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (name, values) in zip(axes, panels, strict=True):
        axis.hist(values, bins=40)
        axis.set_xlabel(name)
    axes[0].set_ylabel(what)
    return figure
