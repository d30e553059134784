"""Compares a browser with onnxruntime: speed and sound of one exported run, as a table.

A headless Chromium opens the page of examples/browser and uses it as a visitor would. It needs no
network: the files of onnxruntime-web come from its npm package. Both systems take the same noise,
float32 and one thread, and run in turns. Times are medians of several runs.
"""

import gzip
import re
import shutil
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import soundfile
import torch
import typer
from jaxtyping import Float
from script import run_script

from audiodiff import PRESETS, AudiodiffError, LogMel
from audiodiff.audio import io

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PAGE = EXAMPLES / "browser"
CLIP = EXAMPLES / "arctic_a0016.wav"
ADDRESS = "http://localhost:8000/"
SCRIPT = (PAGE / "vocoder.js").read_text(encoding="utf-8")
RUNTIME = re.findall(r"https://.*/onnxruntime-web@[\d.]+/", SCRIPT)[0]
PACKAGE = RUNTIME.split("/")[-2]
WAIT_MS = 120_000

Mel = Float[np.ndarray, "n_mels frames"]
Sound = Float[np.ndarray, " samples"]


def chromium() -> str | None:
    """The path of a Chromium, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def downloaded(folder: Path) -> Path:
    """Gets the page's version of onnxruntime-web from npm, and gives the package's folder.

    Raises:
        AudiodiffError: If there is no npm, or it cannot get the package.
    """
    command = ["npm", "pack", PACKAGE, "--prefer-offline", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise AudiodiffError(f"npm cannot get {PACKAGE} ({error}); install npm") from error
    with tarfile.open(next(folder.glob("*.tgz"))) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"


def with_fixed_noise(graph: Path, target: Path, mel: Mel) -> None:
    """Copies a graph that draws its noise as one that always has the same, for mels of one length.

    Raises:
        AudiodiffError: If the graph draws no noise.
    """
    import onnx
    import onnxruntime

    model = onnx.load(graph)
    draws = [node for node in model.graph.node if node.op_type.startswith("RandomNormal")]
    if len(draws) != 1:
        raise AudiodiffError(f"{graph} draws no noise; export it without --noise-input")
    name = draws[0].output[0]
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (noise,) = session.run([name], {"mel": mel[None]})
    model.graph.output.pop()
    model.graph.node.remove(draws[0])
    model.graph.initializer.append(onnx.numpy_helper.from_array(noise, name))
    onnx.save(model, target)


def write_example(folder: Path, seconds: float) -> Mel:
    """Writes the mel that the page takes as its example, of the beginning of a recording."""
    wave, rate = io.load(CLIP, 22050)
    mel = LogMel(PRESETS["hifigan"])(torch.from_numpy(wave[None, : round(seconds * rate)]))[0]
    np.save(folder / f"{CLIP.stem}.npy", mel.numpy())
    return mel.numpy()


@contextmanager
def opened(package: Path, beside: Path) -> Iterator["Page"]:
    """The page in a browser without a network; it finds the graph and the example in a folder."""
    from playwright.sync_api import sync_playwright

    def answer(route: "Route") -> None:
        url = route.request.url
        if url.startswith(RUNTIME):
            path = package / url.removeprefix(RUNTIME)
        else:
            name = url.removeprefix(ADDRESS) or "index.html"
            path = next((p for p in (PAGE / name, beside / name) if p.is_file()), beside / name)
        if not path.is_file():
            route.fulfill(status=404)
            return
        kinds = {".mjs": "text/javascript", ".wasm": "application/wasm"}
        route.fulfill(
            path=path,
            content_type=kinds.get(path.suffix),
            headers={"Access-Control-Allow-Origin": "*"},
        )

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        page.route("**/*", answer)
        page.goto(ADDRESS)
        yield page
        browser.close()


def made(page: "Page") -> tuple[Sound, float]:
    """The sound that the page makes of its example, and the seconds that it says it took.

    Raises:
        AudiodiffError: If the page shows an error.
    """
    page.get_by_role("button", name="Vocode the example").click()
    page.locator("#example:enabled").wait_for()
    said = page.get_by_role("status").inner_text()
    if said.startswith("error"):
        raise AudiodiffError(said)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the sound").click()
    return soundfile.read(download.value.path())[0], float(said.split()[-2])


def main(
    graph: Annotated[Path, typer.Argument(help="Graph made by `audiodiff export`.")],
    seconds: Annotated[float, typer.Option(help="Seconds of the example clip.", min=0.1)] = 3.8,
    repeats: Annotated[int, typer.Option(help="Number of timed runs.", min=1)] = 5,
) -> None:
    """Compare the speed and the sound of a browser and onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mel = write_example(folder, seconds)
        with_fixed_noise(graph, folder / "vocoder.onnx", mel)
        package = downloaded(folder)
        session = onnxruntime.InferenceSession(folder / "vocoder.onnx", options)
        spent: dict[str, list[float]] = {"onnxruntime": [], "onnxruntime-web": []}
        with opened(package, folder) as page:
            made(page)  # the first run also loads the model
            for _ in range(repeats):
                start = time.perf_counter()
                expected = session.run(None, {"mel": mel[None]})[0][0, 0]
                spent["onnxruntime"].append(time.perf_counter() - start)
                sound, taken = made(page)
                spent["onnxruntime-web"].append(taken)
            browser = page.evaluate("navigator.userAgent").split("Chrome/")[1].split()[0]
        wasm = (package / "dist/ort-wasm-simd-threaded.wasm").read_bytes()
    print(
        f"{seconds:.1f} s of {CLIP.name}, one thread, onnxruntime {onnxruntime.__version__}, "
        f"{PACKAGE}, Chromium {browser}. The graph has {graph.stat().st_size / 2**20:.1f} MiB and "
        f"the runtime {len(wasm) / 2**20:.1f}, or {len(gzip.compress(wasm)) / 2**20:.1f} "
        f"compressed. Greatest difference: {np.abs(sound - expected).max():.0e} of full scale.\n"
    )
    print("| system | real-time factor | to onnxruntime |\n| --- | --- | --- |")
    medians = {system: statistics.median(times) for system, times in spent.items()}
    for system, median in medians.items():
        print(f"| {system} | {median / seconds:.3f} | {median / medians['onnxruntime']:.2f} |")


if __name__ == "__main__":
    run_script(main)
