from collections.abc import Iterator
from importlib import import_module

import pytest
import torch
from benchmark_scripts import BENCHMARKS, Script


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Imports a benchmark as Python does when it is run, and puts the threads back after it."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    n_threads = torch.get_num_threads()
    yield import_module
    torch.set_num_threads(n_threads)
