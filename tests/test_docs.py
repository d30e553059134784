"""What the README and the pages of docs say is so.

A Python block runs unless its fence says ``python no-run``. Those of a page on a part of one's own
are one program, as its reader puts them together.
"""

import re
import runpy
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from typer.main import get_command

from audiodiff import PRESETS, SAMPLERS, Model, ModelConfig
from audiodiff.cli.app import app
from audiodiff.codecs.registry import CODECS
from audiodiff.diffusion.priors import PRIORS
from audiodiff.diffusion.schedules import SCHEDULES
from audiodiff.guidance.registry import GUIDANCE
from audiodiff.importers import IMPORTERS
from audiodiff.metrics import METRICS
from audiodiff.networks import NETWORKS
from audiodiff.networks.texts import TEXTS
from audiodiff.search import SEARCHES
from audiodiff.training.objectives import OBJECTIVES

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("[A-Z]*.md", "docs/**/*.md", "recipes/**/*.md", "[!.]*/README.md")
    for path in sorted(ROOT.glob(pattern))
}


def blocks(text: str) -> list[tuple[str, str]]:
    """The fences' info strings, and the code."""
    return re.findall(r"^```(\w.*)\n((?:.*\n)*?)```$", text, re.MULTILINE)


def commands(text: str) -> Iterator[str]:
    """Every call of audiodiff in shell blocks, by a launcher, by a program of one's own or not."""
    for info, code in blocks(text):
        if info == "sh":
            for line in code.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\|", line):
                    if match := re.match(r"\s*(?:(?:\S.* -m )?audiodiff|.*mine\.py) (.*)", part):
                        yield match[1]


def programs(page: str) -> list[tuple[str, str]]:
    """The fences' info strings, and the Python code that runs at once."""
    found = [(info, code) for info, code in blocks(PAGES[page]) if info.startswith("python")]
    if not page.startswith(EXTENDING):
        return found
    return [("python", "\n".join(code for _, code in found))]


EXTENDING = "docs/extending/"
PYTHON = {f"{page}-{i}": program for page in PAGES for i, program in enumerate(programs(page))}
COMMANDS = {
    f"{page}-{i}": command
    for page, text in PAGES.items()
    for i, command in enumerate(commands(text))
}
README = PAGES["README.md"]
REGISTRIES: tuple[dict[str, Any], ...] = (
    CODECS,
    GUIDANCE,
    IMPORTERS,
    METRICS,
    NETWORKS,
    OBJECTIVES,
    PRESETS,
    PRIORS,
    SAMPLERS,
    SCHEDULES,
    SEARCHES,
)
CONFIGS: tuple[dict[str, Any], ...] = (
    CODECS,
    GUIDANCE,
    NETWORKS,
    OBJECTIVES,
    PRIORS,
    SCHEDULES,
    TEXTS,
)


