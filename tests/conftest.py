import os
import signal
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts commands in the background so, and some tests send Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores; torch reads this as it loads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that no worker begins one when the others have nothing left."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference outputs and real speech beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference folder ../shared is absent")
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, Path]]:
    """A running demo of three models: its process id, its address, and its log."""
    from small_models import LABELLED, save_editor, small_config, untrained  # these load torch

    folder = tmp_path_factory.mktemp("demo")
    untrained(small_config(**LABELLED)).save(folder / "labelled")
    save_editor(folder / "editor")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        serving = import_module("demo").serving
        # It serves this machine, whatever the proxies and the hub are.
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        patch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
        patch.setenv("HF_ENDPOINT", "hub.example")
        # The browser that looks at it needs a core too.
        patch.setenv("OMP_NUM_THREADS", "1")
        running = serving(folder, "default", folder / "labelled", folder / "editor")
        pid, url = running.__enter__()
    try:
        yield pid, url, folder / "said.txt"
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def demo_url(demo: tuple[int, str, Path]) -> str:
    """The address of a running demo."""
    return demo[1]


@pytest.fixture(scope="session", autouse=True)
def user_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory for tests and their processes, so that none touches the user's own."""
    folder = tmp_path_factory.mktemp("user-data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        patch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def date() -> Iterator[None]:
    """One date for all files, so that equal runs make equal files whenever they are made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums of floats that are the same in every run."""
    import torch  # only once the environment is as it reads it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def as_users_call(request: pytest.FixtureRequest) -> None:
    """Skips a test that gives arguments of other types than declared where those are checked."""
    if request.config.getoption("jaxtyping_packages", None):
        pytest.skip("the types of arguments are checked before they are converted")
