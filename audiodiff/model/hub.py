"""Where models are: inside this package, in a directory, or on the Hugging Face Hub."""

import re
from pathlib import Path

from audiodiff.errors import AudiodiffError
from audiodiff.model.weights import CONFIG_NAME, WEIGHTS_NAME

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""The models inside this package, a directory each."""


def model_directory(name: str) -> Path:
    """Where the files of a model are, fetched if they are on the hub.

    Args:
        name: As for `Vocoder.from_pretrained`.

    Raises:
        AudiodiffError: If there is no such model.
    """
    inside, local = PRETRAINED / name, Path(name)
    if (inside / CONFIG_NAME).is_file():
        return inside
    if local.is_dir():
        return local
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise AudiodiffError(
            f"model {name!r} is neither inside the package ({', '.join(pretrained_names())}), nor "
            "a directory, nor a hub id like owner/name"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG_NAME, WEIGHTS_NAME]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise AudiodiffError(
            f"model {name!r} is no directory here and could not be fetched from the hub ({reason})"
        ) from error


def pretrained_names() -> list[str]:
    """The models inside this package."""
    return sorted(path.parent.name for path in PRETRAINED.glob(f"*/{CONFIG_NAME}"))
