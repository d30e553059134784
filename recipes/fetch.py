"""Downloads an archive, checks it and unpacks it: python fetch.py URL ALGORITHM:DIGEST FOLDER.

Run again after an interruption, it continues where it was; once done, it does nothing.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

BLOCK = 2**20


class FetchError(Exception):
    """An error to show to the user."""


def fetch(url: str, digest: str, folder: Path) -> None:
    """Unpacks an archive into a folder.

    Args:
        url: URL of the archive.
        digest: Expected digest, as ``sha256:...`` or ``md5:...``.
        folder: Folder for the content, and for the archive until it is unpacked.

    Raises:
        FetchError: If the archive cannot be downloaded, or its digest is not the expected one.
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
    """Downloads the rest of a file."""
    command = ["curl", "--fail", "--location", "--continue-at", "-", "--output", str(path), url]
    try:
        status = subprocess.run(command, check=False).returncode
    except FileNotFoundError as error:
        raise FetchError("downloading needs curl; install it") from error
    if status:
        raise FetchError(
            f"{url} cannot be downloaded (curl's status {status}); check the network, and run this "
            "again to continue, or give a copy of your own as ROOT=FOLDER"
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
