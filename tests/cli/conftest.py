import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Result, Run, write_tone
from small_models import save_editor, small_config, untrained

from audiodiff.cli.app import main


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """The command line in this process and in an empty folder, where no half file may stay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("audiodiff.cli.display.SECONDS_BETWEEN_LINES", 1e6)  # how fast is no matter

    def run(*words: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["audiodiff", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        out, err = (re.sub(r"\x1b\[[\d;]*m", "", text) for text in captured)
        return Result(stop.value.code or 0, out, err)  # type: ignore[arg-type]

    yield run
    assert not list(tmp_path.rglob("*.part*"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    untrained(small_config()).save(folder)
    return folder


@pytest.fixture(scope="session")
def infill_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor")
    save_editor(folder)
    return folder


@pytest.fixture
def edit(run: Run, infill_model: Path) -> Run:
    """`audiodiff edit` with a small model."""
    return lambda *words: run("edit", *words, "--model", infill_model)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A tree of three good files, their names not harmless, and two bad ones."""
    folder = tmp_path / "clips"
    for i, name in enumerate(("a.wav", "[red]b.flac", "deep/er/é中 :cat:.wav")):
        write_tone(folder / name, 150 + 50 * i)
    (folder / "[bold]text.wav").write_text("not sound")
    (folder / "deep/empty.wav").touch()
    return folder
