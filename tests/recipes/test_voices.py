"""The voices of recipes/speech, on small copies of their data sets: the files and the splits."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from corpora import RECIPES, put

SPLITS = RECIPES / "speech" / "splits"
VOICES = ("kathleen", "nathalie", "flemishguy", "kerstin")

Ended: TypeAlias = "subprocess.CompletedProcess[str]"


def put_kathleen(folder: Path) -> None:
    readings = {
        "arctic_a0001_1592748574": "Author of the danger trail.",
        "arctic_a0002_1592748530": "Not at this particular case.",
        "arctic_a0002_1592748544": "Not at this case.",  # the text of another reading
        "arctic_a0003_1592748500": "For the twentieth time.",
        "arctic_b0536_1592524000": "Typhoid, did I tell you?",
        "arctic_b0537_1592523000": "Typhoid -- did I tell you",
        "arctic_b0538_1592522000": "The last one.",
    }
    for seed, (id_, text) in enumerate(readings.items()):
        put(folder / "data" / f"{id_}.wav", seed, rate=48000, channels=2)
        (folder / "data" / f"{id_}.txt").write_text(f"{text}\n")


def put_listed(pattern: str, rate: int, ids: tuple[str, ...]) -> Callable[[Path], None]:
    def put_all(folder: Path) -> None:
        for seed, id_ in enumerate(ids):
            put(folder / pattern.replace("*", id_), seed, rate=rate)
        lines = [f"{id_}|Zin {id_.split('_')[2]}: schön!\n" for id_ in ids]
        (folder / "metadata.csv").write_text("".join(reversed(lines)), encoding="utf-8")

    return put_all


def put_kerstin(folder: Path) -> None:
    for seed, n in enumerate(("0004", "0007", "0008", "0010")):
        put(folder / "verified" / f"de_rhasspy-{n}.flac", seed, rate=48000)
    put(folder / "audio" / "de_rhasspy-0011.wav", 9)  # not verified, so not used
    (folder / "metadata.csv").write_text(
        "de_rhasspy-0004|Gut.\nde_rhasspy-0007|Eins.\nde_rhasspy-0008|Zwei.\nde_rhasspy-0010|gut\n"
        "de_rhasspy-0011|Drei.\n"
    )


NATHALIE = ("nl_rhasspy_1", "nl_rhasspy_2", "nl_rhasspy_10")
FLEMISHGUY = (
    "nl_rhasspy_39_1602427744",
    "nl_rhasspy_39_1602427760",
    "nl_rhasspy_1_1602427000",
    "nl_rhasspy_2_1602426000",
)

COPIES: dict[str, Callable[[Path], None]] = {
    "kathleen": put_kathleen,
    "nathalie": put_listed("verified/*.flac", 48000, NATHALIE),
    "flemishguy": put_listed("wavs/*.wav", 24000, FLEMISHGUY),
    "kerstin": put_kerstin,
}

HELD_OUT = {
    "kathleen": {"dev": "arctic_b0536_1592524000", "test": "arctic_a0002_1592748530"},
    "nathalie": {"dev": "nl_rhasspy_10", "test": "nl_rhasspy_2"},
    "flemishguy": {"dev": "nl_rhasspy_1_1602427000", "test": "nl_rhasspy_39_1602427760"},
    "kerstin": {"dev": "de_rhasspy-0007", "test": "de_rhasspy-0010"},
}

TRAIN = {
    "kathleen": ["arctic_a0001_1592748574", "arctic_a0003_1592748500", "arctic_b0538_1592522000"],
    "nathalie": ["nl_rhasspy_1"],
    "flemishguy": ["nl_rhasspy_2_1602426000"],
    "kerstin": ["de_rhasspy-0008"],
}
"""What shares no prompt with the held out, whether by its number or by its words."""


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Path, Path]:
    """A small copy of every data set, and lists for them."""
    for voice in VOICES:
        COPIES[voice](tmp_path / "raw" / f"dataset-voice-{voice}")
        (tmp_path / "splits" / voice).mkdir(parents=True)
        for split, id_ in HELD_OUT[voice].items():
            (tmp_path / "splits" / voice / f"{split}.txt").write_text(f"{id_}\n")
    return tmp_path / "raw", tmp_path / "splits"


def laid_out(voice: str, root: Path, splits: Path, out: Path) -> Ended:
    script = str(RECIPES / "speech" / "voices.py")
    command = [sys.executable, script, voice, str(root), str(splits / voice), str(out)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("voice", VOICES)
def test_no_other_reading_of_a_prompt_held_out_is_used(
    tmp_path: Path, copies: tuple[Path, Path], voice: str
) -> None:
    out = tmp_path / "voices" / voice
    (tmp_path / "voices" / f".{voice}.part" / "wavs").mkdir(parents=True)  # left by a kill
    for _ in range(2):
        ended = laid_out(voice, *copies, out)
        assert ended.returncode == 0, ended.stderr
        lists = {path.stem: path.read_text().split() for path in out.glob("*.txt")}
        assert lists == {
            "train": TRAIN[voice],
            **{split: [id_] for split, id_ in HELD_OUT[voice].items()},
        }
        used = sorted(id_ for ids in lists.values() for id_ in ids)
        lines = (out / "metadata.csv").read_text(encoding="utf-8").splitlines()
        assert [line.split("|")[0] for line in lines] == used
        assert sorted(path.stem for path in (out / "wavs").iterdir()) == used
        for path in (out / "wavs").iterdir():
            assert path.resolve().is_relative_to(copies[0])
        assert os.listdir(tmp_path / "voices") == [voice]
    assert all(line.split("|")[1] for line in lines)


def test_what_a_copy_lacks_is_said(tmp_path: Path, copies: tuple[Path, Path]) -> None:
    root, splits = copies
    out = tmp_path / "out"

    def said(voice: str) -> str:
        ended = laid_out(voice, root, splits, out)
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: ")
        assert not out.exists()
        return ended.stderr

    assert "voice 'nobody' is unknown; choose from kathleen" in said("nobody")
    (splits / "kerstin" / "dev.txt").write_text("de_rhasspy-9999\n")
    assert "kerstin/dev.txt names 'de_rhasspy-9999', which the data set lacks" in said("kerstin")
    (splits / "nathalie" / "dev.txt").unlink()
    assert "nathalie/dev.txt" in said("nathalie")
    folder = root / "dataset-voice-flemishguy"
    (folder / "metadata.csv").write_text("nl_rhasspy_1_1602427000|Zin\n")
    assert "nl_rhasspy_2_1602426000.wav has no text in" in said("flemishguy")
    (folder / "metadata.csv").write_bytes(b"nl_rhasspy_1_1602427000|Zin \xe9\n")
    assert "metadata.csv is not in UTF-8" in said("flemishguy")
    shutil.rmtree(folder / "wavs")
    assert "has no wavs/*.wav; give the folder that holds dataset-voice-flemishguy" in said(
        "flemishguy"
    )


def test_the_lists_hold_no_prompt_twice() -> None:
    for voice in VOICES:
        lists = [(SPLITS / voice / f"{split}.txt").read_text() for split in ("dev", "test")]
        ids = "".join(lists).split()
        assert len({re.sub(r"_\d{10}$", "", id_) for id_ in ids}) == len(ids)


@pytest.mark.parametrize("voice", ["kathleen", "nathalie", "flemishguy"])
@pytest.mark.parametrize("split", ["dev", "test"])
def test_clips_of_the_first_sets_keep_their_splits(shared: Path, voice: str, split: str) -> None:
    first = (shared / "data" / "speech" / voice / f"{split}.txt").read_text().split()
    ids = (SPLITS / voice / f"{split}.txt").read_text().split()
    if voice == "kathleen":  # in those sets a prompt's number alone names a clip
        ids = [id_.rsplit("_", 1)[0] for id_ in ids]
    assert ids == first


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix != ".png"
    }


@pytest.mark.slow  # the package is loaded six times
def test_the_recipe_makes_the_same_sets_from_nothing_twice(
    tmp_path: Path, copies: tuple[Path, Path]
) -> None:
    root, splits = copies
    bin_ = Path(sys.executable).parent
    settings = {"ROOT": str(root), "SPLITS": str(splits), "PREPARE": "--workers 1"}
    environment = os.environ | settings | {"PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
    command = [str(RECIPES / "speech" / "run.sh"), str(tmp_path / "out"), "download", "prepare"]
    made = []
    voices = ("kathleen", "kerstin")  # levelled and not, found by two layouts
    for chosen in (voices, voices[:1]):
        environment["VOICES"] = " ".join(chosen)
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        made.append(contents(tmp_path / "out"))
        shutil.rmtree(tmp_path / "out")
    assert made[1].items() <= made[0].items()
    assert any(name.startswith("speech-24k/kathleen/wavs/") for name in made[1])
    for rate in ("22k", "24k"):
        for voice in voices:
            names = {name for name in made[0] if name.startswith(f"speech-{rate}/{voice}/")}
            used = [*TRAIN[voice], *HELD_OUT[voice].values()]
            own = {f"speech-{rate}/{voice}/wavs/{id_}.flac" for id_ in used}
            for name in ("metadata.csv", "train.txt", "dev.txt", "test.txt", "manifest.jsonl"):
                own.add(f"speech-{rate}/{voice}/{name}")
            assert own <= names
            done = json.loads(made[0][f"speech-{rate}/{voice}/prepare.json"])
            assert done["sample_rate"] == {"22k": 22050, "24k": 24000}[rate]
            assert done["high_pass"] == 40.0
            assert done["gain_db"] == (7.0 if voice == "kathleen" else 0.0)
