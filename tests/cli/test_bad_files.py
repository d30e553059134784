"""Files that cannot be read, and places that cannot be written."""

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import N_SAMPLES, Run, files, hifigan_mel, write_tone
from safetensors.torch import save_file

from audiodiff.pipelines.vocoder import Vocoder


def write_npy_header(path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    text = header.ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())


def damage(path: Path, mel: torch.Tensor) -> None:
    """Writes a bad file, of the kind that its name says."""
    values = mel.numpy()
    nan = values.copy()
    nan[3, 4] = np.nan
    arrays = {
        "nan": nan,
        "transposed": values.T,
        "flat": values[0],
        "integers": values.astype(int),
        "text": np.array(["a mel"]),
        "no_frames": values[:, :0],
        "range": values * 10 + 100,
    }
    tensors = {
        "sparse": mel.to_sparse(),
        "unlike": [mel, mel.T],
        "words_inside": {"mel": "a mel"},
        "float8": mel.to(torch.float8_e4m3fn),
        "nested": torch.nested.nested_tensor([mel, mel]),
        "meta": mel.to("meta"),
        "quantised": torch.quantize_per_tensor(mel, 0.1, 0, torch.qint8),
        "stride_0": torch.zeros(1).as_strided((80, 10**12), (0, 0)),
    }
    if path.stem in arrays:
        np.save(path, arrays[path.stem])
    elif path.suffix == ".pt" and path.stem in tensors:
        torch.save(tensors[path.stem], path)
    elif path.stem == "float8":
        save_file({"mel": tensors["float8"]}, path)
    elif path.stem == "claims_much":
        write_npy_header(path, "(80, 1000000000000)")
    elif path.stem == "two":
        np.savez(path, **{"one": values, "b\n": values})
    elif path.stem == "cut":
        save_file({"mel": mel}, path)
        path.write_bytes(path.read_bytes()[:-10])
    elif path.stem == "zlib":
        np.savez_compressed(path, mel=values)
        packed = bytearray(path.read_bytes())
        packed[60:600] = bytes(540)
        path.write_bytes(packed)
    elif path.stem == "words":
        path.write_text("not a mel")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nan.npy", r"holds NaN or infinity in 1 of \d+ values, the first at index \(3, 4\)"),
        ("transposed.npy", "transpose it"),
        ("flat.npy", r"has shape \(26,\) but must be \(n_mels, frames\)"),
        ("integers.npy", "is int64; save the mel as a plain array of float16 or"),
        ("text.npy", "is str160; save the mel"),
        ("no_frames.npy", "holds no frames"),
        ("range.npy", "its values are like those of no sound"),
        ("claims_much.npy", r"claims shape \(80, 10{12}\), but 0 bytes of values follow"),
        ("words.npy", r"cannot be read as a mel \(the magic string is not correct"),
        ("empty.npy", "cannot be read as a mel"),
        ("two.npz", r"holds 2 arrays \('one', 'b\\n'\); name one of them 'mel'"),
        ("zlib.npz", "cannot be read as a mel"),
        ("empty.npz", "cannot be read as a mel"),
        ("cut.safetensors", "cannot be read as a mel"),
        ("empty.safetensors", "cannot be read as a mel"),
        ("words.pt", r"\(it is no torch file, or holds more than tensors and plain data\)"),
        (
            "unlike.pt",
            r"holds mels of 26 to 80 bands; save mels of \(n_mels, frames\), or give --t",
        ),
        ("words_inside.pt", "it holds a str instead of an array"),
        ("sparse.pt", "is sparse_coo float32; save the mel as a plain array"),
        ("float8.pt", "is float8_e4m3fn; save the mel as a plain array"),
        ("nested.pt", "is nested float32; save the mel as a plain array"),
        ("meta.pt", "is meta float32; save the mel as a plain array"),
        ("quantised.pt", "is qint8; save the mel as a plain array"),
        (
            "stride_0.pt",
            r"holds [\d.]+ MiB of values and the limit is 1024.0; save the mel in parts",
        ),
        ("float8.safetensors", "is F8_E4M3; save the mel as a plain array"),
        ("empty.pt", "cannot be read as a mel"),
    ],
)
# torch announces that sparse and nested tensors may change.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_bad_mel_is_one_sentence(
    run: Run, model: Path, tmp_path: Path, name: str, words: str
) -> None:
    path = tmp_path / name
    path.touch()
    damage(path, hifigan_mel(write_tone(tmp_path / "tone/a.wav")))
    result = run("vocode", name, "-o", "out", "--model", model)
    assert result.status == 2
    _, *failures = result.err.splitlines()
    assert len(failures) == 1
    assert failures[0].startswith(f"failed: {name}")
    assert re.search(words, failures[0])
    assert not (tmp_path / "out").exists()


