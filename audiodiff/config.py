"""The base of every typed configuration: frozen, and a key that it does not know is an error."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from audiodiff.errors import AudiodiffError

C = TypeVar("C", bound="Config")


class Config(BaseModel):
    """A frozen value object; comparing two compares their fields.

    Things that are a few numbers and some pure functions of them (a schedule, a prior, a mel
    preset) are configs themselves, so what a checkpoint stores is what runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls: type[C], values: Any, source: str) -> C:
        """Validates plain data, e.g. from JSON or TOML.

        Args:
            values: What the file held.
            source: The file or argument it came from, for the message.

        Raises:
            AudiodiffError: If a key is unknown or a value does not fit; every fault is named.
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
