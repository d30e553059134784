"""Gaps: what is refused, and the stretches around them."""

from pathlib import Path

import pytest

from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.gaps import (
    Gap,
    Seconds,
    Window,
    gap_from_text,
    gaps_from_file,
    gaps_of,
    windows_of,
)


def test_gaps_come_in_order() -> None:
    assert gaps_of([(1.0, 1.5), (0.0, 0.25)], 8000, 12000) == [Gap(0, 2000), Gap(8000, 12000)]
    # They may touch, and a rounded end is the end.
    assert gaps_of([(0.5, 0.75), (0.75, 1.00001)], 8000, 8000)[1] == Gap(6000, 8000)


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ([], "clip.wav: no gap is given; give at least one"),
        ([(2.0, 1.0)], "gap 2-1 s does not rise from 0 or more"),
        ([(1.0, 1.0)], "gap 1-1 s does not rise"),
        ([(-0.1, 1.0)], "gap -0.1-1 s does not rise from 0 or more"),
        ([(0.5, 1.2)], "gap 0.5-1.2 s ends after the sound, which lasts 1 s"),
        ([(float("nan"), 1.0)], "gap nan-1 s is not finite"),
        ([(0.1, float("inf"))], "gap 0.1-inf s is not finite"),
        ([(0.5, 0.50001)], "gap 0.5-0.50001 s holds no sample at 8000 Hz"),
        ([(0.4, 0.6), (0.1, 0.5)], r"gaps 0.1-0.5 and 0.4-0.6 s overlap; give them as one"),
    ],
)
def test_a_wrong_gap_is_one_sentence(gaps: list[Seconds], said: str) -> None:
    with pytest.raises(AudiodiffError, match=said):
        gaps_of(gaps, 8000, 8000, "clip.wav")


def test_windows_hold_each_gap_once() -> None:
    gaps = [Gap(100, 110), Gap(130, 140), Gap(190, 200), Gap(500, 510), Gap(900, 1000)]
    windows = list(windows_of(gaps, 1000, context=100, together=50))
    assert windows == [
        Window(0, 240, (gaps[0], gaps[1]), (gaps[2],)),
        Window(90, 300, (gaps[2],), ()),
        Window(400, 610, (gaps[3],), ()),
        Window(800, 1000, (gaps[4],), ()),
    ]
    # A later gap that reaches out of the window counts as far as it reaches.
    first, _ = windows_of([Gap(10, 20), Gap(60, 300)], 400, 50, 30)
    assert first.later == (Gap(60, 70),)


@pytest.mark.parametrize(
    ("text", "gap"), [("1.20-1.32", (1.2, 1.32)), (" 0 - 10 ", (0.0, 10.0)), ("3-2", (3.0, 2.0))]
)
def test_gaps_are_read_from_text(text: str, gap: Seconds) -> None:
    assert gap_from_text(text) == gap


@pytest.mark.parametrize("text", ["", "1", "1-", "-1-2", "1-2-3", "a-b", "nan-1", "1e3-2", "1,2-3"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(AudiodiffError, match="is not its start and its end in seconds"):
        gap_from_text(text)


def test_a_file_holds_a_gap_a_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("\ufeff0.5\t0.75\tclick\n\\\t100\t200\n\n1,1.5\n2 3\n", encoding="utf-8")
    assert gaps_from_file(path) == [(0.5, 0.75), (1.0, 1.5), (2.0, 3.0)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"0.1 0.2\nsoon later\n", "line 2, 'soon later', does not begin with the start"),
        (b"0.1 0.2x\n", "line 1"),
        (b"\xff\xfe\x00", "cannot be read .*; save it as text in UTF-8"),
        (b"0.1 0.2\n" * 2**21 + b"0", "exceeds 16777216 bytes"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudiodiffError, match=said):
        gaps_from_file(path)
