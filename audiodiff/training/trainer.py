"""The training loop, which gives the same run whether it is interrupted or not."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin
from torch.optim import Optimizer

from audiodiff.data.clips import Clips, Source
from audiodiff.data.crops import CropLoader
from audiodiff.errors import HELP_WITH_FAILURES, AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.weights import MODEL_NAME
from audiodiff.system.devices import check_compiler, training_device
from audiodiff.training.config import TrainConfig
from audiodiff.training.monitor import Monitor, dev_losses, preview_clips
from audiodiff.training.objectives.contract import Batch
from audiodiff.training.optimizers import build_optimizer, learning_rate
from audiodiff.training.reporter import Reporter
from audiodiff.training.run_folder import check_free, open_data, open_shards, own
from audiodiff.training.session import Clock, Course, Stop, interruptible
from audiodiff.training.state import (
    STATE_NAME,
    Average,
    Progress,
    initial_weights,
    load_state,
    save_state,
)


def train(
    config: TrainConfig,
    folders: Sequence[Path],
    out: Path,
    *,
    stop: Stop,
    resume: bool,
    init: Path | None = None,
    shards: str | None = None,
    mels: Path | None = None,
    say: Callable[[str], None],
) -> int:
    """Trains until the run or this session ends.

    Args:
        config: The run.
        folders: Folders of clips, in a layout that `audiodiff.data.corpus.read_corpus` reads.
        out: The run's folder: ``model/`` (to vocode with), ``state.safetensors`` (to resume from),
            ``log.jsonl``, ``curves.png``, ``tensorboard/``, ``train.json`` and the cache of clips.
        stop: Limits of this session.
        resume: Whether to continue from the last checkpoint in ``out``.
        init: A model directory whose weights a new run starts from; its network must be the
            config's, but for parts of the condition. None for new weights.
        shards: Folder or address of shards, instead of folders of clips.
        mels: Folder of mels that an acoustic model predicted for the clips, as in `PairedClips`;
            None for the clips' own.
        say: Callback for lines for a person to read.

    Returns:
        The last step done.

    Raises:
        AudiodiffError: If ``out`` holds another run, or this one and ``resume`` is False; if the
            data is unusable; if the loss is no longer finite; if another process trains in ``out``.
        KeyboardInterrupt: After SIGINT or SIGTERM, once the last step is saved.
    """
    plugin = GradientAccumulationPlugin(num_steps=config.accumulation, sync_with_dataloader=False)
    accelerator = Accelerator(
        # Only if told does accelerate join the processes of a launcher on CPUs.
        # Apple's GPUs lack the float64 that times are kept in.
        cpu=training_device().type == "cpu",
        mixed_precision="bf16" if config.bf16 else "no",
        gradient_accumulation_plugin=plugin,
    )
    check_free(out, config, resume)
    start = None if init is None else initial_weights(config, init)
    accelerator.wait_for_everyone()
    main = accelerator.is_main_process
    speak = say if main else _silent
    if shards is None:
        source, dev = open_data(config, folders, out, speak, mels)
    else:
        source, dev = open_shards(config, shards, accelerator.num_processes, speak)
    with own(out, config) if main else nullcontext():
        trainer = Trainer(config, accelerator, source, dev, out, start, speak)
        speak(f"training on {accelerator.device}, {torch.get_num_threads()} CPU threads")
        return trainer.run(stop)


def _silent(line: str) -> None:
    """Drops the lines of processes other than the main one."""


class Trainer:
    """One process's part of a run.

    Args:
        config: The run.
        accelerator: The devices, processes and precision of the run.
        source: Clips to train on.
        dev: Clips to measure on.
        out: The run's folder.
        start: Weights that a new run starts from; None for new ones.
        say: Callback for lines for a person to read.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        source: Source,
        dev: Clips,
        out: Path,
        start: Mapping[str, torch.Tensor] | None,
        say: Callable[[str], None],
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.accelerator, self.out, self.say = config, accelerator, out, say
        self.source, self.dev = source, dev
        model = Model(config.model).to(accelerator.device)
        if start is not None:
            new = model.load_state_dict(start, strict=False).missing_keys
            if new:
                say(f"{len(new)} weights that --init lacks start new, e.g. {new[0]}")
        self.objective = config.objective.build(model, config.setting)
        self.trained = self.objective.trained
        optimizer = build_optimizer(self.trained, config.optimizer, self.objective.opponent)
        self.average = Average(self.trained, config.ema_decay)
        self.progress = Progress(step=0, items=0, clips=source.ids)
        self.losses: list[torch.Tensor] = []  # since the last line of the log
        self.figures: dict[str, torch.Tensor] = {}
        if (out / STATE_NAME).exists():
            parts, average = self.objective.parts, self.average.tensors
            self.progress = load_state(out / STATE_NAME, parts, average, optimizer, self.progress)
            say(f"continuing after step {self.progress.step}")
        elif start is None:
            config.objective.check_new(config.model)
            say("starting from new weights; --init MODEL starts from those of a model")
        self.course = Course(config.steps, config.minutes, self.progress.seconds)
        self.objective.to(accelerator.device)
        if config.compile:
            check_compiler(accelerator.device)
            self.trained.compile()
        self.shared = accelerator.prepare_model(self.objective)
        self.optimizer: Optimizer = accelerator.prepare_optimizer(optimizer)
        averaged = Model(config.model)
        averaged.load_state_dict(model.state_dict())
        self.averaged = config.objective.build(averaged, config.setting)
        self.averaged.to(accelerator.device).eval()

    @property
    def step(self) -> int:
        """The last step done."""
        return self.progress.step

    def run(self, stop: Stop) -> int:
        """Trains until the run or the session ends, saves, and returns the last step."""
        config, world = self.config, self.accelerator.num_processes
        per_step = config.batch_size * config.accumulation * world
        first = self.progress.items + self.accelerator.process_index * config.batch_size
        last = config.steps if stop.step is None else min(config.steps, stop.step)
        monitor = Monitor(self.out, self.step) if self.accelerator.is_main_process else None
        size, n, stride = config.batch_size, config.n_samples, config.batch_size * world
        loader = CropLoader(
            self.source, config.seed, size, n, config.data, first=first, stride=stride
        )
        if self.course.over() or self.step >= last:
            self.say(f"nothing to do: step {self.step} of {last} is done")
            last = self.step
        clock = Clock(stop.minutes, self.step)
        reporter = Reporter(config, world, self.step, last, (clock, self.course), self.say)
        with loader, interruptible() as interrupted:
            while self.step < last:
                norm = self._step(loader, first, world)
                first += per_step
                self.progress = self.progress.after(per_step)
                self.average.update(self.trained, self.step)
                if self.course.over():
                    last = self.step  # so that all that is due at the end is due now
                over = self._agreed(interrupted.is_set() or clock.over() or self.step == last)
                self._report(monitor, reporter, norm, last, over)
                if over:
                    break
            if self.step < last:
                self.say(f"stopped after step {self.step}; continue with --resume")
        if monitor is not None:
            monitor.close()
        if interrupted.is_set():
            raise KeyboardInterrupt
        return self.step

    def _step(self, loader: CropLoader, first: int, world: int) -> torch.Tensor:
        """One step of the optimiser; notes the loss and returns the gradient's norm."""
        config = self.config
        n_steps = self.course.n_steps(self.step + 1)
        lr = learning_rate(config.optimizer, self.step + 1, n_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        norm = torch.zeros((), device=self.accelerator.device)
        for i in range(config.accumulation):
            place = first + i * config.batch_size * world
            batch = Batch(*next(loader), config.seed, place, self.step / n_steps, self.step)
            batch = batch.to(self.accelerator.device)
            with self.accelerator.accumulate(self.shared):
                loss, self.figures = self.shared(batch)
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    clip = self.accelerator.clip_grad_norm_
                    norm, *_ = [
                        clip(side.parameters(), config.optimizer.clip_norm)
                        for side in self.objective.sides.values()
                    ]
                self.optimizer.step()
                self.optimizer.zero_grad()
            self.losses.append(loss.detach())
        return norm

    def _agreed(self, wish: bool) -> bool:
        """Whether any process wants to stop, so that all stop at the same step."""
        if self.accelerator.num_processes == 1:
            return wish
        flag = torch.tensor(float(wish), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, "sum").item() > 0)

    def _report(
        self, monitor: Monitor | None, reporter: Reporter, norm: torch.Tensor, last: int, over: bool
    ) -> None:
        """Logs, measures and saves if this step is due for it or the session is over."""
        config = self.config
        due_log = over or self._due(config.log_every, last)
        due_save = over or self._due(config.checkpoint_every, last)
        if due_log or due_save:
            loss = self._mean_loss(norm)
            if due_log:
                self.losses.clear()
                if monitor is not None:
                    self._log(monitor, reporter, loss, norm.item())
        elif monitor is not None and reporter.due():
            loss = torch.stack(self.losses).mean().item()  # this process's own
            reporter.tell(self.step, loss, self._lr)
        if monitor is None:
            return
        # Before the state is saved: a resumed run does not come back to this step.
        if self._due(config.eval_every, last):
            self._measure(monitor)
        if due_save:
            self._save(monitor)

    def _mean_loss(self, norm: torch.Tensor) -> float:
        """The mean loss since the last line of the log, of all processes."""
        loss = self.accelerator.reduce(torch.stack(self.losses).mean(), "mean").item()
        if not math.isfinite(loss) or not math.isfinite(norm.item()):
            raise AudiodiffError(
                f"optimizer.lr={self.config.optimizer.lr}: step {self.step} has loss {loss} and a "
                f"gradient of {norm.item()}; start lower in another --out {HELP_WITH_FAILURES}"
            )
        return loss

    @property
    def _lr(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _log(self, monitor: Monitor, reporter: Reporter, loss: float, norm: float) -> None:
        figures = {"train/loss": loss, "train/gradient_norm": norm, "train/lr": self._lr}
        figures |= {name: figure.item() for name, figure in self.figures.items()}
        monitor.scalars(self.step, figures | reporter.speed(self.step))
        if warning := self.objective.warning():
            self.say(f"warning: {warning}")
        reporter.tell(self.step, loss, self._lr)

    def _measure(self, monitor: Monitor) -> None:
        """Dev losses and previews, of the averaged weights."""
        self._take_average()
        losses = dev_losses(self.averaged, self.dev, self.config.n_samples)
        monitor.scalars(self.step, losses)
        if self.averaged.heard is not None:
            clips = preview_clips(self.dev, self.config.n_samples)
            monitor.previews(self.step, self.averaged.heard, clips)
        self.say(f"step {self.step}  dev loss {losses['dev/loss']:.4f}")

    def _save(self, monitor: Monitor) -> None:
        # The state comes last: once it exists, a resumed run does not save this model again.
        self._take_average()
        self.averaged.saved.save(self.out / MODEL_NAME)
        parts, average = self.objective.parts, self.average.tensors
        self.progress = self.progress._replace(seconds=self.course.seconds)
        save_state(self.out / STATE_NAME, parts, average, self.optimizer, self.progress)
        monitor.draw()

    def _take_average(self) -> None:
        """Loads the average of the weights into the averaged model."""
        self.averaged.trained.load_state_dict(self.average.tensors)

    def _due(self, every: int, last: int) -> bool:
        return self.step == last or self.step % every == 0
