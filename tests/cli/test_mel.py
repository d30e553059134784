"""`mel`: files of mels."""

from pathlib import Path

import numpy as np
from command_line import Run, files, hifigan_mel


def test_mel_writes_what_the_preset_says(run: Run, clips: Path, tmp_path: Path) -> None:
    result = run("mel", "clips", "-o", "mels", "--preset", "hifigan")
    assert result.status == 1
    assert result.err.startswith("3 written, 2 failed\n")
    assert files(tmp_path / "mels") == ["[red]b.npy", "a.npy", "deep/er/é中 :cat:.npy"]
    mel = np.load(tmp_path / "mels/a.npy")
    assert (mel.shape, mel.dtype) == ((80, 26), np.float32)
    np.testing.assert_array_equal(mel, hifigan_mel(clips / "a.wav").numpy())
