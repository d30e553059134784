"""The base of every typed configuration: frozen, and strict about unknown keys."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, SerializeAsAny, ValidationError

from audiodiff.errors import AudiodiffError

C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """A frozen value object, equal to another if their fields are equal.

    Things that are a few numbers and some pure functions of them (a schedule, a prior, a mel
    preset) are configs themselves, so that what a checkpoint stores is what runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls: type[C], values: Any, source: str) -> C:
        """Validates plain data, e.g. from JSON or TOML.

        Args:
            values: Data of the config, by field.
            source: Name of the file or argument that the data came from, for the message.

        Raises:
            AudiodiffError: If a key is unknown or a value is invalid; every fault is named.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = "; ".join(_faults(error, (), cls.__name__))
            raise AudiodiffError(f"{source} does not fit: {faults}") from error


def of_kind(registry: Mapping[str, type[Config]]) -> Any:
    """The field type of a config of any class in a registry, told apart by its ``kind``.

    The registry is read when a value is parsed, so what is assigned to it later counts too. A
    config that is given as an object is taken as it is.

    Args:
        registry: The classes by kind.
    """

    def parse(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in registry:
            raise ValueError(f"kind={kind!r} is unknown; choose from {', '.join(registry)}")
        try:
            return registry[kind].model_validate(value)
        except ValidationError as error:
            raise _InnerError(error) from error

    return SerializeAsAny[Annotated[Config, BeforeValidator(parse)]]


class _InnerError(ValueError):
    """The faults of a config within a config."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__(str(error))
        self.error = error


def _faults(error: ValidationError, place: tuple[str, ...], name: str) -> list[str]:
    """A clause for each fault, with its place in the whole; ``name`` where it has none."""
    clauses = []
    for fault in error.errors(include_url=False):
        where = (*place, *(str(part) for part in fault["loc"]))
        inner = fault.get("ctx", {}).get("error")
        if isinstance(inner, _InnerError):
            clauses += _faults(inner.error, where, name)
        else:
            said = f"{_lower_first(fault['msg'])} (got {fault['input']!r:.80})"
            clauses.append(f"{'.'.join(where) or name}: {said}")
    return clauses


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
