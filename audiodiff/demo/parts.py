"""Parts that the demo's tabs share: inputs, error messages, and files for results."""

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
from audiodiff.demo.requests import refused
from audiodiff.demo.work import OWN, RULES, Given, read
from audiodiff.errors import AudiodiffError
from audiodiff.mel.presets import PRESETS
from audiodiff.model.config import ModelConfig
from audiodiff.model.hub import model_directory
from audiodiff.model.weights import CONFIG_NAME, read_config
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.provenance.files import tags_of
from audiodiff.provenance.record import Record
from audiodiff.samplers.registry import SAMPLERS
from audiodiff.system.jobs import sentence

MAX_STEPS = 32

MAX_SEED = 2**53 - 1
"""The largest number up to which browsers represent every whole number."""

NAME = "arctic_a0016.wav"
EXAMPLES = (Path(__file__).with_name(NAME), Path(__file__).parents[2] / "examples" / NAME)
"""Places of an example clip: in an installed package, and in the repository."""

KEPT_SECONDS = 3600
"""Seconds that a visit's files stay on the server."""


def sound_input() -> gr.Audio:
    """An input for a sound, with an example."""
    sound = gr.Audio(
        label="Sound", type="filepath", sources=["upload", "microphone"], buttons=["download"]
    )
    gr.Examples([[str(example)] for example in EXAMPLES if example.is_file()], [sound])
    return sound


def source() -> tuple[gr.Audio, gr.File, gr.Dropdown]:
    """Inputs for a sound, or for a mel and its preset."""
    sound = sound_input()
    with gr.Accordion("Or a mel", open=False):
        mel = gr.File(label="Mel (.npy, .npz, .pt, .safetensors)")
        preset = gr.Dropdown([OWN, *PRESETS], value=OWN, label="Preset of the mel")
    return sound, mel, preset


def choice() -> tuple[gr.Slider, gr.Dropdown, gr.Dropdown, gr.Number]:
    """Inputs for a run: steps, sampler, times and seed."""
    steps = gr.Slider(1, MAX_STEPS, value=2, step=1, label="Steps")
    with gr.Accordion("More", open=False):
        sampler = gr.Dropdown([OWN, *SAMPLERS], value=OWN, label="Sampler")
        rule = gr.Dropdown(list(RULES), value=OWN, label="Times")
        seed = gr.Number(value=0, precision=0, minimum=0, maximum=MAX_SEED, label="Seed")
    return steps, sampler, rule, seed


def buttons(name: str) -> tuple[gr.Button, gr.Button]:
    """A button to start a run and one to cancel it."""
    with gr.Row():
        return gr.Button(name, variant="primary"), gr.Button("Cancel")


def readable(work: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Wraps work so that an expected failure is one sentence in the page, see `refused`."""

    @wraps(work)
    def guarded(*arguments: Any) -> Iterator[Any]:
        try:
            yield from work(*arguments)
        except (AudiodiffError, OSError) as error:
            said = sentence(error)
            for upload in (a for a in arguments if isinstance(a, str) and Path(a).is_absolute()):
                said = said.replace(upload, Path(upload).name)  # the server's folders stay hidden
            raise refused(said) from error

    return guarded


def config_of(model: str) -> ModelConfig:
    """The config of a model, which is not loaded yet."""
    directory = model_directory(model)
    return ModelConfig.parse(read_config(directory), str(directory / CONFIG_NAME))


@cache
def vocoder_of(model: str) -> Vocoder:
    """The model, loaded once."""
    return Vocoder.from_pretrained(model)


def opened(model: str, sound: str | None, mel: str | None, preset: str) -> tuple[Vocoder, Given]:
    """The model, and the input from `source`; a mel takes precedence over a sound."""
    vocoder = vocoder_of(model)
    return vocoder, read(vocoder, mel or sound, preset)


def new_file(suffix: str) -> Path:
    """A new path that the page can serve; results older than `KEPT_SECONDS` are deleted.

    Gradio would keep arrays just as long, even those that nobody can see any more, and would scale
    sound in floats to its peak.
    """
    root = Path(get_upload_folder()) / "made"
    for old in root.glob("*"):
        with suppress(OSError):  # another visit may have deleted it already
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                old.unlink()
    root.mkdir(parents=True, exist_ok=True)
    return root / f"{uuid4().hex}{suffix}"


def discard(files: Iterable[str]) -> None:
    """Deletes files of results that are no longer shown."""
    for file in files:
        Path(file).unlink(missing_ok=True)


def sound_file(wave: torch.Tensor, rate: int, record: Record | None) -> str:
    """Writes a sound to a file, at its own level; ``record`` is that of the model that made it."""
    path = new_file(".wav")
    io.save(path, wave.numpy(), rate, tags=None if record is None else tags_of(record))
    return str(path)


def picture_file(figure: Figure) -> str:
    """Writes a picture to a file, for a gallery."""
    path = new_file(".png")
    save_figure(figure, path)
    return str(path)
