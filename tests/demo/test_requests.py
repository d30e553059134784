"""What the demo's API does with wrong input: one sentence to its sender, one line in the log."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("gradio")

import httpx
from quiet import quiet_garbage

from audiodiff import AudiodiffError
from audiodiff.demo.page import build
from audiodiff.demo.parts import MAX_SEED
from audiodiff.demo.requests import MAX_UPLOAD, check_inputs
from audiodiff.demo.work import OWN
from audiodiff.model.hub import PRETRAINED

JSON = {"content-type": "application/json"}
META = {"meta": {"_type": "gradio.FileData"}}
OTHER = str(PRETRAINED / "default")
"""Another name of the same model."""
FIELDS = ("model", "sound", "mel", "preset", "steps", "sampler", "rule", "seed")
RIGHT = {"model": "default", "sound": None, "mel": None, "preset": OWN, "steps": 2}
RIGHT |= {"sampler": OWN, "rule": OWN, "seed": 0}


def sentences(endpoint: str, requests: Sequence[Sequence[Any]]) -> list[str]:
    """What the check of an endpoint's inputs says of each request; empty for those it takes."""
    pages = build(["default", OTHER]).fns.values()
    (function,) = (function for function in pages if function.api_name == endpoint)
    said = []
    for request in requests:
        try:
            check_inputs([*function.inputs], [*request])
            said.append("")
        except AudiodiffError as error:
            said.append(str(error))
    return said


NO_NUMBERS = (None, "", "2", "x", -1, 1.5, float("inf"), float("nan"), True, [], {}, 10**400)
NO_CHOICES = (None, "", "nope", 0, [OWN], {"path": "/etc/passwd", **META}, "../..")
NO_FILES = ("clip.wav", 5, True, [], {}, {"path": None}, {"path": "http://example.org/a.wav"})
WRONG = [("steps", value) for value in (*NO_NUMBERS, 0, 33)]
WRONG += [("seed", value) for value in (*NO_NUMBERS, MAX_SEED + 1)]
WRONG += [(name, value) for name in ("model", "preset", "sampler", "rule") for value in NO_CHOICES]
WRONG += [(name, value) for name in ("sound", "mel") for value in NO_FILES]


LABELS = {"model": "Model", "preset": "Preset of the mel", "steps": "Steps", "sampler": "Sampler"}
LABELS |= {"rule": "Times", "seed": "Seed", "sound": "Sound", "mel": "Mel (.npy, .npz, .pt"}


def test_a_value_of_another_kind_is_refused_by_its_label() -> None:
    with quiet_garbage():
        requests = [[*(RIGHT | {name: value}).values(), []] for name, value in WRONG]
        said = sentences("vocode", requests)
    for (name, value), sentence in zip(WRONG, said, strict=True):
        shown = "empty" if value in (None, "") else repr(value)[:80]
        assert sentence.startswith(LABELS[name]), (name, value)
        assert f" is {shown}; " in sentence


def test_systems_are_a_list_of_some_each_once() -> None:
    wrong = (None, "1 step", ["nope"], [1], ["1 step"] * 2, {"1 step": 1})
    with quiet_garbage():
        said = sentences(
            "compare", [["default", None, None, OWN, systems, {}] for systems in wrong]
        )
    assert all("; give a list of some of 1 step, " in sentence for sentence in said)


def test_an_example_is_one_that_there_is() -> None:
    with quiet_garbage():
        none, text, far, right, less = sentences("load_example", [[None], ["x"], [1], [0], []])
    assert none == "Example is empty; give the number of an example, from 0 on"
    assert text.startswith("Example is 'x'; ")
    assert far.startswith("Example is 1; ")
    assert not right
    assert less == "the request has 0 values; give one each for Example"


