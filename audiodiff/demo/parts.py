"""What the demo's tabs share: inputs, guards, and results in the forms that a page shows."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr
import torch
from gradio.utils import get_upload_folder
from matplotlib.figure import Figure

from audiodiff.audio import io
from audiodiff.audio.plots import save_figure
from audiodiff.demo.work import OWN, RULES, Given, read
from audiodiff.errors import AudiodiffError
from audiodiff.mel.presets import PRESETS
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.samplers.registry import SAMPLERS
from audiodiff.system.jobs import sentence

MAX_STEPS = 32

NAME = "arctic_a0016.wav"
EXAMPLES = (Path(__file__).with_name(NAME), Path(__file__).parents[2] / "examples" / NAME)
"""A clip where the package is installed, and where it runs from its repository."""

KEPT_SECONDS = 3600
"""How long files of a visit stay on the server."""


def source() -> tuple[gr.Audio, gr.File, gr.Dropdown]:
    """Inputs for a sound, or a mel and whose it is."""
    sound = gr.Audio(
        label="Sound", type="filepath", sources=["upload", "microphone"], buttons=["download"]
    )
    gr.Examples([[str(example)] for example in EXAMPLES if example.is_file()], [sound])
    with gr.Accordion("Or a mel", open=False):
        mel = gr.File(label="A mel: .npy, .npz, .pt, .safetensors")
        preset = gr.Dropdown([OWN, *PRESETS], value=OWN, label="Whose mel it is")
    return sound, mel, preset


def choice() -> tuple[gr.Slider, gr.Dropdown, gr.Dropdown, gr.Number]:
    """Inputs for a run."""
    steps = gr.Slider(1, MAX_STEPS, value=2, step=1, label="Steps")
    with gr.Accordion("More", open=False):
        sampler = gr.Dropdown([OWN, *SAMPLERS], value=OWN, label="Sampler")
        rule = gr.Dropdown(list(RULES), value=OWN, label="Times")
        seed = gr.Number(value=0, precision=0, minimum=0, label="Seed")
    return steps, sampler, rule, seed


def buttons(name: str) -> tuple[gr.Button, gr.Button]:
    """One to start, one to cancel."""
    with gr.Row():
        return gr.Button(name, variant="primary"), gr.Button("Cancel")


def readable(work: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Work whose failures are a sentence in the page; a fault of ours shows no trace."""

    @wraps(work)
    def guarded(*arguments: Any) -> Iterator[Any]:
        try:
            yield from work(*arguments)
        except (AudiodiffError, OSError) as error:
            said = sentence(error)
            for upload in (a for a in arguments if isinstance(a, str) and Path(a).is_absolute()):
                said = said.replace(upload, Path(upload).name)  # where it lies is ours to know
            # Until it is closed: some are long to read.
            raise gr.Error(said, duration=None, print_exception=False) from error

    return guarded


@cache
def vocoder_of(model: str) -> Vocoder:
    """The model, loaded once."""
    return Vocoder.from_pretrained(model)


def opened(model: str, sound: str | None, mel: str | None, preset: str) -> tuple[Vocoder, Given]:
    """The model and what `source` was given, of which a mel goes before a sound."""
    vocoder = vocoder_of(model)
    return vocoder, read(vocoder, mel or sound, preset)


def new_file(suffix: str) -> Path:
    """Where a result can be written so that the page serves it; what is older than an hour goes.

    Gradio would keep what it is given as arrays for as long, whether anybody can still see it or
    not, and would raise sound in floats to its peak.
    """
    root = Path(get_upload_folder()) / "made"
    for old in root.glob("*"):
        with suppress(OSError):  # another visit's sweep may be there first
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                old.unlink()
    root.mkdir(parents=True, exist_ok=True)
    return root / f"{uuid4().hex}{suffix}"


def discard(files: Iterable[str]) -> None:
    """Deletes results that nobody can see any more."""
    for file in files:
        Path(file).unlink(missing_ok=True)


def sound_file(wave: torch.Tensor, rate: int) -> str:
    """A file with the sound at the level that it has."""
    path = new_file(".wav")
    io.save(path, wave.numpy(), rate)
    return str(path)


def picture_file(figure: Figure) -> str:
    """A file with a picture, for a gallery."""
    path = new_file(".png")
    save_figure(figure, path)
    return str(path)
