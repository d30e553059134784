"""Every command takes files of any name, and prints them on any terminal."""

import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from command_line import CONFIG, Run, files, hifigan_mel, write_tone
from safetensors.torch import save

NAMES = ("caf\udce9", "日本", "two\nlines", " a|b [red] ", "n" * 251)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of clips, in a folder whose name is not UTF-8 either."""
    folder = tmp_path / "cl\udce9ps"
    for i, name in enumerate(NAMES):
        write_tone(tmp_path / "new.wav", 150 + 40 * i, 22050)
        folder.mkdir(exist_ok=True)
        (tmp_path / "new.wav").rename(folder / f"{name}.wav")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_names_of_any_bytes_go_through_every_command(
    run: Run, model: Path, odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    (tmp_path / "a.toml").write_text(CONFIG)

    def runs(*words: str | Path) -> None:
        result = run(*words)
        assert result.status == 0, result.err

    runs("mel", odd, "-o", "mels\udce9", "--preset", "hifigan")
    for path in (tmp_path / "mels\udce9").iterdir():
        assert run("doctor", path).status in (0, 1)  # for tones are no speech
    assert b"\\udce9" in terminal.buffer.getvalue()  # type: ignore[attr-defined]
    runs("vocode", odd, "-o", "out\udce9", "--model", model, "--index", "i.jsonl", "--plot")
    runs("evaluate", odd, "out\udce9", "--json", "scores.json")
    runs("train", "a.toml", "--data", odd, "--mels", "mels\udce9", "-o", "run")
    runs("prepare", "folder", "--root", odd, "-o", "prep\udce9", "--workers", "1")
    runs("vocode", odd, "-o", "some", "--list", "prep\udce9/test.txt", "--model", model)
    assert len(list((tmp_path / "some").iterdir())) == 1
    refused = run("train", "a.toml", "--data", odd, "-o", "run\udce9")
    assert refused.status == 2
    assert refused.err == (
        "error: run\\udce9: TensorBoard's log needs a name in UTF-8; choose another out\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_mels_and_models_may_have_names_of_any_bytes(run: Run, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mels\udce9"
    folder.mkdir()
    mel = hifigan_mel(write_tone(tmp_path / "a.wav"))
    np.save(folder / "a.npy", mel.numpy())
    np.savez(folder / "b.npz", mel=mel.numpy())
    with (folder / "c.pt").open("wb") as file:
        torch.save(mel, file)
    with (folder / "d.pt").open("wb") as file:
        torch.save(mel, file, _use_new_zipfile_serialization=False)
    (folder / "e.safetensors").write_bytes(save({"mel": mel}))
    shutil.copytree(model, "model\udce9")
    done = run("vocode", folder, "-o", "out", "--model", "model\udce9")
    assert done.status == 0, done.err
    assert len({path.read_bytes() for path in (tmp_path / "out").iterdir()}) == 1
    assert len(files(tmp_path / "out")) == 5
    assert run("info", "model\udce9").status == 0
    with (folder / "weights.pt").open("wb") as file:
        torch.save({}, file)
    refused = run("convert", folder / "weights.pt", "-o", "new", "--from", "lmnt-diffwave")
    assert refused.status == 2
    assert "weights.pt holds no DiffWave: " in refused.err


def test_a_cut_wav_is_refused_by_every_command(run: Run, model: Path, tmp_path: Path) -> None:
    for i in range(3):
        write_tone(tmp_path / f"data/{i}.wav", 150 + 50 * i, 22050)
    content = write_tone(tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[: len(content) // 2])
    (tmp_path / "data" / "cut.wav").write_bytes(content[: len(content) // 2])
    (tmp_path / "a.toml").write_text(CONFIG)
    cut = "cut.wav is cut off: its header promises 13312 bytes of samples and 6634 are there"
    for words in (
        ("vocode", "cut.wav", "-o", "out", "--model", model),
        ("mel", "cut.wav", "-o", "out", "--preset", "hifigan"),
        ("evaluate", "data/0.wav", "cut.wav"),
        ("evaluate", "cut.wav", "data/0.wav"),
    ):
        result = run(*words)
        assert result.status == 2
        assert cut in result.err
    result = run("train", "a.toml", "--data", "data", "-o", "run")
    assert result.status == 0
    assert f"clip cut is left out: data/{cut}" in result.err
    assert run("prepare", "folder", "--root", "data", "-o", "out", "--workers", "1").status == 0
    assert f"data/{cut}" in (tmp_path / "out" / "report.md").read_text()
    assert len(soundfile.read(tmp_path / "out/wavs/0.flac")[0]) == 22050
