"""The demo's tab of sounds made from labels or a text: several seeds, or scales, at once."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import gradio as gr
import torch.nn.functional as F
from matplotlib.figure import Figure

from audiodiff.demo.parts import MAX_SEED, MAX_STEPS, buttons, discard, readable, sound_file
from audiodiff.demo.work import MAX_SECONDS, Samples
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.plots import mels_grid
from audiodiff.mel.presets import PRESETS
from audiodiff.model.config import ModelConfig
from audiodiff.model.run import Run
from audiodiff.pipelines.generated import Sound
from audiodiff.pipelines.generator import Generator
from audiodiff.provenance.making import record_of

N_SOUNDS = 8
N_COLUMNS = 4

MAX_SCALE = 8.0

ANY = "any"
"""Choice of a label that leaves it open."""


class Variant(NamedTuple):
    """One of the sounds that are made of what a visitor asks for.

    Attributes:
        name: What tells it from the others.
        seed: Its seed.
        scale: Its guidance scale.
    """

    name: str
    seed: int
    scale: float


Variants = Callable[[float, int], Sequence[Variant]]
"""The sounds that are made for a guidance scale and a seed."""


def seeds_at(scale: float, seed: int) -> list[Variant]:
    """Several seeds at one scale."""
    return [Variant(f"seed {seed + i}", seed + i, scale) for i in range(N_SOUNDS)]


def scales_up_to(scale: float, seed: int) -> list[Variant]:
    """One seed at scales from 0 to the given one."""
    scales = [scale * i / (N_SOUNDS - 1) for i in range(N_SOUNDS)]
    return [Variant(f"scale {at:.2g}", seed, at) for at in scales]


def generate_tab(model: str, config: ModelConfig, endpoint: str) -> None:
    """Builds the tab of a model inside the current Gradio block.

    Args:
        model: Name of the model.
        config: Its config.
        endpoint: Name of the tab's endpoint in the API.
    """
    kept, sampling = gr.State([]), config.sampling
    guided, n_steps = bool(sampling.guidance), len(sampling.times) - 1
    with gr.Row():
        labels = [
            gr.Dropdown([ANY, *names], value=ANY, label=kind)
            for kind, names in config.label_sets.items()
        ]
    takes_text = config.network.n_bytes is not None
    with gr.Row(visible=takes_text):
        texts = [
            gr.Textbox("", label=label, max_length=config.network.n_bytes, visible=shown)
            for label, shown in (("Text", True), ("What it should not be", guided))
            if takes_text
        ]
    with gr.Row():
        own = min(max(sampling.guidance_scale, 0.0), MAX_SCALE)
        scale = gr.Slider(0, MAX_SCALE, value=own, step=0.1, label="Guidance scale", visible=guided)
        steps = gr.Slider(1, max(MAX_STEPS, n_steps), value=n_steps, step=1, label="Steps")
        seed = gr.Number(value=0, precision=0, minimum=0, maximum=MAX_SEED - N_SOUNDS, label="Seed")
    go, stop = buttons(f"Make {N_SOUNDS} sounds")
    compare = gr.Button("Compare scales from 0 to this one", visible=guided)
    said = gr.Markdown()
    players = _players_grid()
    picture = gr.Plot(label="Mel spectrograms", show_label=False)
    inputs = [scale, steps, seed, kept, *labels, *texts]
    outputs = [said, picture, kept, *players]
    runs: list[dict[str, Any]] = [
        button.click(
            made_by(model, list(config.label_sets), variants),
            inputs,
            outputs,
            api_name=name,
            concurrency_id="run",
        )
        for button, variants, name in (
            (go, seeds_at, endpoint),
            (compare, scales_up_to, f"{endpoint}_scales"),
        )
    ]
    stop.click(None, cancels=runs, api_visibility="private")


def _players_grid() -> list[gr.Audio]:
    players = []
    for _ in range(0, N_SOUNDS, N_COLUMNS):
        with gr.Row():
            players += [
                gr.Audio(visible=False, interactive=False, buttons=["download"], min_width=200)
                for _ in range(N_COLUMNS)
            ]
    return players


def made_by(model: str, kinds: Sequence[str], variants: Variants) -> Callable[..., Iterator[Any]]:
    """What makes a model's sounds and yields each as soon as it is made, then their picture.

    Args:
        model: Name of the model.
        kinds: Its kinds of label, in the order of the inputs; a text and a negative text follow
            for a model that takes texts.
        variants: The sounds for a scale and a seed.
    """

    @readable
    def made(
        scale: float, steps: int, seed: int, kept: list[str], *words: str
    ) -> Iterator[list[Any]]:
        label = {kind: name for kind, name in zip(kinds, words, strict=False) if name != ANY}
        text, negative = (given or None for given in words[len(kinds) :] or ("", ""))
        asked = variants(scale, int(seed))
        if not (label or text or negative) and len({variant.scale for variant in asked}) > 1:
            raise AudiodiffError(
                f"scales differ only with a {'label; choose' if kinds else 'text; give'} one"
            )
        generator = generator_of(model)
        guided = bool(generator.model.config.sampling.guidance)
        n_samples = min(generator.n_samples, MAX_SECONDS * generator.sample_rate)
        sounds: list[tuple[str, Samples]] = []
        files: list[str] = []
        for i, variant in enumerate(asked):
            # gr.skip() only for the state, see `page.vocode`; Gradio can cancel a run here.
            yield [f"sound {i + 1} of {len(asked)}", None, gr.skip(), *_players(sounds, files)]
            weight = variant.scale if guided else None
            run = Run(
                n_steps=int(steps),
                seed=variant.seed,
                guidance_scale=weight,
                negative_text=negative,
            )
            wave = generator.make(generator.condition(label, text), run, n_samples)[0]
            sounds.append((variant.name, wave))
            record = Sound(label, variant.seed, text).record(record_of(generator.model, model, run))
            files.append(sound_file(wave, generator.sample_rate, record))
        picture = mels_of(sounds, generator.sample_rate)
        yield ["", picture, files, *_players(sounds, files)]
        discard(kept)

    return made


def _players(sounds: Sequence[tuple[str, Samples]], files: Sequence[str]) -> list[gr.Audio]:
    shown = [
        gr.Audio(file, label=name, visible=True)
        for (name, _), file in zip(sounds, files, strict=True)
    ]
    return shown + [gr.Audio(None, visible=False)] * (N_SOUNDS - len(shown))


def mels_of(sounds: Sequence[tuple[str, Samples]], rate: int) -> Figure:
    """A picture of the sounds' mels, arranged as their players are."""
    usual = PRESETS["hifigan"]
    config = usual.model_copy(
        update={"sample_rate": rate, "f_max": min(usual.highest_frequency, rate / 2)}
    )
    log_mel = LogMel(config)
    # A sound may be too short for a mel without silence after it.
    padded = [(name, F.pad(wave, (0, max(0, config.n_fft - len(wave))))) for name, wave in sounds]
    return mels_grid([(name, log_mel(wave[None])[0]) for name, wave in padded], N_COLUMNS)


@cache
def generator_of(model: str) -> Generator:
    """The model, loaded once."""
    return Generator.from_pretrained(model)
