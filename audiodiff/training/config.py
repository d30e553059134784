"""What a training run is, as a TOML file and ``--set`` say it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.model import ModelConfig

Fraction = Annotated[float, Field(ge=0, lt=1)]


class DataConfig(Config):
    """How crops are cut.

    Attributes:
        crop_frames: Length in mel frames.
        gain_db: The least and the greatest random gain, in dB.
    """

    crop_frames: PositiveInt = 62
    gain_db: tuple[float, float] = (0.0, 0.0)

    @model_validator(mode="after")
    def _rising(self) -> "DataConfig":
        if self.gain_db[0] > self.gain_db[1]:
            raise ValueError("gain_db: give the least gain first, then the greatest")
        return self


class OptimizerConfig(Config):
    """AdamW with a linear warm-up and a cosine decay.

    Attributes:
        lr: The greatest learning rate.
        lr_end: The learning rate of the last step, as a fraction of lr.
        warmup: Steps from 0 to lr.
        betas: Of Adam.
        weight_decay: Decoupled.
        clip_norm: The gradient is scaled down to this norm.
    """

    lr: PositiveFloat = 2e-4
    lr_end: float = Field(default=0.1, ge=0, le=1)
    warmup: NonNegativeInt = 100
    betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: PositiveFloat = 1.0


class TrainConfig(Config):
    """One training run.

    Attributes:
        model: What is trained.
        data: Crops.
        optimizer: AdamW's figures.
        seed: Of the initial weights, the crops, the times and the noise.
        steps: Length of the run, over which the learning rate decays.
        batch_size: Crops per process and pass.
        accumulation: Passes per step.
        precision: ``fp32``, or ``bf16`` by autocast.
        loss: ``l1`` or ``l2``, on the target in whitened coordinates.
        ema_decay: Of the average of the weights that is saved as the model.
        log_every: Steps between lines of the log.
        eval_every: Steps between dev losses and previews.
        checkpoint_every: Steps between checkpoints.
    """

    model: ModelConfig
    data: DataConfig = Field(default_factory=DataConfig)
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig)
    seed: NonNegativeInt = 0
    steps: PositiveInt = 100_000
    batch_size: PositiveInt = 16
    accumulation: PositiveInt = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    loss: Literal["l1", "l2"] = "l1"
    ema_decay: Fraction = 0.999
    log_every: PositiveInt = 50
    eval_every: PositiveInt = 1000
    checkpoint_every: PositiveInt = 500

    @model_validator(mode="after")
    def _crop_long_enough(self) -> "TrainConfig":
        mel = self.model.mel
        if mel is not None and self.n_samples < mel.min_samples:
            raise ValueError(
                f"data.crop_frames={self.data.crop_frames} is {self.n_samples} samples but the "
                f"mel needs {mel.min_samples}; give at least "
                f"{-(-mel.min_samples // mel.hop_length)}"
            )
        return self

    @property
    def n_samples(self) -> int:
        """Samples in a crop."""
        return self.data.crop_frames * self.model.network.hop_length


def read_train_config(path: Path, settings: Sequence[str] = ()) -> TrainConfig:
    """Reads a TOML file, with ``key=value`` settings laid over it.

    Args:
        path: The TOML file.
        settings: E.g. ``optimizer.lr=1e-4``; the value is read as TOML, or else as a string.

    Raises:
        AudiodiffError: If the file is missing or no TOML, or a key or value does not fit.
    """
    if not path.is_file():
        raise AudiodiffError(f"{path}: no such config; see the recipes for examples")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AudiodiffError(f"{path} is no TOML: {error}; save it as UTF-8") from error
    values = _parse_toml(text, str(path))
    for setting in settings:
        _lay_over(values, setting)
    return TrainConfig.parse(values, str(path))


def _parse_toml(text: str, source: str) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef, unused-ignore]
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AudiodiffError(f"{source} is no TOML: {error}") from error


def _lay_over(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise AudiodiffError(f"--set {setting!r}: give key=value, e.g. optimizer.lr=1e-4")
    try:
        value = _parse_toml(f"value = {text}", setting)["value"]
    except AudiodiffError:
        value = text
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise AudiodiffError(f"--set {setting!r}: {parent} is a value, not a table")
    values[last] = value
