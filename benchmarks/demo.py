"""Whether the demo leaks, and how long a visitor waits: a Markdown table.

Starts `audiodiff demo` as anybody would and makes one sound after another through its API, each
with a seed of its own. What it says of memory and files is of the server alone.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import psutil
import typer
from gradio_client import Client, handle_file
from rich.console import Console
from rich.progress import track
from script import run_script

from audiodiff import AudiodiffError

CLIP = Path(__file__).resolve().parents[1] / "examples" / "arctic_a0016.wav"
OWN = "the model's own"
START_S = 120
"""How long a server may take until it answers."""


def serve(folder: Path) -> tuple[subprocess.Popen[bytes], Client]:
    """A demo that keeps its files in a folder, and a client of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "audiodiff", "demo", "--port", str(port)]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(folder / "server")}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                url = f"http://127.0.0.1:{port}"
                return server, Client(url, verbose=False, download_files=folder / "client")
        time.sleep(0.2)
    server.kill()
    raise AudiodiffError(f"the demo did not answer on port {port} within {START_S} s")


def main(
    clip: Annotated[Path, typer.Argument(help="A recording of speech.")] = CLIP,
    generations: Annotated[int, typer.Option(help="Sounds that are made.", min=1)] = 200,
    every: Annotated[int, typer.Option(help="Generations from row to row.", min=1)] = 20,
) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, client = serve(folder)
        try:
            watched = psutil.Process(server.pid)
            print(f"{clip.name}, {os.cpu_count()} CPUs.\n")
            print("| generations | seconds for the last | memory, MiB | files | open files |")
            print("| --- | --- | --- | --- | --- |")
            for i in track(range(generations), console=Console(stderr=True)):
                start = time.perf_counter()
                client.predict(
                    "default", handle_file(clip), None, OWN, 2, OWN, OWN, i, api_name="/vocode"
                )
                spent = time.perf_counter() - start
                if i == 0 or (i + 1) % every == 0:
                    n_files = sum(path.is_file() for path in (folder / "server").rglob("*"))
                    memory = watched.memory_info().rss / 2**20
                    cells = (i + 1, f"{spent:.2f}", f"{memory:.0f}", n_files, watched.num_fds())
                    print(f"| {' | '.join(map(str, cells))} |", flush=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    run_script(main)
