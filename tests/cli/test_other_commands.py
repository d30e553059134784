"""`mel`, `evaluate`, `convert` and `train`."""

import json
from pathlib import Path

import numpy as np
import torch
from command_line import CONFIG, Result, Run, files, hifigan_mel, write_tone

from audiodiff.metrics.evaluate import Evaluation
from audiodiff.metrics.registry import METRICS
from audiodiff.model.model import Model


def test_mel_writes_what_the_preset_says(run: Run, clips: Path, tmp_path: Path) -> None:
    result = run("mel", "clips", "-o", "mels", "--preset", "hifigan")
    assert result.status == 1
    assert result.err.startswith("3 written, 2 failed\n")
    assert files(tmp_path / "mels") == ["[red]b.npy", "a.npy", "deep/er/é中 :cat:.npy"]
    mel = np.load(tmp_path / "mels/a.npy")
    assert (mel.shape, mel.dtype) == ((80, 26), np.float32)
    np.testing.assert_array_equal(mel, hifigan_mel(clips / "a.wav").numpy())


def test_evaluate_shows_files_means_and_what_is_missing(
    run: Run, model: Path, tmp_path: Path
) -> None:
    for i, name in enumerate(("[red]a", "sub/b", "bad", "lonely")):
        write_tone(tmp_path / f"ref/{name}.wav", 150 + 30 * i)
    for i, name in enumerate(("[red]a", "sub/b", "new")):
        write_tone(tmp_path / f"out/{name}.wav", 151 + 30 * i)
    (tmp_path / "out/bad.wav").write_text("not sound")
    result = run("evaluate", "ref", "out", "--json", "new/scores.json")
    assert result.status == 1
    stored = Evaluation.parse(json.loads((tmp_path / "new/scores.json").read_text()), "scores.json")
    assert [file.name for file in stored.files] == ["[red]a", "sub/b"]
    for file in stored.files:
        row = next(line for line in result.out.splitlines() if f" {file.name} " in line)
        assert f" {file.scores['mstft']:.3f} " in row
    summary = stored.summary["mstft"]
    assert summary.interval is not None
    assert f"{summary.mean:.3f} ± {summary.interval:.3f}" in result.out
    assert all(name in result.out for name in METRICS)
    alone, new, failed = result.err.splitlines()
    assert alone == "1 references without an output: lonely"
    assert new == "1 outputs without a reference: new"
    assert failed.startswith("failed: bad: out/bad.wav cannot be read as sound")
    assert run("evaluate", "ref/[red]a.wav", "out/[red]a.wav").status == 0


def test_evaluate_of_nothing_good_is_status_2(run: Run, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("not sound")
    result = run("evaluate", "a.wav", "b.wav", "--json", "scores.json")
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("failed: a: b.wav cannot be read as sound")
    assert json.loads((tmp_path / "scores.json").read_text())["files"] == []


def lmnt_weights() -> dict[str, torch.Tensor]:
    """A tiny unconditional network under LMNT's names."""
    shapes = {
        "input_projection": (4, 1, 1),
        "diffusion_embedding.projection1": (512, 128),
        "diffusion_embedding.projection2": (512, 512),
        "skip_projection": (4, 4, 1),
        "output_projection": (1, 4, 1),
        "residual_layers.0.dilated_conv": (8, 4, 3),
        "residual_layers.0.diffusion_projection": (4, 512),
        "residual_layers.0.output_projection": (8, 4, 1),
    }
    weights = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    return weights | {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}


def test_convert_writes_a_model_or_nothing(run: Run, tmp_path: Path) -> None:
    weights = lmnt_weights()
    torch.save({"model": weights}, tmp_path / "whole.pt")
    missing = weights.pop("skip_projection.bias")
    torch.save({"model": weights}, tmp_path / "part.pt")
    result = run("convert", "part.pt", "--from", "lmnt-diffwave", "-o", "part")
    assert result.status == 2
    assert "skip.bias is missing" in result.err
    assert not (tmp_path / "part").exists()
    assert run("convert", "whole.pt", "--from", "lmnt-diffwave", "-o", "whole") == Result(
        0, "", "wrote whole\n"
    )
    assert torch.equal(Model.load(tmp_path / "whole").network.skip.bias, missing)
    write_tone(tmp_path / "a.wav")
    result = run("vocode", "a.wav", "-o", "out", "--model", "whole")
    assert result.status == 2
    assert "--model 'whole' takes no mel" in result.err


def test_convert_takes_a_schedule_of_bddms(run: Run, tmp_path: Path) -> None:
    torch.save({"model": lmnt_weights()}, tmp_path / "a.pt")
    betas = torch.tensor([1e-3, 0.1])
    torch.save([betas, betas, betas, betas], tmp_path / "2.ns")
    command = ("convert", "a.pt", "--from", "lmnt-diffwave", "-o", "m", "--schedule")
    assert run(*command, "2.ns") == Result(0, "", "wrote m\n")
    assert Model.load(tmp_path / "m").n_steps == 2
    result = run(*command, "nope.ns")
    assert result.status == 2
    assert "nope.ns: no such schedule" in result.err


def test_train_makes_a_model_that_vocodes(run: Run, tmp_path: Path) -> None:
    for i in range(3):
        write_tone(tmp_path / f"data/{i}.wav", 150 + 50 * i)
    (tmp_path / "a.toml").write_text(CONFIG)
    result = run("train", "a.toml", "--data", "data", "-o", "run", "--set", "optimizer.lr=1e-3")
    assert result.status == 0
    assert "step 2/2" in result.err
    assert run("vocode", "data/0.wav", "-o", "out", "--model", "run/model").status == 0
    again = run("train", "a.toml", "--data", "data", "-o", "run")
    assert again.status == 2
    assert again.err.startswith("error: run holds a run; add --resume")
