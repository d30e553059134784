"""The one exception that means: what you gave cannot be used, and here is what to do about it."""


class AudiodiffError(ValueError):
    """Bad input: the message names the argument, its value and the remedy, in one sentence.

    The command line prints the message alone and exits with status 2; a traceback therefore
    always means a defect in this package.
    """
