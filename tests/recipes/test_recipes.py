"""Recipes run from end to end on tiny corpora in the real ones' layout."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest
from command_line import write_tone
from corpora import CORPORA, RECIPES
from killing import kill_once

from audiodiff.errors import AudiodiffError
from audiodiff.training.config import read_train_config

FEW = (
    "--set steps=2 --set batch_size=3 --set log_every=1 --set eval_every=2 "
    "--set checkpoint_every=1 --set data.crop_frames=12 --set optimizer.warmup=0"
)
"""Options by which training ends after two steps."""

SMALL = f"{FEW} --set model.network.n_channels=16 --set model.network.n_layers=1"
"""The same for a network that starts from nothing."""


OTHERS_WITHOUT_MEL = ("augmentation", "editing", "speech-commands")

Ended: TypeAlias = "subprocess.CompletedProcess[str]"


def environment_of(settings: dict[str, str]) -> dict[str, str]:
    here = Path(sys.executable).parent
    return os.environ | settings | {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}"}


def run(recipe: str, out: Path, *stages: str, **settings: str) -> Ended:
    command = [str(RECIPES / recipe / "run.sh"), str(out), *stages]
    return subprocess.run(command, env=environment_of(settings), capture_output=True, text=True)


@pytest.mark.parametrize(
    "path", sorted(RECIPES.glob("*/*.toml")), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_every_config_is_whole(path: Path) -> None:
    name = path.parent.name
    without_mel = name.startswith("digits") or name in OTHERS_WITHOUT_MEL
    assert (read_train_config(path).model.mel is None) == without_mel


def test_the_speech_recipe_runs_its_stages_in_order() -> None:
    script = (RECIPES / "speech" / "run.sh").read_text()
    stages = re.findall(r"^ +train_stage (\S+)", script, re.MULTILINE)
    assert stages == sorted(path.stem for path in (RECIPES / "speech").glob("[0-9]-*.toml"))
    last = read_train_config(RECIPES / "speech" / f"{stages[-1]}.toml")
    assert last.model == read_train_config(RECIPES / "speech" / "bandsplit.toml").model


def test_a_config_holds_what_differs_from_its_base(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        f'base = "{RECIPES}/speech/diffwave.toml"\nsteps = 7\n[model.network]\nn_layers = 3\n'
    )
    (tmp_path / "b.toml").write_text('base = "a.toml"\n[optimizer]\nlr = 0.5\n')
    config, original = (
        read_train_config(path) for path in (tmp_path / "b.toml", RECIPES / "speech/diffwave.toml")
    )
    assert (config.steps, config.optimizer.lr, config.model.network.n_layers) == (7, 0.5, 3)
    assert config.optimizer.warmup == original.optimizer.warmup
    assert config.model.network.n_channels == original.model.network.n_channels
    (tmp_path / "a.toml").write_text('base = "b.toml"\n')
    with pytest.raises(AudiodiffError, match="is its own base"):
        read_train_config(tmp_path / "b.toml")
    (tmp_path / "a.toml").write_text("base = 3\n")
    with pytest.raises(AudiodiffError, match="base=3 is not a path"):
        read_train_config(tmp_path / "b.toml")


ONE_PROCESS = {"PREPARE": "--workers 1", "OMP_NUM_THREADS": "1"}
"""Settings of stages that start no others, and whose results are the same bit for bit."""


@pytest.mark.slow  # loads the package once
@pytest.mark.parametrize("recipe", ["ljspeech", "vctk", "musdb"])
def test_a_recipe_prepares_its_corpus(recipe: str, tmp_path: Path) -> None:
    CORPORA[recipe](tmp_path / "raw")
    ended = run(
        recipe, tmp_path / "out", "download", "prepare", ROOT=str(tmp_path / "raw"), **ONE_PROCESS
    )
    assert ended.returncode == 0, ended.stderr
    assert f"taking the copy in {tmp_path / 'raw'}" in ended.stdout
    prepared = tmp_path / "out" / "prepared"
    for name in ("train.txt", "dev.txt"):
        names = (prepared / name).read_text().split("\n")[:-1]
        assert names, name
        assert all((prepared / "wavs" / f"{name}.flac").is_file() for name in names)


def contents(out: Path) -> dict[str, str]:
    """Digests of all files but those that say when something was done, and how fast."""
    timed = {"tensorboard/*", "log.jsonl", "cache/*.jsonl"}
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not any(path.match(pattern) for pattern in timed)
    }


BEGUN = ["bandsplit-first/state.safetensors", "bandsplit/state.safetensors"]
"""What each part of the training leaves when it is not over: it is killed for each.

