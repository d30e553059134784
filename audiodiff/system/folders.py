"""The files of a folder, as every command that takes folders searches them."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

LONGEST = 250
"""Bytes of the longest part of a name in a list, which leave room for a suffix in a file's name."""

_NOT_IN_LISTS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, of bytes that are not UTF-8, and of line ends."""


def files_below(root: Path, suffixes: Collection[str], without: Path | None = None) -> list[Path]:
    """Finds the regular files of a folder and its subfolders, sorted.

    Hidden files and folders, which editors and killed runs leave behind, are left out, and so is
    anything but regular files, such as a named pipe. Links to folders are not followed.

    Args:
        root: Folder to search.
        suffixes: Suffixes of the files to find, in lower case.
        without: Folder below ``root`` that holds results and is not searched; None for none.
    """
    results = None if without is None else without.resolve()
    found = []
    for name, folders, files in os.walk(root):
        here = Path(name)
        folders[:] = [
            folder
            for folder in folders
            if not folder.startswith(".")
            and (results is None or (here / folder).resolve() != results)
        ]
        found += [
            here / file
            for file in files
            if not file.startswith(".")
            and os.path.splitext(file)[1].lower() in suffixes
            and (here / file).is_file()
        ]
    return sorted(found)


def name_below(root: Path, path: Path) -> str:
    """The name of a file in lists: its path below a folder without suffix, see `listed_name`."""
    return listed_name(path.relative_to(root).with_suffix("").as_posix())


def listed_name(text: str) -> str:
    r"""A name as it stands in lists of one name a line, such as a path without its suffix.

    Characters that such a line cannot hold become their bytes, as ``%0A``: control characters,
    bytes that are not UTF-8, ``|``, which ends a name, and spaces at either end. A part of more
    than `LONGEST` bytes keeps its beginning and gets a digest of the whole.

    >>> listed_name("voice/a|b\n")
    'voice/a%7Cb%0A'
    """
    name = "".join(c if _fits(c) else _as_bytes(c) for c in text)
    name = re.sub(r"^\s+|\s+$", lambda ends: _as_bytes(ends[0]), name)
    return "/".join(map(_shortened, name.split("/")))


def _fits(character: str) -> bool:
    return character not in "|\ufeff" and unicodedata.category(character) not in _NOT_IN_LISTS


def _as_bytes(text: str) -> str:
    # Python decodes a byte that is not UTF-8 as one of these; Windows knows other lone surrogates.
    errors = "surrogateescape" if "\udc80" <= text <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in text.encode(errors=errors))


def _shortened(part: str) -> str:
    encoded = part.encode()
    if len(encoded) <= LONGEST:
        return part
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: LONGEST - 17].decode(errors='ignore')}-{digest}"
