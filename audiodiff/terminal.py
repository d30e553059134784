"""What the commands say: the console, progress bars, and what is not installed."""

from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audiodiff.errors import AudiodiffError

# What is said holds the names of files, in which [red] and :cat: are letters.
console = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def progress_bar() -> Progress:
    """A bar with the time left, and what each task's ``note`` says."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def require(task: str, extra: str, *modules: str) -> None:
    """Refuses a command whose extra is not installed.

    Raises:
        AudiodiffError: Naming the modules and the extra.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise AudiodiffError(
            f"{task} needs {', '.join(missing)}; pip install 'audiodiff-vocoder[{extra}]'"
        )
