import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from audiodiff import PRESETS, AudiodiffError, LogMel, Model, ModelConfig, Vocoder
from audiodiff.audio.io import load, save
from audiodiff.metrics.pitch import f0_track
from audiodiff.metrics.registry import METRICS
from audiodiff.metrics.spectral import log_mel_mae
from audiodiff.model.hub import model_directory
from audiodiff.search import command, trajectory
from audiodiff.training.config import DataConfig, read_train_config

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RECIPES = BENCHMARKS.parent / "recipes"
RATE = 22050

Script = Callable[[str], ModuleType]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Imports a benchmark as Python finds it when one is run: its folder comes first."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module


def sweep(n_samples: int) -> torch.Tensor:
    """From 200 Hz upwards, beginning after 0.2 s."""
    t = torch.arange(n_samples) / RATE
    return 0.2 * torch.sin(2 * torch.pi * (200 + 300 * t) * t) * (t > 0.2)


def voiced(seconds: float, f0: float = 120) -> np.ndarray:
    """Harmonics of a gliding f0 that fall as 1/k."""
    t = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (f0 + 20 * t) * t
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 20))).astype(np.float32)


@pytest.mark.parametrize(
    ("preset", "power"), [("hifigan", 1), ("tacotron2", 1), ("lmnt-diffwave", 1), ("hifigan", 2)]
)
def test_griffin_lim_gives_the_mel_back_in_place(script: Script, preset: str, power: int) -> None:
    systems = script("systems")
    config = PRESETS[preset].model_copy(update={"power": power})
    clip = systems.clip_of(sweep(40 * 256).numpy(), config)
    made = systems.griffin_lim(clip, n_iterations=16)[: 40 * 256]
    assert made.shape == (40 * 256,)
    # The onset is where it was, to a fraction of a hop.
    onset = int(np.flatnonzero(np.abs(made) > 0.05)[0])
    assert abs(onset - 0.2 * RATE) < 128
    amplitude = config.amplitude(clip.mel)
    again = config.amplitude(LogMel(config)(torch.from_numpy(made)[None])[0])
    loud = amplitude > amplitude.max() / 10
    assert (again / amplitude).log()[loud].abs().mean() < 0.25


def test_least_squares_are_solved_and_better_than_the_pseudo_inverse(script: Script) -> None:
    systems = script("systems")
    wave = voiced(0.6)
    clip = systems.clip_of(wave, PRESETS["hifigan"])
    solved, clipped = (
        log_mel_mae(wave, systems.griffin_lim(clip, 32, inverse)[: len(wave)], RATE)
        for inverse in ("least-squares", "pseudo-inverse")
    )
    assert solved < 0.8 * clipped
    assert clipped < 1


def test_world_keeps_pitch_and_length(script: Script) -> None:
    systems = script("systems")
    wave = voiced(1)
    made = systems.world(systems.clip_of(wave, PRESETS["hifigan"]))[: len(wave)]
    assert made.shape == wave.shape
    (found, _), (truth, _) = f0_track(made, RATE), f0_track(wave, RATE)
    both = (found > 0) & (truth > 0)
    assert both.mean() > 0.8
    assert np.median(np.abs(found[both] / truth[both] - 1)) < 0.02


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A voice with a list of two clips, one of them not in it, and one without a list."""
    for name in ("listed/wavs/b.wav", "listed/wavs/a.wav", "free/wavs/c.flac"):
        save(tmp_path / "data" / name, voiced(0.6, 100 + ord(Path(name).stem) % 7 * 15), RATE)
    (tmp_path / "data/listed/test.txt").write_text("b|Its text.\n")
    (tmp_path / "data/no-voice").mkdir()
    return tmp_path / "data"


def snapshot(folder: Path) -> dict[str, int]:
    """When each file was last written."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != "quality.md"
    }


