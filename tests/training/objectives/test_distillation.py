"""Students of models whose best estimate is known, and of small untrained ones."""

import itertools
from pathlib import Path

import pytest
import torch
from contracts import GaussianData, noise
from plane import Exact, clean, distance_to_data, fit, points, student
from schedule_examples import EXAMPLES
from small_models import LABELLED, small_config, untrained
from torch import Tensor

from audiodiff._types import Denoiser, Schedule, Step
from audiodiff.errors import AudiodiffError
from audiodiff.guidance import ClassifierFree
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.samplers.ddim import DDIM
from audiodiff.training.config import TrainConfig
from audiodiff.training.distill import student_values
from audiodiff.training.objectives.consistency import ConsistencyConfig, ConsistencyLoss
from audiodiff.training.objectives.contract import Batch, Objective
from audiodiff.training.objectives.diffusion import Clean, DiffusionConfig, DiffusionLoss
from audiodiff.training.objectives.distillation import Teacher
from audiodiff.training.objectives.progressive import ProgressiveLoss

F64 = torch.float64


def test_students_of_half_the_steps_reach_the_data_in_one() -> None:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    teacher, weights = Exact(), None
    times = teacher.times(4).tolist()
    for n_steps in (200, 100):
        times = times[::2]
        model = student(times)
        if weights is not None:
            model.network.load_state_dict(weights)
        objective = ProgressiveLoss(DiffusionLoss(DiffusionConfig(), model), teacher)

        def loss(progress: float, objective: ProgressiveLoss = objective) -> Tensor:
            steps = torch.randint(objective.n_steps, (128,), generator=generator)
            return objective.of(clean(128, generator), steps).mean()

        fit(objective, loss, n_steps)
        teacher, weights = Teacher(model), model.network.state_dict()
    assert times == [1.0, 0.0]
    assert distance_to_data(model, Run()) < 0.12


@pytest.mark.parametrize("teacher", [Exact(), None], ids=["distilled", "trained"])
def test_consistent_estimates_reach_the_data_in_one_and_two(teacher: Teacher | None) -> None:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    sampling = {"sampler": "consistency", "times": [1.0, 0.5, 0.0]}
    model = student([1.0, 0.0], sampling=sampling)
    config = ConsistencyConfig(n_first=4, n_last=16)
    objective = ConsistencyLoss(config, DiffusionLoss(DiffusionConfig(), model), teacher)

    def loss(progress: float) -> Tensor:
        t = torch.rand(128, generator=generator, dtype=F64)
        return objective.of(clean(128, generator), t, objective.n_steps(progress)).mean()

    fit(objective, loss, 300)
    assert distance_to_data(model, Run(times=(1.0, 0.0))) < 0.15
    assert distance_to_data(model, Run()) < 0.15


@pytest.mark.parametrize("kind", ["progressive", "distilled", "trained"])
def test_a_student_fits_one_batch(kind: str) -> None:
    torch.manual_seed(0)
    model = student([1.0, 0.5, 0.0])
    diffusion, few = DiffusionLoss(DiffusionConfig(), model), ConsistencyConfig(n_first=2, n_last=2)
    objective: Objective = {
        "progressive": lambda: ProgressiveLoss(diffusion, Exact()),
        "distilled": lambda: ConsistencyLoss(few, diffusion, Exact()),
        "trained": lambda: ConsistencyLoss(few, diffusion, None),
    }[kind]()
    batch = Batch(points(4, torch.Generator().manual_seed(0)), {}, seed=0, first=0)
    first = objective(batch)[0].item()
    fit(objective, lambda progress: objective(batch)[0], 150)
    assert objective(batch)[0].item() < 0.2 * first


