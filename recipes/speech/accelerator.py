"""Trains the models that ship on one GPU, in a given time.

    python accelerator.py PARTS OUT --seconds 500 [--init MODEL]

PARTS is what `packing.py` wrote. The stages of `STAGES` share the time; each starts from the
weights of the one before, made wider or fitted to another mel where its network asks for it. The
samples lie on the GPU, and one step of training is one CUDA graph, as these networks are so small
that a GPU waits for Python otherwise. Every minute a stage writes its model, figures of dev clips
and curves into OUT/STAGE; after a stop, go on with --init OUT/STAGE/model. Works on CPUs as well,
without a graph.
"""

import argparse
import math
import sys
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from fitting import fitted
from torch.overrides import TorchFunctionMode

from audiodiff.audio.io import load
from audiodiff.data.clips import FULL_SCALE, SAMPLE, Clips
from audiodiff.data.corpus import Clip, read_corpus
from audiodiff.errors import AudiodiffError
from audiodiff.model.hub import model_directory
from audiodiff.model.model import Model
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.monitor import Monitor, dev_losses
from audiodiff.training.objectives.contract import Batch, Objective
from audiodiff.training.optimizers import MuonAdamW, build_optimizer, learning_rate
from audiodiff.training.state import Average

HERE = Path(__file__).parent
WARM_UP = 4
"""Steps before a graph is captured, in which libraries choose their kernels."""

AVERAGED_EVERY = 4
"""Steps between updates of the average of the weights."""

SECONDS_TO_LOG, SECONDS_TO_SAVE = 5.0, 60.0


class Stage(NamedTuple):
    """A stage: the name of its config, and its share of the time."""

    name: str
    share: float


STAGES = (Stage("gpu-1-run", 0.42), Stage("gpu-2-adversarial", 0.33), Stage("gpu-3-24k", 0.25))


def unpack(parts: Path, data: Path) -> list[Path]:
    """The folders of clips in all parts, unpacked."""
    done = data / "done"
    if not done.exists():
        if not hasattr(tarfile, "data_filter"):
            raise AudiodiffError(
                f"this Python, {sys.version.split()[0]}, cannot unpack archives safely; use "
                "3.10.12, 3.11.4, 3.12 or later"
            )
        for part in sorted(parts.glob("*.tar")):
            with tarfile.open(part) as archive:
                archive.extractall(data, filter="data")
        done.touch()
    return sorted(path.parent for path in data.glob("*/train.txt"))


def decoded(clips: Sequence[Clip], sample_rate: int) -> Clips:
    """Clips in memory, decoded by all cores."""
    with ProcessPoolExecutor() as pool:
        paths, rates = [clip.path for clip in clips], [sample_rate] * len(clips)
        waves = list(pool.map(_decoded, paths, rates, chunksize=16))
    lengths = [len(wave) for wave in waves]
    return Clips(np.concatenate(waves), [clip.id for clip in clips], lengths, sample_rate)


