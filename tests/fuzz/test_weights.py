"""Weights that are damaged, forged or of other shapes: a model, or one sentence."""

import io
import json
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import ODD, damaged, within_limits
from hypothesis import given
from hypothesis import strategies as st
from parity.philsyn import random_state
from small_models import small_config, untrained
from torch import Tensor

from audiodiff.importers.lmnt import from_lmnt_diffwave, from_lmnt_wavegrad
from audiodiff.importers.philsyn import from_bddm, from_philsyn_diffwave, with_bddm_schedule
from audiodiff.importers.speechbrain import from_speechbrain_diffwave
from audiodiff.model.model import Model
from audiodiff.model.weights import load_tensors
from audiodiff.training.state import Progress, load_state, save_state

# torch warns of kinds of tensors that are new to it.
pytestmark = pytest.mark.filterwarnings("ignore")

BITS = {"F64": 64, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "I64": 64}
BITS |= {"U64": 64, "U8": 8, "C64": 64, "BOOL": 8, "F6_E2M3": 6}


@pytest.fixture(scope="module", autouse=True)
def short_tensors() -> Iterator[None]:
    """A failure shows what was forged, not a page of numbers."""
    torch.set_printoptions(threshold=1, edgeitems=1)
    yield
    torch.set_printoptions(profile="default")


def lmnt() -> dict[str, Any]:
    shapes = {
        "input_projection": (4, 1, 1),
        "diffusion_embedding.projection1": (512, 128),
        "diffusion_embedding.projection2": (512, 512),
        "spectrogram_upsampler.conv1": (1, 1, 3, 32),
        "spectrogram_upsampler.conv2": (1, 1, 3, 32),
        "skip_projection": (4, 4, 1),
        "output_projection": (1, 4, 1),
        "residual_layers.0.dilated_conv": (8, 4, 3),
        "residual_layers.0.diffusion_projection": (4, 512),
        "residual_layers.0.conditioner_projection": (8, 80, 1),
        "residual_layers.0.output_projection": (8, 4, 1),
    }
    weights = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    weights |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}
    figures = {"sample_rate": 22050, "n_mels": 80, "n_fft": 1024, "hop_samples": 256}
    schedules = {"noise_schedule": [1e-4, 0.05], "inference_noise_schedule": [0.01, 0.04]}
    return {"model": weights, "params": figures | schedules | {"dilation_cycle_length": 10}}


def speechbrain() -> dict[str, Any]:
    weights = lmnt()["model"]
    return {name.replace(".weight", ".conv.weight"): value for name, value in weights.items()}


def bddm_schedule() -> list[Tensor]:
    betas = torch.tensor([0.01, 0.05, 0.2])
    return [torch.arange(3), (1 - betas).cumprod(0).sqrt(), betas, betas.sqrt()]


def scheduled(path: Path) -> Model:
    return with_bddm_schedule(base_model(), path)


@cache
def base_model() -> Model:
    return untrained(small_config())


CHECKPOINTS: dict[str, tuple[Callable[[], Any], Callable[[Path], Model]]] = {
    "lmnt-diffwave": (lmnt, from_lmnt_diffwave),
    "lmnt-wavegrad": (lmnt, from_lmnt_wavegrad),
    "philsyn-diffwave": (lambda: {"model_state_dict": random_state(64, 1)}, from_philsyn_diffwave),
    "bddm": (lambda: random_state(128, 1), from_bddm),
    "speechbrain-diffwave": (speechbrain, from_speechbrain_diffwave),
    "bddm schedule": (bddm_schedule, scheduled),
}


def misshapen(tensor: Tensor) -> dict[str, Callable[[], Any]]:
    """What may stand where a tensor is meant."""
    return {
        "number": lambda: torch.tensor(1.0),
        "nothing": lambda: tensor[:0],
        "one": lambda: tensor[:1].clone(),
        "flat": lambda: tensor.flatten().clone(),
        "turned": lambda: tensor.transpose(0, -1),
        "double": lambda: torch.cat([tensor, tensor]),
        "deep": lambda: tensor[None, None],
        "terabytes": lambda: torch.zeros(1).expand(10**6, 10**6),
        "wide": lambda: torch.zeros(1).expand(10**9, *tensor.shape[1:]),
        "nan": lambda: torch.full_like(tensor, float("nan"), dtype=torch.float32),
        "integers": lambda: tensor.to(torch.int8),
        "complex": lambda: tensor.to(torch.complex64),
        "float8": lambda: tensor.to(torch.float8_e4m3fn),
        "sparse": lambda: tensor.to_sparse(),
        "meta": lambda: tensor.to("meta"),
        "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        "quantized": lambda: torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.qint8),
        "list": lambda: tensor.flatten()[:9].tolist(),
    }