@pytest.mark.parametrize("name", EXAMPLES)
def test_one_step_to_the_target_ends_where_two_of_the_teacher_do(name: str) -> None:
    schedule = EXAMPLES[name]
    data = GaussianData(schedule)

    class Gaussian(Exact):
        def denoiser(self, cond: object, n_samples: int) -> GaussianData:
            return data

    model = student([1.0, 0.5, 0.0], schedule=schedule.model_dump(), target="v")
    objective = ProgressiveLoss(DiffusionLoss(DiffusionConfig(), model), Gaussian())
    x_t = noise(2, 3).double()
    for t, m, r in ((0.9, 0.7, 0.5), (0.4, 0.2, 0.0)):
        times = [torch.full((2,), at, dtype=F64) for at in (t, m, r)]
        target = objective._target(Clean(x_t, x_t, {}), x_t, *times)
        whole = step_of(schedule, times[0], times[2], lambda x, t, target=target: target)
        (x_r, _), x = DDIM().step(x_t, whole, None), x_t
        for now, then in itertools.pairwise(times):
            x, _ = DDIM().step(x, step_of(schedule, now, then, data), None)
        torch.testing.assert_close(x_r, x)


def step_of(schedule: Schedule, t: Tensor, r: Tensor, denoise: Denoiser) -> Step:
    return Step(schedule, t, r, denoise, lambda: pytest.fail("DDIM draws nothing"))


@pytest.mark.parametrize("target", ["v", "velocity"])
def test_where_there_is_no_noise_the_estimate_is_the_state(target: str) -> None:
    model = student([1.0, 0.0], target=target)
    objective = ConsistencyLoss(
        ConsistencyConfig(huber=0.5), DiffusionLoss(DiffusionConfig(), model), None
    )
    crops = clean(4, torch.Generator().manual_seed(0))
    loss = objective.of(crops, torch.full((4,), 0.6, dtype=F64), 1)
    estimate = model.context({}, 2).denoiser({})(crops.white, torch.ones(4, dtype=F64))
    error = (estimate - crops.x0).square().mean(1)
    torch.testing.assert_close(loss, (error + 0.25).sqrt() - 0.5)


def test_steps_double_at_equal_shares_of_the_training() -> None:
    model = student([1.0, 0.0])
    diffusion = DiffusionLoss(DiffusionConfig(), model)
    objective = ConsistencyLoss(ConsistencyConfig(n_first=10, n_last=60), diffusion, None)
    n = [objective.n_steps(share) for share in (0.0, 0.24, 0.26, 0.49, 0.51, 0.76, 0.99)]
    assert n == [10, 10, 20, 20, 40, 60, 60]
    # No finer than the times that a model visits.
    assert ConsistencyLoss(ConsistencyConfig(), diffusion, None).n_steps(0.99) == 1000


SOUND = {"data": {"crop_frames": 256}, "batch_size": 4}
"""Of models of waves, for which a frame is a sample."""