def test_what_the_page_sends_is_taken() -> None:
    upload = {"path": "/tmp/a.wav", **META}
    right = (("sound", upload), ("steps", 32.0), ("seed", MAX_SEED), ("model", OTHER))
    with quiet_garbage():
        said = sentences("vocode", [[*(RIGHT | dict([change])).values(), []] for change in right])
        said += sentences("compare", [["default", None, upload, "vocos", [], {}]])
        said += sentences("doctor", [["default", None], ["default"]])
    assert said.pop().startswith("the request has 1 values; give one each for Model, Mel")
    assert not any(said)


class Visitor:
    """Calls the demo's API without a client that would check anything."""

    def __init__(self, url: str, log: Path) -> None:
        self.api, self.log = f"{url}/gradio_api", log
        self.http = httpx.Client(timeout=60, trust_env=False)

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        (path,) = self.http.post(f"{self.api}/upload", files={"files": (name, content)}).json()
        return {"path": path, "orig_name": name, **META}

    def call(self, endpoint: str, data: list[Any]) -> Any:
        """The result of a call, or the error as a dict."""
        event = self.http.post(f"{self.api}/call/{endpoint}", json={"data": data}).json()
        with self.http.stream("GET", f"{self.api}/call/{endpoint}/{event['event_id']}") as answer:
            last = [line for line in answer.iter_lines() if line.startswith("data: ")][-1]
        return json.loads(last.removeprefix("data: "))

    def new_lines(self, ask: Callable[[], Any]) -> tuple[Any, list[str]]:
        """What a request returns, and what it adds to the log."""
        before = len(self.log.read_text())
        answer = ask()
        for _ in range(50):  # the line may come just after the answer
            if lines := self.log.read_text()[before:].splitlines():
                break
            time.sleep(0.02)
        return answer, lines

    def refused(self, endpoint: str, data: list[Any]) -> str:
        """The sentence to the sender of wrong input, which is the one line in the log too."""
        answer, lines = self.new_lines(lambda: self.call(endpoint, data))
        assert isinstance(answer, dict), answer
        assert isinstance(answer["error"], str), (answer, lines)
        assert len(lines) == 1, lines
        assert lines[0].startswith("refused: ")
        return answer["error"]


@pytest.fixture(scope="module")
def visitor(demo: tuple[int, str, Path]) -> Iterator[Visitor]:
    visitor = Visitor(demo[1], demo[2])
    while "serving" not in visitor.log.read_text():  # which comes after the first answer
        time.sleep(0.1)
    with visitor.http:
        yield visitor


def vocoding(**changes: Any) -> list[Any]:
    return [*(RIGHT | changes).values()]


@pytest.mark.slow
def test_wrong_input_is_one_line_in_the_log_and_one_sentence_to_its_sender(
    visitor: Visitor,
) -> None:
    for changes in ({"steps": None}, {"seed": "0"}, {"sampler": "x"}, {"model": 7}, {"sound": "x"}):
        assert " is " in visitor.refused("vocode", vocoding(**changes))
    assert "has 2 values" in visitor.refused("vocode", ["default", None])
    assert "nothing to work on" in visitor.refused("vocode", vocoding())
    assert "no system is chosen" in visitor.refused("compare", ["default", None, None, OWN, []])
    assert "there is no mel" in visitor.refused("doctor", ["default", None])
    elsewhere = ("/etc/passwd", "../../etc/passwd", "/tmp", "\0", visitor.log.as_posix())
    for path in elsewhere:
        said = visitor.refused("vocode", vocoding(sound={"path": path, **META}))
        assert said == "a file was not uploaded to this page, or is gone; upload it again"
    for name in ("a.wav", "a.npy", "a.npz", "a.pt", "a.safetensors", "a.txt", "a"):
        for content in (b"", b"x" * 40):
            file = visitor.upload(name, content)
            for data in (vocoding(sound=file), vocoding(mel=file)):
                said = visitor.refused("vocode", data)
                assert said.startswith(f"{name} "), said


