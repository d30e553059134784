import zipfile
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
    write(tmp_path / "flat.npy", MEL[0])
    with pytest.raises(AudiodiffError, match=r"shape \(4,\) but must be \(n_mels, frames\)"):
        load_mel(tmp_path / "flat.npy")
    torch.save([], tmp_path / "empty.pt")
    with pytest.raises(AudiodiffError, match="holds no mel; save mels of"):
        load_mel(tmp_path / "empty.pt")
    (tmp_path / "a.txt").touch()
    with pytest.raises(AudiodiffError, match=r"has none of the suffixes \.npy, \.npz, \.pt"):
        load_mel(tmp_path / "a.txt")


def test_batches_and_lists_are_joined_in_order(tmp_path: Path) -> None:
    both = torch.cat([MEL, MEL + 1], 1)
    for suffix in MEL_SUFFIXES:
        write(tmp_path / f"a{suffix}", torch.stack([MEL, MEL + 1]))
        assert torch.equal(load_mel(tmp_path / f"a{suffix}"), both)
    torch.save({"mel": [MEL, MEL[:, :2] + 1]}, tmp_path / "unlike.pt")
    assert torch.equal(load_mel(tmp_path / "unlike.pt"), both[:, :6])


def test_frames_by_bands_are_transposed_if_asked(tmp_path: Path) -> None:
    torch.save([MEL.T, MEL.T[:2] + 1], tmp_path / "a.pt")
    both = torch.cat([MEL, MEL[:, :2] + 1], 1)
    assert torch.equal(load_mel(tmp_path / "a.pt", transpose=True), both)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_is_read_and_nothing_else(tmp_path: Path, dtype: torch.dtype) -> None:
    torch.save(MEL.to(dtype), tmp_path / "a.pt")
    save_file({"mel": MEL.to(dtype)}, tmp_path / "a.safetensors")
    for name in ("a.pt", "a.safetensors"):
        assert load_mel(tmp_path / name).dtype == dtype
    torch.save(MEL.int(), tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match="is int32; save the mel as a plain array of float16"):
        load_mel(tmp_path / "a.pt")


def test_the_other_byte_order_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", MEL.numpy().astype(">f4"))
    assert torch.equal(load_mel(tmp_path / "a.npy"), MEL)


def test_sizes_are_known_before_they_are_taken(tmp_path: Path) -> None:
    n = MEL.numel() * 4
    for suffix in MEL_SUFFIXES:
        path = tmp_path / f"a{suffix}"
        write(path, MEL)
        assert torch.equal(load_mel(path, max_bytes=n), MEL)
        with pytest.raises(AudiodiffError, match="holds 0.0 MiB of values and the limit is 0.0;"):
            load_mel(path, max_bytes=n - 1)
    torch.save(torch.zeros(1).as_strided((80, 2**50), (0, 0)), tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match=r"holds 343597383680.0 MiB"):
        load_mel(tmp_path / "a.pt")


@pytest.mark.parametrize("shape", [(2**40, 0, 5), (3, 80, 0)])
def test_a_batch_that_holds_nothing_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    torch.save(torch.zeros(shape), tmp_path / "a.pt")
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    for name in ("a.pt", "a.npy"):
        with pytest.raises(AudiodiffError, match=r"is a batch of shape .* which holds no values"):
            load_mel(tmp_path / name)


def test_a_file_of_python_2_is_read_without_a_word(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }".ljust(117) + b"\n"
    values = MEL.float().numpy()
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "a.npy").write_bytes(content + values.tobytes())
    assert torch.equal(load_mel(tmp_path / "a.npy"), MEL)


@pytest.mark.parametrize("size", [2**63, 10**30])
def test_sizes_beyond_numpys_own_integers_are_refused(tmp_path: Path, size: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (0, size)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_2_0(file, header)
    with pytest.raises(AudiodiffError, match=r"its header claims shape \(0, \d+\), but 0 bytes"):
        load_mel(tmp_path / "a.npy")


def test_only_the_array_named_mel_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.npy", b"no array at all")
        with archive.open("mel.npy", "w") as member:
            np.save(member, MEL.numpy())
    assert torch.equal(load_mel(path), MEL)


@pytest.mark.parametrize("transpose", [False, True])
def test_a_padded_batch_is_refused(tmp_path: Path, transpose: bool) -> None:
    mels = torch.randn(3, 80, 30, generator=torch.Generator().manual_seed(0))
    batch = mels.clone()
    batch[1, :, 25:] = 0
    for name, values in (("whole", mels), ("padded", batch)):
        given = values.mT if transpose else values
        np.save(tmp_path / f"{name}.npy", given.numpy())
    assert load_mel(tmp_path / "whole.npy", transpose).shape == (80, 90)
    with pytest.raises(AudiodiffError, match=r"1 of its mels end in up to 5 frames of 0; save"):
        load_mel(tmp_path / "padded.npy", transpose)
