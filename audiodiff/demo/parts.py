"""What the demo's tabs share: inputs, guards, and results in the forms that a page shows."""

from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from audiodiff.audio import io
from audiodiff.audio.presets import PRESETS
from audiodiff.demo.work import OWN, RULES, Given, read
from audiodiff.errors import AudiodiffError
from audiodiff.files import sentence
from audiodiff.samplers.loop import SAMPLERS
from audiodiff.vocoder import Vocoder

MAX_STEPS = 32

NAME = "arctic_a0016.wav"
EXAMPLES = (Path(__file__).with_name(NAME), Path(__file__).parents[2] / "examples" / NAME)
"""A clip where the package is installed, and where it runs from its repository."""

Sound = tuple[int, np.ndarray]
"""A rate and 16-bit samples."""


def source() -> tuple[gr.Audio, gr.File, gr.Dropdown]:
    """Inputs for a sound, or a mel and whose it is."""
    sound = gr.Audio(label="Sound", type="filepath", sources=["upload", "microphone"])
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
            raise gr.Error(sentence(error), print_exception=False) from error

    return guarded


@cache
def vocoder_of(model: str) -> Vocoder:
    """The model, loaded once."""
    return Vocoder.from_pretrained(model)


def opened(model: str, sound: str | None, mel: str | None, preset: str) -> tuple[Vocoder, Given]:
    """The model and what `source` was given, of which a mel goes before a sound."""
    vocoder = vocoder_of(model)
    return vocoder, read(vocoder, mel or sound, preset)


def audio(wave: torch.Tensor, rate: int) -> Sound:
    """At the level that it has: the page would raise floats to their peak."""
    return rate, io.encode(wave.numpy(), "PCM_16")[0]


def pixels(figure: Figure) -> np.ndarray:
    """A picture, for a gallery."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
