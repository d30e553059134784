"""LMNT's DiffWave and WaveGrad, and DiffWaves with LMNT's names of weights."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audiodiff.diffusion.schedules import Betas
from audiodiff.diffusion.times import PUBLISHED, from_betas
from audiodiff.errors import AudiodiffError
from audiodiff.importers.checkpoints import (
    Params,
    Weights,
    linear_betas,
    read_checkpoint,
    shape_errors,
    weights_of,
)
from audiodiff.mel.log_mel import MelConfig
from audiodiff.mel.presets import PRESETS
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.weights import load_weights
from audiodiff.networks.diffwave import PaddingMode

_LMNT_NAMES = {
    "input_projection": "input",
    "diffusion_embedding.projection1": "embedding.project.0",
    "diffusion_embedding.projection2": "embedding.project.2",
    "spectrogram_upsampler.conv1": "upsampler.layers.0",
    "spectrogram_upsampler.conv2": "upsampler.layers.1",
    "skip_projection": "skip",
    "output_projection": "output",
}
_LMNT_LAYER_NAMES = {
    "diffusion_projection": "step",
    "dilated_conv": "dilated",
    "output_projection": "output",
}

_LMNT_WAVEGRAD_NAMES = (
    (r"^downsample\.0\.", "input."),
    (r"^downsample\.(\d+)\.conv\.", r"down.\1.layers."),
    (r"^downsample\.(\d+)\.residual_dense\.", r"down.\1.shortcut."),
    (r"^film\.(\d+)\.(input|output)_conv\.", r"film.\1.\2."),
    (r"^first_conv\.", "mel."),
    (r"^last_conv\.", "output."),
    (r"^upsample\.(\d+)\.block1\.", r"up.\1.shortcut."),
    (r"^upsample\.(\d+)\.block2\.", r"up.\1.layers."),
    (r"^upsample\.(\d+)\.block3\.0\.", r"up.\1.layers.2."),
    (r"^upsample\.(\d+)\.block3\.1\.", r"up.\1.layers.3."),
)


def from_lmnt_diffwave(path: str | Path) -> Model:
    """LMNT's DiffWave, https://github.com/lmnt-com/diffwave.

    The weights are the checkpoint's ``model`` (or the whole file), sizes follow from their shapes,
    and the training schedule is that of its ``params``, if it has them; the mel is LMNT's at
    22050 Hz. The network and both samplers are tested against LMNT's recorded outputs.

    Raises:
        AudiodiffError: If the file is not such a checkpoint; the message names what is missing or
            unknown.
    """
    path = Path(path)
    found = read_checkpoint(path)
    state = weights_of(found.get("model", found), path, "LMNT DiffWave")
    params = _params(found, path)
    mel = PRESETS["lmnt-diffwave"]
    published = {
        "sample_rate": mel.sample_rate,
        "n_mels": mel.n_mels,
        "n_fft": mel.n_fft,
        "hop_samples": mel.hop_length,
    }
    _check_published(path, params, published)
    return diffwave(state, mel, params, path)


def diffwave(
    state: Weights,
    mel: MelConfig,
    params: Params,
    path: Path,
    padding: PaddingMode = "zeros",
) -> Model:
    """A DiffWave from weights with LMNT's names.

    Args:
        state: Weights by LMNT's names.
        mel: Preset of the mel that conditions a network with an upsampler.
        params: Schedules and dilations, which weights do not show; LMNT's own values where
            missing.
        path: File of the weights, for messages.
        padding: Padding of the convolutions, as in `DiffWaveConfig`.

    Raises:
        AudiodiffError: If a weight is missing or unknown, or a figure is impossible.
    """
    n_layers = sum(1 for name in state if name.endswith("dilated_conv.weight"))
    if not n_layers or "input_projection.weight" not in state:
        raise AudiodiffError(f"{path} holds no DiffWave: residual_layers.0... is missing")
    conditional = "spectrogram_upsampler.conv1.weight" in state
    source = f"params of {path}"
    schedule = _betas(params.noise_schedule, linear_betas(50, 0.05), source)
    fast = _betas(params.inference_noise_schedule, PUBLISHED["diffwave"], source)
    times = from_betas(schedule, fast.betas)
    cycle = params.dilation_cycle_length
    values = {
        "sample_rate": mel.sample_rate,
        "mel": mel if conditional else None,
        "network": {
            "kind": "diffwave",
            "n_channels": len(state["input_projection.weight"]),
            "n_layers": n_layers,
            "dilation_cycle": 10 if cycle is None else cycle,
            "n_levels": len(schedule.betas),
            "n_mels": mel.n_mels if conditional else None,
            "padding": padding,
        },
        "schedule": schedule,
        "target": "eps",
        "sampling": {"sampler": "ddpm", "times": times.tolist(), "clamp": 1.0},
    }
    model = Model(ModelConfig.parse(values, source))
    with shape_errors(path):
        renamed = _renamed(state, n_layers, conditional)
    load_weights(model.network, renamed, path)
    return model


def from_lmnt_wavegrad(path: str | Path) -> Model:
    """LMNT's WaveGrad, https://github.com/lmnt-com/wavegrad.

    The weights are the checkpoint's ``model``, the sample rate and the training schedule those of
    its ``params``; sizes and the rest of the mel are LMNT's. The default run has the six steps
    that public code for WaveGrad shares. The network is tested against LMNT's recorded outputs.

    Raises:
        AudiodiffError: If the file is not such a checkpoint; the message names what is missing or
            unknown.
    """
    path = Path(path)
    found = read_checkpoint(path)
    state = weights_of(found.get("model", found), path, "LMNT WaveGrad")
    params = _params(found, path)
    if "first_conv.weight" not in state:
        raise AudiodiffError(f"{path} holds no LMNT WaveGrad: first_conv.weight is missing")
    mel, source = PRESETS["lmnt-wavegrad"], f"params of {path}"
    _check_published(path, params, {"hop_samples": mel.hop_length})
    rate = params.sample_rate
    if rate is None:
        raise AudiodiffError(
            f"{path} lacks params['sample_rate'], which is 22050 in LMNT's code and 24000 for "
            "its published weights; add it to the checkpoint"
        )
    mel = MelConfig.parse({**mel.model_dump(), "sample_rate": rate}, source)
    default = torch.linspace(1e-6, 0.01, 1000, dtype=torch.float64).tolist()
    schedule = _betas(params.noise_schedule, default, source)
    values = {
        "sample_rate": rate,
        "mel": mel,
        "network": {"kind": "wavegrad"},
        "schedule": schedule,
        "target": "eps",
        "sampling": {
            "sampler": "ddpm",
            "times": from_betas(schedule, PUBLISHED["wavegrad"]).tolist(),
            "clamp": 1.0,
        },
    }
    model = Model(ModelConfig.parse(values, source))
    load_weights(model.network, {_wavegrad_name(name): t for name, t in state.items()}, path)
    return model


def _wavegrad_name(name: str) -> str:
    """Our name for LMNT's name of a weight; one without a counterpart is kept."""
    for pattern, ours in _LMNT_WAVEGRAD_NAMES:
        name, count = re.subn(pattern, ours, name)
        if count:
            break
    return re.sub(r"^down\.(\d+)", lambda match: f"down.{int(match[1]) - 1}", name)


