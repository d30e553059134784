"""The folder of the recipe of digits, as its benchmarks need it."""

from pathlib import Path

import torch
from benchmark_scripts import RATE, voiced

from audiodiff import Model, ModelConfig
from audiodiff.audio.io import save
from audiodiff.model.classifier import Classifier, ClassifierConfig

LABELS = {"digit": ["three", "seven", "nine"], "speaker": ["theo", "jackson", "lucas"]}
SHARED = {"sample_rate": RATE, "labels": LABELS, "codec": {"kind": "mel"}}


def write_run(out: Path) -> None:
    """The folder of the recipe, with untrained networks and two clips of each pair of labels."""
    torch.manual_seed(0)
    rows, lists = ["id,digit,speaker"], {"train": [], "test": []}
    for number, digit in enumerate(LABELS["digit"]):
        for pitch, speaker in enumerate(LABELS["speaker"]):
            for take, split in enumerate(("test", "train")):
                id_ = f"{number}_{speaker}_{take}"
                wave = voiced(0.1 + 0.02 * number, 100 + 40 * pitch + take)
                save(out / f"prepared/wavs/{id_}.flac", wave, RATE)
                rows.append(f"{id_},{digit},{speaker}")
                lists[split].append(id_)
    (out / "prepared/labels.csv").write_text("\n".join(rows))
    for split, ids in lists.items():
        (out / f"prepared/{split}.txt").write_text("\n".join(ids))
    guidance = [{"kind": "classifier-free"}]
    sampling = {"sampler": "ddim", "times": [1.0, 0.5, 0.0], "n_samples": 4096}
    config = {
        "target": "v",
        "network": {"kind": "unet", "widths": [32], "n_blocks": 1},
        "schedule": {"kind": "cosine"},
        "sampling": sampling | {"guidance": guidance},
    }
    Model(ModelConfig.parse(SHARED | config, "test")).save(out / "unet/model")
    sizes = {"widths": [32], "n_blocks": 1, "n_features": 4}
    network = sizes | {"n_labels": {"digit": 3, "speaker": 3}}
    for name, schedule in (("classifier", {"kind": "cosine"}), ("judge", None)):
        values = SHARED | {"n_frames": 16, "schedule": schedule, "network": network}
        Classifier(ClassifierConfig.parse(values, "test")).save(out / f"{name}/model")
