"""`convert`: checkpoints of other projects."""

from pathlib import Path

import torch
from command_line import Result, Run, write_tone

from audiodiff.model.model import Model


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
    assert "this model takes no mel, so there is nothing to vocode" in result.err


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
