"""The notebook of examples/ runs from top to bottom.

Its cells run in this process: a kernel of its own would cost more than they do.
"""

import ast
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython.display
import nbformat
import pytest
import soundfile
import torch
from IPython.core.inputtransformer2 import TransformerManager
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "tour.ipynb"
CLIP = "arctic_a0016.wav"
SECONDS = 0.85
"""Of the clip, which is enough for every cell."""


class Shell:
    """What the notebook asks of its kernel."""

    def __init__(self) -> None:
        self.magics: list[tuple[str, ...]] = []
        self.shown: list[Any] = []
        self.names: dict[str, Any] = {
            "get_ipython": lambda: SimpleNamespace(
                run_line_magic=lambda *words: self.magics.append(words)
            )
        }

    def run(self, cell: dict[str, Any]) -> None:
        """Runs a cell, and shows the value of its last line."""
        tree = ast.parse(TransformerManager().transform_cell(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), self.names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), cell["id"], "eval"), self.names)
            self.shown += [] if value is None else [value]

    def display(self, *values: Any) -> None:
        """What stands for IPython's function."""
        self.shown += values

    def kept(self, kind: type) -> list[Any]:
        """What was shown of one kind."""
        return [value for value in self.shown if isinstance(value, kind)]


@pytest.fixture
def cells() -> list[dict[str, Any]]:
    return [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell["cell_type"] == "code"]


def test_it_is_stored_without_results() -> None:
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    nbformat.validate(stored)
    assert len({cell["id"] for cell in stored["cells"]}) == len(stored["cells"])
    for cell in stored["cells"]:
        assert cell["metadata"] == {}
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_it_runs(
    cells: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, rate = soundfile.read(NOTEBOOK.with_name(CLIP), dtype="int16")
    soundfile.write(tmp_path / CLIP, whole[: int(SECONDS * rate)], rate)
    monkeypatch.chdir(tmp_path)
    shell = Shell()
    monkeypatch.setattr(IPython.display, "display", shell.display)

    for cell in cells:
        shell.run(cell)

    assert shell.magics == [("matplotlib", "inline")]
    assert len(shell.kept(IPython.display.Audio)) == 2 + 4 + 3 + 2
    assert [len(figure.axes) for figure in shell.kept(Figure)] == [5 + 1, 6, 3 + 1]
    (table,) = (shown.data for shown in shell.kept(IPython.display.Markdown) if "|" in shown.data)
    pesq = {row.split("|")[1].strip(): row.split("|")[2] for row in table.splitlines()[2:]}
    assert float(pesq["Griffin-Lim"]) < float(pesq["2 steps"])
    names = shell.names
    lost = names["recording"] != names["broken"]
    assert torch.equal(names["filled"][~lost], names["recording"][~lost])
    assert names["filled"][lost].std() > 0.3 * names["recording"][lost].std()


def test_it_installs_the_package_where_it_is_missing(
    cells: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    shell = Shell()
    shell.run(cells[0])
    assert shell.magics[0] == ("pip", 'install --quiet "audiodiff-vocoder[eval]"')


def test_an_installed_package_holds_the_clip(cells: list[dict[str, Any]]) -> None:
    """Where only the notebook was opened, there is no clip beside it."""
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"examples/{CLIP}" = "audiodiff/demo/{CLIP}"' in settings
    assert f'clip = Path("{CLIP}")' in cells[1]["source"]
    assert 'Path(audiodiff.__file__).parent / "demo" / clip' in cells[1]["source"]
