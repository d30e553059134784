"""The demo's second tab: several systems on one input, with figures, and a blind test."""

import random
from collections.abc import Iterator
from typing import Any

import gradio as gr

from audiodiff.demo.parts import buttons, discard, opened, readable, sound_file, source
from audiodiff.demo.work import FIGURES, N_ITERATIONS, Choice, figures, griffin_lim, run
from audiodiff.errors import AudiodiffError

GRIFFIN_LIM = f"Griffin-Lim, {N_ITERATIONS} iterations"
CHOICES = {f"{n} step{'s' * (n > 1)}": Choice(n) for n in (1, 2, 4, 8)}
CHOICES |= {"4 steps, uniform times": Choice(4, rule="uniform")}
CHOICES |= {"4 steps, dpm++2m": Choice(4, sampler="dpm++2m")}
SYSTEMS = (*CHOICES, GRIFFIN_LIM)

Sounds = dict[str, str]
"""Files with what systems made, by name."""

Trials = dict[str, int]
"""How many were made, and how many of them right."""


def compare_tab(model: gr.Dropdown) -> None:
    """Builds it."""
    made = gr.State({})
    sound, mel, preset = source()
    systems = gr.CheckboxGroup(
        list(SYSTEMS), value=["1 step", "2 steps", GRIFFIN_LIM], label="What"
    )
    go, stop = buttons("Compare")
    table = gr.Dataframe(headers=["what", *FIGURES], label="Figures", interactive=False)
    players = [gr.Audio(visible=False, interactive=False, buttons=["download"]) for _ in SYSTEMS]
    comparing = go.click(
        compare,
        [model, sound, mel, preset, systems, made],
        [made, table, *players],
        api_name="compare",
        concurrency_id="run",
    )
    stop.click(None, cancels=[comparing], api_visibility="private")
    _blind_test(made, comparing)


def _blind_test(made: gr.State, comparing: Any) -> None:
    with gr.Accordion("Blind test: which of the two is X?", open=False):
        hidden, trials = gr.State(""), gr.State({"made": 0, "right": 0})
        with gr.Row():
            first = gr.Dropdown([], label="A")
            second = gr.Dropdown([], label="B")
            new = gr.Button("New trial")
        with gr.Row():
            players = [gr.Audio(label=name, interactive=False, buttons=[]) for name in "AXB"]
        with gr.Row():
            is_a, is_b = gr.Button("X is A"), gr.Button("X is B")
        score = gr.Markdown()
    comparing.then(names, [made], [first, second], api_visibility="private")
    new.click(new_trial, [made, first, second], [hidden, *players, score], api_visibility="private")
    for button, answer in ((is_a, "A"), (is_b, "B")):
        guess = gr.State(answer)
        button.click(
            judge, [hidden, guess, trials], [hidden, trials, score], api_visibility="private"
        )


@readable
def compare(
    model: str,
    sound: str | None,
    mel: str | None,
    preset: str,
    systems: list[str],
    kept: Sounds,
) -> Iterator[list[Any]]:
    """What systems make of one input, with figures; each is shown as soon as it is made."""
    if not systems:
        raise AudiodiffError("nothing is chosen; choose one at least")
    vocoder, given = opened(model, sound, mel, preset)
    made: Sounds = {}
    rows: list[list[Any]] = []
    for name in systems:
        if name == GRIFFIN_LIM:
            wave = griffin_lim(vocoder, given)
        else:
            for step in run(vocoder, given, CHOICES[name]):
                wave = step.wave
                # Where it can be cancelled. The table may not skip (see `page.vocode`); the players
                # may, as they are given copies of themselves anyway.
                yield [gr.skip(), rows, *[gr.skip()] * len(SYSTEMS)]
        found = figures(given, wave, given.own.rate)
        made = made | {name: sound_file(wave, given.own.rate)}
        rows = [*rows, [name, *(round(value, 3) for value in found.values())]]
        yield [made, rows, *_players(made)]
        discard(kept.values())
        kept = {}


def _players(made: Sounds) -> list[Any]:
    shown = [gr.Audio(value, label=name, visible=True) for name, value in made.items()]
    return shown + [gr.Audio(None, visible=False)] * (len(SYSTEMS) - len(shown))


def names(made: Sounds) -> tuple[gr.Dropdown, gr.Dropdown]:
    """What can be A and B."""
    found = list(made)
    first, second = (found[i] if len(found) > i else None for i in (0, 1))
    return gr.Dropdown(found, value=first), gr.Dropdown(found, value=second)


def new_trial(made: Sounds, first: str | None, second: str | None) -> tuple[Any, ...]:
    """A, X and B, of which X is one of the others."""
    if not first or not second or first == second:
        raise gr.Error("Compare two systems first, then choose them as A and B.")
    hidden = random.choice("AB")
    x = first if hidden == "A" else second
    return hidden, made[first], made[x], made[second], "Listen, then say which X is."


def judge(hidden: str, answer: str, trials: Trials) -> tuple[str, Trials, str]:
    """Whether the answer is right, and the score."""
    if not hidden:
        raise gr.Error("Begin a new trial first.")
    right = answer == hidden
    trials = {"made": trials["made"] + 1, "right": trials["right"] + right}
    words = "Right" if right else f"X was {hidden}"
    return "", trials, f"{words}: {trials['right']} of {trials['made']} right so far."
