"""The demo's tab that edits recordings of speech."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import gradio as gr
import torch
from gradio.components import Component
from matplotlib.figure import Figure

from audiodiff.audio import io
from audiodiff.audio.plots import spectrogram_figure, waveform_figure
from audiodiff.audio.reader import opened
from audiodiff.config import STRENGTH
from audiodiff.demo.parts import (
    MAX_SEED,
    MAX_STEPS,
    buttons,
    discard,
    new_file,
    readable,
    sound_input,
)
from audiodiff.demo.work import MAX_SECONDS, check_length
from audiodiff.errors import AudiodiffError
from audiodiff.model.config import ModelConfig
from audiodiff.pipelines.edit_settings import Edit, EditSettings
from audiodiff.pipelines.edited import Continue, Inpaint, VaryParts
from audiodiff.pipelines.edited_whole import Upsample, Vary
from audiodiff.pipelines.editor import VARY_STEPS, Editor
from audiodiff.pipelines.infill import Infill
from audiodiff.pipelines.upsampler import Upsampler
from audiodiff.provenance.files import read_record
from audiodiff.provenance.spans import Span, in_words
from audiodiff.system.jobs import Job

MARKED_SECONDS = 0.1
"""Length of the part that is marked at first, in the middle of the sound."""

SHOWN_SECONDS = 1.0
"""Sound on either side of what is made that its picture shows."""

MAX_ADDED = 10
"""The most seconds that a sound goes on."""

NOTE = (
    "Results are wav files with the rate, channels and depth of the recording, which they equal "
    "sample by sample outside what is made."
)
VARIED = (
    "Makes the sound anew from itself and noise: the more strength, the more differs. The result "
    "is a wav with the rate, channels and depth of the recording."
)
WIDE = "Adds the frequencies that the recording lacks. The result is a wav of 24 bits at {} Hz."

ALL, PART = "the whole sound", "the marked part"
"""What is varied."""

Asked: TypeAlias = Callable[..., Edit[Any]]
"""Takes what a visitor gave besides the sound, the steps and the seed, and returns the edit."""


class Choice(NamedTuple):
    """An edit that visitors can choose.

    Attributes:
        name: Its name in the API.
        asked: The edit.
        load: Loads what does it, by the name of the model.
        inputs: What it takes: the sound, its own values and the number of steps.
        buttons: The buttons that start and cancel it.
    """

    name: str
    asked: Asked
    load: Callable[[str], Infill]
    inputs: list[Component]
    buttons: tuple[gr.Button, gr.Button]


def edit_tab(model: str, config: ModelConfig, endpoint: str) -> None:
    """Builds the tab of a model inside the current Gradio block.

    Args:
        model: Name of the model.
        config: Its config.
        endpoint: Start of the names of the tab's endpoints in the API.
    """
    kept = gr.State([])
    with gr.Row():
        with gr.Column():
            source = _source()
            seed = gr.Number(value=0, precision=0, minimum=0, maximum=MAX_SEED, label="Seed")
            choices = _choices(config, *source)
        with gr.Column():
            made = gr.Audio(label="Edited", interactive=False, buttons=["download"])
            said = gr.Markdown()
            picture = gr.Plot(label="Spectrograms", show_label=False)
    for choice in choices:
        go, stop = choice.buttons
        making = go.click(
            edited_by(choice.asked, choice.load, model),
            [*choice.inputs, seed, kept],
            [made, said, picture, kept],
            api_name=f"{endpoint}_{choice.name}",
            concurrency_id="run",
        )
        stop.click(None, cancels=[making], api_visibility="private")


def _source() -> tuple[gr.Audio, gr.Slider, gr.Slider]:
    """Inputs for a sound, and for the start and the end of a part that is marked on it."""
    sound = sound_input()
    waveform = gr.Plot(label="The marked part", show_label=False)
    with gr.Row():
        start, end = (
            gr.Slider(0, MAX_SECONDS, value=second, step=0.001, label=label)
            for second, label in zip(
                _middle(float(MAX_SECONDS)), ("Start (s)", "End (s)"), strict=True
            )
        )
    sound.change(
        measured, [sound], [start, end, waveform], show_progress="hidden", api_visibility="private"
    )
    gr.on(
        [start.input, end.input],
        marked,
        [sound, start, end],
        [waveform],
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
    return sound, start, end


def _choices(
    config: ModelConfig, sound: gr.Audio, start: gr.Slider, end: gr.Slider
) -> list[Choice]:
    """The tabs of the edits."""
    n_steps = len(config.sampling.times) - 1
    with gr.Tab("Fill"):
        gr.Markdown(f"Makes the marked part anew, whatever it holds. {NOTE}")
        inputs = [sound, start, end, _steps(n_steps)]
        fill = Choice("inpaint", filling, editor_of, inputs, buttons("Fill the marked part"))
    with gr.Tab("Continue"):
        gr.Markdown(f"Lets the recording go on after its end. {NOTE}")
        seconds = gr.Slider(0.1, MAX_ADDED, value=1, step=0.1, label="Seconds")
        inputs = [sound, seconds, _steps(n_steps)]
        continue_ = Choice("continue", Continue, editor_of, inputs, buttons("Continue"))
    with gr.Tab("Widen"):
        gr.Markdown(WIDE.format(config.sample_rate))
        inputs = [sound, _steps(n_steps)]
        widen = Choice("upsample", Upsample, upsampler_of, inputs, buttons("Widen"))
    with gr.Tab("Vary"):
        gr.Markdown(VARIED)
        strength = gr.Slider(0.05, 1, value=STRENGTH, step=0.05, label="Strength")
        what = gr.Dropdown([ALL, PART], value=ALL, label="Vary")
        inputs = [sound, strength, what, start, end, _steps(VARY_STEPS)]
        vary = Choice("vary", varying, editor_of, inputs, buttons("Vary"))
    return [fill, continue_, widen, vary]


def _steps(n_steps: int) -> gr.Slider:
    return gr.Slider(1, max(MAX_STEPS, n_steps), value=n_steps, step=1, label="Steps")


def _middle(length: float) -> Span:
    """The part that is marked at first of a sound of some seconds."""
    first = max(0.0, length - MARKED_SECONDS) / 2
    return round(first, 3), round(min(length, first + MARKED_SECONDS), 3)


@readable
def measured(sound: str | None) -> Iterator[tuple[Any, ...]]:
    """The sliders and the waveform of a new sound."""
    wave, rate = _loaded(sound) if sound else (None, 1)
    length = MAX_SECONDS if wave is None else len(wave) / rate
    # In milliseconds, as the sliders' steps; a slider has to have a range.
    length = max(1, math.floor(1000 * length)) / 1000
    part = _middle(length)
    sliders = [gr.update(maximum=length, value=second) for second in part]
    yield *sliders, None if wave is None else waveform_figure(wave, rate, [part])


@readable
def marked(sound: str | None, start: float, end: float) -> Iterator[Figure | None]:
    """The waveform of a sound, with a part marked."""
    yield waveform_figure(*_loaded(sound), [(start, end)]) if sound else None


def edited_by(
    choose: Asked, load: Callable[[str], Infill], model: str
) -> Callable[..., Iterator[Any]]:
    """What edits a sound and yields the result, a sentence and spectrograms.

    Args:
        choose: Returns the edit.
        load: Loads what does it.
        model: Name of the model.
    """

    @readable
    def edited(sound: str | None, *values: Any) -> Iterator[tuple[Any, ...]]:
        *asked, steps, seed, kept = values
        if not sound:
            raise AudiodiffError("there is nothing to work on; give a sound first")
        _check(Path(sound))
        # gr.skip() only for the state, see `page.vocode`.
        yield None, "the sound is being made", None, gr.skip()
        job, start = Job(Path(sound), new_file(".wav")), time.perf_counter()
        settings = EditSettings(n_steps=int(steps), seed=int(seed), model=model)
        remark = choose(*asked)(load(model), job, settings, _silent)
        said = [f"made in {time.perf_counter() - start:.1f} s"]
        record = read_record(job.target)
        assert record is not None, "an edit leaves a record"
        said.append(f"synthetic: {in_words(record.synthetic)}")
        if remark is not None:
            said.append(remark.removeprefix(f"{job.source}: "))
        spans = () if isinstance(record.synthetic, str) else record.synthetic
        made = str(job.target)
        yield made, "; ".join(said), _pictures(job, spans), [made]
        discard(kept)

    return edited


def filling(start: float, end: float) -> Inpaint:
    """Fills the marked part."""
    return Inpaint([(start, end)])


def varying(strength: float, what: str, start: float, end: float) -> Vary | VaryParts:
    """Varies a sound or its marked part."""
    return VaryParts([(start, end)], strength) if what == PART else Vary(strength)


def _silent(job: Job, n_done: int, n_parts: int) -> None:
    """Tells nothing of parts: most edits here have one."""


def _check(path: Path) -> None:
    with opened(path) as sound:
        check_length(sound.n_samples / sound.sample_rate, path, "edit")


def _loaded(sound: str) -> tuple[torch.Tensor, int]:
    """The mean of a sound's channels, and its rate."""
    _check(Path(sound))
    wave, rate = io.load(sound)
    return torch.from_numpy(wave), rate


def _pictures(job: Job, spans: Sequence[Span]) -> Figure:
    """Spectrograms before and after, near what is synthetic."""
    after, rate = io.load(job.target)
    before, _ = io.load(job.source, rate)
    waves = [("before", torch.from_numpy(before)), ("after", torch.from_numpy(after))]
    figure = spectrogram_figure(waves, rate, spans)
    if spans:
        first, last = spans[0][0] - SHOWN_SECONDS, spans[-1][1] + SHOWN_SECONDS
        figure.axes[0].set_xlim(max(0, first), min(len(after) / rate, last))
    return figure


@cache
def editor_of(model: str) -> Editor:
    """The model, loaded once."""
    return Editor.from_pretrained(model)


@cache
def upsampler_of(model: str) -> Upsampler:
    """The same model, by its other use."""
    return Upsampler(editor_of(model).model)
