"""Texts: what is asked for in words, as the bytes that networks take."""

import unicodedata
from typing import TypeAlias

import torch
from jaxtyping import Int
from torch import Tensor

from audiodiff._types import Condition
from audiodiff.conditioning.parts import OPEN
from audiodiff.config import shown
from audiodiff.errors import AudiodiffError

TEXT = "text"
"""The name of the part in a condition."""

N_VALUES = 256
"""Values of a byte."""

MAX_BYTES = 1000
"""The most bytes of a text that any model takes."""

Bytes: TypeAlias = Int[Tensor, "batch n_bytes"]
"""The text of each item as bytes of UTF-8, with `OPEN` after the end of a shorter one."""


def normalised(text: str) -> str:
    r"""A text in one line, with single spaces between words, in Unicode's composed form (NFC).

    >>> normalised(" nine,\n  quietly ")
    'nine, quietly'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def bytes_of(text: str, most: int, name: str = TEXT) -> Bytes:
    """The bytes of one text, normalised; one open byte for an empty text, which asks for nothing.

    Examples:
        >>> bytes_of("nine", most=100)
        tensor([[110, 105, 110, 101]])
        >>> bytes_of("", most=100)
        tensor([[-1]])

    Args:
        text: The text, in any language.
        most: Most bytes that the model takes.
        name: Name of the argument, for the message.

    Raises:
        AudiodiffError: If the text is longer, or holds half a character, as it does where a command
            line was not in UTF-8.
    """
    try:
        content = normalised(text).encode()
    except UnicodeEncodeError as error:
        raise AudiodiffError(
            f"{name}={shown(text)} is not in UTF-8; save or type it as such"
        ) from error
    if len(content) > most:
        raise AudiodiffError(
            f"{name}={shown(text)} has {len(content)} bytes and this model takes at most {most}; "
            "shorten it"
        )
    return torch.tensor([list(content) or [OPEN]])


def texts_of(content: Bytes) -> list[str]:
    """The texts of bytes, as `bytes_of` makes them; bytes that are no UTF-8 count as unknown.

    >>> texts_of(torch.tensor([[104, 105], [-1, -1]]))
    ['hi', '']
    """
    rows = content.tolist()
    return [bytes(n for n in row if n != OPEN).decode(errors="replace") for row in rows]


def text_asked(text: str | None, most: int | None, name: str = TEXT) -> Condition:
    """The condition of one sound, with its text; the null condition for an empty one, or None.

    Args:
        text: The text.
        most: Most bytes that the model takes; None for a model that takes no text.
        name: Name of the argument, for the message.

    Raises:
        AudiodiffError: If the model takes no text, or not this one.
    """
    if text is None:
        return {}
    if not isinstance(text, str):
        raise AudiodiffError(f"{name}={shown(text)} is no text; give one such as 'a man says nine'")
    if most is None:
        raise AudiodiffError(f"{name}={shown(text)}: this model takes no text; leave it out")
    asked = bytes_of(text, most, name)
    return {} if (asked == OPEN).all() else {TEXT: asked}