Other commands are killed in tests of their own.
"""


@pytest.mark.slow  # the package is loaded eight times
def test_a_training_of_two_parts_can_be_killed_and_ends_with_the_same_files(tmp_path: Path) -> None:
    CORPORA["libritts"](tmp_path / "raw")
    settings = ONE_PROCESS | {
        "ROOT": str(tmp_path / "raw"),
        "TRAIN": f"{SMALL} --set steps=3 --set eval_every=100",
    }
    whole, out = tmp_path / "whole", tmp_path / "out"
    ended = run("libritts", whole, "prepare", "train", **settings)
    assert ended.returncode == 0, ended.stderr
    shutil.copytree(whole / "prepared", out / "prepared")
    for trace in BEGUN:
        process = subprocess.Popen(
            [str(RECIPES / "libritts" / "run.sh"), str(out), "train"],
            env=environment_of(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        kill_once(lambda trace=trace: list(out.glob(trace)), process)
    ended = run("libritts", out, "train", **settings)
    assert ended.returncode == 0, ended.stderr
    assert contents(out) == contents(whole)


@pytest.mark.slow  # the package is loaded four times
def test_digits_are_learned_by_all_three_networks(tmp_path: Path) -> None:
    CORPORA["digits"](tmp_path / "raw")
    train = f"{FEW} --set model.network.widths=[32]"
    settings = ONE_PROCESS | {"ROOT": str(tmp_path / "raw"), "TRAIN": train}
    ended = run("digits", tmp_path / "out", "prepare", "train", "classifier", "judge", **settings)
    assert ended.returncode == 0, ended.stderr
    for name in ("unet", "classifier", "judge"):
        assert (tmp_path / "out" / name / "model" / "model.safetensors").is_file()


@pytest.mark.slow
def test_gaps_are_learned_from_all_voices(tmp_path: Path) -> None:
    for n, voice in enumerate(("kathleen", "kerstin")):
        folder = tmp_path / f"out/speech-22k/{voice}"
        write_tone(folder / "wavs/a.wav", 150 + 50 * n)
        write_tone(folder / "wavs/b.wav", 160 + 50 * n)
        (folder / "train.txt").write_text("a\n")
        (folder / "dev.txt").write_text("b\n")
    few = f"{FEW} --set model.network.widths=[32] --set model.network.n_blocks=1"
    ended = run("editing", tmp_path / "out", "train", TRAIN=few)
    assert ended.returncode == 0, ended.stderr
    assert "train: 2 clips" in ended.stdout + ended.stderr
    assert (tmp_path / "out/unet/model/model.safetensors").is_file()


@pytest.mark.slow
def test_digits_are_generated_by_their_labels(tmp_path: Path) -> None:
    CORPORA["speech-commands"](tmp_path / "raw")
    train = f"""{SMALL} --set model.labels=["zero","one"]"""
    root = str(tmp_path / "raw")
    settings = ONE_PROCESS | {"ROOT": root, "TRAIN": train, "CONFIG": "labels"}
    ended = run("speech-commands", tmp_path / "out", **settings)
    assert ended.returncode == 0, ended.stderr
    made = sorted(path.name for path in (tmp_path / "out" / "made" / "labels").glob("*.wav"))
    assert len(made) == 100
    assert made[0] == "one-00001.wav"


@pytest.mark.slow
def test_custom_tunes_the_default_model_to_real_clips(shared: Path, tmp_path: Path) -> None:
    voice = shared / "data" / "speech" / "unseen-gd" / "wavs"
    root = tmp_path / "mine"
    root.mkdir()
    for path in sorted(voice.glob("*"))[:6]:
        shutil.copy(path, root)
    (root / "broken.wav").write_text("no sound")
    ended = run("custom", tmp_path / "out", ROOT=str(root), TRAIN=FEW, **ONE_PROCESS)
    assert ended.returncode == 0, ended.stderr
    assert "search: skipped, as dev.txt has 2 clips and at least 5" in ended.stdout
    assert (tmp_path / "out" / "prepared" / "report.md").is_file()
    assert (tmp_path / "out" / "bandsplit.json").is_file()
    made = {path.stem for path in (tmp_path / "out" / "made" / "bandsplit").glob("*.wav")}
    assert made == set((tmp_path / "out" / "prepared" / "test.txt").read_text().split())
    assert len(made) == 2


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    for recipe, wrong, sentence in (
        ("custom", "nope", "error: no stage 'nope'; there are download prepare train search"),
        ("speech", "vocode", "error: no stage 'vocode'; there are download prepare train evaluate"),
        ("custom", "download", "error: nothing to download here; give your audio as ROOT=FOLDER"),
    ):
        ended = run(recipe, tmp_path / "out", wrong)
        assert ended.returncode == 2
        assert sentence in ended.stderr