@pytest.mark.slow
def test_what_is_no_request_is_one_line_too(visitor: Visitor) -> None:
    bodies = (
        b"",
        b"{",
        b"null",
        b'{"data": 5}',
        b"\xff",
        b"[" * 100_000,
        b'{"data": "%d"}' % 9**999,
    )
    wrong = [("POST", f"/call/{name}", body) for name in ("vocode", "nope") for body in bodies]
    wrong += [
        ("POST", "/queue/join", json.dumps({"data": [], "fn_index": n}).encode()) for n in (-1, 99)
    ]
    wrong += [("GET", "/call/vocode/nope", b""), ("GET", "/queue/data?session_hash=nope", b"")]
    for method, path, body in wrong:
        ask = partial(visitor.http.request, method, visitor.api + path, content=body, headers=JSON)
        answer, lines = visitor.new_lines(ask)
        assert answer.status_code < 500, (path, body[:40], answer.text)
        assert len(lines) == 1, (path, body[:40], lines)
        assert lines[0].startswith("refused: ")


@pytest.mark.slow
def test_a_request_of_many_uploads_or_of_a_long_body_is_cut_short(visitor: Visitor) -> None:
    part = b"\0" * (MAX_UPLOAD // 3)
    files = [("files", (f"{i}.wav", part)) for i in range(4)]
    answer = visitor.http.post(f"{visitor.api}/upload", files=files)
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the request is longer than 51 MB",
    )
    answer = visitor.http.post(f"{visitor.api}/call/vocode", content=b"x" * 2**21)
    assert (answer.status_code, answer.json()["detail"]) == (413, "the request is longer than 1 MB")


@pytest.mark.slow
def test_all_uploads_of_a_request_count(visitor: Visitor) -> None:
    file = visitor.upload("half.wav", b"\0" * (MAX_UPLOAD * 2 // 3))
    other = visitor.upload("half.npy", b"\0" * (MAX_UPLOAD * 2 // 3))
    said = visitor.refused("vocode", vocoding(sound=file, mel=other))
    assert said == "the uploads have 67 MB and the limit is 50; give shorter ones"


def zipped_mel() -> bytes:
    """A mel of more than a GiB, compressed to a thousandth."""
    n_frames, content = 3_600_000, io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (80, n_frames)}
    with (
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("mel.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(80):
            file.write(bytes(4 * n_frames))
    return content.getvalue()


def endless_mel() -> bytes:
    content = io.BytesIO()
    torch.save(torch.zeros(1).expand(80, 10**7), content)
    return content.getvalue()


def slow_sound() -> bytes:
    content = io.BytesIO()
    soundfile.write(content, np.zeros(20_000), 1, format="WAV")
    return content.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [("bomb.npz", zipped_mel), ("bomb.pt", endless_mel), ("bomb.wav", slow_sound)],
)
def test_small_files_that_stand_for_much_take_no_memory(
    visitor: Visitor, demo: tuple[int, str, Path], name: str, content: Callable[[], bytes]
) -> None:
    status = Path(f"/proc/{demo[0]}/status")
    if not status.is_file():
        pytest.skip("the greatest memory of a process is known on Linux alone")

    def greatest() -> int:
        """Most KiB that the demo has had in memory."""
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1])

    file = visitor.upload(name, content())
    before = greatest()
    said = visitor.refused("vocode", vocoding(sound=file))
    assert said.startswith(f"{name} ")
    assert visitor.log.parent.as_posix() not in said
    assert greatest() - before < 300 * 1024


@pytest.mark.slow
def test_names_of_arrays_are_text(visitor: Visitor) -> None:
    content = io.BytesIO()
    np.savez(content, **{"<img src=x>": np.zeros(2), "other": np.zeros(2)})
    file = visitor.upload("two.npz", content.getvalue())
    answer, _ = visitor.new_lines(lambda: visitor.call("doctor", ["default", file]))
    assert "&lt;img src=x&gt;" in answer["error"]
