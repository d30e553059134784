"""Models so small that a run of one takes milliseconds."""

from pathlib import Path

import torch

from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model


def small_config(**changes: object) -> ModelConfig:
    values = {
        "sample_rate": 22050,
        "mel": "hifigan",
        "network": {
            "kind": "diffwave",
            "n_channels": 4,
            "n_layers": 4,
            "dilation_cycle": 4,
            "n_levels": 50,
        },
        "schedule": {"kind": "cosine"},
        "target": "v",
        "prior": {"kind": "mel-spectral", "std_min": 1e-3},
        "sampling": {"sampler": "ddpm", "times": [1.0, 0.5, 0.0]},
    }
    return ModelConfig.parse(values | changes, "test")


def small_stft_config(**changes: object) -> ModelConfig:
    """The same at STFT-frame rate."""
    parts = {
        "codec": {"kind": "stft"},
        "network": {
            "kind": "band-split",
            "bands": [[16, 16], [32, 8]],
            "n_channels": 16,
            "n_layers": 2,
            "n_mel_channels": 16,
        },
        "schedule": {"kind": "rectified-flow"},
        "prior": {"kind": "mel-envelope", "std_min": 1e-3},
    }
    return small_config(**(parts | changes))


def infill_config(**changes: object) -> ModelConfig:
    """A model that fills gaps of a mel."""
    parts = {
        "mel": None,
        "infill": 40,
        "codec": {"kind": "mel", "mean": -6.0, "std": 2.2},
        "network": {"kind": "unet", "widths": [32], "n_blocks": 1, "frames": {"known": 160}},
        "prior": {"kind": "unit"},
        "sampling": {"sampler": "ddim", "times": [1.0, 0.5, 0.0]},
    }
    return small_config(**(parts | changes))


def latent_config(**changes: object) -> ModelConfig:
    """A model with which latents of a mel diffuse."""
    parts = {
        "mel": None,
        "codec": {
            "kind": "latent",
            "autoencoder": {"n_latents": 8, "widths": [16, 16, 16], "n_blocks": 1},
        },
        "network": {"kind": "unet", "shape": [8], "widths": [32], "n_blocks": 1},
        "prior": {"kind": "unit"},
        "sampling": {"sampler": "ddim", "times": [1.0, 0.5, 0.0]},
    }
    return small_config(**(parts | changes))


def untrained(config: ModelConfig) -> Model:
    """A model whose output depends on all of its input."""
    torch.manual_seed(0)
    model = Model(config)
    network = model.network
    last = network.bands.merge if config.network.kind == "band-split" else [network.output]
    for layer in last:
        torch.nn.init.normal_(layer.weight, std=0.3)
    if config.network.n_bytes is not None:  # what leads from a text to the output begins at zero
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def save_editor(folder: Path) -> None:
    """Writes a model that fills gaps, and its vocoder into a folder of its own."""
    vocoder = folder / "vocoder"
    untrained(small_stft_config()).save(vocoder)
    untrained(infill_config(codec={"kind": "mel", "vocoder": str(vocoder)})).save(folder)


CONSISTENT = {
    "sampler": "ddpm",
    "times": [0.8, 0.4, 0.0],
    "t_range": [0.8, 0.2],
    "start_passes": 4,
    "mel_passes": 2,
}
UNCONDITIONAL = {
    "mel": None,
    "network": {"kind": "diffwave", "n_channels": 4, "n_layers": 2, "n_mels": None},
    "prior": {"kind": "unit"},
}
LABELLED = UNCONDITIONAL | {
    "network": {"kind": "unet", "shape": (), "patch": 32, "widths": (32,), "n_blocks": 1},
    "labels": {"digit": ("zero", "one"), "speaker": ("jackson", "theo")},
    "sampling": {
        "times": [1.0, 0.5, 0.0],
        "guidance": [{"kind": "classifier-free"}],
        "n_samples": 2205,
    },
}
"""Makes waves of two digits by two speakers."""
WORDED = UNCONDITIONAL | {
    "network": LABELLED["network"] | {"text": {"width": 32, "n_layers": 1, "n_bytes": 40}},
    "sampling": LABELLED["sampling"],
}
"""Makes waves by a text."""
CONFIGS = {
    "diffwave": small_config(),
    "band-split": small_stft_config(),
    "consistent": small_stft_config(sampling=CONSISTENT),
}


TRAINING = """
steps = 12
batch_size = 2
accumulation = 2
log_every = 4
eval_every = 6
checkpoint_every = 2
[data]
crop_frames = 8
gain_db = [-6.0, 0.0]
[optimizer]
lr = 1e-3
warmup = 3
[model]
sample_rate = 22050
mel = "hifigan"
target = "v"
network = { kind = "diffwave", n_channels = 4, n_layers = 2 }
schedule = { kind = "cosine" }
prior = { kind = "mel-energy" }
sampling = { sampler = "ddim", times = [1.0, 0.5, 0.0] }
"""
"""A config of a run of twelve steps."""
