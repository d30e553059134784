"""Clips with texts that say what they are, each in one phrasing or several."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from pydantic import Field

from audiodiff._types import Condition
from audiodiff.conditioning.text import TEXT, bytes_of
from audiodiff.config import Config
from audiodiff.data.clips import Clips
from audiodiff.data.corpus import prefix_of
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import MAX_LINE_BYTES, parse_json
from audiodiff.system.folders import listed_name

CAPTIONS_NAME = "captions.jsonl"

EXAMPLE = '{"id": "7_theo_0", "texts": ["theo says seven"]}'
"""A line of the file."""

Captions: TypeAlias = Mapping[str, Sequence[str]]
"""The texts of each clip by its id."""


class Caption(Config):
    """A line of the file.

    Attributes:
        id: Id of the clip.
        texts: What may be said of it; an empty text asks for nothing.
    """

    id: str
    texts: tuple[str, ...] = Field(min_length=1)


class CaptionedClips(Clips):
    """Clips with a text for each, in a phrasing that is drawn for each crop.

    Args:
        clips: The clips.
        captions: Texts of the clips.
        most: Most bytes of a text that the model takes.

    Raises:
        AudiodiffError: If a clip has no text, or one that the model does not take.
    """

    def __init__(self, clips: Clips, captions: Captions, most: int) -> None:
        super().__init__(clips.samples, clips.ids, clips.lengths.tolist(), clips.sample_rate)
        self.clips, self.hop_length = clips, clips.hop_length
        self.texts, self.most = [texts_of(id_, captions, most) for id_ in self.ids], most

    def condition(
        self, i: int, start: int, n_samples: int, rng: np.random.Generator | None = None
    ) -> Condition:
        """A text of clip i, the first one if there is nothing to draw by, and what else it has."""
        texts = self.texts[i]
        n = 0 if rng is None else int(rng.integers(len(texts)))
        text = {TEXT: bytes_of(texts[n], self.most)}
        return {**self.clips.condition(i, start, n_samples, rng), **text}


def texts_of(id_: str, captions: Captions, most: int) -> Sequence[str]:
    """The texts of a clip, each of which the model takes.

    Args:
        id_: Id of the clip.
        captions: Texts of the clips.
        most: Most bytes of a text that the model takes.

    Raises:
        AudiodiffError: If it has no text, or one that the model does not take.
    """
    if id_ not in captions:
        raise AudiodiffError(
            f"clip {id_!r} has no text; add a {CAPTIONS_NAME} to its folder, with a line such as "
            f"{EXAMPLE} for each clip"
        )
    try:
        for text in captions[id_]:
            bytes_of(text, most)
    except AudiodiffError as error:
        raise AudiodiffError(f"clip {id_!r} of {CAPTIONS_NAME}: {error}") from error
    return captions[id_]


def read_captions(folders: Sequence[Path]) -> Captions:
    """The texts of clips by ``captions.jsonl`` in their folders; empty where there is none.

    With several folders, the folder's name comes before an id, as in `read_corpus`.

    Raises:
        AudiodiffError: If a file cannot be read, or a line is no caption or one of a clip that
            has another.
    """
    captions: dict[str, Sequence[str]] = {}
    for folder in folders:
        prefix = prefix_of(folder, folders)
        for place, line in _lines(folder / CAPTIONS_NAME):
            try:
                caption = Caption.parse(parse_json(line, place), place)
            except AudiodiffError as error:
                raise AudiodiffError(f"{error}; a line is such as {EXAMPLE}") from error
            id_ = prefix + listed_name(caption.id)
            if id_ in captions:
                raise AudiodiffError(
                    f"{place} is the second one of clip {id_!r}; give all of its texts in one"
                )
            captions[id_] = caption.texts
    return captions


def write_captions(folder: Path, captions: Captions) -> None:
    """Writes ``captions.jsonl`` into a folder, for `read_captions`."""
    lines = (
        Caption(id=id_, texts=tuple(texts)).model_dump_json() + "\n"
        for id_, texts in captions.items()
    )
    with replacing(folder / CAPTIONS_NAME) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Each line of a file that is not blank, with its place for messages."""
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            for n, line in enumerate(iter(partial(file.readline, MAX_LINE_BYTES + 1), b""), 1):
                if len(line) > MAX_LINE_BYTES:
                    raise AudiodiffError(
                        f"{path}: line {n} has over {MAX_LINE_BYTES} bytes; cut it"
                    )
                if line.strip():
                    yield f"{path}: line {n}", line
    except OSError as error:
        raise AudiodiffError(f"{path} cannot be read ({error.strerror})") from error
