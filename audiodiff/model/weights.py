"""A model directory: ``config.json`` and ``model.safetensors``, without training state."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor, nn

from audiodiff.config import Config, named
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json
from audiodiff.system.untrusted import open_safetensors, why

M = TypeVar("M", bound=nn.Module)

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
MODEL_NAME = "model"
"""Name of the model directory in the folder of a training run."""

WRAPPER = re.compile(r"^(?:module\.)+|\b_orig_mod\.")
"""What DistributedDataParallel and torch.compile put into the names of weights."""

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of weights that are loaded."""


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Writes a safetensors file that appears whole or not at all."""
    with replacing(path) as temporary:
        flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        # Not save_file, which makes files that only their owner may read.
        temporary.write_bytes(save(flat, metadata))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, on the CPU, and its metadata.

    Raises:
        AudiodiffError: If the file is missing or damaged.
    """
    if not path.is_file():
        raise AudiodiffError(f"{path}: no such file; give a directory that holds {path.name}")
    try:
        with open_safetensors(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise AudiodiffError(
            f"{path} is damaged or no safetensors file ({why(error)}); fetch or train it again"
        ) from error


def save_model(directory: Path, config: Config, tensors: Mapping[str, Tensor]) -> None:
    """Writes config.json and model.safetensors into ``directory``."""
    save_tensors(directory / WEIGHTS_NAME, tensors)
    with replacing(directory / CONFIG_NAME) as temporary:
        temporary.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_config(directory: Path) -> dict[str, Any]:
    """The plain data of a model directory's config.json.

    Raises:
        AudiodiffError: If it is missing or not JSON.
    """
    path = directory / CONFIG_NAME
    if not path.is_file():
        remedy = "give one that `audiodiff train` or `audiodiff convert` wrote"
        if (directory / MODEL_NAME / CONFIG_NAME).is_file():
            remedy = f"give {directory / MODEL_NAME}"
        raise AudiodiffError(
            f"{directory} is not a model directory: it has no {CONFIG_NAME}; {remedy}"
        )
    values = read_json(path, "fetch the model again")
    if not isinstance(values, dict):
        raise AudiodiffError(f"{path} holds a {type(values).__name__}, no config; fetch it again")
    return values


def without_wrappers(tensors: Mapping[str, Tensor], source: Path) -> dict[str, Tensor]:
    """Tensors by the names that they have without `WRAPPER`.

    Raises:
        AudiodiffError: If two tensors would have one name.
    """
    bare = {WRAPPER.sub("", name): tensor for name, tensor in tensors.items()}
    if len(bare) < len(tensors):
        raise AudiodiffError(
            f"{source} holds weights twice, with module. or _orig_mod. before their names and "
            "without; save them once"
        )
    return bare


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Loads tensors into a module; their names and shapes must be exactly the module's.

    Raises:
        AudiodiffError: If tensors are missing, unknown, of another shape or no floats, naming the
            first.
    """
    own = module.state_dict()
    faults = [f"{name} is missing" for name in own if name not in tensors]
    faults += [f"{named(name)} is unknown" for name in tensors if name not in own]
    faults += [
        f"{name} has shape {tuple(tensor.shape)}, not {tuple(own[name].shape)}"
        for name, tensor in tensors.items()
        if name in own and tensor.shape != own[name].shape
    ]
    faults += [
        f"{name} is {str(tensor.dtype).removeprefix('torch.')}, not floating-point"
        for name, tensor in tensors.items()
        if name in own and own[name].dtype in FLOATS and tensor.dtype not in FLOATS
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise AudiodiffError(
            f"{source} does not fit its config: {', '.join(faults[:3])}{more}; "
            "use the config that the weights were saved with"
        )
    module.load_state_dict(dict(tensors))


def with_stored_weights(
    build: Callable[[], M],
    directory: Path,
    renamed: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
) -> M:
    """A module with the weights of a model directory, for evaluation.

    Args:
        build: Makes it with new weights.
        directory: The directory.
        renamed: Gives the tensors of an older layout their present names.

    Raises:
        AudiodiffError: If the file of weights is missing or damaged, or does not fit the module.
    """
    with torch.random.fork_rng(devices=[]):  # new weights draw, and are not kept
        module = build()
    path = directory / WEIGHTS_NAME
    tensors, _ = load_tensors(path)
    load_weights(module, renamed(without_wrappers(tensors, path)), path)
    return module.eval()
