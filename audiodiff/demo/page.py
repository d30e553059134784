"""The demo's page and its tabs, some of which have files of their own."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from matplotlib.figure import Figure

from audiodiff.audio.plots import spectrogram_figure
from audiodiff.demo.compare import compare_tab
from audiodiff.demo.edit import edit_tab
from audiodiff.demo.generate import generate_tab
from audiodiff.demo.parts import (
    KEPT_SECONDS,
    buttons,
    choice,
    config_of,
    discard,
    opened,
    picture_file,
    readable,
    sound_file,
    source,
    vocoder_of,
)
from audiodiff.demo.requests import Page
from audiodiff.demo.work import Choice, Given, Stage, figures, record_of_choice, run, run_of
from audiodiff.diffusion.plots import run_figure
from audiodiff.errors import AudiodiffError
from audiodiff.mel.doctor import advise, examine
from audiodiff.mel.files import load_mel
from audiodiff.mel.plots import mels_figure
from audiodiff.pipelines.vocoder import Vocoder

MAX_WAITING = 20
AT_ONCE = 2
"""Number of runs made at the same time; other visitors wait in a queue."""


def build(models: Sequence[str] = ("default",)) -> gr.Blocks:
    """Builds the page.

    Args:
        models: Names, directories or hub ids of the models that visitors can choose; those that
            take no mel, or fill gaps, have a tab of their own each.

    Raises:
        AudiodiffError: If there is no such model.
    """
    with Page(
        title="audiodiff", analytics_enabled=False, delete_cache=(KEPT_SECONDS, KEPT_SECONDS)
    ) as page:
        gr.Markdown("# audiodiff\nA mel spectrogram in, sound out, by diffusion in a few steps.")
        configs = {name: config_of(name) for name in models}
        vocoders = [name for name, config in configs.items() if config.mel is not None]
        if vocoders:
            _vocoder_tabs(vocoders)
        editors = [name for name, config in configs.items() if config.infill is not None]
        generators = [name for name in configs if name not in (*vocoders, *editors)]
        for title, names, tab in (
            ("Generate", generators, generate_tab),
            ("Edit", editors, edit_tab),
        ):
            for i, name in enumerate(names):
                with gr.Tab(f"{title}: {name}" if len(names) > 1 else title):
                    tab(name, configs[name], f"{title.lower()}_{i + 1}" if i else title.lower())
    # Only through the queue, which bounds how many runs there are at a time.
    page.queue(api_open=False, max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE)
    return page


def _vocoder_tabs(models: Sequence[str]) -> None:
    model = gr.Dropdown(list(models), value=models[0], label="Model", visible=len(models) > 1)
    with gr.Tab("Vocode"):
        _vocode_tab(model)
    with gr.Tab("Compare"):
        compare_tab(model)
    with gr.Tab("See the diffusion"):
        _steps_tab(model)
    with gr.Tab("Mel doctor"):
        _doctor_tab(model)


def _vocode_tab(model: gr.Dropdown) -> None:
    kept = gr.State([])
    with gr.Row():
        with gr.Column():
            inputs = [model, *source(), *choice(), kept]
            go, stop = buttons("Make sound")
        with gr.Column():
            made = gr.Audio(label="Made from the mel", interactive=False, buttons=["download"])
            said = gr.Markdown()
            picture = gr.Plot(label="Mel spectrograms", show_label=False)
    making = go.click(
        vocode, inputs, [made, said, picture, kept], api_name="vocode", concurrency_id="run"
    )
    stop.click(None, cancels=[making], api_visibility="private")


def _steps_tab(model: gr.Dropdown) -> None:
    kept = gr.State([])
    with gr.Row():
        with gr.Column():
            inputs = [model, *source(), *choice(), kept]
            go, stop = buttons("Show the run")
        with gr.Column():
            schedule = gr.Plot(label="The run's times", show_label=False)
            gallery = gr.Gallery(
                label="The sound after each step", show_label=False, columns=2, object_fit="contain"
            )
    making = go.click(
        show_run, inputs, [schedule, gallery, kept], api_name="steps", concurrency_id="run"
    )
    stop.click(None, cancels=[making], api_visibility="private")


def _doctor_tab(model: gr.Dropdown) -> None:
    mel = gr.File(label="Mel (.npy, .npz, .pt, .safetensors)")
    go = gr.Button("Examine", variant="primary")
    said = gr.Markdown()
    go.click(doctor, [model, mel], [said], api_name="doctor")


@readable
def vocode(
    model: str,
    sound: str | None,
    mel: str | None,
    preset: str,
    steps: int,
    sampler: str,
    rule: str,
    seed: int,
    kept: list[str],
) -> Iterator[tuple[Any, ...]]:
    """Vocodes a sound or a mel; yields its progress, then the sound, its scores and a picture.

    The sound is kept until the visit's next run has made another.
    """
    vocoder, given = opened(model, sound, mel, preset)
    chosen = Choice(int(steps), sampler, rule, int(seed))
    n_steps = len(vocoder.model.times(run_of(vocoder, chosen))) - 1
    start, step = time.perf_counter(), None
    for step in run(vocoder, given, chosen):
        # gr.skip() only for the state: Gradio copies a component that skips, and keeps the copy and
        # its next value until the visit is over.
        yield None, f"step {step.n} of {n_steps}", None, gr.skip()
    spent = time.perf_counter() - start
    assert step is not None, "a run has a step"
    record = record_of_choice(vocoder, model, chosen)
    sound_made = sound_file(step.wave, given.own.rate, record)
    yield (
        sound_made,
        _report(given, step, spent, vocoder),
        _mels(given, step, vocoder),
        [sound_made],
    )
    discard(kept)


@readable
def show_run(
    model: str,
    sound: str | None,
    mel: str | None,
    preset: str,
    steps: int,
    sampler: str,
    rule: str,
    seed: int,
    kept: list[str],
) -> Iterator[tuple[Any, ...]]:
    """The times of a run, and after each step the spectrogram of what it would sound like."""
    vocoder, given = opened(model, sound, mel, preset)
    chosen = Choice(int(steps), sampler, rule, int(seed))
    shown: list[tuple[str, str]] = []
    schedule = run_figure(vocoder.model.schedule, vocoder.model.times(run_of(vocoder, chosen)))
    yield schedule, shown, shown
    discard(kept)
    for step in run(vocoder, given, chosen):
        figure = spectrogram_figure([(f"step {step.n}", step.wave)], given.own.rate)
        figure.set_size_inches(5, 5)
        shown = [*shown, (picture_file(figure), f"step {step.n}, t = {step.t:.3g}")]
        yield schedule, shown, [file for file, _ in shown]


@readable
def doctor(model: str, mel: str | None) -> Iterator[str]:
    """Tells what a mel is, and what to do with it so that it fits the model."""
    if not mel:
        raise AudiodiffError("there is no mel; give one first")
    config = vocoder_of(model).mel_config
    examination = examine(load_mel(Path(mel)))
    lines = [examination.facts]
    for name, evidence in zip(examination.likely, examination.evidence, strict=True):
        lines.append(f"may be **{name}**: {evidence}")
    lines.append(advise(examination, config).sentence)
    yield "\n\n".join(lines)


def _report(given: Given, step: Stage, spent: float, vocoder: Vocoder) -> str:
    seconds = len(step.wave) / given.own.rate
    parts = [f"{seconds:.1f} s in {spent:.2f} s, real-time factor {spent / seconds:.3f}"]
    found = figures(given, step.wave, given.own.rate)
    parts += [f"{name} {value:.3f}" for name, value in found.items() if isinstance(value, float)]
    lacking = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    parts += [
        f"{reason} for {', '.join(name for name in lacking if lacking[name] == reason)}"
        for reason in dict.fromkeys(lacking.values())
    ]
    return "; ".join(parts)


def _mels(given: Given, step: Stage, vocoder: Vocoder) -> Figure:
    # A sound of one frame is too short for a mel without silence after it.
    missing = vocoder.mel_config.n_fft - given.own.skip - len(step.wave)
    wave = torch.nn.functional.pad(step.wave[None], (given.own.skip, max(0, missing)))
    made = vocoder.mel(vocoder.whole_frames(wave)).cpu()
    n = min(made.shape[2], given.mel.shape[2])
    return mels_figure(given.mel[0, :, :n].cpu(), made[0, :, :n])