@st.composite
def forged(draw: st.DrawFn, value: Any) -> Any:
    """A checkpoint with one thing replaced, renamed or taken out."""
    if isinstance(value, Tensor):
        ways = misshapen(value)
        return ways[draw(st.sampled_from(sorted(ways)))]()
    if not isinstance(value, dict | list) or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([odd for odd in ODD if odd != "\ud800"]))
    places = list(value) if isinstance(value, dict) else range(len(value))
    place = draw(st.sampled_from(places))
    if isinstance(value, list):
        return [*value[:place], draw(forged(value[place])), *value[place + 1 :]]
    left = {name: inner for name, inner in value.items() if name != place}
    match draw(st.sampled_from(["replaced", "replaced", "replaced", "renamed", "left out"])):
        case "replaced":
            return left | {place: draw(forged(value[place]))}
        case "renamed":
            return left | {draw(st.sampled_from([f"module.{place}", 3, "\n"])): value[place]}
    return left


@pytest.mark.parametrize("name", CHECKPOINTS)
@given(data=st.data())
def test_a_forged_checkpoint_is_read_or_refused(
    name: str, tmp_path: Path, data: st.DataObject
) -> None:
    make, read = CHECKPOINTS[name]
    path = tmp_path / "weights.pt"
    torch.save(data.draw(forged(make())), path)
    with within_limits():
        read(path)


@given(data=st.data())
def test_a_damaged_checkpoint_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    held, path = io.BytesIO(), tmp_path / "weights.pt"
    torch.save(bddm_schedule(), held)
    path.write_bytes(data.draw(damaged(held.getvalue())))
    with within_limits():
        scheduled(path)


def joined(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@st.composite
def forged_header(draw: st.DrawFn, content: bytes) -> bytes:
    """A safetensors file whose header tells other things of one tensor."""
    (n,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + n]), content[8 + n :]
    name = draw(st.sampled_from(sorted(header.keys() - {"__metadata__"})))
    entry = header[name]
    match draw(st.sampled_from(["kind", "shape", "offsets", "odd", "name", "metadata"])):
        case "kind":
            kind = draw(st.sampled_from(sorted(BITS)))
            first, last = entry["data_offsets"]
            entry |= {"dtype": kind, "shape": [8 * (last - first) // BITS[kind]]}
        case "shape":
            entry["shape"] = draw(st.sampled_from([[2**62] * 2, [2**40], [-1], [], [0], ["a"], 1]))
        case "offsets":
            entry["data_offsets"] = draw(st.sampled_from([[0, 2**62], [5, 1], [-1, 4], [0]]))
        case "odd":
            header[name] = draw(st.sampled_from(ODD))
        case "name":
            header[f"module.{name}"] = header.pop(name)
        case "metadata":
            text = json.dumps(draw(st.sampled_from(ODD)))
            progress = draw(st.sampled_from([text, f'{{"step": {text}, "items": 1, "clips": ""}}']))
            header["__metadata__"] = {"progress": progress}
    return joined(header, body)


@given(data=st.data())
def test_damaged_weights_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path, whole = tmp_path / "model.safetensors", tmp_path / "whole"
    if not whole.exists():  # the first example
        base_model().save(tmp_path)
        path.rename(whole)
    content = whole.read_bytes()
    path.write_bytes(data.draw(st.one_of(forged_header(content), damaged(content))))
    with within_limits():
        Model.load(tmp_path)
    with within_limits():
        load_tensors(path)


@given(data=st.data())
def test_a_damaged_state_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path, whole = tmp_path / "state.safetensors", tmp_path / "whole"
    network, start = torch.nn.Linear(3, 2), Progress(0, 0, ["a", "b"])
    optimizer = torch.optim.AdamW(network.parameters())
    average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    if not whole.exists():  # the first example
        network(torch.ones(3)).sum().backward()
        optimizer.step()
        save_state(whole, {"network": network}, average, optimizer, start.after(4))
        assert load_state(whole, {"network": network}, average, optimizer, start).items == 4
    content = whole.read_bytes()
    path.write_bytes(data.draw(st.one_of(forged_header(content), damaged(content))))
    with within_limits():
        load_state(path, {"network": network}, average, optimizer, start)