@pytest.fixture
def registries() -> Iterator[None]:
    """Takes out again what a page assigns to a registry."""
    with ExitStack() as stack:
        for registry in REGISTRIES:
            stack.enter_context(patch.dict(registry))
        yield


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("name", PYTHON)
def test_python_runs(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info, code = PYTHON[name]
    if info == "python no-run":
        pytest.skip("the page says no-run")
    monkeypatch.chdir(ROOT)
    exec(compile(code, name, "exec"), {})
    if name.startswith("README.md"):
        assert capsys.readouterr().out.startswith("22050 80 torch.Size([1, 22016])")


@pytest.mark.usefixtures("registries")
def test_a_program_with_an_importer_converts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program of docs/extending, with the part of a page in it, is the command line."""
    program = next(code for _, code in blocks(PAGES[f"{EXTENDING}README.md"]) if "main()" in code)
    part = blocks(PAGES[f"{EXTENDING}importer.md"])[0][1]
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(re.sub("^# the part.*$", lambda _: part, program, flags=re.M))
    lab = ModelConfig.parse(runpy.run_path("mine.py")["LAB"], "LAB")
    state = Model(lab).network.state_dict()
    torch.save({"ema": {re.sub("^layers", "blocks", k): v for k, v in state.items()}}, "a.pt")
    for path, status, said in (
        ("a.pt", None, "wrote model"),
        ("b.pt", 2, "error: b.pt: no such checkpoint; check the path"),
    ):
        command = ["mine.py", "convert", path, "--from", "lab", "-o", "model"]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as stop:
            runpy.run_path("mine.py", run_name="__main__")
        assert (stop.value.code or None) == status
        assert capsys.readouterr().err.strip() == said
    assert Model.load(Path("model")).config == lab


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_parse(name: str) -> None:
    verb, *words = shlex.split(COMMANDS[name])
    parser = get_command(app).commands[verb]  # type: ignore[attr-defined]
    parser.make_context(verb, words)


def test_the_readme_has_its_two_set_ups() -> None:
    lines = [line for _, code in blocks(README) for line in code.splitlines()]
    assert sum("pip install" in line and "audiodiff vocode" in line for line in lines) == 1
    assert sum("pip install" in line and "&& pytest -n 2" in line for line in lines) == 1


def test_the_readme_is_short() -> None:
    assert len(README.split()) < 600


SHORT = [page for page in PAGES if page.startswith(("docs/guides/", EXTENDING))]


@pytest.mark.parametrize("page", SHORT)
def test_a_page_is_read_in_one_sitting(page: str) -> None:
    prose = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    words = [word for line in prose.splitlines() if line[:1] != "|" for word in line.split()]
    assert len(words) <= 900


def test_the_readmes_figures_are_those_of_the_results() -> None:
    figures = re.findall(r"[\d.]+ ± [\d.]+", README)
    assert len(figures) == 20
    assert all(figure in PAGES["docs/results/vocoding.md"] for figure in figures)


def test_every_preset_is_named() -> None:
    assert all(f"`{name}`" in PAGES["docs/guides/command-line.md"] for name in PRESETS)


def test_every_room_is_named() -> None:
    rooms = [path.parent.name for path in ROOT.glob("audiodiff/*/__init__.py")]
    assert all(f"`{room}/`" in PAGES["docs/architecture.md"] for room in rooms)


def test_every_part_of_a_config_is_in_the_reference() -> None:
    page = PAGES["docs/reference/configuration.md"]
    kinds = {kind for registry in CONFIGS for kind in registry.values()}
    paths = {f"{kind.__module__}.{kind.__name__}" for kind in kinds}
    assert {path for path in paths if f"{{{{ {path} }}}}" not in page} == set()


@pytest.mark.parametrize(
    "symptom",
    [
        "24 kHz", "clicks", "CUDA error", "hisses", "metallic", "muffled", "nan", "out of memory",
        "robotic", "too quiet", "too slow", "wrong mel",
    ],
)  # fmt: skip
def test_a_symptom_has_an_entry(symptom: str) -> None:
    titles = re.findall(r"^\*\*(.+?)\*\*", PAGES["docs/troubleshooting.md"], re.MULTILINE)
    assert any(symptom in title for title in titles)


def test_errors_name_sections_that_there_are() -> None:
    sections = re.findall(r"^## (.+)$", PAGES["docs/troubleshooting.md"], re.MULTILINE)
    named = {
        section
        for path in ROOT.glob("audiodiff/**/*.py")
        for section in re.findall(
            r'\("(.+)" in docs/troubleshooting\.md\)', path.read_text(encoding="utf-8")
        )
    }
    assert named
    assert named <= set(sections)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", PAGES[page]):
        assert (ROOT / page).parent.joinpath(link).exists(), link


def test_no_page_waits_for_a_figure() -> None:
    for page in ROOT.rglob("*.md"):
        assert "@@" not in page.read_text(encoding="utf-8"), page
