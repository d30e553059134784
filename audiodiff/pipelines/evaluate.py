"""Generated sounds judged beside recordings, from folders of files."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from audiodiff.audio import io
from audiodiff.conditioning.labels import LabelSets
from audiodiff.data.corpus import clips_of
from audiodiff.data.labelled import Table, read_table
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.distributions import Features
from audiodiff.metrics.sets import Heard, Judge, SetEvaluation, evaluate_sets
from audiodiff.provenance.files import record_in
from audiodiff.system.threads import Map


def evaluate_generated(
    judge: Judge,
    encoder: str,
    generated: Path,
    reference: Path,
    train: Path | None = None,
    on_file: Callable[[], None] = lambda: None,
    each: Map = map,
) -> SetEvaluation:
    """Judges the sounds of a folder beside recordings.

    A file that cannot be read is reported in `failed` and does not stop the others. The labels of a
    clip are those in ``labels.csv`` of its folder, or in the record that `audiodiff generate` wrote
    into it.

    Args:
        judge: The judge.
        encoder: Its name.
        generated: Folder of generated sounds.
        reference: Folder of recordings that the generator was not trained on, those of its
            ``test.txt`` if there is one.
        train: Folder of recordings that it was trained on, those of its ``train.txt`` if there is
            one; None to leave out whether it repeats them.
        on_file: Called for each clip that was judged.
        each: Judges clips one after another, or side by side.

    Raises:
        AudiodiffError: If a folder is missing or none of its sounds can be read, or if a label is
            none of the judge's.
    """
    folders = {"test": reference, "generated": generated}
    folders |= {} if train is None else {"train": train}
    # What is wrong with any of them is said before the first is judged, which takes minutes.
    sets = {split: _labelled(judge, folder, split) for split, folder in folders.items()}
    failed: dict[str, str] = {}
    heard = {split: _heard(judge, clips, failed, on_file, each) for split, clips in sets.items()}
    return evaluate_sets(encoder, heard["test"], heard["generated"], heard.get("train"), failed)


class Labelled(NamedTuple):
    """The clips of a folder, by id.

    Attributes:
        folder: The folder.
        paths: Their files.
        labels: Their labels of the kinds that the judge tells apart, as far as they are known.
    """

    folder: Path
    paths: dict[str, Path]
    labels: dict[str, dict[str, str]]


def _labelled(judge: Judge, folder: Path, split: str) -> Labelled:
    paths, table = clips_of(folder, split), read_table([folder])
    return Labelled(
        folder,
        paths,
        {
            id_: known_labels(judge.labels, id_, table, path, "encoder")
            for id_, path in paths.items()
        },
    )


def _heard(
    judge: Judge, clips: Labelled, failed: dict[str, str], on_file: Callable[[], None], each: Map
) -> Heard:
    """What the judge makes of clips; adds why a file could not be judged."""

    def judged(path: Path) -> tuple[Features, dict[str, str]] | AudiodiffError:
        try:
            wave = torch.from_numpy(io.load(path, judge.sample_rate)[0])
        except AudiodiffError as error:
            return error
        guesses = judge.probabilities(wave[None])
        return judge.features(wave[None]).double(), {
            kind: names[int(guesses[kind].argmax(1))] for kind, names in judge.labels.items()
        }

    found = {}
    for id_, result in zip(clips.paths, each(judged, clips.paths.values()), strict=True):
        on_file()
        if isinstance(result, AudiodiffError):
            failed[str(clips.paths[id_])] = str(result)
        else:
            found[id_] = result
    if not found:
        raise AudiodiffError(
            f"no sound in {clips.folder} can be read, e.g. {next(reversed(failed.values()))}"
        )
    return Heard(
        torch.cat([features for features, _ in found.values()]),
        {kind: [guess[kind] for _, guess in found.values()] for kind in judge.labels},
        [clips.labels[id_] for id_ in found],
    )


def known_labels(sets: LabelSets, id_: str, table: Table, path: Path, whose: str) -> dict[str, str]:
    """The labels of a clip of the kinds that are told apart, as far as they are known.

    Args:
        sets: The classes of each kind.
        id_: Id of the clip.
        table: Labels of clips.
        path: File of the clip, whose record counts if the table has no such clip.
        whose: What has the classes, for the message.

    Raises:
        AudiodiffError: If a label is none of its kind.
    """
    record = None if id_ in table else record_in(path)
    own = table.get(id_, {}) if record is None else record.labels
    labels = {kind: own[kind] for kind in sets if kind in own}
    for kind, label in labels.items():
        if label not in sets[kind]:
            raise AudiodiffError(
                f"{path} is of {kind} {label!r}, which the {whose} does not know: it has "
                f"{', '.join(sets[kind])}; use another {whose}, or mend the labels"
            )
    return labels
