"""philsyn's DiffWave, and BDDM, which builds on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

import torch
from torch import Tensor

from audiodiff.diffusion.schedules import Betas
from audiodiff.diffusion.times import PUBLISHED, from_betas
from audiodiff.errors import AudiodiffError
from audiodiff.importers.checkpoints import (
    Weights,
    is_plain,
    linear_betas,
    read_checkpoint,
    read_plain,
    shape_errors,
    weights_of,
)
from audiodiff.mel.presets import PRESETS
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.weights import load_weights

SCHEDULES = {64: (50, 0.05, "diffwave"), 128: (200, 0.02, "diffwave-large")}
"""Schedules of the published models by their width, which files do not hold: number of steps and
last beta of the training schedule, and the name of the fast schedule in `PUBLISHED`."""

SCHEDULE_NETWORK = "schedule_net."
"""Prefix of BDDM's network that finds schedules, which `audiodiff search` trains afresh."""


def from_philsyn_diffwave(path: str | Path) -> Model:
    """Philsyn's DiffWave, https://github.com/philsyn/DiffWave-Vocoder.

    It differs from LMNT's: the gate has tanh first, each layer has its own upsampler, weights are
    normalised, the frequencies of the step embedding fall, and an addition in place puts that
    embedding onto the residual path. Sizes follow from the weights, and the paper's schedules from
    the width, 64 or 128 channels; the mel is Tacotron 2's, and dilations repeat after ten layers.
    There are no public outputs: the network is tested against a second implementation of this
    description.

    Raises:
        AudiodiffError: If the file is not such a checkpoint; the message names what is missing or
            unknown.
    """
    path = Path(path)
    return _model(_weights(path), path)


def from_bddm(path: str | Path) -> Model:
    """BDDM's score network (arXiv:2203.13508), https://github.com/tencent-ailab/bddm.

    It is philsyn's DiffWave with 128 channels; the default run is a published schedule of seven
    steps, and `with_bddm_schedule` sets others. The network that found it is left out.

    Raises:
        AudiodiffError: If the file is not such a checkpoint; the message names what is missing or
            unknown.
    """
    path = Path(path)
    weights = {
        name: w for name, w in _weights(path).items() if not name.startswith(SCHEDULE_NETWORK)
    }
    return _model(weights, path, "bddm")


def with_bddm_schedule(model: Model, path: str | Path) -> Model:
    """The model with a schedule that BDDM's search has saved (``.ns``) as its default run.

    Args:
        model: A BDDM model; its weights are shared, not copied.
        path: File of four tensors: steps, sqrt(alpha_bar), betas and standard deviations.

    Raises:
        AudiodiffError: If the file is not such a schedule, or lies outside the training schedule.
    """
    path = Path(path)
    found = read_plain(path, "schedule")
    if not isinstance(found, Sequence) or len(found) != 4 or not _is_list(found[2]):
        raise AudiodiffError(
            f"{path} is not a schedule of BDDM's; give a .ns file of four tensors, steps, alphas, "
            "betas and deviations"
        )
    betas = Betas.parse({"betas": found[2].tolist()}, str(path)).betas
    times = tuple(from_betas(model.schedule, betas).tolist())
    sampling = model.config.sampling.model_copy(update={"times": times})
    changed = Model(model.config.model_copy(update={"sampling": sampling}))
    changed.network = model.network
    return changed


def _is_list(found: object) -> TypeGuard[Tensor]:
    return isinstance(found, Tensor) and found.ndim == 1 and is_plain(found)


def _weights(path: Path) -> Weights:
    found = read_checkpoint(path)
    what = "DiffWave of philsyn's form"
    state = weights_of(found.get("model_state_dict", found), path, what)
    if "residual_layer.fc_t1.weight" not in state:
        raise AudiodiffError(f"{path} holds no {what}: residual_layer.fc_t1.weight is missing")
    return state


