"""C2PA manifests: what is signed is read again, and damage is seen."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from certificates import sign_with, write_signer
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.provenance.files import read_record, tags_of
from audiodiff.provenance.manifests import read_manifest
from audiodiff.provenance.record import Record
from audiodiff.provenance.signing import check_signer, environment

WAVE = np.linspace(-0.5, 0.5, 2205, dtype=np.float32)
NEW = Record(software="audiodiff 1.2", seed=7, synthetic="all")
EDITED = Record(software="audiodiff 1.2", synthetic=[(0.01, 0.02)])
KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    paths = write_signer(tmp_path / "theos-keys")
    sign_with(monkeypatch, *paths)
    return paths


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_signed_is_read_again(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    io.save(tmp_path / "plain.wav", WAVE, 22050, tags=tags_of(NEW))
    assert read_manifest(tmp_path / "plain.wav") is None
    sign_with(monkeypatch, *write_signer(tmp_path / "keys", KEYS[kind]()))
    check_signer()
    io.save(tmp_path / "a.wav", WAVE, 22050, tags=tags_of(NEW))
    found = read_manifest(tmp_path / "a.wav")
    assert found is not None
    assert found.model_dump() == {
        "state": "Valid",
        "remarks": ("signingCredential.untrusted",),
        "signer": "Test Signer, Test Organisation",
        "software": "audiodiff 1.2",
        "actions": ("c2pa.created (trainedAlgorithmicMedia)",),
    }
    # The sound and the record are as they were.
    record = read_record(tmp_path / "a.wav")
    assert record == read_record(tmp_path / "plain.wav")
    np.testing.assert_array_equal(
        soundfile.read(tmp_path / "a.wav", dtype="int16")[0],
        soundfile.read(tmp_path / "plain.wav", dtype="int16")[0],
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "keys", "plain.wav"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_an_edit_names_the_recording_that_it_opened(
    suffix: str, signer: tuple[Path, Path], tmp_path: Path
) -> None:
    source = tmp_path / f"theos-take{suffix}"
    soundfile.write(source, WAVE, 22050)
    io.save(tmp_path / "a.wav", WAVE, 22050, tags=tags_of(EDITED, source))
    found = read_manifest(tmp_path / "a.wav")
    assert found is not None
    assert found.state == "Valid"
    assert found.actions == ("c2pa.opened", "c2pa.edited (compositeWithTrainedAlgorithmicMedia)")
    content = (tmp_path / "a.wav").read_bytes()
    assert b"theo" not in content
    assert str(tmp_path).encode() not in content


def test_a_recordings_own_manifest_is_kept(signer: tuple[Path, Path], tmp_path: Path) -> None:
    io.save(tmp_path / "a.wav", WAVE, 22050, tags=tags_of(NEW))
    io.save(tmp_path / "b.wav", WAVE, 22050, tags=tags_of(NEW, tmp_path / "a.wav"))
    found = read_manifest(tmp_path / "b.wav")
    assert found is not None
    assert found.actions == ("c2pa.opened", "c2pa.edited (trainedAlgorithmicMedia)")
    # Among what it opened.
    assert (tmp_path / "b.wav").read_bytes().count(b"c2pa.created") == 1


@pytest.mark.parametrize("place", [100, 4400, -4000])
def test_a_change_is_seen(place: int, signer: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    io.save(path, WAVE, 22050, tags=tags_of(NEW))
    content = bytearray(path.read_bytes())
    if place < 0:
        place = content.index(b'"seed"')
    content[place] ^= 1
    path.write_bytes(content)
    found = read_manifest(path)
    assert found is not None
    assert found.state == "Invalid"
    assert "assertion.dataHash.mismatch" in found.remarks


def test_a_damaged_manifest_is_refused_in_a_sentence(
    signer: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    io.save(path, WAVE, 22050, tags=tags_of(NEW))
    content = path.read_bytes()
    start, states, said = content.index(b"C2PA"), set(), list[str]()
    for place in range(start, len(content), 97):
        path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
        try:
            found = read_manifest(path)
            states.add(found and found.state)
        except AudiodiffError as error:
            states.add("refused")
            said.append(str(error))
    assert all(text.startswith(f"the C2PA manifest of {path} ") for text in said)
    assert not any("\n" in text for text in said)
    assert {"refused", "Invalid"} <= states
    broken = content[: start + 300] + b"\xff" * 20 + content[start + 320 :]
    path.write_bytes(broken)
    with pytest.raises(AudiodiffError, match=rf"manifest of {path} is damaged .*unset AUDIODIFF"):
        io.save(tmp_path / "b.wav", WAVE, 22050, tags=tags_of(NEW, path))
    assert not (tmp_path / "b.wav").exists()


def test_only_wav_files_are_signed(signer: tuple[Path, Path], tmp_path: Path) -> None:
    for name, subtype in (("a.flac", "PCM_16"), ("a.ogg", "VORBIS")):
        with pytest.raises(AudiodiffError, match=rf"{name} cannot be signed; use \.wav"):
            io.save(tmp_path / name, WAVE, 22050, subtype, tags_of(NEW))
        assert not (tmp_path / name).exists()
        io.save(tmp_path / name, WAVE, 22050, subtype, tags_of(NEW)._replace(sign=None))


BAD = {
    "no certificate": ("none.pem", "key.pem", "AUDIODIFF_C2PA_CERT=none.pem cannot be read"),
    "no key": ("chain.pem", "none.pem", "AUDIODIFF_C2PA_KEY=none.pem cannot be read"),
    "a folder": (".", "key.pem", "AUDIODIFF_C2PA_CERT=. cannot be read"),
    "one alone": ("chain.pem", "", "AUDIODIFF_C2PA_CERT is set and AUDIODIFF_C2PA_KEY is not"),
    "the other alone": ("", "key.pem", "KEY is set and AUDIODIFF_C2PA_CERT is not; set both"),
    "no PEM": ("text.pem", "key.pem", "text.pem holds no certificates in PEM"),
    "swapped": ("key.pem", "chain.pem", "key.pem holds no certificates in PEM"),
    "empty": ("chain.pem", "empty.pem", "empty.pem holds no private key in PEM"),
    "password": ("locked/chain.pem", "locked/key.pem", "no private key in PEM without a password"),
    "another key": ("chain.pem", "other/key.pem", "is not the key of the first certificate"),
    "dsa": ("dsa/chain.pem", "dsa/key.pem", "is a key by which C2PA does not sign"),
    "curve": ("curve/chain.pem", "curve/key.pem", "is a key by which C2PA does not sign"),
    "expired": ("old/chain.pem", "old/key.pem", "cannot sign (Signature: the certificate was not"),
    "too early": ("new/chain.pem", "new/key.pem", "cannot sign (Signature: the certificate was"),
    "purpose": ("web/chain.pem", "web/key.pem", "cannot sign (Signature: the certificate is inv"),
}


@pytest.fixture(scope="module")
def bad_signers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signers")
    write_signer(folder)
    write_signer(folder / "other")
    write_signer(folder / "locked", password="x")
    write_signer(folder / "dsa", dsa.generate_private_key(1024))
    write_signer(folder / "curve", ec.generate_private_key(ec.SECP256K1()))
    write_signer(folder / "old", days=(-30, -1))
    write_signer(folder / "new", days=(2, 30))
    write_signer(folder / "web", purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    (folder / "text.pem").write_text("no certificate")
    (folder / "empty.pem").touch()
    return folder


@pytest.mark.parametrize("name", BAD)
def test_bad_signers_are_refused_in_a_sentence(
    name: str, bad_signers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key, said = BAD[name]
    monkeypatch.chdir(bad_signers)
    monkeypatch.setenv("AUDIODIFF_C2PA_CERT", certificate)
    monkeypatch.setenv("AUDIODIFF_C2PA_KEY", key)
    with pytest.raises(AudiodiffError) as caught:
        check_signer()
    assert said in str(caught.value)
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_folders_and_machines_find_the_signer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert environment() == {}
    monkeypatch.chdir(tmp_path)
    sign_with(monkeypatch, Path("chain.pem"), Path("keys/key.pem"))
    assert environment() == {
        "AUDIODIFF_C2PA_CERT": str(tmp_path / "chain.pem"),
        "AUDIODIFF_C2PA_KEY": str(tmp_path / "keys/key.pem"),
    }


def test_older_forms_of_keys_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_with(monkeypatch, *write_signer(tmp_path, form=PrivateFormat.TraditionalOpenSSL))
    assert b"BEGIN EC PRIVATE KEY" in (tmp_path / "key.pem").read_bytes()
    check_signer()


def test_the_library_is_asked_for_by_name(
    signer: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    io.save(tmp_path / "a.wav", WAVE, 22050, tags=tags_of(NEW))
    monkeypatch.setitem(sys.modules, "c2pa", None)
    for use in (check_signer, lambda: tags_of(NEW), lambda: read_manifest(tmp_path / "a.wav")):
        with pytest.raises(AudiodiffError, match=r"need c2pa-python.*\[provenance\]\"$"):
            use()
