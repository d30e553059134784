import shutil
from pathlib import Path

import pytest
import torch
from small_models import CONFIGS, untrained

from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system.devices import (
    check_compiler,
    check_device,
    concrete,
    has_bf16,
    use_bf16,
)

CPU = torch.device("cpu")


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    words = "precision='fp8' is unknown; choose from auto, fp32, bf16"
    with pytest.raises(AudiodiffError, match=words):
        use_bf16("fp8", CPU)
    untrained(CONFIGS["diffwave"]).save(tmp_path)
    with pytest.raises(AudiodiffError, match=words):
        Vocoder.from_pretrained(tmp_path, precision="fp8")


def test_a_device_has_one_name() -> None:
    """Tensors drop the index of the CPU and add that of ``cuda``."""
    assert concrete(torch.device("cpu:0")) == concrete(CPU) == CPU != torch.device("cpu:0")


def test_auto_is_bf16_exactly_where_the_device_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_bf16(torch.device("meta"))
    for capability, expected in [("avx512_bf16", True), ("amx_bf16", True), ("avx512_f", False)]:
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda name=capability: {name: True}, raising=False
        )
        assert has_bf16(CPU) is use_bf16("auto", CPU) is expected
        assert use_bf16("bf16", CPU)
        assert not use_bf16("fp32", CPU)


def test_a_device_that_is_none_is_refused() -> None:
    check_device("cpu")
    with pytest.raises(AudiodiffError, match="device='toaster': .*; use 'cpu'"):
        check_device("toaster")


def test_a_device_without_float64_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_float64(*size: int, device: str, dtype: torch.dtype) -> torch.Tensor:
        # As torch 2.12 says it on a Mac.
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype. Please use float32 instead.")

    monkeypatch.setattr(torch, "zeros", no_float64)
    with pytest.raises(AudiodiffError, match="device='mps': .*float32 instead; use 'cpu'"):
        check_device("mps")


@pytest.mark.parametrize("name", CONFIGS)
def test_bf16_sounds_like_fp32(name: str) -> None:
    exact, coarse = (Vocoder(untrained(CONFIGS[name]), precision) for precision in ("fp32", "bf16"))
    mel = exact.mel(0.1 * torch.randn(1, 40 * 256, generator=torch.Generator().manual_seed(0)))
    waves = torch.cat([exact(mel), coarse(mel)])
    assert waves.dtype == torch.float32
    assert torch.corrcoef(waves)[0, 1] > 0.99
    assert not torch.equal(*waves)
    # Where it runs may change, what was asked for stays.
    assert torch.equal(waves, torch.cat([exact.to("cpu")(mel), coarse.to("cpu")(mel)]))


def test_no_compiler_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    untrained(CONFIGS["diffwave"]).save(tmp_path)
    with pytest.raises(AudiodiffError, match="there is no 'no-such-compiler' here; install it"):
        Vocoder.from_pretrained(tmp_path, compile=True)
    check_compiler(torch.device("cuda"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
# Inductor's own: it reads what torch has deprecated.
@pytest.mark.filterwarnings("ignore")
def test_compiled_it_sounds_the_same_at_any_length(tmp_path: Path) -> None:
    untrained(CONFIGS["band-split"]).save(tmp_path)
    plain, compiled = (
        Vocoder.from_pretrained(tmp_path, precision="fp32", compile=choice)
        for choice in (False, True)
    )
    for n_frames in (40, 24):
        mel = plain.mel(0.1 * torch.randn(1, n_frames * 256))
        torch.testing.assert_close(compiled(mel), plain(mel), rtol=0, atol=1e-4)
