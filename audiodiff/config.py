"""The base of every typed configuration: frozen, and strict about unknown keys and values.

Numbers that several parts share are bounded here, by what a machine can hold.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    SerializeAsAny,
    TypeAdapter,
    ValidationError,
)

from audiodiff.errors import AudiodiffError

C = TypeVar("C", bound="Config")

MAX_COUNT = 2**31 - 1
"""The greatest number of anything that is counted one after another, such as training steps."""

MAX_STEPS = 10_000
"""Most steps of a run or of a noise schedule; published ones have at most 4000."""

MAX_RATE = 768_000
"""The highest sample rate, in Hz, that sound hardware has."""

MAX_DRAWS = 1000
"""Most random draws of a figure that is a mean over them."""

MAX_SEED = 2**63 - 1

MAX_HOURS = 6.0
"""Hours of the longest sound that is read if nothing else is asked for."""

Count = Annotated[int, Field(gt=0, le=MAX_COUNT)]
CountOrZero = Annotated[int, Field(ge=0, le=MAX_COUNT)]
StepCount = Annotated[int, Field(gt=0, le=MAX_STEPS)]
DrawCount = Annotated[int, Field(ge=2, le=MAX_DRAWS)]  # an error needs two
SampleRate = Annotated[int, Field(gt=0, le=MAX_RATE)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Hours = Annotated[float, Field(gt=0, le=240)]
GuidanceScale = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]
Strength = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
STRENGTH = 0.1
"""Strength of an edit at which speech-edit changes a voice and still sounds like one."""

Size = Annotated[int, Field(gt=0, le=2**16)]
"""A length in samples, frames or items, of which memory holds many at a time."""

SampleCount = Annotated[int, Field(gt=0, le=2**28)]
"""A length in samples of what is made at once: hours of sound, a gigabyte of floats."""

Width = Annotated[int, Field(gt=0, le=1024)]
"""Channels or bands: the sides of a matrix of weights."""

Depth = Annotated[int, Field(gt=0, le=256)]
"""Layers of a network."""

MAX_SHOWN = 80
"""The most characters of a value that a message shows."""

MAX_CLAUSE = 400
"""The most characters of a fault that a message shows."""

MAX_FAULTS = 5
"""The most faults that a message names."""


class Config(BaseModel):
    """A frozen value object, equal to another if their fields are equal.

    Things that are a few numbers and some pure functions of them (a schedule, a prior, a mel
    preset) are configs themselves, so that what a checkpoint stores is what runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuses a field that could never be read, as a property of its name answers instead."""
        for name in cls.model_fields:
            if isinstance(getattr(cls, name, None), property):
                raise TypeError(
                    f"{cls.__name__}.{name} is a field and a base declares a property {name}; give "
                    f"the field another name, and return it from a property {name}"
                )

    @classmethod
    def parse(cls: type[C], values: Any, source: str) -> C:
        """Validates plain data, e.g. from JSON or TOML.

        Args:
            values: Data of the config, by field.
            source: Name of the file or argument that the data came from, for the message.

        Raises:
            AudiodiffError: If a key is unknown or a value is invalid, naming the first faults.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = _faults(error, (), cls)
            more = f"; and {len(faults) - MAX_FAULTS} more" if len(faults) > MAX_FAULTS else ""
            named = "; ".join(faults[:MAX_FAULTS])
            raise AudiodiffError(f"{source} does not fit: {named}{more}") from error


def checked(kind: Any, value: Any, name: str) -> Any:
    """An argument as a number of a bounded type, such as `Seed`.

    Numbers of NumPy and torch, floats and text are taken where their value is a whole number.

    Args:
        kind: The type.
        value: The argument.
        name: Name of the argument, for the message.

    Raises:
        AudiodiffError: If the value is no such number.

    Examples:
        >>> checked(StepCount, 4.0, "n_steps")
        4
    """
    try:
        return _validator(kind)(value)
    except ValidationError as error:
        said = _lower_first(error.errors(include_url=False)[0]["msg"])
        raise AudiodiffError(f"{name}={shown(value)}: {said}") from error


@cache
def _validator(kind: Any) -> Callable[[Any], Any]:
    """The validator of a type, which takes a hundred times as long to make as to use."""
    return TypeAdapter(kind).validate_python


def shown(value: Any) -> str:
    """A value in one line of at most `MAX_SHOWN` characters, for messages.

    >>> shown("a" * 100)[-5:]
    'aa...'
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # beyond Python's limit on digits
        return "a number of thousands of digits"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def of_kind(registry: Mapping[str, type[Config]], default: str | None = None) -> GetPydanticSchema:
    """Makes a field hold a config of any class in a registry, told apart by its ``kind``.

    It annotates what all the classes have in common: ``Annotated[CodecConfig, of_kind(CODECS)]``.
    The registry is read when a value is parsed, so what is assigned to it later counts too. A
    config that is given as an object is taken as it is.

    Args:
        registry: The classes by kind.
        default: Kind of a config that names none; None if each must.
    """

    def parse(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        kind = value.get("kind", default)
        if not isinstance(kind, str) or kind not in registry:
            raise ValueError(f"kind={kind!r} is unknown; choose from {', '.join(registry)}")
        try:
            return registry[kind].model_validate(value)
        except ValidationError as error:
            raise _InnerError(error, registry[kind]) from error

    field = SerializeAsAny[Annotated[Config, BeforeValidator(parse)]]
    return GetPydanticSchema(lambda source, handler: handler.generate_schema(field))


class _InnerError(ValueError):
    """The faults of a config within a config."""

    def __init__(self, error: ValidationError, kind: type[Config]) -> None:
        super().__init__(str(error))
        self.error, self.kind = error, kind


def _faults(error: ValidationError, place: tuple[str, ...], kind: type[Config]) -> list[str]:
    """A clause for each fault of a config of a kind, with its place in the whole."""
    clauses = []
    for fault in error.errors(include_url=False):
        where = (*place, *(named(part) for part in fault["loc"]))
        inner = fault.get("ctx", {}).get("error")
        if isinstance(inner, _InnerError):
            clauses += _faults(inner.error, where, inner.kind)
        else:
            said = _lower_first(fault["msg"])
            if fault["type"] == "extra_forbidden":
                said += _nearest(fault["loc"], kind)
            clause = f"{said:.{MAX_CLAUSE}} (got {shown(fault['input'])})"
            clauses.append(f"{'.'.join(where) or kind.__name__}: {clause}")
    return clauses


def _nearest(loc: tuple[str | int, ...], kind: type[BaseModel]) -> str:
    """What to give instead of an unknown key: the nearest known one, or any of them."""
    *parents, key = loc
    for part in parents:
        if isinstance(part, str):
            field = kind.model_fields.get(part)
            inner = list(_models_in(field.annotation)) if field else []
            if len(inner) != 1:
                return ""
            kind = inner[0]
    near = get_close_matches(str(key), kind.model_fields, n=1)
    return (
        f"; did you mean {near[0]}?" if near else f"; the keys are {', '.join(kind.model_fields)}"
    )


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    """The models in the type of a field, such as ``A`` in ``tuple[A, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def named(part: str | int) -> str:
    """A key, an index or the name of a weight, in one line, for messages."""
    text = str(part)
    return text[:MAX_SHOWN] if text.isprintable() else shown(text)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
