"""Models that others trained, by diffusers and transformers, read without executing anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal, TypeAlias

from audiodiff.errors import AudiodiffError
from audiodiff.system.untrusted import DAMAGED, why

_FAULTS: tuple[type[Exception], ...] = (*DAMAGED, ImportError)
"""What the libraries raise; an ImportError where a tokenizer needs another package."""

Library: TypeAlias = Literal["diffusers", "transformers"]


def pretrained(library: Library, kind: str, name: str, subfolder: str = "") -> Any:
    """A model in float32, whose weights stay as they are.

    Args:
        library: The library that it is of.
        kind: Name of its class.
        name: A directory, or the id ``owner/name`` of a model on the Hugging Face Hub, with weights
            in safetensors.
        subfolder: Folder within it; itself if empty.

    Raises:
        AudiodiffError: If the library is missing, or there is no such model.
    """
    with _loading(library, kind, name) as module:
        model, report = getattr(module, kind).from_pretrained(
            name, subfolder=subfolder, use_safetensors=True, output_loading_info=True
        )
    # What is missing has random weights, as if it were another kind of model.
    if missing := sorted(report["missing_keys"]):
        raise AudiodiffError(
            f"{name!r} is no {kind}, as it lacks weights such as {missing[0]}; set kind to what it "
            "is"
        )
    return model.float().eval().requires_grad_(False)


def tokenizer(name: str) -> Any:
    """The tokenizer of a model of transformers.

    Raises:
        AudiodiffError: If transformers is missing, or there is no such model.
    """
    with _loading("transformers", "AutoTokenizer", name) as module:
        return module.AutoTokenizer.from_pretrained(name)


@contextmanager
def _loading(library: Library, kind: str, name: str) -> Iterator[Any]:
    """Within it, a library neither shows progress nor lists weights, and faults are a sentence."""
    try:
        module: Any = import_module(library)
    except ImportError as error:
        raise AudiodiffError(
            f"{name!r} needs {library}, which cannot be imported ({why(error)}); "
            'pip install "audiodiff-vocoder[pretrained]"'
        ) from error
    logging = module.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield module
    except _FAULTS as error:
        raise AudiodiffError(
            f"{name!r} cannot be loaded as {kind} ({why(error)}); give a directory, or the id of a "
            "model on the Hugging Face Hub, with weights in safetensors"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
