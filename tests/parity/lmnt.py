"""The recorded reference networks: weights by the rule that their JSON states."""

import json
from pathlib import Path

import numpy as np
import torch


def ruled_weights(path: Path, gain: float = 6.0) -> tuple[dict[str, torch.Tensor], dict]:
    """The state dict by the rule in the JSON, whose constant the gain is, and the JSON itself."""
    record = json.loads(path.read_text())
    tensors = {}
    for j, (name, shape) in enumerate(sorted(record["state_dict"])):
        size = int(np.prod(shape))
        k = np.arange(1, size + 1, dtype=np.float64)
        u = np.sin(12.9898 * k + 78.233 * (j + 1) + record["seed"]) * 43758.5453
        scale = np.sqrt(gain / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        values = (2 * (u - np.floor(u)) - 1) * scale
        tensors[name] = torch.from_numpy(values.reshape(shape).astype(np.float32))
    return tensors, record
