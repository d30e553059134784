"""Downloads an archive, checks it and unpacks it: python fetch.py URL ALGORITHM:DIGEST FOLDER.

Run again after an interruption, it continues where it was; once done, it does nothing.

With git:COMMIT for a digest, URL is a git repository, of which that commit's files are fetched.
The commit's name is itself a digest of them all, which git checks; a host's archives of a commit
have no lasting digest, as their compression may change. A repository whose download was interrupted
is fetched from its beginning.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

BLOCK = 2**20

NO_REST = (33, 36)
"""curl's statuses if a server sends files only from their beginning, or has no more bytes."""

RANGE_NOT_SATISFIABLE = "416"


class FetchError(Exception):
    """An error to show to the user."""


def fetch(url: str, digest: str, folder: Path) -> None:
    """Unpacks an archive, or a commit of a git repository, into a folder.

    Args:
        url: URL of the archive or repository.
        digest: Expected digest, as ``sha256:...``, ``md5:...`` or ``git:...``.
        folder: Folder for the content, and for the archive until it is unpacked; a repository's
            files lie in a folder of its name in it.

    Raises:
        FetchError: If the archive cannot be downloaded, or its digest is not the expected one.
    """
    if digest.startswith("git:"):
        fetch_commit(url, digest.removeprefix("git:"), folder)
        return
    name = url.rsplit("/", 1)[-1]
    done, archive = folder / f".{name}.done", folder / f".{name}"
    if done.exists():
        archive.unlink(missing_ok=True)  # killed before it could go
        return
    folder.mkdir(parents=True, exist_ok=True)
    left = archive.exists()  # by a kill: whole or in part; not every server can continue a part
    whole = left and has_digest(archive, digest)
    if left and not whole and not (download(url, archive) and has_digest(archive, digest)):
        print("the part that is there cannot be continued; starting again", file=sys.stderr)
        archive.unlink()
    if not archive.exists():
        download(url, archive)
        if not has_digest(archive, digest):
            archive.unlink()
            raise FetchError(f"{url} is not the file that {digest} stands for; try again later")
    print(f"unpacking {name}", file=sys.stderr)
    unpack(archive, folder)
    done.touch()
    archive.unlink()


def fetch_commit(url: str, commit: str, folder: Path) -> None:
    """Unpacks a commit into the folder named after its repository, in ``folder``.

    Every file gets the commit's time, so that all downloads of it are alike.

    Raises:
        FetchError: If the commit cannot be fetched.
    """
    name = url.rsplit("/", 1)[-1].removesuffix(".git")
    done, repository = folder / f".{name}.{commit}.done", folder / f".{name}.git"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f".{name}.tar"
        if not repository.exists() or git(repository, "cat-file", "-e", commit):
            shutil.rmtree(repository, ignore_errors=True)  # without the commit: cut short by a kill
            print(f"fetching {url}", file=sys.stderr)
            if git(repository, "init", "--quiet", "--bare", said=True) or git(
                repository, "fetch", "--depth", "1", url, commit, said=True
            ):
                shutil.rmtree(repository, ignore_errors=True)
                raise FetchError(
                    f"commit {commit} of {url} cannot be fetched; check the network, and run this "
                    "again, or give a copy of your own as ROOT=FOLDER"
                )
        print(f"unpacking {name}", file=sys.stderr)
        prefix = f"--prefix={name}/"
        if git(
            repository, "archive", prefix, "--output", str(archive.resolve()), commit, said=True
        ):
            raise FetchError(f"{repository} cannot be unpacked; remove it, and run this again")
        unpack(archive, folder)
        archive.unlink()
        done.touch()
    shutil.rmtree(repository, ignore_errors=True)


def git(repository: Path, *arguments: str, said: bool = False) -> int:
    """The exit status of a git command in a repository; what git says is hidden unless ``said``."""
    output = None if said else subprocess.DEVNULL
    try:
        return subprocess.run(
            ["git", f"--git-dir={repository}", *arguments],
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
    except FileNotFoundError as error:
        raise FetchError("downloading needs git; install it") from error


def download(url: str, path: Path) -> bool:
    """Downloads a file, or the rest of one; False if the server has no rest of it to give.

    Raises:
        FetchError: If it cannot be downloaded for another reason.
    """
    command = ["curl", "--fail", "--location", "--continue-at", "-", "--write-out", "%{http_code}"]
    begun = path.exists()
    try:
        ended = subprocess.run(
            [*command, "--output", str(path), url], stdout=subprocess.PIPE, text=True, check=False
        )
    except FileNotFoundError as error:
        raise FetchError("downloading needs curl; install it") from error
    if begun and (ended.returncode in NO_REST or ended.stdout == RANGE_NOT_SATISFIABLE):
        return False
    if ended.returncode:
        raise FetchError(
            f"{url} cannot be downloaded (curl's status {ended.returncode}); check the network, "
            "and run this again to continue, or give a copy of your own as ROOT=FOLDER"
        )
    return True


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks an archive; no member of it may lie outside the folder."""
    safely = {}
    if tarfile.is_tarfile(archive):  # unpacking a zip file is always safe
        if not hasattr(tarfile, "data_filter"):
            raise FetchError(
                f"this Python, {sys.version.split()[0]}, cannot unpack {archive} safely; use "
                "3.10.12, 3.11.4, 3.12 or later, or give a copy of your own as ROOT=FOLDER"
            )
        safely = {"filter": "data"}
    try:
        shutil.unpack_archive(archive, folder, **safely)
    except (tarfile.TarError, zipfile.BadZipFile, shutil.ReadError) as error:
        raise FetchError(f"{archive} cannot be unpacked ({error})") from error


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
