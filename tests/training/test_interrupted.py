"""Runs in processes that are killed, or that share the work."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from killing import kill_once
from training_runs import (
    ONE_THREAD,
    assert_same_run,
    read_log,
    run,
    run_cli,
)

from audiodiff.model.weights import load_tensors


@pytest.mark.slow
def test_killed_it_ends_as_if_never_interrupted(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = run(config_path, clips, whole)
    assert done.returncode == 0, done.stderr
    assert "broken.wav" in done.stderr
    state = killed / "state.safetensors"
    process = subprocess.Popen(
        [sys.executable, *run_cli(config_path, clips, killed, "--resume")],
        env=ONE_THREAD,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # As soon as a checkpoint is there, in the middle of whatever comes next.
    kill_once(state.exists, process)
    steps = json.loads(load_tensors(state)[1]["progress"])["step"]
    assert 0 < steps < 12
    again = run(config_path, clips, killed, "--resume")
    assert again.returncode == 0, again.stderr
    assert f"continuing after step {steps}" in again.stderr
    assert_same_run(whole, killed)
    assert [record["step"] for record in read_log(killed)] == [4, 8, 12]


@pytest.mark.slow  # torchrun loads the package six times
def test_two_processes_draw_what_one_does_and_a_killed_one_is_started_again(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    psutil = pytest.importorskip("psutil")
    settings = ["log_every=1", "checkpoint_every=6", "eval_every=100"]
    more = [word for setting in settings for word in ("--set", setting)]
    one, two, killed = tmp_path / "one", tmp_path / "two", tmp_path / "killed"
    single = run(config_path, clips, one, *more, "--max-steps", "6", "--set", "batch_size=4")
    assert single.returncode == 0, single.stderr
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node", "2", "--max-restarts", "1"]
    # A store that all attempts share tells the new processes the addresses of those that are gone
    # (pytorch/pytorch#135712): they wait for each other without end.
    environment = ONE_THREAD | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    for out in (two, killed):
        said = out.with_suffix(".log")
        with said.open("w") as stderr:
            process = subprocess.Popen(
                [*launcher, *run_cli(config_path, clips, out, "--resume", *more)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        while out == killed and not (out / "state.safetensors").exists():
            assert process.poll() is None, "it ended before a worker could be killed"
            time.sleep(0.002)
        if out == killed:
            workers = psutil.Process(process.pid).children()
            next(w for w in workers if "audiodiff" in w.cmdline()).kill()
        assert process.wait() == 0, said.read_text()[-3000:]
    assert_same_run(two, killed)
    assert [record["step"] for record in read_log(killed)] == list(range(1, 13))
    # The weights themselves part where a gradient is all rounding: Adam takes its sign.
    for name in ("train/loss", "train/gradient_norm"):
        ours, theirs = ([record[name] for record in read_log(out)][:6] for out in (one, two))
        assert len(ours) == 6
        np.testing.assert_allclose(theirs, ours, rtol=1e-4)
