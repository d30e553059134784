"""A run's folder and its data."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from audiodiff.data.cache import build_cache
from audiodiff.data.captioned import CaptionedClips, read_captions
from audiodiff.data.clips import Clips, Source
from audiodiff.data.corpus import Clip, read_corpus
from audiodiff.data.labelled import LabelledClips, read_table
from audiodiff.data.paired import PairedClips
from audiodiff.data.shards import Shards, read_split
from audiodiff.errors import AudiodiffError, in_unicode
from audiodiff.model.weights import MODEL_NAME
from audiodiff.system.atomic import replacing
from audiodiff.system.devices import training_device
from audiodiff.system.documents import read_json
from audiodiff.system.jobs import check_writable
from audiodiff.system.locks import claimed
from audiodiff.system.pace import Pace
from audiodiff.training.config import TrainConfig, lay_over
from audiodiff.training.reporter import SECONDS
from audiodiff.training.state import STATE_NAME

CONFIG_NAME = "train.json"
LOCK_NAME = ".lock"

CHANGEABLE = ("steps", "minutes", "compile", "log_every", "eval_every", "checkpoint_every")
"""Settings that a resumed run may change."""


def stored_config(out: Path, settings: Sequence[str] = ()) -> TrainConfig:
    """The config of the run in a folder, with ``key=value`` settings laid over it.

    Raises:
        AudiodiffError: If there is no run, its config is damaged, or a setting does not fit.
    """
    path = out / CONFIG_NAME
    if not path.is_file():
        raise AudiodiffError(f"{out} holds no run to resume; give the config of a new one")
    remedy = "choose another out"
    values = read_json(path, remedy)
    try:
        stored = TrainConfig.parse(values, str(path))
    except AudiodiffError as error:
        raise AudiodiffError(f"{path} is damaged ({error}); {remedy}") from error
    if not settings:
        return stored
    for setting in settings:
        lay_over(values, setting)
    return TrainConfig.parse(values, f"{path} with --set")


def check_free(out: Path, config: TrainConfig, resume: bool) -> None:
    """Checks that ``out`` is free for this run, or already belongs to it.

    Raises:
        AudiodiffError: If it holds another run, or this one and ``resume`` is False, if nothing can
            be written there, or if its name is not in UTF-8.
    """
    check_writable(out)
    if str(out) != in_unicode(str(out)):
        raise AudiodiffError(f"{out}: TensorBoard's log needs a name in UTF-8; choose another out")
    path = out / CONFIG_NAME
    if not path.exists() and not (out / STATE_NAME).exists():
        return
    if not resume:
        raise AudiodiffError(f"{out} holds a run; add --resume to continue, or choose another out")
    stored = stored_config(out)
    changed = [
        name
        for name in TrainConfig.model_fields
        if name not in CHANGEABLE and getattr(stored, name) != getattr(config, name)
    ]
    if changed:
        raise AudiodiffError(
            f"{path} differs from the config given in {', '.join(changed)}; resume with the same "
            "config, or choose another out"
        )


@contextmanager
def own(out: Path, config: TrainConfig) -> Iterator[None]:
    """Makes ``out`` this run's folder, and removes half-written files of a killed process.

    Raises:
        AudiodiffError: If another process trains in it, or nothing can be written there.
    """
    busy = f"another process trains in {out}; wait until it ends, or choose another out"
    with claimed(out, LOCK_NAME, busy):
        for stale in (*out.glob(".*.part.*"), *(out / MODEL_NAME).glob(".*.part.*")):
            stale.unlink()
        with replacing(out / CONFIG_NAME) as temporary:
            temporary.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
        yield


def open_data(
    config: TrainConfig,
    folders: Sequence[Path],
    out: Path,
    say: Callable[[str], None],
    mels: Path | None = None,
) -> tuple[Source, Clips]:
    """The clips to train on and the clips to measure on, decoded into the run's folder.

    Args:
        config: The run.
        folders: Folders of clips.
        out: The run's folder.
        say: Takes lines for a person.
        mels: A folder of mels predicted for the clips; None for their own.

    Raises:
        AudiodiffError: If there is nothing to train on or to measure on, mels are given that do not
            fit the clips or cannot follow their augmentation, or what the model names
            cannot be loaded.
    """
    config.model.fetch(training_device())  # a wrong name is said before clips are decoded
    data = config.data
    if mels is not None and (data.speed or data.noise_db or data.gain_db != (0.0, 0.0)):
        raise AudiodiffError(
            "--mels: predicted mels do not follow a change of gain or speed, nor added noise; add "
            "--set data.speed=0 --set 'data.gain_db=[0.0, 0.0]', with no noise_db in the config"
        )
    corpus = read_corpus(folders)
    if not corpus.dev:
        raise AudiodiffError("no dev clip was found; name at least one existing id in a dev.txt")
    for note in corpus.notes:
        say(note)
    table = read_table(folders) if config.model.label_sets else {}
    n_bytes = config.model.network.n_bytes
    captions = {} if n_bytes is None else read_captions(folders)
    caches: list[Clips] = []
    for split, clips in (("train", corpus.train), ("dev", corpus.dev)):
        cache = build_cache(
            clips, config.model.sample_rate, out / "cache" / split, _progress(split, clips, say)
        )
        for note in cache.notes:
            say(note)
        say(f"{split}: {len(cache)} clips, {cache.duration / 60:.1f} minutes")
        found: Clips = cache
        if mels is not None:
            found = _paired(found, mels, config, say)
        if config.model.label_sets:
            found = LabelledClips(found, config.model.label_sets, table)
        if n_bytes is not None:
            found = CaptionedClips(found, captions, n_bytes)
        caches.append(found)
    return caches[0], caches[1]


def _paired(
    clips: Clips, mels: Path, config: TrainConfig, say: Callable[[str], None]
) -> PairedClips:
    if config.model.mel is None:
        raise AudiodiffError("--mels: this model takes no mel; leave it out")
    paired = PairedClips(clips, mels, config.model.mel)
    for note in paired.notes:
        say(note)
    return paired


def open_shards(
    config: TrainConfig, place: str, world: int, say: Callable[[str], None]
) -> tuple[Source, Clips]:
    """The shards to train on, and the clips to measure on, in memory.

    Raises:
        AudiodiffError: If they cannot be read, are at another rate than the model, or lack texts
            that it needs, or if what the model names cannot be loaded.
    """
    if config.model.label_sets:
        raise AudiodiffError("--shards: they hold no classes, which this model needs; use --data")
    config.model.fetch(training_device())
    n_bytes = config.model.network.n_bytes
    train = Shards(place, config.seed, config.n_samples, config.batch_size, world, n_bytes)
    if train.sample_rate != config.model.sample_rate:
        raise AudiodiffError(
            f"the shards of {place} are at {train.sample_rate} Hz and the model at "
            f"{config.model.sample_rate}; prepare them with --rate {config.model.sample_rate}"
        )
    dev = read_split(place, "dev", n_bytes)
    say(f"train: {len(train.ids)} shards, {train.duration / 60:.1f} minutes")
    say(f"dev: {len(dev)} clips, {dev.duration / 60:.1f} minutes")
    return train, dev


def _progress(
    split: str, clips: Sequence[Clip], say: Callable[[str], None]
) -> Callable[[Clip], None]:
    """Reports the progress of decoding every ten seconds."""
    done, pace = 0, Pace(SECONDS)

    def on_clip(clip: Clip) -> None:
        nonlocal done
        done += 1
        if pace.due():
            say(f"decoding {split}: {done} of {len(clips)} clips")

    return on_clip