def _decoded(path: Path, sample_rate: int) -> np.ndarray:
    wave, _ = load(path, sample_rate)
    return np.clip(np.rint(wave * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(SAMPLE)


class Crops:
    """Crops drawn on the device that holds the clips: as `crop_batch`, in another order."""

    def __init__(self, clips: Clips, config: TrainConfig, device: torch.device) -> None:
        self.samples = torch.from_numpy(np.ascontiguousarray(clips.samples)).to(device)
        self.lengths = torch.from_numpy(clips.lengths).to(device)
        self.offsets = torch.from_numpy(clips.offsets).to(device)
        self.ends = self.offsets + self.lengths
        self.positions = torch.arange(config.n_samples, device=device)
        self.size, self.gain_db = config.batch_size, config.data.gain_db

    def __call__(self) -> torch.Tensor:
        """(batch, samples)."""
        drawn = torch.rand(2, self.size, dtype=torch.float64, device=self.samples.device)
        clip = torch.searchsorted(self.ends, (drawn[0] * len(self.samples)).long(), right=True)
        latest = (self.lengths[clip] - len(self.positions)).clamp(min=0)
        start = (drawn[1] * (latest + 1)).long()
        index = (self.offsets[clip] + start)[:, None] + self.positions
        wave = self.samples[index.clamp(max=len(self.samples) - 1)].float() / FULL_SCALE
        wave = wave * (index < self.ends[clip][:, None])
        low, high = self.gain_db
        gain = 10 ** ((low + (high - low) * torch.rand_like(wave[:, :1])) / 20)
        return wave * torch.minimum(gain, 1 / wave.abs().amax(1, keepdim=True).clamp(min=1e-6))


class Constants(TorchFunctionMode):
    """Remembers what goes from the CPU to the GPU: a graph can hold no such copy."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[Any, ...], torch.Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answers ``tensor.to(device)`` from memory where it can."""
        kwargs = kwargs or {}
        source = args[0] if args else None
        if func is not torch.Tensor.to or source.is_cuda:
            return func(*args, **kwargs)
        key = (source.numpy().tobytes(), source.dtype, source.shape, *map(_kind, args[1:]))
        if key not in self.known:
            self.known[key] = func(*args, **kwargs)
        return self.known[key]


def _kind(argument: Any) -> Any:
    if isinstance(argument, torch.Tensor):
        return argument.dtype, argument.device
    return argument


class Step:
    """One step of training, with figures to read after it.

    Both optimisers change weights in proportion to their learning rate, so a step is taken at the
    greatest one and its change scaled by ``rate``, a number on the device.
    """

    def __init__(self, objective: Objective, crops: Crops, config: TrainConfig) -> None:
        self.objective, self.crops, self.config = objective, crops, config
        opponent = objective.opponent
        self.optimizer = build_optimizer(objective.trained, config.optimizer, opponent)
        sides = [objective.trained] if opponent is None else [objective.trained, opponent]
        self.sides = [list(side.parameters()) for side in sides]
        self.all = [weights for side in self.sides for weights in side]
        self.device = self.all[0].device
        self.rate = torch.zeros((), device=self.device)
        self.figures: dict[str, torch.Tensor] = {}

    def __call__(self) -> None:
        """Takes it."""
        bf16 = self.config.bf16
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
            loss, figures = self.objective(Batch(self.crops(), {}, self.config.seed, 0))
        loss.backward()
        norms = [
            torch.nn.utils.clip_grad_norm_(side, self.config.optimizer.clip_norm)
            for side in self.sides
        ]
        with torch.no_grad():
            before = [weights.clone() for weights in self.all]
            self.optimizer.step()
            torch._foreach_sub_(self.all, before)
            torch._foreach_mul_(self.all, self.rate)
            torch._foreach_add_(self.all, before)
        self.figures = {"train/loss": loss.detach(), "train/gradient_norm": norms[0]} | figures

    def captured(self) -> "torch.cuda.CUDAGraph":
        """The step as a graph."""
        assert isinstance(self.optimizer, MuonAdamW)
        self.optimizer.adamw.param_groups[0]["capturable"] = True
        stream, constants = torch.cuda.Stream(), Constants()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), constants:
            for _ in range(WARM_UP):
                self()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with constants, torch.cuda.graph(graph):
            self()
        self.constants = constants  # the graph reads them
        return graph


def train_stage(
    config: TrainConfig, train: Clips, dev: Clips, out: Path, start: Path | None, end: float
) -> Path:
    """Trains until ``end`` on the clock and returns the model's directory."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(config.seed)
    model = Model(config.model)
    if start is not None:
        model.network.load_state_dict(fitted(Model.load(start), model))
    objective = config.objective.build(model.to(device), config.setting).to(device)
    averaged = config.objective.build(Model(config.model), config.setting).to(device).eval()
    step = Step(objective, Crops(train, config, device), config)
    out.mkdir(parents=True, exist_ok=True)
    monitor = Monitor(out, 0)
    begun = time.monotonic()
    take = step.captured().replay if device.type == "cuda" else step
    average = Average(objective.trained, config.ema_decay**AVERAGED_EVERY)
    print(f"{out.name}: {end - begun:.0f} s, {time.monotonic() - begun:.1f} s to capture")
    begun = logged = saved = time.monotonic()
    n, n_logged = 0, 0
    while True:
        now = time.monotonic()
        share = (now - begun) / max(end - begun, 1e-3)
        length = max(n + 1, round((n + 1) / max(share, 1e-6)))
        step.rate.fill_(learning_rate(config.optimizer, n + 1, length) / config.optimizer.lr)
        take()
        n += 1
        if n % AVERAGED_EVERY == 0:
            average.update(objective.trained, n)
        over = now >= end
        if over or now - logged >= SECONDS_TO_LOG:
            figures = {name: value.item() for name, value in step.figures.items()}
            if not math.isfinite(figures["train/loss"]):
                raise AudiodiffError(f"the loss is {figures['train/loss']} at step {n}")
            pace = (n - n_logged) / (time.monotonic() - logged)
            monitor.scalars(n, figures | {"speed/steps_per_s": pace})
            text = "  ".join(
                f"{name.removeprefix('train/')} {v:.4f}" for name, v in figures.items()
            )
            print(f"step {n}  {share:.0%}  {pace:.1f} steps/s  {text}")
            logged, n_logged = time.monotonic(), n
        if over or now - saved >= SECONDS_TO_SAVE:
            averaged.trained.load_state_dict(average.tensors)
            averaged.model.save(out / "model")
            with torch.no_grad():
                found = dev_losses(averaged, dev, config.n_samples)
            monitor.scalars(n, found)
            monitor.draw()
            print(f"step {n}  " + "  ".join(f"{k} {v:.4f}" for k, v in found.items()))
            saved = logged = time.monotonic()
            n_logged = n
        if over:
            monitor.close()
            return out / "model"


def stages(
    parts: Path, out: Path, seconds: float, init: Path | None, settings: Sequence[str], n: int
) -> None:
    """Unpacks the data and runs the first ``n`` stages within some seconds, from now on."""
    end = time.monotonic() + seconds
    corpus = read_corpus(unpack(parts, out / "data"))
    before, clips = init, {}
    for i, stage in enumerate(STAGES[:n]):
        config = read_train_config(HERE / f"{stage.name}.toml", settings)
        rate = config.model.sample_rate
        if rate not in clips:
            clips[rate] = decoded(corpus.train, rate), decoded(corpus.dev, rate)
            print(f"{rate} Hz: {clips[rate][0].duration / 3600:.2f} hours")
        share = stage.share / sum(later.share for later in STAGES[i:n])
        until = time.monotonic() + share * (end - time.monotonic())
        before = train_stage(config, *clips[rate], out / stage.name, before, until)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", type=Path, help="Folder of the parts.")
    parser.add_argument("out", type=Path, help="Folder for the stages.")
    parser.add_argument("--seconds", type=float, default=500.0, help="Time for all stages.")
    parser.add_argument(
        "--init", type=model_directory, help="Model whose weights the first stage starts from."
    )
    parser.add_argument("--stages", type=int, default=len(STAGES), help="Number of stages to run.")
    parser.add_argument("--set", action="append", default=[], help="Setting for all stages.")
    given = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    stages(given.parts, given.out, given.seconds, given.init, given.set, given.stages)


if __name__ == "__main__":
    try:
        main()
    except AudiodiffError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
