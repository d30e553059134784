import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from test_vocoder import small_config, untrained

from audiodiff.audio import io
from audiodiff.audio.mel import LogMel
from audiodiff.audio.presets import PRESETS
from audiodiff.cli import main
from audiodiff.metrics.evaluate import METRICS, Evaluation
from audiodiff.model import Model
from audiodiff.vocoder import Vocoder

RATE = 22050
N_SAMPLES = 26 * 256
CONFIG = """
steps = 2
batch_size = 2
log_every = 1
[data]
crop_frames = 8
[model]
sample_rate = 22050
mel = "hifigan"
target = "v"
network = { kind = "diffwave", n_channels = 4, n_layers = 2 }
schedule = { kind = "cosine" }
sampling = { sampler = "ddim", times = [1.0, 0.5, 0.0] }
"""


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """The command line in this process and in an empty folder, where no half file may stay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["audiodiff", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        out, err = (re.sub(r"\x1b\[[\d;]*m", "", text) for text in captured)
        return Result(stop.value.code or 0, out, err)  # type: ignore[arg-type]

    yield run
    assert not list(tmp_path.rglob("*.part*"))


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def write_tone(path: Path, f0: float = 200, n_samples: int = N_SAMPLES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    phase = 2 * np.pi * f0 * np.arange(n_samples) / RATE
    soundfile.write(path, 0.1 * np.sin(phase) + 0.05 * np.sin(3 * phase), RATE)
    return path


DEEP = "out/deep/er/é中 :cat:.wav"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    untrained(small_config()).save(folder)
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A tree of three good files, their names not harmless, and two bad ones."""
    folder = tmp_path / "clips"
    for i, name in enumerate(("a.wav", "[red]b.flac", "deep/er/é中 :cat:.wav")):
        write_tone(folder / name, 150 + 50 * i)
    (folder / "[bold]text.wav").write_text("not sound")
    (folder / "deep/empty.wav").touch()
    return folder


def hifigan_mel(path: Path) -> torch.Tensor:
    wave = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
    return LogMel(PRESETS["hifigan"])(wave[None])[0]


def test_vocode_keeps_the_tree_and_reports_bad_files_at_the_end(
    run: Run, model: Path, clips: Path, tmp_path: Path
) -> None:
    result = run("vocode", "clips", "-o", "out", "--model", model)
    assert result.status == 1
    assert files(tmp_path / "out") == ["[red]b.wav", "a.wav", "deep/er/é中 :cat:.wav"]
    first, *failures = result.err.splitlines()
    assert re.fullmatch(
        r"3 written, 2 failed; 0\.9 s of audio in \d+\.\d s, real-time factor \d+\.\d+", first
    )
    assert failures[0].startswith("failed: clips/[bold]text.wav cannot be read as sound")
    assert failures[1].startswith("failed: clips/deep/empty.wav is empty (0 bytes)")
    made, rate = soundfile.read(tmp_path / "out/a.wav")
    assert (len(made), rate) == (N_SAMPLES, RATE)
    assert np.abs(made).max() > 0.01


def test_a_list_takes_some_files_and_each_of_them_must_be_there(
    run: Run, model: Path, tmp_path: Path
) -> None:
    for name in ("a", "deep/b", "c"):
        write_tone(tmp_path / f"in/{name}.wav")
    names = tmp_path / "names.txt"
    names.write_text("a\ndeep/b\n")
    words = ("vocode", "in", "-o", "out", "--model", model, "--list", names)
    assert run(*words).status == 0
    assert files(tmp_path / "out") == ["a.wav", "deep/b.wav"]
    names.write_text("a\nb\nd\n")
    result = run(*words)
    assert result.status == 2
    assert "2 of 3 names are no file of the inputs, the first being 'b'" in result.err


