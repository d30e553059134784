"""The config of a training run, from a TOML file and ``--set``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from audiodiff.config import Config, Count, CountOrZero, Seed, Size, shown
from audiodiff.data.crops import Augment
from audiodiff.errors import AudiodiffError
from audiodiff.model.config import ModelConfig
from audiodiff.system.devices import training_device, use_bf16
from audiodiff.system.documents import MAX_DEPTH, parse_toml, read_toml
from audiodiff.training.objectives.contract import Setting
from audiodiff.training.objectives.diffusion import DiffusionConfig
from audiodiff.training.objectives.registry import OBJECTIVES, AnyObjective

DIFFUSION_FIGURES = tuple(name for name in DiffusionConfig.model_fields if name != "kind")
"""Names of the figures of the diffusion loss."""

MAX_SAMPLES = 2**30
"""Samples of the largest batch: four gigabytes, before any layer of a network."""

Fraction = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, le=1e30)]


class DataConfig(Augment):
    """The length of crops, and their augmentation.

    Attributes:
        crop_frames: Length of a crop in mel frames.
        margin_frames: Frames on either side that are context but not learned from, so that the
            edges of a crop, where sound begins from nothing, are not taken for speech.
    """

    crop_frames: Size = 62
    margin_frames: Annotated[int, Field(ge=0, le=2**16)] = 0


class OptimizerConfig(Config):
    """AdamW, alone or with Muon, with a linear warm-up and a cosine decay.

    Attributes:
        kind: ``adamw``, or ``muon`` for the weights of the layers, with AdamW for the rest.
        lr: Greatest learning rate, Muon's where it is used.
        adamw_lr: Greatest learning rate of AdamW beside Muon.
        lr_end: Learning rate of the last step, as a fraction of lr.
        warmup: Number of steps from 0 to lr.
        decay: Fraction of the run, at its end, over which the learning rate falls.
        betas: Decay rates of AdamW's two moments.
        momentum: Momentum of Muon.
        weight_decay: Decoupled weight decay.
        clip_norm: Greatest norm of the gradient, which is scaled down to it.
    """

    kind: Literal["adamw", "muon"] = "adamw"
    lr: LearningRate = 2e-4
    adamw_lr: LearningRate = 2e-3
    lr_end: float = Field(default=0.1, ge=0, le=1)
    warmup: CountOrZero = 100
    decay: float = Field(default=1.0, ge=0, le=1)
    betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    momentum: Fraction = 0.95
    weight_decay: float = Field(default=0.0, ge=0, le=1000)
    clip_norm: float = Field(default=1.0, gt=0, le=1e9)


class TrainConfig(Config):
    """One training run.

    Attributes:
        model: The model to train.
        data: Length and augmentation of the crops.
        objective: The objective that is minimised.
        optimizer: The optimiser and its figures.
        seed: Seed of the initial weights, the crops, the times and the noise.
        steps: Length of the run in steps, over which the learning rate decays.
        minutes: Length of the run in minutes, if that comes before ``steps``: the learning rate
            then decays over this time. Runs of one length in minutes are not the same run.
        batch_size: Crops in one batch of one process.
        accumulation: Batches of each process per step.
        precision: ``fp32``, ``bf16`` by autocast, or ``auto``, which is bf16 where the device has
            instructions for it.
        compile: Whether torch.compile compiles the network, which needs a C++ compiler.
        ema_decay: Decay of the average of the weights that is saved as the model.
        log_every: Steps between lines of the log.
        eval_every: Steps between dev losses and previews.
        checkpoint_every: Steps between checkpoints.
    """

    model: ModelConfig
    data: DataConfig = Field(default_factory=DataConfig)
    objective: AnyObjective = Field(default_factory=DiffusionConfig)
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig)
    seed: Seed = 0
    steps: Count = 100_000
    minutes: Annotated[float, Field(gt=0, le=1e6)] | None = None
    batch_size: Size = 16
    accumulation: Size = 1
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    compile: bool = False
    ema_decay: Fraction = 0.999
    log_every: Count = 50
    eval_every: Count = 1000
    checkpoint_every: Count = 500

    @model_validator(mode="before")
    @classmethod
    def _upgraded(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = with_objective(values)
        if isinstance(values.get("objective"), dict):
            values = values | {"objective": with_inner_diffusion(values["objective"])}
        return values

    @model_validator(mode="after")
    def _parts_fit(self) -> "TrainConfig":
        if self.batch_size * self.n_samples > MAX_SAMPLES:
            raise ValueError(
                f"batch_size={self.batch_size} crops of {self.n_samples} samples exceed "
                f"{MAX_SAMPLES}; lower batch_size, data.crop_frames or data.margin_frames"
            )
        mel = self.model.mel
        if mel is not None and self.n_samples < mel.min_samples:
            raise ValueError(
                f"data.crop_frames={self.data.crop_frames} is {self.n_samples} samples but the "
                f"mel needs {mel.min_samples}; give at least "
                f"{-(-mel.min_samples // mel.hop_length)}"
            )
        if self.model.network.takes_end and not self.objective.trains_end:
            raise ValueError(
                f"model.network.takes_end=True but objective.kind={self.objective.kind!r} does not "
                "train that; use shortcut or meanflow, or a network without it"
            )
        self.objective.check(self.model, self.setting)
        return self

    @property
    def n_samples(self) -> int:
        """Samples in a crop, its margins included."""
        data = self.data
        return (data.crop_frames + 2 * data.margin_frames) * self.model.hop_length

    @property
    def bf16(self) -> bool:
        """Whether the network's products are in bfloat16 on this machine."""
        return use_bf16(self.precision, training_device())

    @property
    def setting(self) -> Setting:
        """What the objective may know of the run."""
        return Setting(
            crop_frames=self.data.crop_frames,
            margin_frames=self.data.margin_frames,
            batch_size=self.batch_size,
            bf16=self.bf16,
        )


