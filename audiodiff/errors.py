"""The exception for input that cannot be used."""


def in_unicode(text: str) -> str:
    r"""The text with escapes for bytes that are not UTF-8, which names of files can hold.

    >>> in_unicode("caf\udce9.wav")
    'caf\\udce9.wav'
    """
    return text.encode(errors="backslashreplace").decode()


HELP_WITH_FAILURES = '("A device or a training run fails" in docs/troubleshooting.md)'
"""Ends a message with the section that has more causes and remedies than fit into a sentence."""


class AudiodiffError(ValueError):
    """Bad input: the message names the argument, its value and the remedy, in one sentence.

    The command line prints the message alone and exits with status 2, so a traceback always means
    a defect in this package.
    """

    def __init__(self, message: str) -> None:
        super().__init__(in_unicode(message))


def refuse_class(value: object, name: str) -> None:
    """Refuses a class where one of its instances belongs.

    Args:
        value: The argument.
        name: Name of the argument, for the message.

    Raises:
        AudiodiffError: If it is a class.
    """
    if isinstance(value, type):
        raise AudiodiffError(
            f"{name}={value.__name__} is a class; give an instance, such as {value.__name__}()"
        )
