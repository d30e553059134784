"""What tests of training share: settings of tiny runs, and their commands and results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from audiodiff.model.weights import load_tensors

BAND_SPLIT = (
    '{ kind = "band-split", bands = [[16, 16], [32, 8]], n_channels = 16, n_layers = 2, '
    "n_mel_channels = 16 }"
)

STFT = [
    "loss=l2",
    "above_f_max=0.2",
    "times.kind=logit-normal",
    "data.margin_frames=2",
    "data.speed=0.1",
    "optimizer.kind=muon",
    "optimizer.weight_decay=0.1",
    "model.codec.kind=stft",
    f"model.network={BAND_SPLIT}",
    "model.prior.kind=mel-envelope",
    "model.schedule.kind=rectified-flow",
    "model.sampling.mel_passes=1",
]
"""What makes the tiny run one at STFT-frame rate, with all that the recipe uses."""

FEW_FIGURES = ["checkpoint_every=100", "eval_every=100"]
"""What leaves out most of the drawing, which takes longer than the steps."""

EPS_SCHEDULE = "model.schedule.kind=linear"
"""A schedule with some signal everywhere, which eps needs."""


def run_cli(config: Path, clips: Path, out: Path, *more: str) -> list[str]:
    words = ["train", str(config), "--data", str(clips), "--out", str(out), *more]
    return ["-m", "audiodiff", *words]


ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def run(config: Path, clips: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *run_cli(config, clips, out, *more)],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("state.safetensors", "model/model.safetensors"):
        tensors, metadata = load_tensors(one / name)
        others, other_metadata = load_tensors(other / name)
        assert metadata == other_metadata
        assert tensors.keys() == others.keys()
        for key, tensor in tensors.items():
            assert torch.equal(tensor, others[key]), key


def read_log(out: Path) -> list[dict]:
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [record for record in records if "train/loss" in record]
