import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from audiodiff import PRESETS, LogMel
from audiodiff.metrics.evaluate import METRICS, Evaluation, FileScores, summarize

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("preset", ["hifigan", "tacotron2"])
def test_griffin_lim_gives_the_mel_back_in_place(preset: str) -> None:
    config = PRESETS[preset]
    t = torch.arange(40 * 256) / 22050
    wave = 0.2 * torch.sin(2 * torch.pi * (200 + 300 * t) * t) * (t > 0.2)
    mel = LogMel(config)(wave[None])[0, :, :40]
    made = script("griffin_lim").invert(mel, config, n_iterations=16)
    assert made.shape == (40 * 256,)
    # The onset is where it was, to a fraction of a hop.
    onset = int(np.flatnonzero(np.abs(made) > 0.05)[0])
    assert abs(onset - 0.2 * 22050) < 128
    again = LogMel(config)(torch.from_numpy(made)[None])[0, :, :40]
    loud = mel > -2
    assert (again - mel)[loud].abs().mean() < 0.25


def test_the_quality_table_has_a_row_for_each_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tuple(
        FileScores(
            name=f"{i}",
            sample_rate=22050,
            resampled_from=None,
            scores=dict.fromkeys(METRICS, float(i)) | {"estoi": None},
        )
        for i in range(3)
    )
    summary = {name: summarize([file.scores[name] for file in files]) for name in METRICS}
    evaluation = Evaluation(
        files=files,
        summary=summary,
        failed={},
        references_without_output=(),
        outputs_without_reference=(),
    )
    (tmp_path / "mine.json").write_text(evaluation.model_dump_json())
    script("quality_table").main([tmp_path / "mine.json"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| mine | 3 | 1.000 ± 2.484 | - |")
