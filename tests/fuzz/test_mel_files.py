"""Damaged and forged mel files: a mel or one sentence, and never more memory than the limit."""

import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from audiodiff.errors import AudiodiffError
from audiodiff.mel.files import load_mel

MEL = torch.linspace(-11, 1, 80 * 6).reshape(80, 6)
MAX_BYTES = 2**20
MAX_GROWTH = 2**28
"""Bytes by which the process may grow: torch reads in parts of its own."""

# Quick to read, so several times as many as of other files.
fuzzed = settings(max_examples=5 * settings.default.max_examples)


@cache
def whole(suffix: str) -> bytes:
    """A file as it should be."""
    held = io.BytesIO()
    match suffix:
        case ".npy":
            np.save(held, MEL.numpy())
        case ".npz":
            np.savez_compressed(held, mel=MEL.numpy(), other=np.zeros(3))
        case ".pt":
            torch.save({"mel": [MEL, MEL[:, :2]], "n": 3}, held)
        case ".old.pt":
            torch.save(MEL, held, _use_new_zipfile_serialization=False)
        case ".safetensors":
            return save({"mel": MEL, "other": MEL[0].half()})
    return held.getvalue()


SUFFIXES = [".npy", ".npz", ".pt", ".old.pt", ".safetensors"]
BYTES = st.one_of(
    st.binary(min_size=1, max_size=9),
    st.sampled_from([b"\xff" * 8, b"\x00" * 8, b"\x7f" + b"\xff" * 7, b"9" * 18, b"-1", b"f8"]),
)
PLACE = st.one_of(st.integers(0, 400), st.integers(-400, -1), st.integers(0, 10**5))
Edits = list[tuple[str, int, bytes]]
EDITS = st.lists(
    st.tuples(st.sampled_from(["overwrite", "insert", "cut"]), PLACE, BYTES), max_size=4
)


def edited(data: bytes, edits: Edits) -> bytes:
    for kind, place, new in edits:
        at = place % (len(data) + 1)
        rest = {"overwrite": at + len(new), "insert": at, "cut": at + 16 * len(new)}[kind]
        data = data[:at] + (b"" if kind == "cut" else new) + data[rest:]
    return data


def edited_inside(data: bytes, edits: Edits) -> bytes:
    """An archive whose first member is edited, with checksums that are right."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(held, "w") as new:
        for i, info in enumerate(old.infolist()):
            member = old.read(info)
            new.writestr(info.filename, edited(member, edits) if i == 0 else member)
    return held.getvalue()


def check(path: Path) -> None:
    try:
        mel = load_mel(path, max_bytes=MAX_BYTES)
    except AudiodiffError:
        return
    assert mel.ndim == 2
    assert mel.is_floating_point()
    assert mel.numel() * mel.element_size() <= MAX_BYTES
    assert mel.sum().dtype == mel.dtype  # every value can be read


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MAX_GROWTH


@pytest.mark.parametrize("suffix", SUFFIXES)
@fuzzed
@given(edits=EDITS)
def test_an_edited_file(tmp_path: Path, suffix: str, edits: Edits) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(edited(whole(suffix), edits))
    check(path)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
@fuzzed
@given(edits=EDITS)
def test_an_edited_member_of_an_archive(tmp_path: Path, suffix: str, edits: Edits) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(edited_inside(whole(suffix), edits))
    check(path)


SIZE = st.one_of(st.integers(-2, 90), st.sampled_from([2**20, 2**31, 2**40, 2**62, 2**63, 10**30]))
NUMPY_TYPES = ["<f4", ">f8", "<f2", "<f16", "<i8", "|O", "|V2", "<c8", "|S0", "<U9", "|b1"]


@fuzzed
@given(
    shape=st.lists(SIZE, max_size=4),
    dtype=st.sampled_from(NUMPY_TYPES),
    n_bytes=st.sampled_from([0, 80 * 6 * 4, 2**24]),
    archived=st.booleans(),
)
def test_a_forged_header_of_numpy(
    tmp_path: Path, shape: list[int], dtype: str, n_bytes: int, archived: bool
) -> None:
    header = {"descr": dtype, "fortran_order": False, "shape": tuple(shape)}
    held = io.BytesIO()
    np.lib.format.write_array_header_2_0(held, header)
    data = held.getvalue() + bytes(n_bytes)
    path = tmp_path / ("a.npz" if archived else "a.npy")
    if archived:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mel.npy", data)
    else:
        path.write_bytes(data)
    check(path)


TORCH_TYPES = [
    torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn,
    torch.int32, torch.bool, torch.complex64, torch.uint16,
]  # fmt: skip
LAYOUTS = {
    "plain": lambda mel: mel,
    "alone in a list": lambda mel: [mel],
    "sparse": lambda mel: mel.float().to_sparse(),
    "meta": lambda mel: mel.to("meta"),
    "nested": lambda mel: torch.nested.nested_tensor([mel.float(), mel.float()]),
    "quantised": lambda mel: torch.quantize_per_tensor(mel.float(), 0.1, 0, torch.qint8),
    "parameter": lambda mel: torch.nn.Parameter(mel.float()),
}


# torch announces that sparse and nested tensors may change.
@pytest.mark.filterwarnings("ignore::UserWarning")
@fuzzed
@given(
    dtype=st.sampled_from(TORCH_TYPES),
    layout=st.sampled_from(sorted(LAYOUTS)),
    old=st.booleans(),
    claimed=st.sampled_from([(80, 6), (3, 80, 6), (80,), (), (0, 80), (80, 2**40), (2**31, 2**20)]),
)
def test_a_tensor_of_any_kind(
    tmp_path: Path, dtype: torch.dtype, layout: str, old: bool, claimed: tuple[int, ...]
) -> None:
    small = torch.zeros(6, 6).to(dtype)
    made = LAYOUTS[layout](small)
    if layout in ("plain", "alone in a list"):
        forged = small.as_strided(claimed, (0,) * len(claimed))
        made = LAYOUTS[layout](forged)
    torch.save({"mel": made}, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    check(tmp_path / "a.pt")