def config_of(directory: Path, kind: str, **changes: object) -> TrainConfig:
    """A run that distils a teacher into students of two steps."""
    config = Model.load(directory).config
    values = student_values(config, sampler="ddim", times=[1.0, 0.5, 0.0])
    objective = {"kind": kind, "teacher": str(directory)} | changes
    return TrainConfig.parse({**SOUND, "model": values, "objective": objective}, "test")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of sounds by two kinds of label, with guidance."""
    folder = tmp_path_factory.mktemp("teacher")
    sampling = LABELLED["sampling"] | {"sampler": "ddim", "guidance_scale": 3.0}
    untrained(small_config(**(LABELLED | {"sampling": sampling}))).save(folder)
    return folder


def batch_of() -> Batch:
    labels = {"digit": torch.tensor([0, 1, 0, 1]), "speaker": torch.tensor([0, 0, 1, 1])}
    return Batch(noise(4, 256) / 3, labels, seed=0, first=0)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("progressive", {}), ("consistency", {}), ("consistency", {"teacher": None})],
)
def test_only_the_students_network_learns(
    kind: str, changes: dict[str, object], teacher: Path
) -> None:
    config = config_of(teacher, kind, **changes)
    objective = config.objective.build(Model(config.model), config.setting)
    loss, _ = objective(batch_of())
    loss.backward()
    trained = {id(weight) for weight in objective.trained.parameters()}
    assert {id(w) for w in objective.parameters() if w.requires_grad} == trained
    assert any(weight.grad is not None for weight in objective.trained.parameters())
    with torch.no_grad():
        figures = objective.on_dev(batch_of())
        assert figures == objective.on_dev(batch_of())
    assert {"dev/loss"} < set(figures)


def test_the_teachers_estimate_is_the_guided_one(teacher: Path) -> None:
    config = config_of(teacher, "progressive")
    assert config.model.sampling.guidance == ()
    assert config.model.sampling.guidance_scale == 1
    objective = config.objective.build(Model(config.model), config.setting)
    model, batch = Model.load(teacher), batch_of()
    x_t, t = batch.wave, torch.full((4,), 0.7, dtype=F64)
    with torch.no_grad():
        plain, free = (
            model.context(batch.cond, 256).denoiser(cond)(x_t, t) for cond in (batch.cond, {})
        )
        guided = objective.teacher.denoiser(batch.cond, 256)(x_t, t)
    torch.testing.assert_close(guided, free + 3 * (plain - free))


def test_guidance_without_a_scale_stays_in_the_run() -> None:
    guidance = [{"kind": "mel-consistency", "n_passes": 1}, {"kind": "classifier-free"}]
    sampling = {"times": [1.0, 0.0], "guidance": guidance, "guidance_scale": 2.0}
    model = small_config(sampling=sampling)
    values = student_values(model, sampler="ddim", times=[1.0, 0.0])
    kept = ModelConfig.parse(values, "test").sampling.guidance
    assert [steer.kind for steer in kept] == ["mel-consistency"]
    assert [type(steer) for steer in Teacher(Model(model)).guidance] == [ClassifierFree]


def saved(folder: Path, **changes: object) -> Path:
    untrained(small_config(**(LABELLED | changes))).save(folder)
    return folder


def test_what_does_not_fit_is_refused(teacher: Path, tmp_path: Path) -> None:
    config = config_of(teacher, "progressive")
    model = Model(config.model)

    def build(**changes: object) -> None:
        config.objective.model_copy(update=changes).build(model, config.setting)

    other = saved(tmp_path / "other", labels={"digit": ("one", "two"), "speaker": ("a", "b")})
    with pytest.raises(AudiodiffError, match="does not fit the student, which has another labels"):
        build(teacher=str(other))
    linear = saved(tmp_path / "linear", schedule={"kind": "rectified-flow"})
    with pytest.raises(AudiodiffError, match="which has another schedule; give both the same"):
        build(teacher=str(linear))
    steps = [{"kind": "classifier-free", "steps": "last"}]
    last = saved(tmp_path / "last", sampling=LABELLED["sampling"] | {"guidance": steps})
    with pytest.raises(AudiodiffError, match="acts at some steps only"):
        build(teacher=str(last))
    with pytest.raises(AudiodiffError, match="model 'nope' is neither inside the package"):
        build(teacher="nope")
    uneven = ModelConfig.parse(
        student_values(config.model, sampler="ddim", times=[1.0, 0.3, 0.0]), "test"
    )
    with pytest.raises(AudiodiffError, match=r"are not every second .* give \[1\.0, 0\.5, 0\.0\]"):
        config.objective.build(Model(uneven), config.setting)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_first": 20, "n_last": 10}, "n_first=20 is above objective.n_last=10"),
        ({"huber": 0.0}, "greater than 0"),
        ({"diffusion": {"drop": {"mel": 0.5}}}, "cannot leave 'mel' open"),
    ],
)
def test_figures_out_of_bounds_are_refused(
    changes: dict[str, object], said: str, teacher: Path
) -> None:
    with pytest.raises(AudiodiffError, match=said):
        config_of(teacher, "consistency", **changes)


@pytest.mark.parametrize("target", ["eps", "score", "x0"])
def test_an_estimate_that_is_not_the_state_without_noise_is_refused(
    target: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path, target=target, schedule={"kind": "linear"})
    with pytest.raises(
        AudiodiffError, match=f"a model that predicts v or velocity, not '{target}'"
    ):
        config_of(folder, "consistency")
    config_of(folder, "progressive")
