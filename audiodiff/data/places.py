"""Files of a folder on a disk or behind an address, read whole and within a limit."""

import errno
import os
import time
import urllib.error
import urllib.request
from http.client import HTTPException, InvalidURL
from pathlib import Path

TIMEOUT = 60
"""Seconds that a server may be silent."""

TRIES = 5
"""Attempts to read from a server; the waits between them double, from one second on."""


def read_file(place: str, name: str, most: int) -> bytes:
    """Reads a file.

    A server that fails or drops the connection is asked again.

    Args:
        place: Folder, or its ``http://`` or ``https://`` address.
        name: Name of a file in it.
        most: Largest size of the file, in bytes.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is larger, or the address is invalid.
    """
    if place.startswith(("http://", "https://")):
        return _fetched(f"{place.rstrip('/')}/{name}", most)
    path = Path(place) / name
    if not path.is_file():  # a pipe or a device would be read without end
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    _check_size(path.stat().st_size, most)
    return path.read_bytes()


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError(f"it has more than {most} bytes, the most that it should need")


def _fetched(url: str, most: int) -> bytes:
    """The content behind an address."""
    for n in range(TRIES):
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                _check_size(answer.length or 0, most)
                # Only a read without a limit notices that the connection was dropped.
                content: bytes = answer.read(None if answer.length else most + 1)
                _check_size(len(content), most)
                return content
        except InvalidURL as error:
            raise ValueError(str(error)) from error
        except urllib.error.HTTPError as error:
            if error.code < 500 or n == TRIES - 1:  # another try would fail the same way
                raise
        except (OSError, HTTPException) as error:
            if n == TRIES - 1:
                raise OSError(f"the connection fails: {error!r}") from error
        time.sleep(2**n)
    raise AssertionError("the last try returns or raises")