class Malicious:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "writer", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x, 2))]
)
def test_no_pickle_is_ever_executed(
    run: Run, model: Path, tmp_path: Path, writer: Callable[[object, Path], object]
) -> None:
    writer({"mel": Malicious(), "model": Malicious()}, tmp_path / "evil.pt")
    assert run("vocode", "evil.pt", "-o", "out", "--model", model).status == 2
    result = run("convert", "evil.pt", "--from", "lmnt-diffwave", "-o", "converted")
    assert result.status == 2
    assert result.err.startswith("error: evil.pt cannot be read weights-only")
    assert files(tmp_path) == ["evil.pt"]
    assert not (tmp_path / "executed").exists()


def test_a_full_disk_loses_nothing(run: Run, model: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    write_tone(tmp_path / "short.wav", n_samples=1024)
    write_tone(tmp_path / "tone.wav")
    words = ("vocode", "tone.wav", "short.wav", "-o", "out", "--model", model)
    assert run(*words).status == 0
    before = (tmp_path / "out/tone.wav").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel then refuses to write on, as it does when a disk is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        result = run(*words, "--overwrite", "--seed", "1")
        mels = run("mel", "tone.wav", "-o", "mels", "--preset", "hifigan")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.status == 1
    assert "failed: tone.wav: cannot write out/tone.wav: File too large; free space" in result.err
    assert mels.status == 2
    assert "cannot write mels/tone.npy: File too large" in mels.err
    assert (tmp_path / "out/tone.wav").read_bytes() == before
    assert files(tmp_path / "out") == ["short.wav", "tone.wav"]
    assert files(tmp_path / "mels") == []


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_too_little_memory_fails_one_file(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    write_tone(tmp_path / "big.wav", n_samples=2 * N_SAMPLES)
    write_tone(tmp_path / "small.wav")
    mel = Vocoder.mel

    def too_much(vocoder: Vocoder, wave: torch.Tensor) -> torch.Tensor:
        if wave.shape[1] > N_SAMPLES:
            raise error
        return mel(vocoder, wave)

    monkeypatch.setattr(Vocoder, "mel", too_much)
    result = run("vocode", "big.wav", "small.wav", "-o", "out", "--model", model)
    assert result.status == 1
    assert "failed: big.wav needs more memory than there is; lower --batch-size" in result.err
    assert files(tmp_path / "out") == ["small.wav"]


def test_a_file_that_may_not_be_read_fails_alone(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed.wav", "open.wav"):
        write_tone(tmp_path / name)
    begin = Path.open

    # Taking the permission away would not stop an administrator.
    def refusing(path: Path, *given: Any, **named: Any) -> Any:
        if path.name == "closed.wav":
            raise PermissionError(13, "Permission denied", str(path))
        return begin(path, *given, **named)

    monkeypatch.setattr(Path, "open", refusing)
    result = run("vocode", "closed.wav", "open.wav", "-o", "out", "--model", model)
    assert result.status == 1
    assert "failed: closed.wav cannot be read (Permission denied); check its perm" in result.err
    assert files(tmp_path / "out") == ["open.wav"]


def test_files_after_a_bad_mel_are_done(run: Run, model: Path, tmp_path: Path) -> None:
    mel = hifigan_mel(write_tone(tmp_path / "tone/a.wav"))
    damage(tmp_path / "float8.pt", mel)
    torch.save(mel, tmp_path / "whole.pt")
    result = run("vocode", "float8.pt", "whole.pt", "-o", "out", "--model", model)
    assert result.status == 1
    assert result.err.startswith("1 written, 1 failed")
    assert files(tmp_path / "out") == ["whole.wav"]
