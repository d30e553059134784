"""A distillation as runs of training, each of which makes a student."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from audiodiff.diffusion.times import uniform
from audiodiff.errors import AudiodiffError
from audiodiff.model.config import ModelConfig
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.model.weights import MODEL_NAME
from audiodiff.training.config import DIFFUSION_FIGURES, TrainConfig, lay_over, read_values
from audiodiff.training.run_folder import CONFIG_NAME, check_free, stored_config
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

TEACHER_STEPS = 64
"""Steps of the first teacher of a progressive distillation if no other number is asked for."""

SLOWER = 0.1
"""Learning rates of a student, as a share of those by which the weights it starts from were trained
from nothing."""


@dataclass(frozen=True)
class Task:
    """What is distilled into what.

    Attributes:
        teacher: The teacher: a model of this package, a model directory, or the id ``owner/name``
            of a model on the Hugging Face Hub.
        method: A name in `METHODS`.
        steps: Numbers of steps of the students.
        teacher_steps: Number of DDIM steps of the first teacher, for progressive distillation;
            `TEACHER_STEPS` if None.
        config: TOML file of the training, whose model does not count; None for the config by which
            the teacher was trained, at `SLOWER` rates, or the defaults if that is not at hand.
        settings: ``key=value`` settings that lie over it, for every run.
    """

    teacher: str
    method: str
    steps: Sequence[int]
    teacher_steps: int | None = None
    config: Path | None = None
    settings: Sequence[str] = ()


class Stage(NamedTuple):
    """A run of training that makes a student.

    Attributes:
        config: The run.
        out: Its folder.
        init: The model whose weights it starts from.
    """

    config: TrainConfig
    out: Path
    init: Path


def distill(
    task: Task, folders: Sequence[Path], out: Path, *, resume: bool, say: Callable[[str], None]
) -> list[Path]:
    """Trains the students of a task, one after another.

    Args:
        task: The task.
        folders: Folders of clips, as for `audiodiff.training.trainer.train`.
        out: Folder of the runs: ``out/steps-N`` for each of progressive distillation, ``out``
            itself for the other methods.
        resume: Whether to continue where the runs in ``out`` were interrupted.
        say: Callback for lines for a person to read.

    Returns:
        The directories of the students.

    Raises:
        AudiodiffError: If the teacher, the numbers of steps, the config or the data do not fit, or
            ``out`` holds other runs.
        KeyboardInterrupt: After SIGINT or SIGTERM, once the last step is saved.
    """
    stages = stages_of(task, out)
    for stage in stages:  # a later one is not refused only when it comes
        check_free(stage.out, stage.config, resume)
    for i, stage in enumerate(stages, 1):
        n_steps = len(stage.config.model.sampling.times) - 1
        say(f"student {i} of {len(stages)}: {n_steps} step{'' if n_steps == 1 else 's'}")
        train(
            stage.config, folders, stage.out, stop=Stop(), resume=resume, init=stage.init, say=say
        )
    return [stage.out / MODEL_NAME for stage in stages]


def stages_of(task: Task, out: Path) -> list[Stage]:
    """The runs of a task.

    Raises:
        AudiodiffError: If the teacher, the numbers of steps or the config do not fit.
    """
    if task.method not in METHODS:
        raise AudiodiffError(
            f"--method {task.method!r} is unknown; choose from {', '.join(METHODS)}"
        )
    return list(METHODS[task.method](task, out))


def _progressive(task: Task, out: Path) -> Iterator[Stage]:
    """Students of half the steps, of half of those, and so on to the fewest that are asked for."""
    most = TEACHER_STEPS if task.teacher_steps is None else task.teacher_steps
    halves = _halves(most)
    if unlike := [n for n in task.steps if n not in halves]:
        made = f"to {', '.join(map(str, halves))}" if halves else "which are odd"
        raise AudiodiffError(
            f"--steps {unlike[0]}: progressive distillation halves the {most} steps of the "
            f"teacher, {made}; choose among these, or give another --teacher-steps"
        )
    teacher = _Teacher(task)
    times = teacher.model.times(Run("ddim", most)).tolist()
    name, init = teacher.name, teacher.directory
    for n_steps in halves[: halves.index(min(task.steps)) + 1]:
        times, folder = times[::2], out / f"steps-{n_steps}"
        student = student_values(teacher.model.config, sampler="ddim", times=times)
        yield Stage(teacher.config(student, name), folder, init)
        init = folder / MODEL_NAME
        name = str(init.resolve())


def _of_all(task: Task, out: Path, sampler: str, takes_end: bool) -> Iterator[Stage]:
    """One student for all numbers of steps, whose own run has the most of them."""
    if task.teacher_steps is not None:
        raise AudiodiffError("--teacher-steps goes with --method progressive alone; leave it out")
    teacher = _Teacher(task)
    config, schedule = teacher.model.config, teacher.model.schedule
    t_range = None if takes_end else config.sampling.t_range  # steps are learned from 1 to 0
    times = uniform(schedule, max(task.steps), t_range).tolist()
    student = student_values(config, sampler=sampler, times=times, rule="uniform", t_range=t_range)
    student["network"]["takes_end"] = takes_end and config.network.can_take_end
    yield Stage(teacher.config(student, teacher.name), out, teacher.directory)


def _shortcut(task: Task, out: Path) -> Iterator[Stage]:
    """The same, for numbers of equal steps of which each is half of the next."""
    if unlike := [n for n in task.steps if n & (n - 1)]:
        raise AudiodiffError(
            f"--steps {unlike[0]}: shortcut models take 1, 2, 4, 8 ... steps; choose among these, "
            "or distil by meanflow, which serves any number"
        )
    return _of_all(task, out, "ddim", takes_end=True)


METHODS: dict[str, Callable[[Task, Path], Iterator[Stage]]] = {
    "progressive": _progressive,
    "consistency": partial(_of_all, sampler="consistency", takes_end=False),
    "shortcut": _shortcut,
    "meanflow": partial(_of_all, sampler="ddim", takes_end=True),
}
"""The methods of distillation, each by the name of its objective."""


class _Teacher:
    """The teacher of a task, and the config of the training that its students share."""

    def __init__(self, task: Task) -> None:
        self.task, self.directory = task, model_directory(task.teacher)
        self.model = Model.load(self.directory)
        local = self.directory == Path(task.teacher)  # which a resumed run finds from any folder
        self.name = str(self.directory.resolve()) if local else task.teacher
        self.values, self.source = self._training()

    def config(self, student: dict[str, Any], teacher: str) -> TrainConfig:
        """The config of the run of a student."""
        values = deepcopy(self.values)
        old = values.get("objective", {})
        if isinstance(old, dict):  # anything else is refused below
            if old.get("kind") != self.task.method:
                figures = {name: old[name] for name in DIFFUSION_FIGURES if name in old}
                old = {"diffusion": old.get("diffusion", figures)}
            values["objective"] = {**old, "kind": self.task.method, "teacher": teacher}
        values["model"] = student
        for setting in self.task.settings:
            lay_over(values, setting)
        return TrainConfig.parse(values, self.source)

    def _training(self) -> tuple[dict[str, Any], str]:
        """The plain data of the config of the training, and its source."""
        if self.task.config is not None:
            return read_values(self.task.config), str(self.task.config)
        run, config = self.directory.resolve().parent, self.model.config
        if self.directory.resolve().name == MODEL_NAME and (run / CONFIG_NAME).is_file():
            values = stored_config(run).model_dump(mode="json")
            for rate in ("lr", "adamw_lr"):
                values["optimizer"][rate] *= SLOWER
            return values, str(run / CONFIG_NAME)
        n_samples = config.sampling.n_samples
        length = {} if n_samples is None else {"crop_frames": -(-n_samples // config.hop_length)}
        objective: dict[str, Any] = {} if config.infill is None else {"masks": {}}
        return {"data": length, "objective": objective}, f"the distillation of {self.task.teacher}"


def student_values(teacher: ModelConfig, **sampling: Any) -> dict[str, Any]:
    """The plain data of a student's config: its teacher's, with another run.

    What guidance with a scale does is part of the student, so its run has none.

    Args:
        teacher: The teacher's config.
        sampling: What the student's run has of its own.
    """
    values = teacher.model_dump(mode="json")
    both = zip(values["sampling"]["guidance"], teacher.sampling.guidance, strict=True)
    kept = [stored for stored, steer in both if not steer.has_scale]
    values["sampling"] |= {"guidance": kept, "guidance_scale": 1.0} | sampling
    return values


def _halves(n: int) -> list[int]:
    """Half of a number, half of that, and so on while it is even.

    >>> _halves(24)
    [12, 6, 3]
    """
    return [] if n % 2 or not n else [n // 2, *_halves(n // 2)]
