"""The benchmarks of attention's memory and of latents beside mels."""

from pathlib import Path

import pytest
from benchmark_scripts import Script
from small_models import latent_config, small_config, small_stft_config, untrained

from audiodiff import AudiodiffError, ModelConfig


def mel_config(vocoder: Path) -> ModelConfig:
    """A model with which mels diffuse."""
    values = latent_config().model_dump() | {
        "codec": {"kind": "mel", "vocoder": str(vocoder)},
        "network": {"kind": "unet", "widths": [32], "n_blocks": 1, "window": 8},
    }
    return ModelConfig.parse(values, "test")


def rows_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_an_estimate_of_any_length_is_measured(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    attention = script("attention")
    untrained(mel_config(tmp_path)).save(tmp_path)
    case = attention.Case(model=str(tmp_path), seconds=0.5, whole=False)
    for whole in (False, True):
        figures = attention.measure(case.model_copy(update={"whole": whole}))
        assert figures.n_steps == 43
        assert figures.memory >= 0
        assert figures.seconds > 0
    monkeypatch.setattr(attention, "run_alone", attention.measure)
    monkeypatch.setattr(attention, "LENGTHS", (1, 2))
    attention.main(str(tmp_path))
    rows = rows_of(capsys.readouterr().out)
    assert [row[:2] for row in rows] == [["1", "86"], ["2", "172"]]
    untrained(small_config()).save(tmp_path)
    with pytest.raises(AudiodiffError, match="has no U-Net with attention; give a model that has"):
        attention.measure(case)


def test_latents_are_timed_beside_mels(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    untrained(small_stft_config()).save(tmp_path / "vocoder")
    untrained(mel_config(tmp_path / "vocoder")).save(tmp_path / "mel")
    codec = latent_config().codec.model_dump() | {"vocoder": str(tmp_path / "vocoder")}
    untrained(latent_config(codec=codec)).save(tmp_path / "latent")
    script("latent").main(str(tmp_path / "latent"), str(tmp_path / "mel"), n=2, tries=1)
    out = capsys.readouterr().out
    rows = rows_of(out)
    assert [Path(row[0]).name for row in rows] == ["mel", "latent"]
    for row in rows:
        *parts, whole = map(float, row[2:])
        assert sum(parts) == pytest.approx(whole, abs=3e-4)
    assert out.rstrip().endswith("times as long as latents")
