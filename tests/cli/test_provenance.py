"""`provenance`, and what `vocode` stores for it."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import soundfile
from certificates import sign_with, write_signer
from command_line import Run, write_tone

from audiodiff.audio.tags import Tags, append_tags
from audiodiff.model.found import weights_sha256
from audiodiff.provenance import watermark
from audiodiff.provenance.record import software

EXAMPLE = Path(__file__).parents[2] / "examples/arctic_a0016.wav"

DEEP = '{"audiodiff": ' + "[" * 100_000
DAMAGED = {
    "deep": (DEEP, "brackets"),
    "twice": ('{"audiodiff": {"seed": 1, "seed": 2}}', "holds the key 'seed' twice"),
    "list": ('{"audiodiff": []}', "the record in list.wav does not fit"),
    "none": ('{"audiodiff": {}}', "software: field required"),
    "span": ('{"audiodiff": {"software": "x", "synthetic": [[2, 1]]}}', "does not end after"),
    "huge": ('{"audiodiff": "' + "x" * 2**21, "a comment of more than 1048576 bytes"),
}


def commented(path: Path, comment: str) -> Path:
    append_tags(write_tone(path), Tags(comment, "x", "2026-01-01T00:00:00Z", "x"))
    return path


def test_what_made_a_file_is_shown(run: Run, model: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav")
    assert run("vocode", "tone.wav", "-o", "out", "--model", model, "--seed", 3).status == 0
    shown = run("provenance", "out/tone.wav", "tone.wav")
    assert (shown.status, shown.err) == (0, "")
    lines = [line.split(maxsplit=1) for line in shown.out.splitlines()]
    software = soundfile.SoundFile(tmp_path / "out/tone.wav").software
    assert lines == [
        ["out/tone.wav:"],
        ["software", software],
        ["weights", weights_sha256(model)],
        ["sampler", "ddpm"],
        ["steps", "2"],
        ["seed", "3"],
        ["date", "2026-01-01T00:00:00Z"],
        ["synthetic", "all of it"],
        ["rate", "22050"],
        ["tone.wav:", "says nothing about what made it"],
    ]
    plain = run("provenance", "--json", "out/tone.wav", "tone.wav")
    said, nothing = map(json.loads, plain.out.splitlines())
    assert nothing == {"file": "tone.wav", "provenance": None, "c2pa": None}
    assert said["provenance"]["settings"] == {"rate": 22050}
    assert said["provenance"]["synthetic"] == "all"


def test_it_can_be_left_out(run: Run, model: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav")
    words = ("vocode", "tone.wav", "-o", "out", "--model", model)
    run(*words, "--no-provenance")
    content = (tmp_path / "out/tone.wav").read_bytes()
    assert not any(name in content for name in (b"audiodiff", b"LIST", b"bext"))
    assert "says nothing" in run("provenance", "out/tone.wav").out
    # Nobody can say which run made it.
    again = run(*words, "--steps", 5)
    assert again.err.startswith("0 written, 1 there already")


def test_a_watermark_is_made_and_found(run: Run, model: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "tone.wav")
    words = ("vocode", "tone.wav", "--model", model)
    assert run(*words, "-o", "plain").status == 0
    assert run(*words, "-o", "out", "--watermark").status == 0
    shown = run("provenance", "--watermark", "out/tone.wav")
    assert (shown.status, shown.err) == (0, "")
    assert "  watermark        perth\n" in shown.out
    assert shown.out.splitlines()[-1].startswith("  watermark found  yes, confidence 0.9")
    plain = run("provenance", "--watermark", "plain/tone.wav", "--json")
    assert json.loads(plain.out)["watermark"] < 0.9
    # Without the option nothing is looked for.
    assert "watermark found" not in run("provenance", "out/tone.wav").out
    # Another run made the file that is there.
    assert "watermark perth, now not given" in run(*words, "-o", "out").err


def test_generated_sounds_can_be_marked(run: Run) -> None:
    words = ("generate", "digits", "-n", "1", "--label", "digit=seven", "-o", "out")
    assert run(*words, "--watermark").status == 0
    shown = run("provenance", "--watermark", "--json", "out/seven-00000.wav")
    found = json.loads(shown.out)
    assert found["provenance"]["settings"]["watermark"] == "perth"
    assert found["watermark"] > 0.9


def test_a_watermark_without_its_library_is_refused(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "tone.wav")
    watermark._perth.cache_clear()
    monkeypatch.setitem(sys.modules, "perth.perth_net.perth_net_implicit.perth_watermarker", None)
    for words in (
        ("vocode", "tone.wav", "-o", "out", "--model", model),
        ("generate", "digits", "-o", "out"),
        ("provenance", "tone.wav"),
    ):
        result = run(*words, "--watermark")
        assert result.status == 2
        assert result.err.startswith("error: the watermark needs resemble-perth")
        assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_results_are_signed(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "tone.wav")
    sign_with(monkeypatch, *write_signer(tmp_path / "keys"))
    words = ("vocode", "tone.wav", "--model", model)
    assert run(*words, "-o", "out", "--index", "index.jsonl").status == 0
    shown = run("provenance", "out/tone.wav")
    assert (shown.status, shown.err) == (0, "")
    assert [line.split(maxsplit=2) for line in shown.out.splitlines()[-5:]] == [
        ["c2pa", "state", "Valid"],
        ["c2pa", "remarks", "signingCredential.untrusted"],
        ["c2pa", "signer", "Test Signer, Test Organisation"],
        ["c2pa", "software", software()],
        ["c2pa", "actions", "c2pa.created (trainedAlgorithmicMedia)"],
    ]
    assert "keys" not in (tmp_path / "index.jsonl").read_text()
    found = json.loads(run("provenance", "--json", "out/tone.wav").out)["c2pa"]
    assert (found["state"], found["remarks"]) == ("Valid", ["signingCredential.untrusted"])
    run(*words, "-o", "plain", "--no-provenance")
    assert b"C2PA" not in (tmp_path / "plain/tone.wav").read_bytes()
    # Without the library a file that has a manifest says so.
    monkeypatch.setattr("audiodiff.provenance.manifests.can_be_read", lambda: False)
    shown = run("provenance", "out/tone.wav", "plain/tone.wav")
    assert shown.status == 0
    assert "a manifest may be there; pip install" in shown.out
    assert shown.out.count("c2pa") == 1


def test_bad_signers_are_refused_before_any_work(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "tone.wav")
    certificate, _ = write_signer(tmp_path / "keys")
    _, key = write_signer(tmp_path / "others")
    sign_with(monkeypatch, certificate, key)
    for words in (
        ("vocode", "tone.wav", "--model", model),
        ("generate", "digits"),
        ("edit", "inpaint", "tone.wav", "--gap", "0.1-0.15"),
        ("edit", "continue", "tone.wav"),
        ("edit", "upsample", "tone.wav"),
    ):
        result = run(*words, "-o", "out")
        assert result.status == 2
        assert "is not the key of the first certificate" in result.err
        assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    # What only reads needs no certificate.
    assert run("provenance", "tone.wav").status == 0


def test_a_certificate_that_ends_on_the_way_leaves_no_half_file(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "tone.wav")
    sign_with(monkeypatch, *write_signer(tmp_path / "keys", days=(-30, -1)))
    monkeypatch.setattr("audiodiff.provenance.signing.check_signer", lambda: None)
    result = run("vocode", "tone.wav", "-o", "out", "--model", model)
    assert result.status == 2
    assert "chain.pem cannot sign (Signature: the certificate was not valid" in result.err
    assert not list((tmp_path / "out").iterdir())


def test_a_damaged_manifest_is_refused(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tone(tmp_path / "tone.wav")
    sign_with(monkeypatch, *write_signer(tmp_path / "keys"))
    run("vocode", "tone.wav", "-o", "out", "--model", model)
    content = (tmp_path / "out/tone.wav").read_bytes()
    place = content.index(b"C2PA") + 300
    (tmp_path / "a.wav").write_bytes(content[:place] + b"\xff" * 20 + content[place + 20 :])
    result = run("provenance", "a.wav")
    assert result.status == 2
    assert result.err.startswith("error: the C2PA manifest of a.wav is damaged (")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("name", DAMAGED)
def test_hostile_files_are_refused_in_a_sentence(name: str, run: Run, tmp_path: Path) -> None:
    comment, said = DAMAGED[name]
    commented(tmp_path / f"{name}.wav", comment)
    result = run("provenance", f"{name}.wav")
    assert result.status == 2
    assert said in result.err
    assert result.err.startswith("error: ")
    assert len(result.err) < 500
    assert result.err.count("\n") == 1


def test_texts_cannot_steer_a_terminal(run: Run, tmp_path: Path) -> None:
    values = {"software": "\x1b[31mred\nline", "synthetic": "all", "settings": {"a\x07": 1}}
    commented(tmp_path / "a.wav", json.dumps({"audiodiff": values}))
    shown = run("provenance", "a.wav")
    assert shown.status == 0
    assert "\\x1b[31mred" in shown.out
    assert "\x07" not in shown.out
    assert len(shown.out.splitlines()) == 4


def test_a_file_that_cannot_be_read_stops_no_other(run: Run, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    commented(tmp_path / "b.wav", 'a fine take of "audiodiff"\'s')
    (tmp_path / "text.wav").write_text("no sound")
    os.mkfifo(tmp_path / "pipe.wav")
    result = run("provenance", "text.wav", "none.wav", ".", "pipe.wav", "a.wav", "b.wav")
    assert result.status == 1
    said = "says nothing about what made it\n"
    assert result.out == f"a.wav: {said}b.wav: {said}"
    text, none, folder, pipe = result.err.splitlines()
    assert "text.wav cannot be read as sound" in text
    assert "none.wav does not exist" in none
    assert ". is a folder; give one sound file" in folder
    assert "pipe.wav is a pipe or a device; give a sound file" in pipe
    assert run("provenance", "text.wav").status == 2
