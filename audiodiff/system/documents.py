"""JSON, JSON Lines and TOML, read within limits, as they may be damaged or hostile.

Every document of these formats that a user may give is read here. It is bounded in
bytes, in the depth of its nesting and in the length of its numbers before a parser sees it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from audiodiff.errors import AudiodiffError

MAX_JSON_BYTES = 2**23
MAX_LINE_BYTES = 2**20
MAX_TOML_BYTES = 2**18
"""Largest sizes of a JSON document, a line of JSON Lines and a TOML document, in bytes."""

MAX_DEPTH = 20
"""Most brackets within each other, and most parts of a dotted key."""

MAX_DIGITS = 100
"""Most characters of a number."""

_LONG_NUMBER = re.compile(rf"(?<![\w.])[+-]?\d[\w.]{{{MAX_DIGITS}}}")
_LONG_KEY = re.compile(rf"(?:\.[^.\n,=\[\]{{}}]*){{{MAX_DEPTH}}}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")


def parse_json(content: bytes | str, source: str) -> Any:
    """Parses a JSON document.

    Args:
        content: The document, in UTF-8, with or without a byte order mark.
        source: Name of the document, for the message.

    Raises:
        AudiodiffError: If it is not JSON, holds a key twice or exceeds a limit.

    Examples:
        >>> parse_json('{"rate": 16000}', "an example")
        {'rate': 16000}
    """
    return _parsed(content, source, JSON)


def parse_toml(content: bytes | str, source: str) -> dict[str, Any]:
    """Parses a TOML document, as `parse_json` does a JSON document."""
    return _parsed(content, source, TOML)


def read_json(path: Path, remedy: str) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.
        remedy: Advice to the user, which ends the message.

    Raises:
        AudiodiffError: If the file is missing or cannot be read, as for `parse_json`.
    """
    try:
        return parse_json(_content(path, JSON.most), str(path))
    except AudiodiffError as error:
        raise AudiodiffError(f"{error}; {remedy}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        AudiodiffError: If the file is missing or cannot be read, as for `parse_toml`.
    """
    return parse_toml(_content(path, TOML.most), str(path))


def read_json_lines(path: Path) -> Iterator[Any]:
    """Yields the value of each line of a JSON Lines file; none if there is no file.

    Lines that are no JSON are left out, such as a last one that a kill cut off.

    Raises:
        OSError: If the file cannot be read.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in iter(partial(file.readline, MAX_LINE_BYTES), b""):
            try:
                yield parse_json(line, str(path))
            except AudiodiffError:
                continue


def _content(path: Path, most: int) -> bytes:
    """The bytes of a file, and at most one more than are allowed."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise AudiodiffError(f"{path} cannot be read ({error.strerror})") from error


class _Format(NamedTuple):
    """A format of documents.

    Attributes:
        name: Its name, for messages.
        most: Largest size of a document, in bytes.
        not_structure: Strings and comments.
        loads: The parser.
    """

    name: str
    most: int
    not_structure: re.Pattern[str]
    loads: Callable[[str], Any]


def _parsed(content: bytes | str, source: str, kind: _Format) -> Any:
    if len(content) > kind.most:
        raise AudiodiffError(f"{source} exceeds the limit of {kind.most} bytes of {kind.name}")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        _check_limits(text, kind)
        return kind.loads(text)
    except UnicodeError as error:
        raise AudiodiffError(f"{source} is not {kind.name}: {error}; save it as UTF-8") from error
    except ValueError as error:
        raise AudiodiffError(f"{source} is not {kind.name} that can be read: {error}") from error


def _check_limits(text: str, kind: _Format) -> None:
    """Refuses what would take a parser too long, too much memory or too deep a stack.

    Raises:
        ValueError: Naming the limit.
    """
    # Escapes go first, so that every quote that is left begins or ends a string.
    structure = kind.not_structure.sub("s", text.replace("\\\\", "").replace('\\"', ""))
    brackets = _NO_BRACKETS.sub("", structure)
    if max(accumulate(1 if b in "[{" else -1 for b in brackets), default=0) > MAX_DEPTH:
        raise ValueError(f"it nests more than {MAX_DEPTH} brackets")
    if _LONG_NUMBER.search(structure):
        raise ValueError(f"it holds a number of more than {MAX_DIGITS} characters")
    if kind is TOML and _LONG_KEY.search(structure):
        raise ValueError(f"it holds a key of more than {MAX_DEPTH} parts")


def _loads_json(text: str) -> Any:
    values = json.loads(text, object_pairs_hook=_without_repetition)
    if _SURROGATE.search(text):  # half a character, unless it stands for a byte of a file's name
        json.dumps(values, ensure_ascii=False).encode(errors="surrogateescape")
    return values


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"it holds the key {twice!r:.80} twice")
    return values


def _loads_toml(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, unused-ignore]
    return tomllib.loads(text)


JSON = _Format("JSON", MAX_JSON_BYTES, re.compile(r'"[^"\n]*"?'), _loads_json)
TOML = _Format(
    "TOML",
    MAX_TOML_BYTES,
    re.compile(
        r'"""(?s:.*?)(?:"""|\Z)|\'\'\'(?s:.*?)(?:\'\'\'|\Z)|"[^"\n]*"?|\'[^\'\n]*\'?|#[^\n]*'
    ),
    _loads_toml,
)