def test_workers_share_the_files_and_an_index_notes_them(
    run: Run, model: Path, clips: Path, tmp_path: Path
) -> None:
    run("vocode", "clips", "-o", "alone", "--model", model)
    words = ("vocode", "clips", "-o", "out", "--model", model, "--index", "done.jsonl")
    result = run(*words, "--workers", 2)
    assert result.status == 1
    assert result.err.startswith("3 written, 2 failed; 0.9 s of audio in ")
    for name in files(tmp_path / "alone"):
        one, other = (soundfile.read(tmp_path / out / name)[0] for out in ("alone", "out"))
        assert np.abs(one - other).max() < 1e-4
    index = tmp_path / "done.jsonl"
    noted = [json.loads(line) for line in index.read_text().splitlines()]
    assert sorted(line["target"] for line in noted) == ["out/[red]b.wav", "out/a.wav", DEEP]
    assert noted[0]["seconds"] == pytest.approx(N_SAMPLES / RATE, abs=1e-3)
    assert (noted[0]["model"], noted[0]["seed"]) == (str(model), 0)
    # One line was lost in a kill, another cut off; one result is made again.
    cut_off = json.dumps(noted[1])[:20].encode() + b"\xc3"
    index.write_bytes(json.dumps(noted[0]).encode() + b"\n" + cut_off)
    Path(noted[2]["target"]).unlink()
    run(*words)
    lines = index.read_text(errors="replace").splitlines()
    again = [json.loads(line) for line in lines if line.endswith("}")]
    assert sorted(line["target"] for line in again) == sorted(line["target"] for line in noted)
    assert ["seconds" in line for line in again].count(False) == 1


def test_a_second_run_does_only_what_is_missing(
    run: Run, model: Path, clips: Path, tmp_path: Path
) -> None:
    # Into the folder of the inputs, where results must not become inputs.
    words = ("vocode", "clips", "-o", "clips/out", "--model", model)
    run(*words)
    finished, missing = clips / "out/a.wav", clips / "out/[red]b.wav"
    finished.write_bytes(b"finished")
    missing.unlink()
    again = run(*words)
    assert again.err.startswith("1 written, 2 there already (--overwrite does them again), 2 fail")
    assert finished.read_bytes() == b"finished"
    assert missing.exists()
    assert run(*words, "--overwrite").err.startswith("3 written, 2 failed")
    assert soundfile.info(finished).frames == N_SAMPLES
    assert files(clips / "out") == ["[red]b.wav", "a.wav", "deep/er/é中 :cat:.wav"]


def test_a_folder_in_a_results_place_is_no_finished_file(
    run: Run, model: Path, tmp_path: Path
) -> None:
    write_tone(tmp_path / "a.wav")
    (tmp_path / "out/a.wav").mkdir(parents=True)
    result = run("vocode", "a.wav", "-o", "out", "--model", model)
    assert result.status == 2
    assert "out/a.wav is a folder" in result.err


