"""What the README says is so."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from audiodiff import PRESETS
from audiodiff.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    command.strip()
    for language, text in BLOCKS
    if language == "sh"
    for line in text.splitlines()
    for command in line.split("&&")
    if command.strip().startswith("audiodiff ")
]


@pytest.mark.parametrize("code", [text for language, text in BLOCKS if language == "python"])
def test_the_readmes_python_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("22050 80 torch.Size([1, 22016])")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readmes_commands_parse(command: str) -> None:
    verb, *words = shlex.split(command)[1:]
    parser = get_command(app).commands[verb]  # type: ignore[attr-defined]
    parser.make_context(verb, words)


def test_the_readme_has_its_two_set_ups() -> None:
    lines = [line for _, text in BLOCKS for line in text.splitlines()]
    assert sum("pip install" in line and "audiodiff vocode" in line for line in lines) == 1
    assert sum("pip install" in line and "&& pytest -n 2" in line for line in lines) == 1


def test_the_readme_names_every_preset() -> None:
    assert all(f"`{name}`" in README for name in PRESETS)


def test_links_lead_to_files() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("recipes/**/README.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_no_page_waits_for_a_figure() -> None:
    for page in ROOT.rglob("*.md"):
        assert "@@" not in page.read_text(), page
