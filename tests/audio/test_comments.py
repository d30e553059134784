import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiodiff.audio import io
from audiodiff.audio.comments import comment_of


@pytest.mark.parametrize("text", ["even", "odd", '日本語 "quotes"'])
def test_a_comment_is_read_again_and_leaves_the_sound(text: str, tmp_path: Path) -> None:
    sound = np.linspace(-0.5, 0.5, 1001, dtype=np.float32)
    plain, told = tmp_path / "plain.wav", tmp_path / "told.wav"
    io.save(plain, sound, 22050)
    io.save(told, sound, 22050, comment=text)
    assert (comment_of(plain), comment_of(told)) == ("", text)
    np.testing.assert_array_equal(io.load(told)[0], io.load(plain)[0])
    with wave.open(str(told)) as file:
        assert file.getnframes() == 1001
    assert int.from_bytes(told.read_bytes()[4:8], "little") == told.stat().st_size - 8


def test_a_file_that_is_none_has_no_comment(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("finished")
    assert comment_of(tmp_path / "a.wav") == comment_of(tmp_path / "b.wav") == ""


def test_flac_takes_none(tmp_path: Path) -> None:
    io.save(tmp_path / "a.flac", np.zeros(9, np.float32), 22050, comment="dropped")
    assert soundfile.info(tmp_path / "a.flac").frames == 9