def test_nothing_that_worked_is_status_2(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    result = run("vocode", "a.wav", "-o", "out", "--model", model)
    assert result.status == 2
    assert result.err.startswith("0 written, 1 failed\nfailed: a.wav is empty")
    assert not (tmp_path / "out").exists()


def test_a_seed_gives_the_same_sound_in_any_company(
    run: Run, model: Path, clips: Path, tmp_path: Path
) -> None:
    base = ("--model", model, "--sampler", "ddpm", "--steps", "3")
    long = write_tone(tmp_path / "long.wav", n_samples=1400 * 256)
    run("vocode", "clips", long, "-o", "whole", *base, "--seed", "7")
    run("vocode", long, "clips/a.wav", "-o", "alone", *base, "--seed", "7", "--batch-size", "3")
    run("vocode", "clips/a.wav", "-o", "other", *base, "--seed", "8")
    whole, alone, other = (
        soundfile.read(tmp_path / folder / "a.wav")[0] for folder in ("whole", "alone", "other")
    )
    np.testing.assert_array_equal(whole, alone)
    assert np.abs(other - whole).max() > 1e-3
    one_by_one, together = (
        soundfile.read(tmp_path / folder / "long.wav")[0] for folder in ("whole", "alone")
    )
    # A batch may round otherwise, which can move a sample to the next of its 16 bits.
    np.testing.assert_allclose(together, one_by_one, rtol=0, atol=2**-14)


def test_every_kind_of_mel_sounds_like_its_audio(run: Run, model: Path, tmp_path: Path) -> None:
    wave = write_tone(tmp_path / "wave.wav")
    mel = hifigan_mel(wave)
    np.save(tmp_path / "plain.npy", mel.numpy())
    np.savez(tmp_path / "named.npz", mel=mel.numpy(), other=np.zeros(3))
    torch.save(mel[None], tmp_path / "batch.pt")
    torch.save(torch.nn.Parameter(mel), tmp_path / "parameter.pt")
    save_file({"only": mel}, tmp_path / "only.safetensors")
    names = ("wave.wav", "plain.npy", "named.npz", "batch.pt", "parameter.pt", "only.safetensors")
    assert run("vocode", *names, "-o", "out", "--model", model).status == 0
    sounds = {(tmp_path / "out" / name).with_suffix(".wav").read_bytes() for name in names}
    assert len(sounds) == 1


def test_steps_and_sampler_reach_the_model(run: Run, model: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    for out, words in (("own", ()), ("five", ("--steps", "5")), ("ddim", ("--sampler", "ddim"))):
        run("vocode", "a.wav", "-o", out, "--model", model, *words)
    own, five, ddim = (
        soundfile.read(tmp_path / out / "a.wav")[0] for out in ("own", "five", "ddim")
    )
    vocoder = Vocoder.from_pretrained(model)
    mel = hifigan_mel(tmp_path / "a.wav")[None]
    for made, expected in (
        (own, vocoder(mel)),
        (five, vocoder(mel, 5)),
        (ddim, vocoder(mel, None, "ddim")),
    ):
        np.testing.assert_allclose(made, expected[0].clamp(-1, 1), rtol=0, atol=2**-15)
    assert np.abs(five - own).max() > 1e-3
    assert np.abs(ddim - own).max() > 1e-3


def test_precision_reaches_the_model(run: Run, model: Path, tmp_path: Path) -> None:
    mel = hifigan_mel(write_tone(tmp_path / "a.wav"))[None]
    sounds = []
    for precision in ("fp32", "bf16"):
        run("vocode", "a.wav", "-o", precision, "--model", model, "--precision", precision)
        sounds.append(soundfile.read(tmp_path / precision / "a.wav")[0])
        expected = Vocoder.from_pretrained(model, precision=precision)(mel)[0].clamp(-1, 1)
        np.testing.assert_allclose(sounds[-1], expected, rtol=0, atol=2**-15)
    assert np.abs(sounds[0] - sounds[1]).max() > 2**-12


def test_plot_draws_a_picture_beside_the_sound(run: Run, model: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.b.wav")
    assert run("vocode", "a.b.wav", "-o", "out", "--model", model, "--plot").status == 0
    assert files(tmp_path / "out") == ["a.b.png", "a.b.wav"]
    assert (tmp_path / "out/a.b.png").read_bytes().startswith(b"\x89PNG")


def test_mel_writes_what_the_preset_says(run: Run, clips: Path, tmp_path: Path) -> None:
    result = run("mel", "clips", "-o", "mels", "--preset", "hifigan")
    assert result.status == 1
    assert result.err.startswith("3 written, 2 failed\n")
    assert files(tmp_path / "mels") == ["[red]b.npy", "a.npy", "deep/er/é中 :cat:.npy"]
    mel = np.load(tmp_path / "mels/a.npy")
    assert (mel.shape, mel.dtype) == ((80, 26), np.float32)
    np.testing.assert_array_equal(mel, hifigan_mel(clips / "a.wav").numpy())


def write_npy_header(path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    text = header.ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode())


def damage(path: Path, mel: torch.Tensor) -> None:
    """Writes a bad file, of the kind that its name says."""
    values = mel.numpy()
    nan = values.copy()
    nan[3, 4] = np.nan
    arrays = {
        "nan": nan,
        "transposed": values.T,
        "flat": values[0],
        "several": np.stack([values, values]),
        "integers": values.astype(int),
        "text": np.array(["a mel"]),
        "no_frames": values[:, :0],
        "range": values * 10 + 100,
    }
    if path.stem in arrays:
        np.save(path, arrays[path.stem])
    elif path.stem == "claims_much":
        write_npy_header(path, "(80, 1000000000000)")
    elif path.stem == "two":
        np.savez(path, one=values, other=values)
    elif path.stem == "cut":
        save_file({"mel": mel}, path)
        path.write_bytes(path.read_bytes()[:-10])
    elif path.stem == "zlib":
        np.savez_compressed(path, mel=values)
        packed = bytearray(path.read_bytes())
        packed[60:600] = bytes(540)
        path.write_bytes(packed)
    elif path.stem == "sparse":
        torch.save(mel.to_sparse(), path)
    elif path.stem == "list":
        torch.save([mel, mel], path)
    elif path.stem == "words":
        path.write_text("not a mel")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nan.npy", r"holds NaN or infinity in 1 of \d+ values, the first at index \(3, 4\)"),
        ("transposed.npy", "transpose it"),
        ("flat.npy", r"has shape \(26,\) but must be \(n_mels, frames\)"),
        ("several.npy", r"has shape \(2, 80, 26\)"),
        ("integers.npy", "is torch.int64; give floats"),
        ("text.npy", "cannot be read as a mel"),
        ("no_frames.npy", "holds no frames"),
        ("range.npy", "ranges over"),
        ("claims_much.npy", "cannot be read as a mel"),
        ("words.npy", r"cannot be read as a mel \(the magic string is not correct"),
        ("empty.npy", "cannot be read as a mel"),
        ("two.npz", r"holds 2 arrays \(one, other\); name one 'mel'"),
        ("zlib.npz", "cannot be read as a mel"),
        ("empty.npz", "cannot be read as a mel"),
        ("cut.safetensors", "cannot be read as a mel"),
        ("empty.safetensors", "cannot be read as a mel"),
        ("words.pt", r"\(it is no torch file, or holds more than tensors and plain data\)"),
        ("list.pt", "holds a list; save the mel as one array"),
        ("sparse.pt", "holds a Tensor; save the mel as one array"),
        ("empty.pt", "cannot be read as a mel"),
    ],
)
# torch announces that it does not check sparse tensors.
@pytest.mark.filterwarnings("ignore:Sparse")
def test_a_bad_mel_is_one_sentence(
    run: Run, model: Path, tmp_path: Path, name: str, words: str
) -> None:
    path = tmp_path / name
    path.touch()
    damage(path, hifigan_mel(write_tone(tmp_path / "tone/a.wav")))
    result = run("vocode", name, "-o", "out", "--model", model)
    assert result.status == 2
    _, *failures = result.err.splitlines()
    assert len(failures) == 1
    assert failures[0].startswith(f"failed: {name}")
    assert re.search(words, failures[0])
    assert not (tmp_path / "out").exists()


class Malicious:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "writer", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x, 2))]
)
def test_no_pickle_is_ever_executed(
    run: Run, model: Path, tmp_path: Path, writer: Callable[[object, Path], object]
) -> None:
    writer({"mel": Malicious(), "model": Malicious()}, tmp_path / "evil.pt")
    assert run("vocode", "evil.pt", "-o", "out", "--model", model).status == 2
    result = run("convert", "evil.pt", "--from", "lmnt-diffwave", "-o", "converted")
    assert result.status == 2
    assert result.err.startswith("error: evil.pt cannot be read weights-only")
    assert files(tmp_path) == ["evil.pt"]
    assert not (tmp_path / "executed").exists()


