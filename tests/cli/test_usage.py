"""Mistakes in the words of a command, and what it says of itself."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import CONFIG, Result, Run, files, write_tone
from typer.main import get_command

from audiodiff.cli.app import app
from audiodiff.model.model import Model

COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
VOCODE = "vocode a.wav -o out --model MODEL"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vocode nope.wav -o out", "nope.wav: no such file or folder"),
        ("vocode [red]nope -o out", "[red]nope: no such file or folder"),
        ("vocode a.wav nope.wav -o out", "nope.wav: no such file or folder"),
        ("vocode a.txt -o out", "a.txt is not of the kinds .flac, .mp3"),
        ("vocode none -o out", "none holds no file of the kinds"),
        ("vocode a.wav -o a.txt", "a.txt cannot be made as a.txt is a file; choose another"),
        ("vocode a.wav -o a.txt/b/c", "a.txt/b/c cannot be made as a.txt is a file"),
        ("vocode a.wav -o loop", "loop cannot be made as the link loop leads nowhere; choose"),
        ("mel a.wav -o loop/b --preset hifigan", "as the link loop leads nowhere; choose another"),
        ("train loop --data b -o out", "loop: no such config"),
        ("vocode a.wav -o .", "a.wav is an input itself; choose another output folder"),
        ("vocode a.wav b/a.wav -o out", "a.wav and b/a.wav would both be written to out/a.wav"),
        ("vocode a.wav -o out --model nope", "model 'nope' is neither inside the package"),
        ("vocode a.wav -o out --model b", "b is not a model directory: it has no config.json"),
        ("vocode a.wav -o out --model torn", "torn/config.json is not JSON"),
        ("vocode a.wav -o out --model cut", "cut/model.safetensors is damaged"),
        (f"{VOCODE} --sampler nope", "sampler='nope' is unknown; choose from ddpm, ddim, "),
        (f"{VOCODE} --device nope", "device='nope'"),
        (f"{VOCODE} --precision nope", "precision='nope' is unknown; choose from auto, fp32"),
        ("mel a.wav -o out --preset nope", "--preset 'nope' is unknown; choose from hifigan"),
        ("mel a.npy -o out --preset hifigan", "a.npy is not of the kinds"),
        ("mel a.wav -o a.txt --preset hifigan", "a.txt is a file"),
        ("convert nope.pt --from lmnt-diffwave -o out", "nope.pt: no such checkpoint"),
        ("convert a.txt --from nope -o out", "--from 'nope' is unknown; choose from lmnt-diff"),
        ("train nope.toml --data b -o out", "nope.toml: no such config"),
        ("train a.toml --data nope -o out/x --set steps", "--set 'steps': give key=value"),
        ("train a.toml --data b -o out --set stepz=1", "a.toml does not fit: stepz"),
        ("train a.toml --data b -o out --set steps=-1", "steps: input should be greater than 0"),
        ("train a.toml --data b -o a.txt", "a.txt is a file"),
        ("train a.toml --data b -o out --init nope", "model 'nope' is neither inside the package"),
        (
            "train a.toml --data b -o out --init MODEL",
            "its network is not the config's; start from",
        ),
        ("evaluate a.wav nope", "output nope does not exist"),
        ("evaluate none b", "no file of b (1 sound file) has the name of one of none (0 sound"),
    ],
)
def test_a_mistake_is_one_sentence_with_status_2(
    run: Run, model: Path, tmp_path: Path, line: str, words: str
) -> None:
    write_tone(tmp_path / "a.wav")
    write_tone(tmp_path / "b/a.wav")
    (tmp_path / "none").mkdir()
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    np.save(tmp_path / "a.npy", np.zeros((80, 3), np.float32))
    (tmp_path / "a.txt").write_text("kept")
    (tmp_path / "a.toml").write_text(CONFIG)
    for name in ("torn", "cut"):
        Model.load(model).save(tmp_path / name)
    (tmp_path / "torn/config.json").write_text("{")
    weights = tmp_path / "cut/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    before = files(tmp_path)
    result = run(*line.replace("MODEL", str(model)).split())
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""
    assert files(tmp_path) == before
    assert (tmp_path / "a.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vocode", "give files or folders to vocode and --out"),
        ("vocode a.wav", "give files or folders to vocode and --out"),
        ("vocode a.wav -o out --steps 0", "Invalid value for '--steps'"),
        ("vocode a.wav -o out --steps many", "Invalid value for '--steps'"),
        ("vocode a.wav -o out --seed -1", "Invalid value for '--seed'"),
        ("vocode a.wav -o out --batch-size -2", "Invalid value for '--batch-size'"),
        ("vocode a.wav -o out --stepz 3", "No such option"),
        (f"vocode a.wav -o out --steps {2**63 - 1}", "Invalid value for '--steps'"),
        (f"vocode a.wav -o out --seed {2**63}", "Invalid value for '--seed'"),
        (f"vocode a.wav -o out --rate {2**31}", "Invalid value for '--rate'"),
        (f"vocode a.wav -o out --batch-size {2**63}", "Invalid value for '--batch-size'"),
        ("vocode --stream mel --latency inf", "Invalid value for '--latency'"),
        ("vocode --stream mel --latency nan", "Invalid value for '--latency'"),
        ("generate m -o out --seconds nan", "Invalid value for '--seconds'"),
        ("generate m -o out --seconds 1e300", "Invalid value for '--seconds'"),
        ("prepare folder --root b -o out --min-seconds nan", "Invalid value for '--min-seconds'"),
        ("prepare folder --root b -o out --loudness nan", "Invalid value for '--loudness'"),
        ("prepare folder --root b -o out --trim inf", "Invalid value for '--trim'"),
        ("prepare folder --root b -o out --high-pass nan", "Invalid value for '--high-pass'"),
        ("prepare folder --root b -o out --high-pass 11025", "--high-pass=11025 must lie between"),
        ("prepare folder --root b -o out --gain inf", "Invalid value for '--gain'"),
        ("prepare folder --root b -o out --gain 3 --loudness -23", "both set the level"),
        (f"prepare folder --root b -o out --rate {2**31}", "Invalid value for '--rate'"),
        ("train a.toml --data b -o out --max-minutes nan", "Invalid value for '--max-minutes'"),
        (f"search default --data b --steps 1,{2**63}", "is no list of step counts up to 10000"),
        (f"search default --data b --steps {'9' * 5000}", "is no list of step counts up to 10000"),
        ("train a.toml --data b -o out --max-steps 0", "Invalid value for '--max-steps'"),
        ("train a.toml --data b -o out --max-minutes -1", "Invalid value for '--max-minutes'"),
        ("evaluate a b --json .", "Invalid value for '--json'"),
        ("nope", "No such command 'nope'"),
    ],
)
def test_wrong_usage_is_explained_with_status_2(
    run: Run, tmp_path: Path, line: str, words: str
) -> None:
    result = run(*line.split())
    assert result.status == 2
    assert words in result.err
    assert files(tmp_path) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that takes no files")
@pytest.mark.parametrize(
    "line",
    [
        "mel a.wav -o /proc/x --preset hifigan",
        "vocode a.wav -o /proc/x",
        "generate MODEL -o /proc/x",
        "export default -o /proc/x.onnx",
        "evaluate b b --json /proc/x.json",
        "prepare folder --root b -o /proc/x",
        "train a.toml --data b -o /proc/x",
    ],
)
def test_a_folder_that_takes_no_files_is_named_at_once(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    write_tone(tmp_path / "a.wav")
    for i in range(2):
        write_tone(tmp_path / f"b/{i}.wav")
    (tmp_path / "a.toml").write_text(CONFIG)
    monkeypatch.setattr(Model, "load", lambda directory: pytest.fail("a model is loaded first"))
    result = run(*line.replace("MODEL", str(model)).split())
    assert result.status == 2
    assert "/proc cannot be written to (" in result.err


@pytest.mark.parametrize("verb", ["", *COMMANDS])
def test_help_is_for_people(run: Run, verb: str) -> None:
    result = run(*verb.split(), "--help")
    assert result.status == 0
    assert "Usage: audiodiff" in result.out
    for raw in ("audiodiff.", "None", "Raises", "Args:", "``", "set_"):
        assert raw not in result.out
    if not verb:
        for name in (*COMMANDS, "--version"):
            assert name in result.out


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_help_text_can_be_understood_alone(verb: str) -> None:
    command = COMMANDS[verb]
    # Older releases of typer keep the help of arguments elsewhere, and have none for --help.
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    texts = [command.help.partition("\n")[0], *(param.help for param in options)]
    for text in texts:
        assert text
        assert text.endswith(".")
        assert text.split()[0] not in ("Of", "Where", "Whom", "Whose", "How")


def test_version_is_the_distributions(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"audiodiff-vocoder": "1.2.3"}.__getitem__)
    assert run("--version") == Result(0, "audiodiff 1.2.3\n", "")

    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", not_installed)
    result = run("--version")
    assert result.status == 2
    assert result.err.startswith("error: audiodiff runs without being installed")


@pytest.mark.parametrize(
    ("line", "extra"),
    [("train a.toml --data b -o out", "train"), ("evaluate a b", "eval")],
)
def test_a_missing_extra_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str, extra: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run(*line.split())
    assert result.status == 2
    assert f'pip install "audiodiff-vocoder[{extra}]"' in result.err


def test_as_a_process_an_error_has_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "audiodiff", "vocode", "nope.wav", "-o", "out"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: nope.wav: no such file or folder\n"