def _params(found: Mapping[Any, Any], path: Path) -> Params:
    return Params.parse(found.get("params") or {}, f"params of {path}")


def _betas(own: Sequence[float] | None, usual: Sequence[float], source: str) -> Betas:
    return Betas.parse({"betas": usual if own is None else own}, source)


def _check_published(path: Path, params: Params, published: Mapping[str, int]) -> None:
    for name, value in published.items():
        own = getattr(params, name)
        if own not in (None, value):
            raise AudiodiffError(
                f"{path} was trained with {name}={own}, not LMNT's {value}; such a checkpoint "
                "cannot be converted yet"
            )


def _renamed(state: Mapping[str, Tensor], n_layers: int, conditional: bool) -> dict[str, Tensor]:
    """Weights by our names; one without a counterpart keeps its name and is refused later."""
    names = {
        f"{theirs}.{kind}": f"{ours}.{kind}"
        for theirs, ours in _LMNT_NAMES.items()
        for kind in ("weight", "bias")
    }
    names |= {
        f"residual_layers.{i}.{theirs}.{kind}": f"layers.{i}.{ours}.{kind}"
        for i in range(n_layers)
        for theirs, ours in _LMNT_LAYER_NAMES.items()
        for kind in ("weight", "bias")
    }
    projections = {
        kind: [f"residual_layers.{i}.conditioner_projection.{kind}" for i in range(n_layers)]
        for kind in ("weight", "bias")
    }
    joined = {name for parts in projections.values() for name in parts}
    renamed = {names.get(name, name): value for name, value in state.items() if name not in joined}
    if conditional:
        for kind, parts in projections.items():
            if all(name in state for name in parts):
                renamed[f"mel_projection.{kind}"] = torch.cat([state[name] for name in parts])
    # LMNT no longer saves the table of step embeddings, which older files hold.
    renamed.pop("diffusion_embedding.embedding", None)
    return renamed
