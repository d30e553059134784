"""The base of every typed configuration: frozen, and strict about unknown keys."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

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
            faults = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc']) or cls.__name__}: "
                f"{_lower_first(fault['msg'])} (got {fault['input']!r:.80})"
                for fault in error.errors(include_url=False)
            )
            raise AudiodiffError(f"{source} does not fit: {faults}") from error


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