def with_objective(values: dict[str, Any]) -> dict[str, Any]:
    """Moves keys of an older layout into the table ``objective``, over what it holds.

    ``loss``, ``above_f_max`` and ``times`` are figures of the diffusion loss; a table ``spectral``
    chose the spectral objective.
    """
    old = {name: values[name] for name in DIFFUSION_FIGURES if name in values}
    if isinstance(values.get("spectral"), dict):
        old |= {"kind": "spectral", **values["spectral"]}
    objective = values.get("objective", {})
    if not old or not isinstance(objective, dict):
        return values
    left = {name: v for name, v in values.items() if name not in (*DIFFUSION_FIGURES, "spectral")}
    return left | {"objective": _merged(objective, old)}


def with_inner_diffusion(objective: dict[str, Any]) -> dict[str, Any]:
    """Moves the figures of the diffusion loss to where an objective beside it holds them.

    So a file, or ``--set objective.kind=spectral``, can make a diffusion objective spectral.
    """
    objective = {"kind": "diffusion", **objective}
    kinds = [kind for kind, config in OBJECTIVES.items() if "diffusion" in config.model_fields]
    if objective["kind"] not in kinds:
        return objective
    figures = {name: objective.pop(name) for name in DIFFUSION_FIGURES if name in objective}
    if figures:
        objective["diffusion"] = _merged(figures, objective.get("diffusion", {}))
    return objective


def read_train_config(path: str | Path, settings: Sequence[str] = ()) -> TrainConfig:
    """Reads a `TrainConfig` from a TOML file, with ``key=value`` settings laid over it.

    A file with ``base = "PATH"``, relative to its own folder, holds only what differs from that
    file: tables are merged, other values replaced.

    Args:
        path: The TOML file.
        settings: Settings such as ``optimizer.lr=1e-4``, their values read as TOML or else as
            strings.

    Raises:
        AudiodiffError: If a file is missing or not TOML, the bases form a circle, or a key or value
            does not fit.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "run.toml"
        ...     _ = path.write_text('''
        ...     model = { sample_rate = 16000, target = "v", network = { kind = "diffwave" } }
        ...     ''')
        ...     settings = ["model.schedule.kind=cosine", "model.sampling.times=[1.0, 0.0]"]
        ...     config = read_train_config(path, [*settings, "objective.loss=l2"])
        >>> config.objective.loss
        'l2'
    """
    values = read_values(Path(path))
    for setting in settings:
        lay_over(values, setting)
    return TrainConfig.parse(values, str(path))


def read_values(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The data of a TOML file over that of its bases, which need not be a whole `TrainConfig`.

    Args:
        path: The TOML file.
        above: Files of which it is a base.

    Raises:
        AudiodiffError: If a file is missing or not TOML, or the bases form a circle.
    """
    if not path.is_file():
        raise AudiodiffError(f"{path}: no such config; see the recipes for examples")
    if path.resolve() in above:
        raise AudiodiffError(f"{path} is its own base; name another one, or none")
    values = with_objective(read_toml(path))
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise AudiodiffError(f"{path}: base={base!r} is not a path; give one in quotes")
    return _merged(read_values(path.parent / base, (*above, path.resolve())), values)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged


def lay_over(values: dict[str, Any], setting: str) -> None:
    """Puts a ``key=value`` setting, such as ``optimizer.lr=1e-4``, into the data of a config.

    Raises:
        AudiodiffError: If it has another form, or its key leads through a value.
    """
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise AudiodiffError(f"--set {shown(setting)}: give key=value, e.g. optimizer.lr=1e-4")
    if key.count(".") >= MAX_DEPTH:
        raise AudiodiffError(f"--set {shown(setting)}: a key has at most {MAX_DEPTH} parts")
    try:
        value = parse_toml(f"value = {text}", setting)["value"]
    except AudiodiffError:
        value = text
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise AudiodiffError(f"--set {shown(setting)}: {parent} is a value, not a table")
    values[last] = value
