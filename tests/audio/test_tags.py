"""Tags of sound files, read as players, libraries and broadcasters do."""

import struct
import wave
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from audiodiff import AudiodiffError
from audiodiff.audio import io
from audiodiff.audio.comments import MAX_COMMENT, read_comment
from audiodiff.audio.tags import Tags

DATE = "2026-01-31T12:34:56Z"
SOUND = np.linspace(-0.5, 0.5, 1001, dtype=np.float32)
FILES = [
    ("a.wav", "PCM_16"),
    ("a.wav", "PCM_24"),
    ("a.wav", "FLOAT"),
    ("a.flac", "PCM_24"),
    ("a.ogg", "VORBIS"),
]


def tags(comment: str) -> Tags:
    return Tags(comment, "a, b 1.2", DATE, "Synthetic: é")


def chunks_of(content: bytes) -> dict[bytes, bytes]:
    """The chunks of a wav file, read as the RIFF specification says."""
    assert struct.unpack("<4sI4s", content[:12]) == (b"RIFF", len(content) - 8, b"WAVE")
    found, place = {}, 12
    while place < len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        found[name] = content[place + 8 : place + 8 + size]
        assert len(found[name]) == size
        place += 8 + size + size % 2
    return found


@pytest.mark.parametrize("text", ["even", "odd", '日本語 "quotes"', "long " * 10_000])
@pytest.mark.parametrize(("name", "subtype"), FILES)
def test_tags_are_read_again_and_leave_the_sound(
    name: str, subtype: io.Subtype, text: str, tmp_path: Path
) -> None:
    plain, told = tmp_path / name, tmp_path / f"told-{name}"
    io.save(plain, SOUND, 22050, subtype)
    io.save(told, SOUND, 22050, subtype, tags(text))
    assert (read_comment(plain), read_comment(told)) == ("", text)
    np.testing.assert_array_equal(io.load(told)[0], io.load(plain)[0])


@pytest.mark.parametrize(("name", "subtype"), FILES)
def test_libsndfile_reads_them(name: str, subtype: io.Subtype, tmp_path: Path) -> None:
    io.save(tmp_path / name, SOUND, 22050, subtype, tags("x" * 2000))
    with soundfile.SoundFile(tmp_path / name) as file:
        assert file.comment == "x" * 2000
        assert file.software.startswith("a, b 1.2")  # libsndfile adds its own name in flac and ogg
        assert file.date == (DATE[:10] if name == "a.wav" else DATE)
        assert file.frames == 1001


@pytest.mark.parametrize(("name", "subtype"), FILES)
def test_mutagen_reads_them(name: str, subtype: io.Subtype, tmp_path: Path) -> None:
    io.save(tmp_path / name, SOUND, 22050, subtype, tags("a text"))
    file = mutagen.File(tmp_path / name)
    assert file.info.length == pytest.approx(1001 / 22050)
    if name != "a.wav":  # of which it reads no INFO
        assert (file["comment"], file["date"]) == (["a text"], [DATE])


def test_comments_that_mutagen_wrote_are_read(tmp_path: Path) -> None:
    for name, subtype in FILES[3:]:
        io.save(tmp_path / name, SOUND, 22050, subtype)
        file = mutagen.File(tmp_path / name)
        file["picture"] = "x" * 300_000  # over several pages of an ogg file
        file["Comment"] = ["first", "second"]
        file.save()
        assert read_comment(tmp_path / name) == "first"


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
def test_the_broadcast_extension_has_the_layout_of_tech_3285(
    subtype: io.Subtype, bits: int, tmp_path: Path
) -> None:
    io.save(tmp_path / "a.wav", SOUND, 22050, subtype, tags("text"))
    content = chunks_of((tmp_path / "a.wav").read_bytes())[b"bext"]
    fields = {
        "Description": (0, 256, b"Synthetic: ?"),
        "Originator": (256, 32, b"a, b 1.2"),
        "OriginatorReference": (288, 32, b""),
        "OriginationDate": (320, 10, b"2026-01-31"),
        "OriginationTime": (330, 8, b"12:34:56"),
        "TimeReference": (338, 8, b""),
        "Version": (346, 2, b"\x01"),
        "UMID": (348, 64, b""),
        "Reserved": (412, 190, b""),
    }
    for name, (start, size, expected) in fields.items():
        assert content[start : start + size] == expected.ljust(size, b"\0"), name
    assert content[602:] == f"A=PCM,F=22050,W={bits},M=mono,T=a  b 1.2\r\n".encode()


def test_info_has_comment_software_and_day(tmp_path: Path) -> None:
    io.save(tmp_path / "a.wav", SOUND, 22050, tags=tags("text"))
    info = chunks_of((tmp_path / "a.wav").read_bytes())[b"LIST"]
    assert info == (
        b"INFO" + b"ICMT\x05\0\0\0text\0\0" + b"ISFT\x09\0\0\0a, b 1.2\0\0"
        b"ICRD\x0b\0\0\0" + b"2026-01-31\0\0"
    )
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 1001


def test_a_file_of_another_format_has_no_comment(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("finished")
    assert read_comment(tmp_path / "a.wav") == ""
    with pytest.raises(AudiodiffError, match=r"b\.wav cannot be read \(No such file"):
        read_comment(tmp_path / "b.wav")


@pytest.mark.parametrize(("name", "subtype"), FILES[2:])
def test_long_comments_are_refused(name: str, subtype: io.Subtype, tmp_path: Path) -> None:
    io.save(tmp_path / name, SOUND, 22050, subtype, tags("x" * (MAX_COMMENT + 1)))
    with pytest.raises(AudiodiffError, match="a comment of more than 1048576 bytes"):
        read_comment(tmp_path / name)


@pytest.mark.parametrize(("name", "subtype"), FILES[2:])
def test_damaged_tags_are_refused(name: str, subtype: io.Subtype, tmp_path: Path) -> None:
    io.save(tmp_path / name, SOUND, 22050, subtype, tags("x" * 500))
    content = (tmp_path / name).read_bytes()
    place = content.index(b"x" * 500)
    (tmp_path / name).write_bytes(content[: place + 100])
    with pytest.raises(AudiodiffError, match=r"the tags of .* are damaged"):
        read_comment(tmp_path / name)
