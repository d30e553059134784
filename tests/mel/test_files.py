from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import MEL_SUFFIXES, load_mel, save_mel

MEL = torch.arange(12.0).reshape(3, 4)


def write(path: Path, mel: Tensor) -> None:
    """Writes a mel in the format of the suffix, named where the format has names."""
    match path.suffix:
        case ".npy":
            np.save(path, mel.numpy())
        case ".npz":
            np.savez(path, other=np.zeros(1), mel=mel.numpy())
        case ".pt":
            torch.save(mel, path)
        case ".safetensors":
            save_file({"anything": mel}, path)


@pytest.mark.parametrize("suffix", sorted(MEL_SUFFIXES))
@pytest.mark.parametrize("mel", [MEL, MEL[None]], ids=["alone", "batch of one"])
def test_every_format_is_read(tmp_path: Path, suffix: str, mel: Tensor) -> None:
    write(tmp_path / f"a{suffix}", mel)
    assert torch.equal(load_mel(tmp_path / f"a{suffix}"), MEL)


def test_a_saved_mel_is_read_back_as_float32(tmp_path: Path) -> None:
    save_mel(tmp_path / "deep/a.npy", MEL.double())
    loaded = load_mel(tmp_path / "deep/a.npy")
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, MEL)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.npy"]


def test_what_is_no_mel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match=r"absent\.npy: no such file"):
        load_mel(tmp_path / "absent.npy")
    write(tmp_path / "several.npy", MEL.expand(2, 3, 4))
    with pytest.raises(AudiodiffError, match=r"shape \(2, 3, 4\) but must be \(n_mels, frames\)"):
        load_mel(tmp_path / "several.npy")
    (tmp_path / "a.txt").touch()
    with pytest.raises(AudiodiffError, match=r"unknown suffix '\.txt'"):
        load_mel(tmp_path / "a.txt")
