"""Records outputs of SpeechBrain's DiffWave with ruled weights: python record_speechbrain.py.

It needs `pip install speechbrain`; the recording beside it is from version 1.1.2.
"""

import json
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent


def main() -> None:
    from lmnt import ruled_weights
    from speechbrain.lobes.models.DiffWave import DiffWave

    network = DiffWave(
        input_channels=80,
        residual_layers=5,
        residual_channels=8,
        dilation_cycle_length=10,
        total_steps=50,
    )
    shapes = [(name, list(value.shape)) for name, value in network.state_dict().items()]
    description = HERE / "speechbrain.json"
    description.write_text(json.dumps({"seed": 3, "state_dict": shapes}) + "\n")
    network.load_state_dict(ruled_weights(description)[0])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 1024, generator=generator)
    mel = torch.rand(1, 80, 4, generator=generator)
    steps = np.array([0.0, 7.25, 49.0], dtype=np.float32)
    with torch.no_grad():
        eps = [network(x, torch.tensor([step]), mel)[0, 0].numpy() for step in steps]
    np.savez_compressed(
        HERE / "speechbrain.npz", x=x[0].numpy(), mel=mel.numpy(), steps=steps, eps=np.stack(eps)
    )


if __name__ == "__main__":
    main()
