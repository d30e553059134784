"""Archives fetched, gone on with after a kill, and unpacked."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import threading
import zlib
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest
from corpora import RECIPES, put
from killing import kill_once

pytestmark = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="this Python cannot unpack tar archives safely"
)


def fetched(url: str, digest: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(RECIPES / "fetch.py"), url, digest, str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_python_that_cannot_unpack_safely_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "corpus" / "a.wav", 0)
    archive = Path(shutil.make_archive(str(tmp_path / "corpus"), "gztar", tmp_path, "corpus"))
    digest = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    words = [str(RECIPES / "fetch.py"), archive.as_uri(), digest, str(tmp_path / "out")]
    code = f"import sys, tarfile, runpy; del tarfile.data_filter; sys.argv = {words}; "
    command = [sys.executable, "-c", code + "runpy.run_path(sys.argv[0], run_name='__main__')"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "cannot unpack" in ended.stderr
    assert "safely; use 3.10.12, 3.11.4, 3.12 or later" in ended.stderr
    assert not (tmp_path / "out" / "corpus").exists()


def test_an_archive_is_fetched_once_and_gone_on_with(tmp_path: Path) -> None:
    put(tmp_path / "corpus" / "wavs" / "a.wav", 0)
    archive = Path(shutil.make_archive(str(tmp_path / "corpus"), "gztar", tmp_path, "corpus"))
    whole, url = archive.read_bytes(), archive.as_uri()
    digest = f"sha256:{hashlib.sha256(whole).hexdigest()}"
    out = tmp_path / "out"
    out.mkdir()
    (out / ".corpus.tar.gz").write_bytes(whole[: len(whole) // 2])  # as a kill leaves it
    ended = fetched(url, digest, out)
    assert ended.returncode == 0, ended.stderr
    assert (out / "corpus" / "wavs" / "a.wav").is_file()
    assert not (out / ".corpus.tar.gz").exists()
    archive.unlink()
    assert fetched(url, digest, out).returncode == 0  # it asks for nothing
    ended = fetched(url, digest, tmp_path / "other")
    assert ended.returncode == 2
    assert "cannot be downloaded" in ended.stderr
    assert "ROOT=FOLDER" in ended.stderr
    archive.write_bytes(whole[:-1])
    ended = fetched(url, digest, tmp_path / "other")
    assert ended.returncode == 2
    assert "is not the file that sha256:" in ended.stderr
    assert not list((tmp_path / "other").iterdir())


class Halting(BaseHTTPRequestHandler):
    """Gives the first who asks half a file and then nothing, those who ask on the rest."""

    def do_GET(self) -> None:
        server = cast("HaltingServer", self.server)
        asked = self.headers.get("Range")
        server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        if asked:
            last = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        self.end_headers()
        if asked:
            self.wfile.write(server.content[start:])
        else:
            self.wfile.write(server.content[: len(server.content) // 2])
            server.over.wait()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class HaltingServer(ThreadingHTTPServer):
    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Halting)
        self.content = content
        self.asked: list[str | None] = []
        self.over = threading.Event()


@pytest.mark.skipif(shutil.which("curl") is None, reason="downloading needs curl")
def test_a_killed_download_goes_on_where_it_was(tmp_path: Path) -> None:
    put(tmp_path / "corpus" / "wavs" / "a.wav", 0, seconds=10)
    packed = Path(shutil.make_archive(str(tmp_path / "corpus"), "gztar", tmp_path, "corpus"))
    content, out = packed.read_bytes(), tmp_path / "out"
    server = HaltingServer(content)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/corpus.tar.gz"
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    archive = out / ".corpus.tar.gz"
    try:
        command = [sys.executable, str(RECIPES / "fetch.py"), url, digest, str(out)]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        kill_once(lambda: archive.is_file() and archive.stat().st_size, process)
        reached = archive.stat().st_size
        ended = fetched(url, digest, out)
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
    assert ended.returncode == 0, ended.stderr
    assert server.asked == [None, f"bytes={reached}-"]
    made = (out / "corpus" / "wavs" / "a.wav").read_bytes()
    assert made == (tmp_path / "corpus" / "wavs" / "a.wav").read_bytes()
    archive.touch()  # a kill between the last two steps
    assert fetched(url, digest, out).returncode == 0
    assert not archive.exists()


class Plain(BaseHTTPRequestHandler):
    """Gives a whole file, whatever part is asked for; with ranges, none beyond its end."""

    def do_GET(self) -> None:
        server = cast("PlainServer", self.server)
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if asked and server.ranges:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()
        with suppress(OSError):  # curl hangs up where it wanted a part
            self.wfile.write(server.content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class PlainServer(ThreadingHTTPServer):
    def __init__(self, content: bytes, ranges: bool) -> None:
        super().__init__(("127.0.0.1", 0), Plain)
        self.content, self.ranges = content, ranges
        self.asked: list[str | None] = []


@pytest.mark.skipif(shutil.which("curl") is None, reason="downloading needs curl")
@pytest.mark.parametrize("ranges", [False, True])
@pytest.mark.parametrize("left", [100, None, 10_000], ids=["a part", "as long", "longer"])
def test_what_cannot_be_continued_starts_anew(
    tmp_path: Path, ranges: bool, left: int | None
) -> None:
    put(tmp_path / "corpus" / "wavs" / "a.wav", 0, seconds=0.1)
    packed = Path(shutil.make_archive(str(tmp_path / "corpus"), "gztar", tmp_path, "corpus"))
    content, out = packed.read_bytes(), tmp_path / "out"
    assert 100 < len(content) < 10_000
    out.mkdir()
    (out / ".corpus.tar.gz").write_bytes(b"x" * (len(content) if left is None else left))
    server = PlainServer(content, ranges)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/corpus.tar.gz"
    try:
        ended = fetched(url, f"sha256:{hashlib.sha256(content).hexdigest()}", out)
    finally:
        server.shutdown()
        server.server_close()
    assert ended.returncode == 0, ended.stderr
    assert "starting again" in ended.stderr
    assert server.asked[-1] is None
    assert (out / "corpus" / "wavs" / "a.wav").is_file()
    assert not (out / ".corpus.tar.gz").exists()


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> tuple[str, str, str]:
    """A git repository of two commits: its URL and the two, the older first."""
    folder = tmp_path / "dataset-voice-a"
    git("init", "--quiet", str(folder))
    commits = []
    for text in ("old", "new"):
        (folder / "text.txt").write_text(text)
        git("-C", str(folder), "add", ".")
        git("-C", str(folder), "commit", "--quiet", "--message", text)
        commits.append(git("-C", str(folder), "rev-parse", "HEAD"))
    return folder.as_uri(), *commits


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="repositories need git")


@needs_git
def test_a_commit_is_fetched_once(tmp_path: Path, repository: tuple[str, str, str]) -> None:
    url, old, new = repository
    out = tmp_path / "deep" / "out"
    assert fetched(url, f"git:{old}", out).returncode == 0
    made = out / "dataset-voice-a" / "text.txt"
    assert made.read_text() == "old"
    committed = git("-C", str(tmp_path / "dataset-voice-a"), "log", "-1", "--format=%ct", old)
    assert made.stat().st_mtime == int(committed)
    assert [path.name for path in out.iterdir() if path.suffix != ".done"] == ["dataset-voice-a"]
    shutil.move(tmp_path / "dataset-voice-a", tmp_path / "away")
    made.unlink()
    assert fetched(url, f"git:{old}", out).returncode == 0  # it asks for nothing
    assert not made.exists()
    ended = fetched(url, f"git:{new}", out)
    assert ended.returncode == 2
    assert f"error: commit {new} of {url} cannot be fetched" in ended.stderr
    assert "ROOT=FOLDER" in ended.stderr
    shutil.move(tmp_path / "away", tmp_path / "dataset-voice-a")
    assert fetched(url, f"git:{new}", out).returncode == 0
    assert made.read_text() == "new"


@needs_git
@pytest.mark.parametrize("left", ["nothing", "no commit", "the commit", "a part of the files"])
def test_a_repository_that_a_kill_left_is_fetched(
    tmp_path: Path, repository: tuple[str, str, str], left: str
) -> None:
    url, commit, _ = repository
    out = tmp_path / "out"
    begun = out / ".dataset-voice-a.git"
    begun.mkdir(parents=True)
    if left != "nothing":
        git("init", "--quiet", "--bare", str(begun))
        (begun / "objects" / "pack" / "tmp_pack_x").write_text("half")
    if left in ("the commit", "a part of the files"):
        git("-C", str(begun), "fetch", "--quiet", "--depth", "1", url, commit)
        shutil.move(tmp_path / "dataset-voice-a", tmp_path / "away")  # all is there
    if left == "a part of the files":
        (out / "dataset-voice-a").mkdir()
        (out / "dataset-voice-a" / "text.txt").write_text("o")
        (out / ".dataset-voice-a.tar").write_text("half")
    ended = fetched(url, f"git:{commit}", out)
    assert ended.returncode == 0, ended.stderr
    assert (out / "dataset-voice-a" / "text.txt").read_text() == "old"
    assert sorted(path.name for path in out.iterdir()) == [
        f".dataset-voice-a.{commit}.done",
        "dataset-voice-a",
    ]


@needs_git
def test_a_commit_that_is_damaged_is_refused(
    tmp_path: Path, repository: tuple[str, str, str]
) -> None:
    url, commit, _ = repository
    objects = tmp_path / "dataset-voice-a" / ".git" / "objects"
    blob = git("-C", str(tmp_path / "dataset-voice-a"), "rev-parse", f"{commit}:text.txt")
    path = objects / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 3\0odd"))
    ended = fetched(url, f"git:{commit}", tmp_path / "out")
    assert ended.returncode == 2
    assert "cannot be fetched" in ended.stderr
    assert not list((tmp_path / "out").iterdir())


def test_no_member_of_an_archive_lies_outside(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"sound")
    archive = tmp_path / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "a.wav", "../../escaped.wav")
    digest = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    ended = fetched(archive.as_uri(), digest, tmp_path / "deep" / "out")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("error: ")
    assert "cannot be unpacked" in ended.stderr
    assert not list(tmp_path.rglob("escaped.wav"))
