"""Damage to files, as strategies, and limits on what reading one may take."""

import copy
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import strategies as st

from audiodiff.errors import AudiodiffError

CPU_SECONDS = 10
MAX_MEMORY = 10**9

ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    0.5,
    2**16 + 1,
    2**31,
    2**63,
    10**99,
    1e-320,
    -1e308,
    float("nan"),
    float("inf"),
    "",
    "nan",
    "../../etc/passwd",
    "\ud800",
    "a\nb\x00[/b]",
    "9" * 10_000,
    [],
    {},
    [1, 2],
    [[[]]] * 3,
    {"kind": None},
    {"kind": ["betas"]},
]
"""Values of kinds and sizes that nobody meant."""

TOKENS = [
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x00",
    b"[" * 100_000,
    b'{"a":' * 5000,
    b"{a=" * 5000,
    b"a." * 50_000 + b"a=1\n",
    b"1" * 10_000,
    b"0x" + b"f" * 10_000,
    b"1e999",
    b"-NaN",
    b"Infinity",
    b"null",
    b'"""',
    b"'",
    b"\\",
    b"\n",
    b",",
    b"}",
    b"]]",
    b"=",
    b"#",
    b'"\\ud800"',
    b"99999999999999999999",
    b"-1",
    b"1970-01-01",
]


class HangError(BaseException):
    """Not an Exception, so that no reader takes it for damage."""


@contextmanager
def within_limits() -> Iterator[None]:
    """Allows no exception but the project's own, and little time and memory.

    Time is the processor's, so that a busy machine fails nothing. The peak of memory is known on
    Linux alone.
    """

    def hang(signum: int, frame: FrameType | None) -> None:
        raise HangError(f"more than {CPU_SECONDS} s")

    before = signal.signal(signal.SIGVTALRM, hang)
    start = _from_here()
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    except AudiodiffError as error:
        said = str(error)
        assert "\n" not in said, said
        assert len(said) < 3000, said
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert _peak() - start < MAX_MEMORY


def _from_here() -> int:
    """Makes the peak of memory what is used now, and returns it, in bytes."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A file cut off, with bytes replaced, or with a part of it doubled."""
    first, last = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    how = draw(st.sampled_from(["cut", "replaced", "token", "doubled"]))
    if how == "cut":
        return content[:first]
    if how == "doubled":
        return content[:last] + content[first:]
    if how == "token":
        return content[:first] + draw(st.sampled_from(TOKENS)) + content[first:]
    return content[:first] + draw(st.binary(max_size=9)) + content[min(last, first + 9) :]


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value within plain data."""
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    return [above, *(place for key, inner in items for place in places(inner, (*above, key)))]


def with_value(values: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of plain data with another value in one place."""
    copied = copy.deepcopy(values)
    *parents, last = place
    inner = copied
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return copied


@st.composite
def altered(draw: st.DrawFn, content: bytes) -> bytes:
    """JSON with one value replaced, taken out, or nested too deep."""
    whole = copy.deepcopy(json.loads(content))
    *parents, last = draw(st.sampled_from(places(whole)[1:]))
    inner = whole
    for key in parents:
        inner = inner[key]
    how = draw(st.sampled_from(["replaced", "replaced", "replaced", "taken out", "added", "deep"]))
    if how == "replaced":
        inner[last] = draw(st.sampled_from(ODD))
    elif how == "taken out":
        del inner[last]
    elif how == "added" and isinstance(inner, dict):
        inner["a\nb" * 100] = draw(st.sampled_from(ODD))
    else:
        for _ in range(50):
            inner[last] = [inner[last]]
    return json.dumps(whole).encode()


@st.composite
def altered_lines(draw: st.DrawFn, content: bytes) -> bytes:
    """JSON Lines of which one is altered or damaged."""
    lines: Sequence[bytes] = content.splitlines()
    n = draw(st.integers(0, len(lines) - 1))
    line = draw(st.one_of(altered(lines[n]), damaged(lines[n])))
    return b"\n".join([*lines[:n], line, *lines[n + 1 :]]) + draw(st.sampled_from([b"", b"\n"]))
