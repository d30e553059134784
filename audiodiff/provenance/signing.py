"""C2PA manifests, signed with the user's own certificate.

`CERTIFICATE` and `KEY` are environment variables, so that every command and every process that it
starts signs alike, and no list of results names them.
"""

import os
import shutil
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, NamedTuple

from audiodiff.errors import AudiodiffError
from audiodiff.provenance.manifests import SETTINGS, c2pa_library, refused
from audiodiff.provenance.record import Record, software

CERTIFICATE = "AUDIODIFF_C2PA_CERT"
"""Names a PEM file of certificates: the signer's first, then those that vouch for it."""

KEY = "AUDIODIFF_C2PA_KEY"
"""Names a PEM file of the private key of the first certificate."""

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
"""The algorithm by each curve that C2PA knows."""

_SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class Signer(NamedTuple):
    """A certificate and its key.

    Attributes:
        algorithm: Name of the signature's algorithm, as C2PA has it.
        certificates: The signer's certificate and those that vouch for it, in PEM.
        key: The private key, in PEM.
    """

    algorithm: str
    certificates: bytes
    key: bytes


def check_signer() -> None:
    """Signs a sample of silence by the certificate that the environment names, if it names one.

    Raises:
        AudiodiffError: If the certificate or its key is missing, bad or out of date, the two do not
            belong together, or c2pa-python is not installed.
    """
    signer = _signer()
    if signer is None:
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "silence.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 1, "NONE", ""))
            file.writeframes(b"\0\0")
        _sign_file(signer, Record(software=software(), synthetic="all"), None, path)


def environment() -> dict[str, str]:
    """The variables for processes of other folders and machines; none if nothing is signed."""
    given = {name: os.environ.get(name) for name in (CERTIFICATE, KEY)}
    return {name: str(Path(path).absolute()) for name, path in given.items() if path}


def signing(record: Record, edited: Path | None) -> Callable[[Path], None] | None:
    """What signs a wav file that is made; None if the environment names no certificate.

    Args:
        record: The record of the sound.
        edited: The recording that the sound was made from; None for a new sound.

    Raises:
        AudiodiffError: If the certificate or its key is missing or bad.
    """
    signer = _signer()
    return None if signer is None else partial(_sign_file, signer, record, edited)


def _sign_file(signer: Signer, record: Record, edited: Path | None, path: Path) -> None:
    with TemporaryFile(dir=path.parent) as signed:
        with path.open("rb") as plain:
            _sign(plain, signed, signer, record, edited)
        signed.seek(0)
        # Into the same file, on which its writer holds a lock.
        with path.open("wb") as target:
            shutil.copyfileobj(signed, target)


def _sign(
    plain: IO[bytes], signed: IO[bytes], signer: Signer, record: Record, edited: Path | None
) -> None:
    """Writes a copy of a wav file with a signed manifest."""
    library = c2pa_library()
    builder = library.Builder(_manifest(record, edited), library.Context.from_dict(SETTINGS))
    if edited is not None:
        remedy = f"ask for the file again, or unset {CERTIFICATE} and {KEY}"
        with (
            refused(f"the C2PA manifest of {edited} is damaged", remedy),
            edited.open("rb") as recording,
        ):
            # The manifest then begins with the action c2pa.opened, and keeps that of the recording.
            builder.set_intent(library.C2paBuilderIntent.EDIT)
            about = {"title": "the recording", "relationship": "parentOf"}
            builder.add_ingredient(about, edited.suffix[1:].lower(), recording)
    what = f"{CERTIFICATE}={os.environ.get(CERTIFICATE)} cannot sign"
    with refused(what, "give a certificate that is made for C2PA and in date"):
        details = library.C2paSignerInfo(*signer, None)
        builder.sign(library.Signer.from_info(details), "audio/wav", plain, signed)


def _manifest(record: Record, edited: Path | None) -> dict[str, object]:
    """What the manifest says; it names no path and no file."""
    name, _, number = record.software.partition(" ")
    kind = "trainedAlgorithmicMedia"
    if record.synthetic != "all":
        kind = "compositeWithTrainedAlgorithmicMedia"
    action = {
        "action": "c2pa.created" if edited is None else "c2pa.edited",
        "digitalSourceType": _SOURCES + kind,
    }
    return {
        "claim_generator_info": [{"name": name, "version": number}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }


def _signer() -> Signer | None:
    """The certificate and the key that the environment names."""
    certificate, key = os.environ.get(CERTIFICATE), os.environ.get(KEY)
    if not certificate and not key:
        return None
    if not certificate or not key:
        missing, given = (KEY, CERTIFICATE) if certificate else (CERTIFICATE, KEY)
        raise AudiodiffError(f"{given} is set and {missing} is not; set both, or neither")
    c2pa_library()  # it brings cryptography
    return _read(Path(certificate), Path(key))


def _read(certificate: Path, key: Path) -> Signer:
    """The signer of two PEM files."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    public_text, private_text = _content(CERTIFICATE, certificate), _content(KEY, key)
    try:
        chain = x509.load_pem_x509_certificates(public_text)
    except ValueError as error:
        raise AudiodiffError(
            f"{CERTIFICATE}={certificate} holds no certificates in PEM; give the signer's and "
            "those that vouch for it"
        ) from error
    try:
        private = load_pem_private_key(private_text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AudiodiffError(
            f"{KEY}={key} holds no private key in PEM without a password; give that of the "
            "certificate"
        ) from error
    if isinstance(private, rsa.RSAPrivateKey):
        algorithm = "ps256"
    elif isinstance(private, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    elif isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        algorithm = _CURVES[private.curve.name]
    else:
        raise AudiodiffError(
            f"{KEY}={key} is a key by which C2PA does not sign; give one of RSA, Ed25519 or the "
            "curves P-256, P-384 and P-521"
        )
    if chain[0].public_key() != private.public_key():
        raise AudiodiffError(
            f"{KEY}={key} is not the key of the first certificate in {certificate}; give the two "
            "that belong together"
        )
    return Signer(
        algorithm,
        b"".join(each.public_bytes(Encoding.PEM) for each in chain),
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _content(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AudiodiffError(
            f"{name}={path} cannot be read ({error.strerror}); check the path"
        ) from error
