"""C2PA manifests in sound files: who signed a file, what they say was done, and whether it is so.

They are read and written by c2pa-python (the extra ``provenance``), without the network.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from audiodiff.audio.wav_header import byte_order, chunks
from audiodiff.config import Config
from audiodiff.errors import AudiodiffError
from audiodiff.system.atomic import interrupts_held

PIP = 'pip install "audiodiff-vocoder[provenance]"'

SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
"""Nothing is fetched; the library would otherwise follow addresses in files."""

_MAX_REASON = 300

Text = Annotated[str, Field(max_length=10_000)]


class _Part(Config):
    """A part of what the library says, of which some is left out."""

    model_config = ConfigDict(extra="ignore")


class _Action(_Part):
    action: Text
    source: Annotated[Text | None, Field(alias="digitalSourceType")] = None


class _Actions(_Part):
    actions: tuple[_Action, ...]


class _Assertion(_Part):
    label: Text
    data: Any = None


class _Software(_Part):
    name: Text
    version: Text | None = None


class _Signature(_Part):
    common_name: Text | None = None
    issuer: Text | None = None


class _Claim(_Part):
    claim_generator_info: tuple[_Software, ...] = ()
    signature_info: _Signature = _Signature()
    assertions: tuple[_Assertion, ...] = ()


class _Status(_Part):
    code: Text


class _Store(_Part):
    active_manifest: Text
    manifests: dict[Text, _Claim]
    validation_state: Text
    validation_status: tuple[_Status, ...] = ()


class Manifest(Config):
    """What the C2PA manifest of a file says.

    Attributes:
        state: ``Valid`` if the file is as it was when it was signed, ``Invalid`` if not.
        remarks: What else the check found, in the words of the C2PA specification. No list of
            trusted signers is used, so ``signingCredential.untrusted`` is always among them.
        signer: Name and organisation in the certificate, which anyone may have made.
        software: The software that made the manifest.
        actions: What was done, and with what kind of source.
    """

    state: Text
    remarks: tuple[Text, ...]
    signer: Text
    software: Text
    actions: tuple[Text, ...]


def may_hold_manifest(path: Path) -> bool:
    """Whether a file has a place in which manifests lie: of a wav a chunk, of others an ID3 tag."""
    with path.open("rb") as file:
        order = byte_order(file)
        if order is not None:
            return any(chunk.name == b"C2PA" for chunk in chunks(file, order))
        file.seek(0)
        return file.read(3) == b"ID3"


def can_be_read() -> bool:
    """Whether c2pa-python is installed."""
    return find_spec("c2pa") is not None


def read_manifest(path: str | Path) -> Manifest | None:
    """The manifest of a sound file; None if there is none.

    Raises:
        AudiodiffError: If it is damaged, or c2pa-python is not installed.
    """
    path = Path(path)
    if not may_hold_manifest(path):
        return None
    library = c2pa_library()
    with refused(f"the C2PA manifest of {path} is damaged", "ask for the file again"):
        context = library.Context.from_dict(SETTINGS)
        with path.open("rb") as file:
            reader = library.Reader.try_create(None, file, context=context)
            text = None if reader is None else reader.json()
    return None if text is None else _manifest(json.loads(text), f"the C2PA manifest of {path}")


def _manifest(values: Any, source: str) -> Manifest:
    store = _Store.parse(values, source)
    claim = store.manifests.get(store.active_manifest, _Claim())
    signature = claim.signature_info
    named = [name for name in (signature.common_name, signature.issuer) if name]
    software = [f"{made.name} {made.version or ''}".strip() for made in claim.claim_generator_info]
    done = [
        action
        for assertion in claim.assertions
        if assertion.label.split("__")[0] in ("c2pa.actions", "c2pa.actions.v2")
        for action in _Actions.parse(assertion.data, source).actions
    ]
    return Manifest(
        state=store.validation_state,
        remarks=tuple(status.code for status in store.validation_status),
        signer=", ".join(named),
        software=", ".join(software),
        actions=tuple(map(_in_words, done)),
    )


def _in_words(action: _Action) -> str:
    kind = (action.source or "").rsplit("/", 1)[-1]
    return f"{action.action} ({kind})" if kind else action.action


def c2pa_library() -> Any:
    """The module of c2pa-python.

    Raises:
        AudiodiffError: If it is not installed.
    """
    try:
        return import_module("c2pa")
    except (ImportError, OSError) as error:
        raise AudiodiffError(
            f"C2PA manifests need c2pa-python, which does not load ({error}); {PIP}"
        ) from error


@contextmanager
def refused(what: str, remedy: str) -> Iterator[None]:
    """Gives the library's errors as sentences; Ctrl-C waits, as it would be lost in callbacks.

    Raises:
        AudiodiffError: If the library refuses what the block asks for.
    """
    try:
        with interrupts_held():
            yield
    except c2pa_library().C2paError as error:
        reason = " ".join(str(error).split())[:_MAX_REASON].rstrip(".")
        raise AudiodiffError(f"{what} ({reason}); {remedy}") from error
