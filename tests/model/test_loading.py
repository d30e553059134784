"""What loading a model does, and what it does not."""

import json
from pathlib import Path

import pytest
import torch
from small_models import small_config, untrained

from audiodiff import AudiodiffError, Model, Vocoder
from audiodiff.diffusion.noise import white_noise
from audiodiff.model.weights import load_tensors, save_tensors


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    untrained(small_config()).save(tmp_path)
    return tmp_path


def test_loading_leaves_torchs_generator_alone(directory: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Vocoder.from_pretrained(directory)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("kind", [torch.int32, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_that_are_no_floats_are_refused(directory: Path, kind: torch.dtype) -> None:
    path = directory / "model.safetensors"
    tensors, _ = load_tensors(path)
    name = "network.output.weight"
    save_tensors(path, tensors | {name: tensors[name].to(kind)})
    named = str(kind).removeprefix("torch.")
    with pytest.raises(AudiodiffError, match=f"{name} is {named}, not floating-point"):
        Model.load(directory)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_floats_are_taken(directory: Path, kind: torch.dtype) -> None:
    path = directory / "model.safetensors"
    tensors, _ = load_tensors(path)
    save_tensors(path, {name: tensor.to(kind) for name, tensor in tensors.items()})
    assert {p.dtype for p in Model.load(directory).parameters()} == {torch.float32}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_that_a_wrapper_gave_are_read(directory: Path, prefix: str) -> None:
    path, expected = directory / "model.safetensors", Model.load(directory).state_dict()
    tensors, _ = load_tensors(path)
    save_tensors(path, {f"{prefix}{name}": tensor for name, tensor in tensors.items()})
    torch.testing.assert_close(Model.load(directory).state_dict(), expected, rtol=0, atol=0)


def test_a_compiled_networks_names_are_read(directory: Path) -> None:
    path, expected = directory / "model.safetensors", Model.load(directory).state_dict()
    tensors, _ = load_tensors(path)
    compiled = {
        name.replace("network.", "network._orig_mod."): tensor for name, tensor in tensors.items()
    }
    assert compiled.keys() != tensors.keys()
    save_tensors(path, compiled)
    torch.testing.assert_close(Model.load(directory).state_dict(), expected, rtol=0, atol=0)
    save_tensors(path, tensors | {name: tensor.clone() for name, tensor in compiled.items()})
    with pytest.raises(AudiodiffError, match=r"holds weights twice, with module\. or _orig_mod\."):
        Model.load(directory)


def test_noise_is_the_same_whatever_the_default_type() -> None:
    expected = white_noise((3,), (10,))
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(white_noise((3,), (10,)), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("kind", [["diffwave"], {}, None, 3])
def test_a_kind_that_is_no_name_is_refused(directory: Path, kind: object) -> None:
    values = json.loads((directory / "config.json").read_text())
    for part in ("network", "schedule", "codec", "prior"):
        changed = values | {part: values[part] | {"kind": kind}}
        (directory / "config.json").write_text(json.dumps(changed))
        with pytest.raises(AudiodiffError, match=f"does not fit: .*{part}"):
            Model.load(directory)


@pytest.mark.parametrize("labels", [3.5, 3, True, {"a": 1}, [1, 2]])
def test_labels_that_are_no_names_are_refused(directory: Path, labels: object) -> None:
    values = json.loads((directory / "config.json").read_text()) | {"labels": labels}
    (directory / "config.json").write_text(json.dumps(values))
    with pytest.raises(AudiodiffError, match=r"labels"):
        Model.load(directory)
