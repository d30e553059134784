"""Measures whether the demo leaks and how long a visitor waits, as a Markdown table.

Starts `audiodiff demo` as a user would and makes one sound after another through its API, each with
a seed of its own. Memory and files are those of the server alone.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer
from gradio_client import Client, handle_file
from rich.console import Console
from rich.progress import track
from script import run_script

from audiodiff import AudiodiffError
from audiodiff.demo.work import OWN

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
START_S = 120
"""Seconds that a server may take until it answers."""


@contextmanager
def serving(folder: Path, *models: str | Path) -> Iterator[tuple[int, str]]:
    """Runs a demo whose files and output go to a folder; gives its process id and address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "audiodiff", "demo", "--port", str(port)]
    for model in models:
        command += ["--model", str(model)]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(folder / "files")}
    with (folder / "said.txt").open("w") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        until = time.monotonic() + START_S
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > until:
                raise AudiodiffError(f"the demo did not start: {(folder / 'said.txt').read_text()}")
            time.sleep(0.1)
        yield server.pid, f"http://127.0.0.1:{port}"
    finally:
        # Not SIGINT, which a process in a shell's background ignores.
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(
    clip: Annotated[Path, typer.Argument(help="Recording of speech.")] = CLIP,
    generations: Annotated[int, typer.Option(help="Number of sounds to make.", min=1)] = 200,
    every: Annotated[
        int, typer.Option(help="Number of sounds from one row to the next.", min=1)
    ] = 20,
) -> None:
    """Measure memory, files and waiting time of the demo."""
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as (pid, url):
        client = Client(url, verbose=False, download_files=Path(name) / "client")
        watched = psutil.Process(pid)
        print(f"{clip.name}, {os.cpu_count()} CPUs.\n")
        print("| generations | seconds for the last | memory, MiB | files | open files |")
        print("| --- | --- | --- | --- | --- |")
        for i in track(range(generations), console=Console(stderr=True)):
            start = time.perf_counter()
            sound = handle_file(clip)
            client.predict("default", sound, None, OWN, 2, OWN, OWN, i, api_name="/vocode")
            spent = time.perf_counter() - start
            if i == 0 or (i + 1) % every == 0:
                n_files = sum(path.is_file() for path in (Path(name) / "files").rglob("*"))
                memory = watched.memory_info().rss / 2**20
                cells = (i + 1, f"{spent:.2f}", f"{memory:.0f}", n_files, watched.num_fds())
                print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    run_script(main)
