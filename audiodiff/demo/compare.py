"""The demo's second tab: several systems compared on one input, with scores and a blind test."""

import random
from collections.abc import Iterator
from typing import Any

import gradio as gr

from audiodiff.demo.parts import buttons, discard, opened, readable, sound_file, source
from audiodiff.demo.requests import refused
from audiodiff.demo.work import (
    FIGURES,
    N_ITERATIONS,
    Choice,
    figures,
    griffin_lim,
    record_of_choice,
    run,
)
from audiodiff.errors import AudiodiffError

GRIFFIN_LIM = f"Griffin-Lim, {N_ITERATIONS} iterations"
CHOICES = {f"{n} step{'s' * (n > 1)}": Choice(n) for n in (1, 2, 4, 8)}
CHOICES |= {"4 steps, uniform times": Choice(4, rule="uniform")}
CHOICES |= {"4 steps, dpm++2m": Choice(4, sampler="dpm++2m")}
SYSTEMS = (*CHOICES, GRIFFIN_LIM)

Sounds = dict[str, str]
"""Sound files by the name of the system that made them."""

Trials = dict[str, int]
"""Number of blind trials made, and number of right answers."""


def compare_tab(model: gr.Dropdown) -> None:
    """Builds the tab inside the current Gradio block."""
    made = gr.State({})
    sound, mel, preset = source()
    systems = gr.CheckboxGroup(
        list(SYSTEMS), value=["1 step", "2 steps", GRIFFIN_LIM], label="Systems"
    )
    go, stop = buttons("Compare")
    table = gr.Dataframe(headers=["system", *FIGURES], label="Scores", interactive=False)
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
    """Sound and scores of several systems on one input, each shown as soon as it is made."""
    if not systems:
        raise AudiodiffError("no system is chosen; choose at least one")
    vocoder, given = opened(model, sound, mel, preset)
    made: Sounds = {}
    rows: list[list[Any]] = []
    for name in systems:
        record = None
        if name == GRIFFIN_LIM:
            wave = griffin_lim(vocoder, given)
        else:
            record = record_of_choice(vocoder, model, CHOICES[name])
            for step in run(vocoder, given, CHOICES[name]):
                wave = step.wave
                # Gradio can cancel a run here. The table must not skip (see `page.vocode`); the
                # players may, as they are given copies of themselves anyway.
                yield [gr.skip(), rows, *[gr.skip()] * len(SYSTEMS)]
        found = figures(given, wave, given.own.rate)
        made = made | {name: sound_file(wave, given.own.rate, record)}
        rows = [*rows, [name, *(v if isinstance(v, str) else round(v, 3) for v in found.values())]]
        yield [made, rows, *_players(made)]
        discard(kept.values())
        kept = {}


def _players(made: Sounds) -> list[Any]:
    shown = [gr.Audio(value, label=name, visible=True) for name, value in made.items()]
    return shown + [gr.Audio(None, visible=False)] * (len(SYSTEMS) - len(shown))


def names(made: Sounds) -> tuple[gr.Dropdown, gr.Dropdown]:
    """The systems to choose A and B from."""
    found = list(made)
    first, second = (found[i] if len(found) > i else None for i in (0, 1))
    return gr.Dropdown(found, value=first), gr.Dropdown(found, value=second)


def new_trial(made: Sounds, first: str | None, second: str | None) -> tuple[Any, ...]:
    """A new trial: the sounds of A, X and B, where X is A or B at random."""
    if not first or not second or first == second:
        raise refused("there is no pair to hear; compare two systems, then choose them as A and B")
    hidden = random.choice("AB")
    x = first if hidden == "A" else second
    return hidden, made[first], made[x], made[second], "Listen, then say whether X is A or B."


def judge(hidden: str, answer: str, trials: Trials) -> tuple[str, Trials, str]:
    """Judges an answer and counts it; gives the score so far as a sentence."""
    if not hidden:
        raise refused("there is no trial; start a new one first")
    right = answer == hidden
    trials = {"made": trials["made"] + 1, "right": trials["right"] + right}
    words = "Right" if right else f"X was {hidden}"
    return "", trials, f"{words}: {trials['right']} of {trials['made']} right so far."
