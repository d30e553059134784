"""The runs that a distillation is made of."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from small_models import LABELLED, infill_config, small_config, untrained

from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.training.config import OptimizerConfig, TrainConfig
from audiodiff.training.distill import Task, stages_of
from audiodiff.training.state import initial_weights


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in the folder of the run that trained it."""
    run = tmp_path_factory.mktemp("run")
    model = untrained(small_config(**LABELLED))
    model.save(run / "model")
    objective = {"kind": "diffusion", "drop": {"digit": 0.3}, "times": {"kind": "logit-normal"}}
    values = {"model": model.config.model_dump(mode="json"), "objective": objective}
    config = TrainConfig.parse(values | {"batch_size": 3, "steps": 70}, "test")
    (run / "train.json").write_text(config.model_dump_json())
    return run / "model"


def test_each_student_is_the_teacher_of_the_next(teacher: Path, tmp_path: Path) -> None:
    stages = stages_of(Task(str(teacher), "progressive", [1, 4], 16), tmp_path)
    assert [stage.out.name for stage in stages] == ["steps-8", "steps-4", "steps-2", "steps-1"]
    grids = [stage.config.model.sampling.times for stage in stages]
    assert [len(grid) - 1 for grid in grids] == [8, 4, 2, 1]
    assert all(coarse == fine[::2] for fine, coarse in itertools.pairwise(grids))
    teachers = [Path(stage.config.objective.teacher) for stage in stages]
    assert teachers == [teacher, *(tmp_path / f"steps-{n}/model" for n in (8, 4, 2))]
    assert [stage.init for stage in stages] == teachers
    for stage in stages:
        sampling = stage.config.model.sampling
        assert (sampling.sampler, sampling.guidance, sampling.n_samples) == ("ddim", (), 2205)
        # The rest is as the teacher's training had it.
        assert stage.config.objective.diffusion.drop == {"digit": 0.3}
        assert (stage.config.batch_size, stage.config.steps) == (3, 70)
        assert stage.config.optimizer.lr == pytest.approx(0.1 * OptimizerConfig().lr)


def test_one_student_of_consistency_serves_all_numbers_of_steps(
    teacher: Path, tmp_path: Path
) -> None:
    task = Task(str(teacher), "consistency", [4, 1], settings=["objective.n_last=40", "steps=9"])
    (stage,) = stages_of(task, tmp_path)
    assert stage.out == tmp_path
    assert stage.init == teacher
    assert (stage.config.objective.n_last, stage.config.steps) == (40, 9)
    assert stage.config.objective.diffusion.times.kind == "logit-normal"
    sampling = stage.config.model.sampling
    assert sampling.sampler == "consistency"
    assert sampling.times == (1.0, 0.75, 0.5, 0.25, 0.0)


@pytest.mark.parametrize("method", ["shortcut", "meanflow"])
def test_a_student_of_whole_steps_is_told_their_end(
    method: str, teacher: Path, tmp_path: Path
) -> None:
    (stage,) = stages_of(Task(str(teacher), method, [4, 1]), tmp_path)
    assert (stage.out, stage.init) == (tmp_path, teacher)
    model = stage.config.model
    assert model.network.takes_end
    assert (model.sampling.sampler, model.sampling.times) == ("ddim", (1.0, 0.75, 0.5, 0.25, 0.0))
    weights = initial_weights(stage.config, teacher)
    lacking = Model(model).load_state_dict(weights, strict=False).missing_keys
    assert lacking
    assert all(name.startswith("network.end.") for name in lacking)


def test_what_is_not_told_the_end_of_steps_learns_no_whole_ones(tmp_path: Path) -> None:
    wavegrad = {"kind": "wavegrad", "n_channels": 2, "upsample_factors": (4, 4, 4, 2, 2)}
    model = small_config(network=wavegrad, prior={"kind": "unit"})
    untrained(model).save(tmp_path / "wavegrad")
    task = Task(str(tmp_path / "wavegrad"), "meanflow", [1])
    said = "which network.kind='wavegrad' does not; distil it by 'progressive' or 'consistency'"
    with pytest.raises(AudiodiffError, match=said):
        stages_of(task, tmp_path)
    assert stages_of(replace(task, method="consistency"), tmp_path)
    with pytest.raises(AudiodiffError, match="kind='wavegrad' cannot take the end of a step"):
        small_config(network=wavegrad | {"takes_end": True})


def test_a_file_says_how_students_are_trained(teacher: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('steps = 5\n[objective]\nkind = "consistency"\nn_first = 3\ndrop = {digit=0.1}')
    task = Task(str(teacher), "consistency", [1], config=file)
    (stage,) = stages_of(task, tmp_path)
    assert (stage.config.steps, stage.config.objective.n_first) == (5, 3)
    assert stage.config.objective.diffusion.drop == {"digit": 0.1}
    # Of another objective, what is learned from counts.
    (stage,) = stages_of(replace(task, method="progressive", teacher_steps=2), tmp_path)
    assert stage.config.objective.kind == "progressive"
    assert stage.config.objective.diffusion.drop == {"digit": 0.1}
    file.write_text("objective = 3")
    with pytest.raises(AudiodiffError, match=r"a\.toml does not fit: objective"):
        stages_of(task, tmp_path)


def test_a_teacher_without_its_training_is_distilled_by_the_defaults(tmp_path: Path) -> None:
    untrained(infill_config()).save(tmp_path / "model")
    model = Model.load(tmp_path / "model")
    (stage,) = stages_of(Task(str(tmp_path / "model"), "progressive", [2], 4), tmp_path)
    assert stage.config.objective.diffusion.masks is not None
    assert stage.config.model.codec == model.config.codec
    stages = stages_of(Task("digits", "progressive", [32]), tmp_path)
    assert stages[0].config.objective.teacher == "digits"
    assert stages[0].config.data.crop_frames == 64


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"steps": [3]},
            r"--steps 3: .* halves the 64 steps of the teacher, to 32, 16, 8, 4, 2, 1",
        ),
        ({"steps": [64]}, "choose among these, or give another --teacher-steps"),
        ({"teacher_steps": 7}, "halves the 7 steps of the teacher, which are odd"),
        ({"method": "magic"}, "--method 'magic' is unknown; choose from progressive, consistency"),
        ({"method": "consistency", "teacher_steps": 8}, "--teacher-steps goes with --method pro"),
        ({"method": "shortcut", "steps": [4, 3]}, "--steps 3: shortcut models take 1, 2, 4, 8 ..."),
        (
            {"method": "shortcut", "steps": [256]},
            "needs model.sampling.times of 1, 2, 4 ... 128 equal steps from 1 to 0, not",
        ),
        (
            {"method": "meanflow", "settings": ["batch_size=1"]},
            "batch_size=1 but .* two parts",
        ),
        (
            {"method": "meanflow", "settings": ["model.network.takes_end=false"]},
            "network.kind='unet' does not; set model.network.takes_end=true",
        ),
        (
            {"settings": ["model.network.takes_end=true"]},
            "takes_end=True but objective.kind='progressive' does not train that",
        ),
        ({"settings": ["steps=none"]}, r"train\.json does not fit: steps"),
        ({"config": Path("nope.toml")}, r"nope\.toml: no such config"),
    ],
)
def test_what_cannot_be_distilled_is_refused(
    changes: dict[str, object], said: str, teacher: Path, tmp_path: Path
) -> None:
    with pytest.raises(AudiodiffError, match=said):
        stages_of(replace(Task(str(teacher), "progressive", [1, 2]), **changes), tmp_path)
