"""Trains the models that ship on one GPU, in a given time.

    python accelerator.py pack FOLDER PARTS
    python accelerator.py train PARTS OUT --seconds 500

``pack`` makes a prepared corpus small enough to carry to a machine without a network: Opus in a
few tar files. ``train`` unpacks them and runs the stages of `STAGES`, each from the weights of the
one before; it writes weights, curves and figures as `audiodiff train` does, goes on where it was
stopped, and works on CPUs as well.
"""

import argparse
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from audiodiff.data.corpus import read_corpus
from audiodiff.errors import AudiodiffError
from audiodiff.mel.filterbank import hz_of_mels, mels_of_hz
from audiodiff.mel.log_mel import MelConfig
from audiodiff.model.model import Model
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

HERE = Path(__file__).parent

MEBIBYTE = 2**20

COMPRESSION = 0.72
"""libsndfile's setting for Opus: about 64 kbit/s for mono."""


class Stage(NamedTuple):
    """A stage: the name of its config, and its share of the time."""

    name: str
    share: float


STAGES = (Stage("gpu-1-run", 0.42), Stage("gpu-2-adversarial", 0.33), Stage("gpu-3-24k", 0.25))


def pack(folder: Path, parts: Path, part_mebibytes: float) -> None:
    """Writes the clips to train and to measure on as Opus, in tar files of at most some size."""
    parts.mkdir(parents=True, exist_ok=True)
    voices = sorted(path for path in folder.iterdir() if (path / "train.txt").is_file())
    corpora = {voice.name: read_corpus([voice]) for voice in voices}
    jobs = [
        (clip.path, Path(name) / "wavs" / f"{clip.path.stem}.ogg")
        for name, corpus in corpora.items()
        for clip in (*corpus.train, *corpus.dev)
    ]
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor() as pool:
        root = Path(scratch)
        files = [name for _, name in jobs]
        list(pool.map(_encode, [path for path, _ in jobs], [root / name for name in files]))
        for voice in voices:
            for name in ("train.txt", "dev.txt"):
                (root / voice.name / name).write_text((voice / name).read_text())
                files.append(Path(voice.name) / name)
        for i, names in enumerate(_groups(root, files, part_mebibytes * MEBIBYTE)):
            with tarfile.open(parts / f"part-{i}.tar", "w") as archive:
                for name in names:
                    archive.add(root / name, name)


def _encode(source: Path, target: Path) -> None:
    wave, rate = soundfile.read(source, dtype="float32")
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, wave, rate, format="OGG", subtype="OPUS", compression_level=COMPRESSION)


def _groups(root: Path, names: Sequence[Path], most: float) -> Iterator[list[Path]]:
    """Files, in turn, whose sizes add up to at most some number of bytes."""
    group: list[Path] = []
    size = 0.0
    for name in names:
        # A member of a tar file has a header and is filled up to blocks.
        own = (root / name).stat().st_size + 1536
        if group and size + own > most:
            yield group
            group, size = [], 0.0
        group.append(name)
        size += own
    yield group


def unpack(parts: Path, data: Path) -> list[Path]:
    """The folders of clips in all parts, unpacked."""
    done = data / "done"
    if not done.exists():
        for part in sorted(parts.glob("part-*.tar")):
            with tarfile.open(part) as archive:
                archive.extractall(data, filter="data")
        done.touch()
    return sorted(path.parent for path in data.glob("*/train.txt"))


def train_stages(parts: Path, out: Path, seconds: float, settings: Sequence[str]) -> None:
    """Unpacks the data and runs all stages within some seconds, from now on."""
    begun = time.monotonic()
    data = unpack(parts, out / "data")
    before: Path | None = None
    for i, stage in enumerate(STAGES):
        left = seconds - (time.monotonic() - begun)
        share = stage.share / sum(later.share for later in STAGES[i:])
        minutes = [f"minutes={max(1.0, left * share) / 60}"]
        config = read_train_config(HERE / f"{stage.name}.toml", [*settings, *minutes])
        folder = out / stage.name
        _share_cache(out, folder, config)
        start = None if before is None else _fitting(before, config, out / "start")
        train(config, data, folder, stop=Stop(), resume=True, init=start, say=print)
        before = folder / "model"


def _share_cache(out: Path, folder: Path, config: TrainConfig) -> None:
    """Lets stages at one sample rate share their decoded clips."""
    cache = out / f"cache-{config.model.sample_rate}"
    cache.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "cache").is_symlink():
        (folder / "cache").symlink_to(cache.resolve())


def _fitting(directory: Path, config: TrainConfig, folder: Path) -> Path:
    """A model's directory, its weights made to fit another mel if the config has one."""
    model = Model.load(directory)
    own, asked = model.config.mel, config.model.mel
    assert own is not None
    assert asked is not None, "all stages are vocoders"
    if own == asked:
        return directory
    weights = model.state_dict()
    between = torch.from_numpy(_between(own, asked)).float()
    weights["network.mel.0.weight"] = torch.einsum(
        "cot,on->cnt", weights["network.mel.0.weight"].float(), between
    )
    other = Model(config.model)
    other.load_state_dict(weights)
    other.save(folder)
    return folder


def _between(own: MelConfig, asked: MelConfig) -> np.ndarray:
    """(own n_mels, asked n_mels): one mel from the other, linear between the bands' middles."""
    ours, theirs = _middles(own), _middles(asked)
    return np.stack([np.interp(ours, theirs, row) for row in np.eye(len(theirs))], 1)


def _middles(mel: MelConfig) -> np.ndarray:
    """The middle of each band in Hz."""
    ends = mels_of_hz(np.array([mel.f_min, mel.highest_frequency], np.float64), mel.filterbank)
    return hz_of_mels(np.linspace(ends[0], ends[1], mel.n_mels + 2)[1:-1], mel.filterbank)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="Make parts to carry from a prepared corpus.")
    packing.add_argument("folder", type=Path, help="Folder of prepared voices.")
    packing.add_argument("parts", type=Path, help="Folder for the parts.")
    packing.add_argument("--part-mebibytes", type=float, default=56.0, help="Size of a part.")
    training = commands.add_parser("train", help="Train from parts.")
    training.add_argument("parts", type=Path, help="Folder of the parts.")
    training.add_argument("out", type=Path, help="Folder for the stages.")
    training.add_argument("--seconds", type=float, default=500.0, help="Time for all stages.")
    training.add_argument("--set", action="append", default=[], help="Setting for all stages.")
    given = parser.parse_args()
    if given.command == "pack":
        pack(given.folder, given.parts, given.part_mebibytes)
    else:
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        train_stages(given.parts, given.out, given.seconds, given.set)


if __name__ == "__main__":
    try:
        main()
    except AudiodiffError as error:
        raise SystemExit(f"error: {error}") from error
