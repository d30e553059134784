from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quiet import quiet_garbage


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of results of pages that are built in this process."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path / "made"


@pytest.fixture(scope="module")
def client(demo_url: str) -> Iterator[Any]:
    """A visitor of the running demo."""
    client = pytest.importorskip("gradio_client")
    yield client.Client(demo_url, verbose=False)
    with quiet_garbage():
        pass