VOCODE = "vocode a.wav -o out --model MODEL"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vocode nope.wav -o out", "nope.wav: no such file or folder"),
        ("vocode [red]nope -o out", "[red]nope: no such file or folder"),
        ("vocode a.wav nope.wav -o out", "nope.wav: no such file or folder"),
        ("vocode a.txt -o out", "a.txt is none of the kinds .flac, .mp3"),
        ("vocode none -o out", "none holds no file of the kinds"),
        ("vocode a.wav -o a.txt", "a.txt cannot be made as a.txt is a file; choose another"),
        ("vocode a.wav -o a.txt/b/c", "a.txt/b/c cannot be made as a.txt is a file"),
        ("vocode a.wav -o .", "a.wav is an input itself; choose another output folder"),
        ("vocode a.wav b/a.wav -o out", "a.wav and b/a.wav would both be written to out/a.wav"),
        ("vocode a.wav -o out --model nope", "model 'nope' is neither inside the package"),
        ("vocode a.wav -o out --model b", "b is no model directory: it has no config.json"),
        ("vocode a.wav -o out --model torn", "torn/config.json is no JSON"),
        ("vocode a.wav -o out --model cut", "cut/model.safetensors is damaged"),
        (f"{VOCODE} --sampler nope", "sampler='nope' is unknown; choose from ddpm, ddim, "),
        (f"{VOCODE} --device nope", "device='nope'"),
        (f"{VOCODE} --precision nope", "precision='nope' is unknown; choose from auto, fp32"),
        ("mel a.wav -o out --preset nope", "--preset 'nope' is unknown; choose from hifigan"),
        ("mel a.npy -o out --preset hifigan", "a.npy is none of the kinds"),
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
        ("vocode a.wav -o out --stepz 3", "No such option: --stepz"),
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


