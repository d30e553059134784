"""Loads a model by its name onto a device, ready to run."""

from pathlib import Path

from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.system.devices import check_compiler, check_device


def loaded(name: str | Path, device: str = "cpu", compile: bool = False) -> Model:
    """Loads a model.

    Args:
        name: A model of this package such as ``default``, a model directory, or the id
            ``owner/name`` of a model on the Hugging Face Hub.
        device: Device to run it on, e.g. ``cpu`` or ``cuda``.
        compile: Whether torch.compile makes the network's code, for inputs of any length. The
            first run then takes half a minute more, and later ones less.

    Raises:
        AudiodiffError: If there is no such model, device or compiler, or its files are damaged.
    """
    model = Model.load(model_directory(str(name)))
    check_device(device)
    model.to(device)
    if compile:
        check_compiler(model.device)
        model.network.compile(dynamic=True)
    return model
