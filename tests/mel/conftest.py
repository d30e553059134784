from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="module")
def speech(shared: Path) -> Tensor:
    with np.load(shared / "parity" / "mels.npz") as arrays:
        return torch.from_numpy(arrays["wave/22050"])[None]