@pytest.mark.parametrize(
    "verb",
    ["", "vocode", "mel", "train", "convert", "export", "evaluate", "search", "info", "doctor"],
)
def test_help_is_for_people(run: Run, verb: str) -> None:
    result = run(*verb.split(), "--help")
    assert result.status == 0
    assert "Usage: audiodiff" in result.out
    for raw in ("audiodiff.", "None", "Raises", "Args:", "``", "set_"):
        assert raw not in result.out
    if not verb:
        for name in ("vocode", "mel", "train", "convert", "evaluate", "--version"):
            assert name in result.out


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
    assert f"pip install 'audiodiff-vocoder[{extra}]'" in result.err


def test_a_full_disk_loses_nothing(run: Run, model: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    write_tone(tmp_path / "short.wav", n_samples=1024)
    write_tone(tmp_path / "tone.wav")
    words = ("vocode", "tone.wav", "short.wav", "-o", "out", "--model", model)
    assert run(*words).status == 0
    before = (tmp_path / "out/tone.wav").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel then refuses to write on, as it does when a disk is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        result = run(*words, "--overwrite", "--seed", "1")
        mels = run("mel", "tone.wav", "-o", "mels", "--preset", "hifigan")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.status == 1
    assert "failed: tone.wav: cannot write out/tone.wav: File too large; free space" in result.err
    assert mels.status == 2
    assert "cannot write mels/tone.npy: File too large" in mels.err
    assert (tmp_path / "out/tone.wav").read_bytes() == before
    assert files(tmp_path / "out") == ["short.wav", "tone.wav"]
    assert files(tmp_path / "mels") == []


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.cuda.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_too_little_memory_fails_one_file(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    write_tone(tmp_path / "big.wav", n_samples=2 * N_SAMPLES)
    write_tone(tmp_path / "small.wav")
    mel = Vocoder.mel

    def too_much(vocoder: Vocoder, wave: torch.Tensor) -> torch.Tensor:
        if wave.shape[1] > N_SAMPLES:
            raise error
        return mel(vocoder, wave)

    monkeypatch.setattr(Vocoder, "mel", too_much)
    result = run("vocode", "big.wav", "small.wav", "-o", "out", "--model", model)
    assert result.status == 1
    assert "failed: big.wav needs more memory than there is; lower --batch-size" in result.err
    assert files(tmp_path / "out") == ["small.wav"]


def test_a_file_that_may_not_be_read_fails_alone(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed.wav", "open.wav"):
        write_tone(tmp_path / name)
    load = io.load

    # Taking the permission away would not stop an administrator.
    def refusing(path: Path, sample_rate: int) -> tuple[np.ndarray, int]:
        if path.name == "closed.wav":
            raise PermissionError(13, "Permission denied", str(path))
        return load(path, sample_rate)

    monkeypatch.setattr(io, "load", refusing)
    result = run("vocode", "closed.wav", "open.wav", "-o", "out", "--model", model)
    assert result.status == 1
    assert "failed: closed.wav: Permission denied; check the path, its permissions" in result.err
    assert files(tmp_path / "out") == ["open.wav"]


def test_evaluate_shows_files_means_and_what_is_missing(
    run: Run, model: Path, tmp_path: Path
) -> None:
    for i, name in enumerate(("[red]a", "sub/b", "bad", "lonely")):
        write_tone(tmp_path / f"ref/{name}.wav", 150 + 30 * i)
    for i, name in enumerate(("[red]a", "sub/b", "new")):
        write_tone(tmp_path / f"out/{name}.wav", 151 + 30 * i)
    (tmp_path / "out/bad.wav").write_text("not sound")
    result = run("evaluate", "ref", "out", "--json", "new/scores.json")
    assert result.status == 1
    stored = Evaluation.parse(json.loads((tmp_path / "new/scores.json").read_text()), "scores.json")
    assert [file.name for file in stored.files] == ["[red]a", "sub/b"]
    for file in stored.files:
        row = next(line for line in result.out.splitlines() if f" {file.name} " in line)
        assert f" {file.scores['mstft']:.3f} " in row
    summary = stored.summary["mstft"]
    assert summary.interval is not None
    assert f"{summary.mean:.3f} ± {summary.interval:.3f}" in result.out
    assert all(name in result.out for name in METRICS)
    alone, new, failed = result.err.splitlines()
    assert alone == "1 references without an output: lonely"
    assert new == "1 outputs without a reference: new"
    assert failed.startswith("failed: bad: out/bad.wav cannot be read as sound")
    assert run("evaluate", "ref/[red]a.wav", "out/[red]a.wav").status == 0


def test_evaluate_of_nothing_good_is_status_2(run: Run, tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("not sound")
    result = run("evaluate", "a.wav", "b.wav", "--json", "scores.json")
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("failed: a: b.wav cannot be read as sound")
    assert json.loads((tmp_path / "scores.json").read_text())["files"] == []


def lmnt_weights() -> dict[str, torch.Tensor]:
    """A tiny unconditional network under LMNT's names."""
    shapes = {
        "input_projection": (4, 1, 1),
        "diffusion_embedding.projection1": (512, 128),
        "diffusion_embedding.projection2": (512, 512),
        "skip_projection": (4, 4, 1),
        "output_projection": (1, 4, 1),
        "residual_layers.0.dilated_conv": (8, 4, 3),
        "residual_layers.0.diffusion_projection": (4, 512),
        "residual_layers.0.output_projection": (8, 4, 1),
    }
    weights = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    return weights | {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}


def test_convert_writes_a_model_or_nothing(run: Run, tmp_path: Path) -> None:
    weights = lmnt_weights()
    torch.save({"model": weights}, tmp_path / "whole.pt")
    missing = weights.pop("skip_projection.bias")
    torch.save({"model": weights}, tmp_path / "part.pt")
    result = run("convert", "part.pt", "--from", "lmnt-diffwave", "-o", "part")
    assert result.status == 2
    assert "skip.bias is missing" in result.err
    assert not (tmp_path / "part").exists()
    assert run("convert", "whole.pt", "--from", "lmnt-diffwave", "-o", "whole") == Result(
        0, "", "wrote whole\n"
    )
    assert torch.equal(Model.load(tmp_path / "whole").network.skip.bias, missing)
    write_tone(tmp_path / "a.wav")
    result = run("vocode", "a.wav", "-o", "out", "--model", "whole")
    assert result.status == 2
    assert "--model 'whole' takes no mel" in result.err


def test_convert_takes_a_schedule_of_bddms(run: Run, tmp_path: Path) -> None:
    torch.save({"model": lmnt_weights()}, tmp_path / "a.pt")
    betas = torch.tensor([1e-3, 0.1])
    torch.save([betas, betas, betas, betas], tmp_path / "2.ns")
    command = ("convert", "a.pt", "--from", "lmnt-diffwave", "-o", "m", "--schedule")
    assert run(*command, "2.ns") == Result(0, "", "wrote m\n")
    assert Model.load(tmp_path / "m").n_steps == 2
    result = run(*command, "nope.ns")
    assert result.status == 2
    assert "nope.ns: no such schedule" in result.err


def test_train_makes_a_model_that_vocodes(run: Run, tmp_path: Path) -> None:
    for i in range(3):
        write_tone(tmp_path / f"data/{i}.wav", 150 + 50 * i)
    (tmp_path / "a.toml").write_text(CONFIG)
    result = run("train", "a.toml", "--data", "data", "-o", "run", "--set", "optimizer.lr=1e-3")
    assert result.status == 0
    assert "step 2/2" in result.err
    assert run("vocode", "data/0.wav", "-o", "out", "--model", "run/model").status == 0
    again = run("train", "a.toml", "--data", "data", "-o", "run")
    assert again.status == 2
    assert again.err.startswith("error: run holds a run; add --resume")


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


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_is_status_130_and_leaves_whole_files(model: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "clips/a.wav", n_samples=256 * 4)
    write_tone(tmp_path / "clips/b.wav", n_samples=256 * 3000)
    words = ["vocode", "clips", "-o", "out", "--model", str(model), "--steps", "2000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "audiodiff", *words],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while process.poll() is None and not (tmp_path / "out/a.wav").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert files(tmp_path / "out") == ["a.wav"]
    assert soundfile.info(tmp_path / "out/a.wav").frames == 256 * 4
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.wav"]
