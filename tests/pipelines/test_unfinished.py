"""Parts of a result that was cut short are used again, and never others."""

from pathlib import Path

import numpy as np

from audiodiff.pipelines.unfinished import Unfinished


def test_parts_of_the_same_settings_are_found_again(tmp_path: Path) -> None:
    made = np.arange(6, dtype=np.float32).reshape(2, 3)
    Unfinished(tmp_path / "a.wav", "settings").keep(0, made)
    again = Unfinished(tmp_path / "a.wav", "settings")
    assert np.array_equal(again.load(0, (2, 3)), made)
    assert again.load(1, (2, 3)) is None
    assert again.load(0, (2, 4)) is None
    assert Unfinished(tmp_path / "b.wav", "settings").load(0, (2, 3)) is None
    assert Unfinished(tmp_path / "a.wav", "others").load(0, (2, 3)) is None
    assert again.load(0, (2, 3)) is None  # deleted by then


def test_a_damaged_part_is_none(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "a.wav", "settings")
    kept.keep(0, np.zeros((1, 100), np.float32))
    [part] = kept.folder.glob("*.npy")
    for content in (part.read_bytes()[:-7], b"", b"nonsense"):
        part.write_bytes(content)
        assert kept.load(0, (1, 100)) is None


def test_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "out" / "a.wav", "settings")
    kept.keep(0, np.zeros((1, 2), np.float32))
    kept.discard()
    assert list((tmp_path / "out").iterdir()) == []
