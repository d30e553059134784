from pathlib import Path

import pytest

from audiodiff.errors import AudiodiffError
from audiodiff.metrics.evaluate import pair_files


def touch(*paths: Path):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_pairs_go_by_path_without_suffix(tmp_path):
    ref, out = tmp_path / "ref", tmp_path / "out"
    touch(ref / "a.wav", ref / "s/b.flac", ref / "c.v1.wav", ref / "notes.txt")
    touch(out / "a.FLAC", out / "b.wav", out / "c.v1.wav", out / "extra.mp3")
    pairing = pair_files(ref, out)
    assert pairing.pairs == (
        ("a", ref / "a.wav", out / "a.FLAC"),
        ("c.v1", ref / "c.v1.wav", out / "c.v1.wav"),
    )
    assert pairing.references_without_output == ("s/b",)
    assert pairing.outputs_without_reference == ("b", "extra")


def test_two_files_pair_whatever_their_names_and_a_file_finds_its_own(tmp_path):
    ref, out = tmp_path / "ref/a.wav", tmp_path / "out/b.wav"
    touch(ref, out, out.parent / "a.flac")
    assert pair_files(ref, out).pairs == (("a", ref, out),)
    pairing = pair_files(ref, out.parent)
    assert pairing.pairs == (("a", ref, out.parent / "a.flac"),)
    assert pairing.outputs_without_reference == ("b",)


def test_what_cannot_be_paired_is_refused(tmp_path):
    ref, out = tmp_path / "ref", tmp_path / "out"
    touch(ref / "a.wav", out / "b.wav")
    with pytest.raises(AudiodiffError, match=r"no file of .*out \(1 sound file\) has the name"):
        pair_files(ref, out)
    with pytest.raises(AudiodiffError, match=r"output .*absent does not exist"):
        pair_files(ref, tmp_path / "absent")
    touch(ref / "a.flac")
    with pytest.raises(AudiodiffError, match=r"reference 'a' is both a\.flac and a\.wav"):
        pair_files(ref, out)
