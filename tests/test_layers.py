"""A file imports only from its own room or from rooms above it, and never in a circle."""

import ast
from pathlib import Path

import audiodiff

ROOT = Path(audiodiff.__file__).parent

ROOMS = [
    "system",
    "audio",
    "conditioning",
    "mel",
    "codecs",
    "data",
    "metrics",
    "diffusion",
    "guidance",
    "networks",
    "samplers",
    "model",
    "provenance",
    "pipelines",
    "training",
    "search",
    "export",
    "importers",
    "adapters",
    "demo",
    "cli",
]
"""From the top down. Files at the top level of the package are above all of them."""

TOP = {"__init__", "__main__", "_types", "config", "errors"}

MOST_LINES = 300
"""Lines that a module may have."""


def module_of(path: Path) -> str:
    """Its name within the package; of a room's ``__init__``, the room's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in ROOT.rglob("*.py")}


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("audiodiff"):
            module = (node.module or "").removeprefix("audiodiff").removeprefix(".")
            inner = {f"{module}.{alias.name}".removeprefix(".") for alias in node.names}
            names |= {name for name in inner if name in MODULES} or {module or "__init__"}
        elif isinstance(node, ast.Import):
            names |= {
                alias.name.removeprefix("audiodiff.")
                for alias in node.names
                if alias.name.startswith("audiodiff.")
            }
    return names


def floor_of(module: str) -> int:
    """The place of its room; the top level's is -1."""
    room = module.split(".")[0]
    return -1 if room in TOP else ROOMS.index(room)


def test_the_house_has_these_rooms() -> None:
    rooms = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/*.py")}
    assert rooms == set(ROOMS)
    assert {path.stem for path in ROOT.glob("*.py")} == TOP


def test_modules_are_short() -> None:
    lines = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    assert not {module: n for module, n in lines.items() if n > MOST_LINES}


def test_imports_point_to_rooms_above() -> None:
    faults = [
        f"{module} imports {other}"
        for module, path in MODULES.items()
        if module not in ("__init__", "__main__")
        for other in imported(path)
        if floor_of(other) > floor_of(module)
    ]
    assert not faults


def test_no_imports_run_in_a_circle() -> None:
    left = {module: imported(path) - {module} for module, path in MODULES.items()}
    while done := [module for module, others in left.items() if not others & set(left)]:
        for module in done:
            del left[module]
    assert not left
