"""Where a training config gives the figures of its objective, of old and now."""

from pathlib import Path

import pytest

from audiodiff.training.config import read_train_config
from audiodiff.training.objectives import DiffusionConfig, SpectralConfig

BANDSPLIT = Path(__file__).resolve().parents[2] / "recipes/speech/bandsplit.toml"


@pytest.mark.parametrize(
    "settings",
    [
        ["objective.kind=spectral", "objective.diffusion_items=1", "objective.times.mean=1.0"],
        ["objective.kind=spectral", "objective.diffusion_items=1", "times.mean=1.0"],
        [
            "objective={ kind = 'spectral', diffusion_items = 1 }",
            "loss=l2",
            "above_f_max=0.2",
            "times={ kind = 'logit-normal', mean = 1.0, std = 1.5 }",
        ],
        ["spectral.diffusion_items=1", "objective.diffusion.times.mean=1.0"],
        ["spectral.diffusion_items=1", "times.mean=1.0"],
    ],
)
def test_a_diffusion_objective_becomes_spectral(settings: list[str]) -> None:
    objective = read_train_config(BANDSPLIT, settings).objective
    assert isinstance(objective, SpectralConfig)
    assert objective.diffusion_items == 1
    times = {"kind": "logit-normal", "mean": 1.0, "std": 1.5}
    assert objective.diffusion == DiffusionConfig(loss="l2", above_f_max=0.2, times=times)


def test_a_file_lies_over_its_base_in_either_layout(tmp_path: Path) -> None:
    base, old, new = (tmp_path / name for name in ("base.toml", "old.toml", "new.toml"))
    base.write_text(f'base = "{BANDSPLIT.as_posix()}"\nloss = "l1"\ntimes = {{ mean = 2.0 }}\n')
    old.write_text('base = "base.toml"\nabove_f_max = 0.5\n[spectral]\nemphasis = 2\n')
    new.write_text(
        'base = "base.toml"\n[objective]\nkind = "spectral"\nabove_f_max = 0.5\nemphasis = 2\n'
    )
    objective = read_train_config(new).objective
    assert objective == read_train_config(old).objective
    assert isinstance(objective, SpectralConfig)
    assert (objective.diffusion.loss, objective.diffusion.times.mean) == ("l1", 2.0)
    new.write_text('base = "base.toml"\n[objective]\nloss = "l2"\n')
    objective = read_train_config(new).objective
    assert isinstance(objective, DiffusionConfig)
    assert objective.loss == "l2"
