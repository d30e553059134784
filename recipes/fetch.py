"""Downloads an archive, checks it and unpacks it: python fetch.py URL ALGORITHM:DIGEST FOLDER.

Interrupted, the same command goes on where it was; done, it does nothing.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

BLOCK = 2**20


class FetchError(Exception):
    """What went wrong, for a person."""


def fetch(url: str, digest: str, folder: Path) -> None:
    """Unpacks an archive into a folder.

    Args:
        url: Of the archive.
        digest: As ``sha256:...`` or ``md5:...``.
        folder: Where its content goes, and for a while the archive.

    Raises:
        FetchError: If it cannot be had, or is another file than it should be.
    """
    name = url.rsplit("/", 1)[-1]
    done, archive = folder / f".{name}.done", folder / f".{name}"
    if done.exists():
        archive.unlink(missing_ok=True)  # killed before it could go
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not (archive.exists() and has_digest(archive, digest)):
        download(url, archive)
        if not has_digest(archive, digest):
            archive.unlink()
            raise FetchError(f"{url} is not the file that {digest} stands for; try again later")
    print(f"unpacking {name}", file=sys.stderr)
    shutil.unpack_archive(archive, folder)
    done.touch()
    archive.unlink()


def download(url: str, path: Path) -> None:
    """Downloads what of a file is not there yet."""
    command = ["curl", "--fail", "--location", "--continue-at", "-", "--output", str(path), url]
    try:
        status = subprocess.run(command, check=False).returncode
    except FileNotFoundError as error:
        raise FetchError("downloading needs curl; install it") from error
    if status:
        raise FetchError(
            f"{url} cannot be downloaded (curl's status {status}); is there a network? Run this "
            "again to go on, or give a copy that you have as ROOT=FOLDER"
        )


def has_digest(path: Path, digest: str) -> bool:
    """Whether a file is whole and the right one."""
    algorithm, _, expected = digest.partition(":")
    sum_ = hashlib.new(algorithm)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sum_.update(block)
    return sum_.hexdigest() == expected


if __name__ == "__main__":
    try:
        fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    except (FetchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
