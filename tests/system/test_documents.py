"""JSON, JSON Lines and TOML: what is read, and what is refused before it takes time or memory."""

import re
from pathlib import Path

import pytest
from damage import within_limits

from audiodiff.errors import AudiodiffError
from audiodiff.system.documents import (
    MAX_JSON_BYTES,
    MAX_TOML_BYTES,
    parse_json,
    parse_toml,
    read_json,
    read_json_lines,
    read_toml,
)

TOML = '''
# a comment with a "quote, [[[[[[[[[[[[[[[[[[[[[[ and a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v
path = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z"
more = """a "quoted" \\"\\"\\" [[[[[[[[[[[[[[[[[[[[[[[[ text"""
plain = \'[[[[[[[[[[[[[[[[[[[[[[[[\\\'
digits = "{digits}"
[table.of.tables]
times = [{times}]
'''


def test_documents_are_read_as_they_are() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, "\\u00e9\\\\\\"[["]}', "it") == {
        "a": [1, 2.5, 'é\\"[[']
    }
    assert parse_json(b'["\\udce9", "\\ud83d\\ude00"]', "it") == ["\udce9", "\U0001f600"]
    times = [n / 7 for n in range(2000)]
    text = TOML.format(digits="9" * 500, times=", ".join(map(str, times)))
    values = parse_toml(text.encode("utf-8-sig"), "it")
    assert values["table"] == {"of": {"tables": {"times": times}}}
    assert values["digits"] == "9" * 500
    assert values["plain"] == "[" * 24 + "\\"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1', "it is not JSON that can be read: Expecting"),
        (b"", "it is not JSON that can be read: Expecting value"),
        (b"\xff\xfe{}", "it is not JSON: 'utf-8' codec .*; save it as UTF-8"),
        (b"[" * 10**6, "it nests more than 20 brackets"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "it nests more than 20 brackets"),
        (b"[1" + b"0" * 10_000 + b"]", "it holds a number of more than 100 characters"),
        (b'{"a": 1, "b": 2, "a": 3}', "it holds the key 'a' twice"),
        (b'["\\ud800"]', "it is not JSON: 'utf-8' codec can't encode character"),
    ],
)
def test_json_that_is_damaged_or_a_bomb_is_refused(content: bytes, words: str) -> None:
    with within_limits(), pytest.raises(AudiodiffError, match=words):
        parse_json(content, "it")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = = 1", "it is not TOML that can be read: "),
        (b"a = 1\na = 2", "it is not TOML that can be read: "),
        (b"\x80", "it is not TOML: 'utf-8' codec .*; save it as UTF-8"),
        (b"a." * 100_000 + b"a = 1", "it holds a key of more than 20 parts"),
        (b'"x" . ' * 30_000 + b"a = 1", "it holds a key of more than 20 parts"),
        (b"[" + b".".join([b"a"] * 100) + b"]", "it holds a key of more than 20 parts"),
        (b"a = " + b"[" * 10**5, "it nests more than 20 brackets"),
        (b"a = " + b"{a=" * 10**4, "it nests more than 20 brackets"),
        (b"a = 0x" + b"f" * 10**5, "it holds a number of more than 100 characters"),
        (b"a = 1" + b"0" * 10**4, "it holds a number of more than 100 characters"),
    ],
)
def test_toml_that_is_damaged_or_a_bomb_is_refused(content: bytes, words: str) -> None:
    with within_limits(), pytest.raises(AudiodiffError, match=words):
        parse_toml(content, "it")


def test_files_are_bounded_in_size(tmp_path: Path) -> None:
    path = tmp_path / "large"
    for most, read in ((MAX_TOML_BYTES, read_toml), (MAX_JSON_BYTES, lambda p: read_json(p, "no"))):
        with path.open("wb") as file:
            file.truncate(10**11)  # a hole, that takes no disk
        with within_limits(), pytest.raises(AudiodiffError, match=f"exceeds the limit of {most} b"):
            read(path)


def test_what_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match=re.escape(f"{tmp_path} cannot be read (Is a dir")):
        read_toml(tmp_path)
    with pytest.raises(AudiodiffError, match=r"cannot be read \(No such file .*; fetch it again"):
        read_json(tmp_path / "nope", "fetch it again")


def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert list(read_json_lines(path)) == []
    good = '{"name": "a\u2028b"}'
    lines = [b"\xef\xbb\xbf" + good.encode(), b"[" * 10**5, b"", b"\xff", b"9" * 5000, b'{"a": 1']
    path.write_bytes(b"\n".join([*lines[:4], good.encode(), *lines[4:]]))
    assert list(read_json_lines(path)) == [{"name": "a\u2028b"}] * 2


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"a": 1}\n"')
        file.truncate(2**23)
    with within_limits():
        assert list(read_json_lines(path)) == [{"a": 1}]
