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
from audiodiff.pipelines.edit_settings import EditSettings
from audiodiff.pipelines.edited import continue_file, inpaint_file, vary_part_of_file
from audiodiff.pipelines.edited_whole import upsample_file, vary_file
from audiodiff.pipelines.editor import VARY_STEPS, Editor
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

Work: TypeAlias = Callable[..., str | None]
"""Takes a model's name, a job, settings and what else a visitor gave; returns as `inpaint_file`."""


class Edit(NamedTuple):
    """An edit that visitors can choose.

    Attributes:
        name: Its name in the API.
        work: What does it.
        inputs: What it takes: the sound, its own values and the number of steps.
        buttons: The buttons that start and cancel it.
    """

    name: str
    work: Work
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
            edits = _edits(config, *source)
        with gr.Column():
            made = gr.Audio(label="Edited", interactive=False, buttons=["download"])
            said = gr.Markdown()
            picture = gr.Plot(label="Spectrograms", show_label=False)
    for edit in edits:
        go, stop = edit.buttons
        making = go.click(
            edited_by(edit.work, model),
            [*edit.inputs, seed, kept],
            [made, said, picture, kept],
            api_name=f"{endpoint}_{edit.name}",
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


def _edits(config: ModelConfig, sound: gr.Audio, start: gr.Slider, end: gr.Slider) -> list[Edit]:
    """The tabs of the edits."""
    n_steps = len(config.sampling.times) - 1
    with gr.Tab("Fill"):
        gr.Markdown(f"Makes the marked part anew, whatever it holds. {NOTE}")
        inputs = [sound, start, end, _steps(n_steps)]
        filling = Edit("inpaint", fill, inputs, buttons("Fill the marked part"))
    with gr.Tab("Continue"):
        gr.Markdown(f"Lets the recording go on after its end. {NOTE}")
        seconds = gr.Slider(0.1, MAX_ADDED, value=1, step=0.1, label="Seconds")
        inputs = [sound, seconds, _steps(n_steps)]
        continuing = Edit("continue", continue_, inputs, buttons("Continue"))
    with gr.Tab("Widen"):
        gr.Markdown(WIDE.format(config.sample_rate))
        widening = Edit("upsample", widen, [sound, _steps(n_steps)], buttons("Widen"))
    with gr.Tab("Vary"):
        gr.Markdown(VARIED)
        strength = gr.Slider(0.05, 1, value=STRENGTH, step=0.05, label="Strength")
        what = gr.Dropdown([ALL, PART], value=ALL, label="Vary")
        inputs = [sound, strength, what, start, end, _steps(VARY_STEPS)]
        varying = Edit("vary", vary, inputs, buttons("Vary"))
    return [filling, continuing, widening, varying]


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


def edited_by(work: Work, model: str) -> Callable[..., Iterator[Any]]:
    """What edits a sound and yields the result, a sentence and spectrograms.

    Args:
        work: The edit.
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
        remark = work(model, job, settings, *asked)
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


def fill(model: str, job: Job, settings: EditSettings, start: float, end: float) -> str | None:
    """Fills the marked part."""
    return inpaint_file(editor_of(model), job, [(start, end)], settings, _silent)


def continue_(model: str, job: Job, settings: EditSettings, seconds: float) -> str | None:
    """Lets a sound go on."""
    return continue_file(editor_of(model), job, seconds, settings, _silent)


def widen(model: str, job: Job, settings: EditSettings) -> str | None:
    """Adds the frequencies that a sound lacks."""
    return upsample_file(upsampler_of(model), job, settings, _silent)


def vary(
    model: str,
    job: Job,
    settings: EditSettings,
    strength: float,
    what: str,
    start: float,
    end: float,
) -> str | None:
    """Varies a sound or its marked part."""
    if what == PART:
        part = (start, end)
        return vary_part_of_file(editor_of(model), job, part, strength, settings, _silent)
    vary_file(editor_of(model), job, strength, settings, _silent)
    return None


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
