"""Files and folders through a model."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from command_line import N_SAMPLES, RATE, Run, files, hifigan_mel, write_tone
from safetensors.torch import save_file

from audiodiff import PRESETS, LogMel
from audiodiff.pipelines.vocoder import Vocoder

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "arctic_a0016.wav"
DEEP = "out/deep/er/é中 :cat:.wav"


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
    assert "2 of 3 names match no file of the inputs, such as 'b'" in result.err


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
    assert again.err.startswith("1 written, 2 there already (--overwrite makes them again), 2 fai")
    assert finished.read_bytes() == b"finished"
    assert missing.exists()
    assert run(*words, "--overwrite").err.startswith("3 written, 2 failed")
    assert soundfile.info(finished).frames == N_SAMPLES
    assert files(clips / "out") == ["[red]b.wav", "a.wav", "deep/er/é中 :cat:.wav"]


def test_what_another_run_made_is_said(run: Run, model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tone(tmp_path / f"in/{name}.wav")
    words = ("vocode", "in", "-o", "out", "--model", model)
    run(*words)
    (tmp_path / "out/b.wav").write_bytes(b"finished")  # it has no record
    assert run(*words, "--steps", 2).err.startswith("0 written, 2 there already")  # the default's
    other = run(*words, "--steps", 5, "--seed", 1, "--plot")
    assert other.status == 0
    made_by, no_picture, outcome = other.err.splitlines()
    assert made_by == (
        "warning: another run made 1 of the 2 there already, e.g. out/a.wav: steps 2, now 5, "
        "seed 0, now 1; --overwrite makes them again"
    )
    assert no_picture == "2 there already lack a picture; --overwrite draws it"
    assert outcome.startswith("0 written, 2 there already")
    (tmp_path / "in/b.wav").unlink()
    none = run(*words, "--steps", 5)
    assert none.status == 2
    assert none.err.splitlines()[-1] == (
        "error: nothing was made as asked, since other settings made what is there; give "
        "--overwrite or another --out"
    )
    assert (tmp_path / "out/b.wav").read_bytes() == b"finished"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
def test_a_full_disk_below_the_index_loses_no_sound(
    run: Run, model: Path, clips: Path, tmp_path: Path
) -> None:
    words = ("vocode", clips / "a.wav", clips / "[red]b.flac", "-o", "out", "--model", model)
    result = run(*words, "--index", "/dev/full")
    assert result.status == 1
    assert result.err.startswith("failed: cannot write /dev/full: No space left on device")
    assert files(tmp_path / "out") == ["[red]b.wav", "a.wav"]
    assert Path("/dev/full").is_char_device()


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


def test_frames_by_bands_are_taken_if_said_so(run: Run, model: Path, tmp_path: Path) -> None:
    mel = hifigan_mel(write_tone(tmp_path / "tone.wav"))
    np.save(tmp_path / "a.npy", mel.numpy())
    torch.save([mel.T[:9], mel.T[9:]], tmp_path / "b.pt")
    assert run("vocode", "a.npy", "-o", "out", "--model", model).status == 0
    np.save(tmp_path / "t.npy", mel.T.numpy())
    refused = run("vocode", "t.npy", "-o", "out", "--model", model)
    assert refused.status == 2
    assert "it looks like (frames, n_mels): transpose it (--transpose does so for" in refused.err
    words = ("vocode", "t.npy", "b.pt", "-o", "out", "--model", model, "--transpose")
    assert run(*words).status == 0
    sounds = {(tmp_path / "out" / name).read_bytes() for name in ("a.wav", "t.wav", "b.wav")}
    assert len(sounds) == 1


def test_a_mel_in_no_presets_scale_is_refused_unless_forced(
    run: Run, model: Path, tmp_path: Path
) -> None:
    wave, _ = soundfile.read(SPEECH, dtype="float32")
    mel = LogMel(PRESETS["hifigan"])(torch.from_numpy(wave[:40000])[None])[0]
    np.save(tmp_path / "a.npy", ((mel - mel.mean()) / mel.std()).numpy())
    words = ("vocode", "a.npy", "-o", "out", "--model", model)
    refused = run(*words)
    assert refused.status == 2
    assert "failed: a.npy: it is normalised by a mean and a standard deviation" in refused.err
    assert not (tmp_path / "out").exists()
    assert run(*words, "--force").status == 0
    assert files(tmp_path / "out") == ["a.wav"]


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


def test_threads_share_pieces_and_files_and_change_no_bit(
    run: Run, model: Path, clips: Path, tmp_path: Path
) -> None:
    write_tone(clips / "long.wav", n_samples=2100 * 256)
    for n in (1, 3):
        run("vocode", "clips", "-o", f"out{n}", "--model", model, "--threads", n)
    names = files(tmp_path / "out1")
    assert len(names) == 4
    assert files(tmp_path / "out3") == names
    for name in names:
        one, three = (tmp_path / out / name for out in ("out1", "out3"))
        assert one.read_bytes() == three.read_bytes()


def test_a_long_file_shows_how_far_it_is(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiodiff.cli.display.SECONDS_BETWEEN_LINES", 0.0)
    write_tone(tmp_path / "long.wav", n_samples=2500 * 256)
    err = run("vocode", "long.wav", "-o", "out", "--model", model).err
    said = re.findall(r"^long\.wav: (\d+) of (\d+) s; .* real-time factor", err, re.MULTILINE)
    assert said == [("12", "29"), ("24", "29"), ("29", "29")]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_is_status_130_and_leaves_whole_files(model: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "clips/a.wav", n_samples=256 * 4)
    write_tone(tmp_path / "clips/b.wav", n_samples=256 * 3000)
    words = ["vocode", "clips", "-o", "out", "--model", str(model), "--steps", "200"]
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
