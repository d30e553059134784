"""Makes a prepared corpus small enough to carry to a machine without a network.

    python packing.py FOLDER PARTS

Opus in a few tar files; `accelerator.py` unpacks them.
"""

import argparse
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import soundfile

from audiodiff.data.corpus import read_corpus
from audiodiff.errors import AudiodiffError

MEBIBYTE = 2**20

COMPRESSION = 0.72
"""libsndfile's setting for Opus: some 80 kbit/s for speech at 24 kHz."""


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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="Folder of prepared voices.")
    parser.add_argument("parts", type=Path, help="Folder for the parts.")
    parser.add_argument("--part-mebibytes", type=float, default=45.0, help="Size of a part.")
    given = parser.parse_args()
    pack(given.folder, given.parts, given.part_mebibytes)


if __name__ == "__main__":
    try:
        main()
    except AudiodiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
