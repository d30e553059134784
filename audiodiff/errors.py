"""The exception for input that cannot be used."""


class AudiodiffError(ValueError):
    """Bad input: the message names the argument, its value and the remedy, in one sentence.

    The command line prints the message alone and exits with status 2, so a traceback always means
    a defect in this package.
    """