def _width(state: Weights, path: Path) -> int:
    """Channels of the residual layers, which must be as many as those of the skip path."""
    width = len(state.get("init_conv.0.conv.bias", ()))
    skip = len(state.get("final_conv.0.conv.bias", ()))
    if width != skip or width not in SCHEDULES:
        raise AudiodiffError(
            f"{path} has {width} residual and {skip} skip channels; of the published models both "
            "have 64 or 128, and of others the schedule is not known"
        )
    return width


def _model(state: Weights, path: Path, fast: str | None = None) -> Model:
    """A model from philsyn's weights; ``fast`` names its default run in `PUBLISHED`."""
    width = _width(state, path)
    n_levels, last, usual = SCHEDULES[width]
    schedule = Betas(betas=tuple(linear_betas(n_levels, last)))
    blocks = "residual_layer.residual_blocks."
    n_layers = sum(1 for name in state if name.startswith(blocks) and name.endswith("fc_t.weight"))
    mel = PRESETS["tacotron2"]
    conditional = any("upsample_conv2d" in name for name in state)
    values = {
        "sample_rate": mel.sample_rate,
        "mel": mel if conditional else None,
        "network": {
            "kind": "diffwave",
            "n_channels": width,
            "n_layers": n_layers,
            "n_levels": n_levels,
            "n_mels": mel.n_mels if conditional else None,
            "upsampler_per_layer": conditional,
            "step_in_residual": True,
            "step_frequencies": "falling",
        },
        "schedule": schedule,
        "target": "eps",
        "sampling": {
            "sampler": "ddpm",
            "times": from_betas(schedule, PUBLISHED[fast or usual]).tolist(),
        },
    }
    model = Model(ModelConfig.parse(values, str(path)))
    with shape_errors(path):
        renamed = _renamed(_plain(state), n_layers, conditional)
    load_weights(model.network, renamed, path)
    return model


def _plain(state: Weights) -> Weights:
    """Weights without normalisation, ``w = g v / |v|``, with norms over all but dimension 0."""
    plain = dict(state)
    for name in state:
        stem = name.removesuffix("_v")
        if stem != name and f"{stem}_g" in state:
            v, g = plain.pop(name), plain.pop(f"{stem}_g")
            plain[stem] = v * (g / v.flatten(1).norm(dim=1).reshape(g.shape))
    return plain


def _renamed(state: Weights, n_layers: int, conditional: bool) -> Weights:
    """Weights by our names; one without a counterpart keeps its name and is refused later."""
    left = {
        name: _sigmoid_first(w) if "dilated_conv_layer" in name or "mel_conv" in name else w
        for name, w in state.items()
    }
    renamed: Weights = {}

    def take(ours: str, *theirs: str) -> None:
        """Fills one of our layers, which joins the outputs of several of theirs."""
        for kind in ("weight", "bias"):
            names = [f"{name}.{kind}" for name in theirs]
            if all(name in left for name in names):
                renamed[f"{ours}.{kind}"] = torch.cat([left.pop(name) for name in names])

    take("input", "init_conv.0.conv")
    take("embedding.project.0", "residual_layer.fc_t1")
    take("embedding.project.2", "residual_layer.fc_t2")
    take("skip", "final_conv.0.conv")
    take("output", "final_conv.2.conv")
    blocks = [f"residual_layer.residual_blocks.{i}" for i in range(n_layers)]
    for i, block in enumerate(blocks):
        take(f"layers.{i}.step", f"{block}.fc_t")
        take(f"layers.{i}.dilated", f"{block}.dilated_conv_layer.conv")
        take(f"layers.{i}.output", f"{block}.res_conv", f"{block}.skip_conv")
        for n in range(2 * conditional):
            take(f"upsamplers.{i}.layers.{n}", f"{block}.upsample_conv2d.{n}")
    if conditional:
        take("mel_projection", *(f"{block}.mel_conv.conv" for block in blocks))
    return renamed | left


def _sigmoid_first(of_gates: Tensor) -> Tensor:
    """Channels of a gate with the sigmoid's half before tanh's, the order of our network."""
    filtered, gate = of_gates.tensor_split(2)
    return torch.cat([gate, filtered])
