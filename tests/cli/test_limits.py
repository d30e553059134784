"""`--max-hours`: long files are refused in one sentence, which names the option."""

from pathlib import Path

import numpy as np
import pytest
from command_line import RATE, Run, files, write_tone

SECONDS = 40
OPTION = "or raise --max-hours"
REFUSED = "lasts 40 s by its header and the limit is 36 s; split it into shorter files, " + OPTION


@pytest.fixture
def long(tmp_path: Path) -> None:
    """A sound, and silent mels, one of them too long and the other also too large for 36 s."""
    write_tone(tmp_path / "in/long.wav", n_samples=SECONDS * RATE)
    for name, n_frames in (("long", 4000), ("large", 6000)):
        np.save(tmp_path / f"{name}.npy", np.full((80, n_frames), -11.512925, np.float32))


COMMANDS = {
    "a sound": ("vocode in/long.wav -o out --steps 1", REFUSED),
    "a long mel": ("vocode long.npy -o out --steps 1", "lasts 0.01 hours and the limit is 0.01; "),
    "a large mel": (
        "vocode large.npy -o out --steps 1",
        "holds 1.8 MiB of values and the limit is 1.7;",
    ),
    "mel": ("mel in -o out --preset hifigan", REFUSED),
    "doctor": ("doctor large.npy", "holds 1.8 MiB of values and the limit is 1.7; save the mel in"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_long_file_is_refused_unless_the_limit_is_raised(
    run: Run, model: Path, long: None, tmp_path: Path, name: str
) -> None:
    words, sentence = COMMANDS[name]
    command = words.split()
    if command[0] == "vocode":
        command += ["--model", str(model)]
    refused = run(*command, "--max-hours", "0.01")
    assert refused.status == 2
    assert sentence in refused.err
    assert OPTION in refused.err
    assert not (tmp_path / "out").exists()
    assert run(*command, "--max-hours", "0.02").status == 0


def test_a_long_clip_is_left_out_unless_the_limit_is_raised(
    run: Run, long: None, tmp_path: Path
) -> None:
    for i in range(2):
        write_tone(tmp_path / f"in/{i}.wav", 150 + 50 * i, RATE)
    command = ("prepare", "folder", "--root", "in", "--workers", "1")
    assert run(*command, "-o", "some", "--max-hours", "0.01").status == 0
    assert files(tmp_path / "some" / "wavs") == ["0.flac", "1.flac"]
    assert REFUSED in (tmp_path / "some" / "report.md").read_text()
    assert run(*command, "-o", "all", "--max-hours", "0.02").status == 0
    assert len(files(tmp_path / "all" / "wavs")) == 3


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "1e9", "many"])
def test_a_limit_is_a_number_of_hours(run: Run, long: None, hours: str) -> None:
    refused = run("mel", "in", "-o", "out", "--preset", "hifigan", "--max-hours", hours)
    assert refused.status == 2
    assert "Invalid value for '--max-hours'" in refused.err
