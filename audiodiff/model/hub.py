"""Where models lie: inside this package, in a directory, or on the Hugging Face Hub."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from audiodiff.errors import AudiodiffError
from audiodiff.model.weights import CONFIG_NAME, WEIGHTS_NAME

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""Folder of the models inside this package, a directory each."""


def model_directory(name: str | Path) -> Path:
    """The directory of a model, fetched first if it is on the hub.

    Args:
        name: Name of a model in this package, path of a model directory, or hub id ``owner/name``.

    Raises:
        AudiodiffError: If there is no such model.
    """
    name = str(name)
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
    _check_endpoint()  # the hub's client reads it when it is imported
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG_NAME, WEIGHTS_NAME]))
    # Ids, proxies and addresses that the hub's client cannot use are ValueErrors, and a proxy that
    # needs a package which is missing is an ImportError.
    except (HfHubHTTPError, OSError, ValueError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise AudiodiffError(
            f"model {name!r} is not a directory and could not be fetched from the hub ({reason})"
        ) from error


def _check_endpoint() -> None:
    """Refuses an address of the hub that its client would take for a path.

    Raises:
        AudiodiffError: If HF_ENDPOINT is no address.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise AudiodiffError(
            f"HF_ENDPOINT={endpoint!r} is no address; unset it, or give one like "
            "https://huggingface.co"
        )


def is_own(directory: Path) -> bool:
    """Whether a directory is the user's own: neither in this package nor in the hub's cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    true = directory.resolve()
    return not any(true.is_relative_to(Path(p).resolve()) for p in (PRETRAINED, HF_HUB_CACHE))


def pretrained_names() -> list[str]:
    """The names of the models inside this package."""
    return sorted(path.parent.name for path in PRETRAINED.glob(f"*/{CONFIG_NAME}"))