@pytest.mark.slow
def test_quality_judges_each_pair_once(
    script: Script,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quality, out = script("quality"), tmp_path / "out"
    baselines = script("systems").BASELINES
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    quality.main(data, out, steps="1", workers=1)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0].startswith("Model default (")
    assert f"2 clips, seed 0, torch {torch.__version__}" in lines[0]
    heads = [line for line in lines if line.startswith("###")]
    assert heads == ["### all voices", "### free", "### listed"]
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    passes = script("systems").passes_of(Vocoder.from_pretrained("default").model)
    ours = ["default, 1 step", f"mel projection of noise, {passes} passes, no network"]
    assert [row[0] for row in rows] == ["system", *ours, *baselines] * 3
    assert {len(row) for row in rows} == {2 + len(METRICS)}
    assert {row[1] for row in rows} == {"clips", "2", "1"}
    assert (out / "quality.md").read_text() == text
    wave, rate = load(out / "default-1-step/listed/b.wav")
    assert (len(wave), rate) == (round(0.6 * RATE), RATE)

    before = snapshot(out)
    monkeypatch.setattr(quality, "pooled", None)
    quality.main(data, out, steps="1", workers=1)
    assert capsys.readouterr().out == text
    assert snapshot(out) == before


def test_quality_reports_a_clip_that_fails_and_goes_on(
    script: Script,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quality, world = script("quality"), script("systems").world
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    monkeypatch.setattr(quality, "systems_of", lambda model, steps: {"WORLD": world})
    (data / "free/wavs/d.wav").write_text("not sound")
    with pytest.raises(quality.typer.Exit) as stop:
        quality.main(data, tmp_path / "out", steps="1", workers=1)
    assert stop.value.exit_code == 1
    out, err = capsys.readouterr()
    assert "| WORLD | 1 | " in out
    assert "failed: WORLD: " in err
    assert "d.wav cannot be read as sound" in err


def test_quality_refuses_what_it_cannot_compare(script: Script, data: Path, tmp_path: Path) -> None:
    quality, out = script("quality"), tmp_path / "out"
    with pytest.raises(AudiodiffError, match="--steps '4,' is no list of step counts"):
        quality.main(data, out, steps="4,")
    with pytest.raises(AudiodiffError, match="holds no voice"):
        quality.main(data / "listed", out, steps="1")
    (data / "listed/test.txt").write_text("b\nz\n")
    with pytest.raises(AudiodiffError, match=r"test\.txt names 'z', which .*wavs lacks"):
        quality.main(data, out, steps="1")
    (data / "listed/test.txt").write_text("b\n")
    out.mkdir()
    (out / "model.txt").write_text("of somebody else\n")
    with pytest.raises(AudiodiffError, match="results of another model"):
        quality.main(data, out, steps="1")


def test_scores_of_older_metrics_are_judged_again(script: Script, tmp_path: Path) -> None:
    quality = script("quality")
    job = quality.Job("system", "voice", tmp_path / "a.wav", tmp_path / "made/a.wav")
    assert quality.stored_scores(job) is None
    save(job.source, voiced(0.6), RATE)
    save(job.target, voiced(0.6), RATE)
    scores = quality.do(job, system=None, config=None)
    assert quality.stored_scores(job) == scores
    older = scores.model_copy(update={"scores": {"estoi": 1.0}})
    job.scores.write_text(older.model_dump_json())
    assert quality.stored_scores(job) is None


def test_a_cell_tells_for_how_many_clips_it_is_defined(script: Script) -> None:
    quality = script("quality")
    assert quality.cell(quality.summarize([1.0, 3.0]), 2) == "2.000 ± 12.706"
    assert quality.cell(quality.summarize([1.0, 3.0, None]), 3) == "2.000 ± 12.706 (2)"
    assert quality.cell(quality.summarize([2.0]), 1) == "2.000"
    assert quality.cell(quality.summarize([None]), 1) == "-"


@pytest.mark.slow
def test_schedules_compares_rules_and_searches(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    schedules = script("schedules")
    wave, _ = load(BENCHMARKS.parent / "examples" / "arctic_a0016.wav")
    for i in range(4):
        save(tmp_path / f"data/voice/wavs/{i}.wav", wave[i * 15000 : i * 15000 + 30000], RATE)
    (tmp_path / "data/voice/dev.txt").write_text("0\n1\n")
    (tmp_path / "data/voice/test.txt").write_text("2\n")
    model = {
        "sample_rate": RATE,
        "mel": "hifigan",
        "network": {"kind": "diffwave", "n_channels": 4, "n_layers": 2},
        "schedule": {"kind": "linear"},
        "target": "x0",
        "sampling": {"sampler": "ddim", "times": [1.0, 0.0]},
    }
    Model(ModelConfig.parse(model, "test")).save(tmp_path / "model")
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    words = {
        "model": str(tmp_path / "model"),
        "samplers": "ddim,dpm++2m",
        "steps": "1,6",
        "methods": "straightness,trajectory,gradient,learned",
        "budget": 2,
        "workers": 1,
        "limit": 1,
    }

    class Ending:
        def __init__(self, setting: object) -> None: ...

        def __call__(self, start: object, report: object) -> object:
            raise schedules.EndsEarlyError("no run of so many steps")

    monkeypatch.setitem(schedules.SEARCHES, "learned", Ending)
    monkeypatch.setattr(command, "SECONDS", 0.5)
    monkeypatch.setattr(trajectory, "N_CANDIDATES", 12)
    # DiffWave's transposed convolutions are many times slower in bf16.
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    schedules.main(tmp_path / "data", tmp_path / "out", **words)
    said = capsys.readouterr()
    text = said.out
    assert said.err.count("learned: no run of so many steps") == 4
    heads = [line for line in text.splitlines() if line.startswith("### ")]
    assert heads == [f"### {name}" for name in schedules.SCORES]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rules, searches = ["uniform", "log-snr", "karras"], ["straightness", "trajectory", "gradient"]
    origins = [*rules, "default", *searches, "diffwave"]
    assert rows[0] == ["sampler", "steps", *origins]
    assert [row[:2] for row in rows[1:5]] == [
        [sampler, n] for sampler in ("ddim", "dpm++2m") for n in "16"
    ]
    assert [row[-1] == "-" for row in rows[1:5]] == [True, False, True, False]
    assert (tmp_path / "out/schedules.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out/schedules.md").read_text().strip() == text.strip()

    monkeypatch.setattr(schedules, "Session", None)
    monkeypatch.setattr(schedules, "score", None)
    schedules.main(tmp_path / "data", tmp_path / "out", **words)
    assert capsys.readouterr().out == text
    schedules.main(
        tmp_path / "data", tmp_path / "out", **(words | {"methods": "grid"}), search=False
    )
    assert "grid" not in capsys.readouterr().out


def write_voices(data: Path, *names: str) -> None:
    """Folders of seven clips of a second, with lists."""
    for voice in names:
        for i in range(7):
            save(data / voice / f"wavs/{i}.wav", voiced(1.0, 100 + 10 * i), RATE)
        for name, ids in {"train": "0123", "dev": "4", "test": "56"}.items():
            (data / voice / f"{name}.txt").write_text("\n".join(ids))


@pytest.mark.slow
def test_finetuning_compares_amounts_of_data_and_steps(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    finetuning = script("finetuning")
    write_voices(tmp_path / "data", "old", "new")
    trained = []

    def train(run: object) -> None:
        trained.append((run.folder.name, [folder.name for folder in run.data], run.init))
        shutil.copytree(model_directory("default"), run.model, dirs_exist_ok=True)

    monkeypatch.setattr(finetuning.Run, "train", train)
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    out = tmp_path / "out"
    words = {"voice": "new", "minutes": "0.02,0.04", "steps": "1,2", "workers": 1}
    finetuning.main(tmp_path / "data", out, first=1, second=1, **words)
    before = out / "second/model"
    assert trained == [
        ("first", ["old"], None),
        ("second", ["old"], out / "first/model"),
        *((f"tuned-{m}-{n}", [f"new-{m}"], before) for m in ("0.02", "0.04") for n in (1, 2)),
    ]
    lists = [(out / f"data/new-{m}/train.txt").read_text().split() for m in ("0.02", "0.04")]
    assert lists == [["0", "1"], ["0", "1", "2"]]  # of one second each
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    names = ["system", "before", *(f"{m} min, {n} steps" for m in (0.02, 0.04) for n in (1, 2))]
    assert [row.strip("| ").split(" | ")[0] for row in rows] == names
    assert (out / "finetuning.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(AudiodiffError, match=r"new has 0\.1 minutes to train on, not 5"):
        finetuning.main(tmp_path / "data", out, **(words | {"minutes": "5"}))
    with pytest.raises(AudiodiffError, match="--voice 'none' is not in"):
        finetuning.main(tmp_path / "data", out, **(words | {"voice": "none"}))


@pytest.mark.slow
def test_augmentations_are_compared_with_none_clip_by_clip(
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    augmentation = script("augmentation")
    write_voices(tmp_path / "data", "new")
    trained = {}

    def train(run: object) -> None:
        trained[run.folder.name] = read_train_config(RECIPES / run.config, run.settings).data
        shutil.copytree(model_directory("default"), run.model, dirs_exist_ok=True)

    monkeypatch.setattr(script("finetuning").Run, "train", train)
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    arguments = (tmp_path / "data", model_directory("default"), tmp_path / "out")
    words = {"voice": "new", "minutes": 0.02, "steps": 10, "workers": 1}
    augmentation.main(*arguments, **words)
    bare = trained.pop("none")
    changed = {
        key: [
            name for name in DataConfig.model_fields if getattr(data, name) != getattr(bare, name)
        ]
        for key, data in trained.items()
    }
    assert changed == {
        key: [key] for key in ("start_every", "gain_db", "speed", "flip", "noise_db")
    }
    rows = [
        line.strip("| ").split(" | ")
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| ")
    ]
    assert [row[0] for row in rows[1:]] == ["none", *augmentation.WITH]
    # All are one model, so they make the same sound.
    assert {entry for row in rows[2:] for entry in row[1:]} == {"+0.000 ± 0.000"}
    assert float(rows[1][1].split()[0]) > 1
    with pytest.raises(AudiodiffError, match="--voice 'none' is not in"):
        augmentation.main(*arguments, **(words | {"voice": "none"}))


@pytest.mark.slow
def test_the_demo_is_watched_while_it_works(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script("demo").main(BENCHMARKS.parent / "examples" / "arctic_a0016.wav", 2, 1)
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[4:]]
    assert [row[0] for row in rows] == ["1", "2"]
    # The upload and the sound: the first one's is gone.
    assert [row[3] for row in rows] == ["2", "2"]
    assert all(float(row[2]) > 100 for row in rows)


@pytest.mark.slow
def test_conversions_has_a_row_for_every_preset(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script("conversions").main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[2:]] == list(PRESETS)
    cells = {row[0]: row for row in rows[2:]}
    assert cells["hifigan"][1:4] == ["exact", "-", "0.000"]
    assert cells["nemo"][1:3] == ["each value", "window"]
    assert cells["vocos"][1] == "by the spectrum"
    assert float(cells["vocos"][4]) > 2


def test_a_seam_that_clicks_stands_out(script: Script) -> None:
    streaming = script("streaming")
    wave = torch.from_numpy(voiced(2.0))[None]
    wave += 0.003 * torch.randn(wave.shape, generator=torch.Generator().manual_seed(0))
    seams = [9000, 20000, 31000]
    broken = wave.clone()
    for seam in seams:
        broken[:, seam:] *= -1
    assert streaming.mean_rank(wave, seams) < 0.8
    assert streaming.mean_rank(broken, seams) > 0.97
