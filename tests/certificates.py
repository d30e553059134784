"""Certificates that sign C2PA manifests, and such as cannot."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA = "Test CA"


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Organisation")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), organisation])


def _certificate(
    name: str, key: Any, by: Any, days: tuple[int, int], purpose: x509.ObjectIdentifier
) -> x509.Certificate:
    """Signed by the key ``by``; the CA's own if that is ``key``."""
    is_ca, now = key is by, datetime.now(timezone.utc)
    usage = x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False)
    builder = (
        x509.CertificateBuilder(_name(CA), _name(name), key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days[0]))
        .not_valid_after(now + timedelta(days[1]))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
    )
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(by, hashes.SHA256())


def write_signer(
    folder: Path,
    key: Any = None,
    days: tuple[int, int] = (-1, 30),
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    form: PrivateFormat = PrivateFormat.PKCS8,
    password: str = "",
) -> tuple[Path, Path]:
    """Writes a chain of certificates and the signer's key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    ca = ec.generate_private_key(ec.SECP256R1())
    chain = [
        _certificate("Test Signer", key, ca, days, purpose),
        _certificate(CA, ca, ca, (-1, 30), purpose),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "chain.pem", folder / "key.pem"
    paths[0].write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, form, lock))
    return paths


def sign_with(patch: pytest.MonkeyPatch, certificate: Path, key: Path) -> None:
    """Names a certificate and its key in the environment."""
    patch.setenv("AUDIODIFF_C2PA_CERT", str(certificate))
    patch.setenv("AUDIODIFF_C2PA_KEY", str(key))
