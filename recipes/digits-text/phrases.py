"""What may be said of a spoken digit: sentences to train on, and others to test with."""

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

TRAINED = (
    "{who} says {digit}{how}",
    "{who} {adverb} says {digit}{how}",
    "{who} saying {digit}{how}",
    "{digit}, said by {who}{how}",
    "{digit} by {who}{how}",
    "{digit}{how}, {who}",
    "the word {digit}, spoken by {who}{how}",
    "a recording of {who}, who says {digit}{how}",
    "listen to {who}: {digit}{how}",
    "this is {digit}{how}, from {who}",
    "now {who} reads {digit} aloud{how}",
    "{digit}{how}; the speaker is {who}",
    "here {who} counts: {digit}{how}",
)
"""Forms of the sentences that a model is trained on."""

TESTED = (
    "{who} utters the number {digit}{how}",
    "we hear {who} pronounce {digit}{how}",
    "{digit}, in the voice of {who}{how}",
    "{first}{who} tells us {digit}",
)
"""Forms that no training text has."""

HELD_OUT = (
    ("three", "george"),
    ("seven", "jackson"),
    ("zero", "lucas"),
    ("five", "nicolas"),
    ("nine", "theo"),
    ("eight", "yweweler"),
)
"""Digits and speakers that are never together in training: each speaker lacks one digit."""

HOW = {
    "pitch": {
        -1: ("in a deep voice", "with a deep voice", "low-pitched"),
        1: ("in a high voice", "with a high voice", "high-pitched"),
    },
    "pace": {
        -1: ("slowly", "at a slow pace", "without haste"),
        1: ("quickly", "at a quick pace", "fast"),
    },
    "loudness": {
        -1: ("quietly", "softly", "at a low volume"),
        1: ("loudly", "with force", "at a high volume"),
    },
}
"""How each direction of a quality is said."""

NUMERALS = {
    word: str(n)
    for n, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
}


class Facts(NamedTuple):
    """What is known of a clip.

    Attributes:
        digit: The word.
        speaker: The speaker's name.
        pitch: 1 if it is high for the speaker, -1 if low, 0 if neither.
        pace: 1 if it is quick for the word and the speaker, -1 if slow, 0 if neither.
        loudness: 1 if it is loud for the speaker, -1 if quiet, 0 if neither.
    """

    digit: str
    speaker: str
    pitch: int = 0
    pace: int = 0
    loudness: int = 0


def phrasings(facts: Facts, n: int, rng: random.Random) -> list[str]:
    """Several texts of a clip, each of which tells some of the facts.

    What a text does not tell may be anything, as in a run that does not ask for it. Many tell the
    digit or the speaker alone, so that a model learns what each means without the other.
    """
    chances = {"digit": 0.8, "speaker": 0.6} | dict.fromkeys(HOW, 0.5)
    return [
        sentence(facts, [name for name in chances if rng.random() < chances[name]], TRAINED, rng)
        for _ in range(n)
    ]


def sentence(facts: Facts, told: Collection[str], forms: Sequence[str], rng: random.Random) -> str:
    """A sentence on a clip.

    Args:
        facts: What is known of the clip.
        told: Names of the facts that it tells.
        forms: Forms to choose from.
        rng: What chooses.
    """
    who = facts.speaker if "speaker" in told else rng.choice(("a man", "someone", "a voice"))
    digit = facts.digit if "digit" in told else rng.choice(("a digit", "something"))
    numeral, capital = rng.random() < 0.15, rng.random() < 0.3
    comma, link = rng.choice((" ", ", ")), rng.choice((" and ", ", "))
    if "digit" in told and numeral:
        digit = NUMERALS[facts.digit]
    # Drawn last, so that two texts by one seed differ only in what they tell.
    how = [
        rng.choice(directions[getattr(facts, name)])
        for name, directions in HOW.items()
        if name in told and getattr(facts, name)
    ]
    rng.shuffle(how)
    adverb = next((words for words in how if words.endswith("ly")), None)
    form = rng.choice([form for form in forms if adverb or "{adverb}" not in form])
    if adverb and "{adverb}" in form:
        how.remove(adverb)
    joined = link.join(how)
    slots = {
        "who": who,
        "digit": digit,
        "adverb": adverb,
        "how": f"{comma}{joined}" if how else "",
        "first": f"{joined}, " if how else "",
    }
    text = form.format(**slots)
    return f"{text[0].upper()}{text[1:]}." if capital else text
