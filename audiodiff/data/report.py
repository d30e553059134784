"""A report on a prepared corpus for people: ``report.md`` and ``report.png``."""

import re
from collections import Counter
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


def write_report(out: Path, layout: Layout, found: Manifest, settings: PrepareSettings) -> None:
    """Writes ``report.md`` and ``report.png`` into a prepared corpus."""
    kept = [facts for facts in found.values() if facts.reason is None]
    left_out = [facts for facts in found.values() if facts.reason is not None]
    parts = ["# Report", _splits(layout, found), _settings(settings)]
    if remarks := Counter(_kind(remark) for facts in kept for remark in facts.remarks):
        parts.append("Kept, though\n\n" + _counted(remarks))
    if left_out:
        parts.append("Left out, as\n\n" + _counted(Counter(map(_fault, left_out))))
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


def _counted(kinds: Counter[str]) -> str:
    return "\n".join(f"- {kind}: {count} clips" for kind, count in kinds.most_common())


def _named(left_out: Sequence[Facts]) -> str:
    lines = [f"- {facts.id}: {facts.reason}" for facts in left_out[:SHOWN]]
    if len(left_out) > SHOWN:
        lines.append(f"- and {len(left_out) - SHOWN} more, see {MANIFEST_NAME}")
    return "\n".join(lines)


def _fault(facts: Facts) -> str:
    """The kind of reason; every file that `load` cannot read is of one kind."""
    return _kind(facts.reason or "") if facts.rate else "cannot be read"


def _kind(sentence: str) -> str:
    """A sentence without its figures and clips, which sentences of one kind share."""
    without_ids = re.sub(r"same sound as .*", "same sound as another", sentence)
    return re.sub(r"-?\d[\d.]*", "N", without_ids)


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
