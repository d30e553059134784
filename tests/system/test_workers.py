"""Files shared among processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import write_tone
from small_models import small_config, untrained

from audiodiff.errors import AudiodiffError
from audiodiff.pipelines.files import Loading, VocodeSettings, vocode_file
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.system.jobs import Job, find_jobs, run_jobs
from audiodiff.system.workers import in_pool, n_workers, worker_pool


def shout(job: Job) -> str:
    """Refuses empty sources, dies of one that says so."""
    text = job.source.read_text()
    if text == "die":
        os._exit(9)
    if not text:
        raise AudiodiffError(f"{job.source} is empty")
    job.target.write_text(text.upper())
    return text


def jobs_of(folder: Path, *texts: str) -> list[Job]:
    jobs = [Job(folder / f"{i}.txt", folder / f"{i}.out") for i in range(len(texts))]
    for job, text in zip(jobs, texts, strict=True):
        job.source.write_text(text)
    return jobs


def test_workers_do_what_one_process_does(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, "a", "", "b", "c", "")
    jobs[2].target.write_text("there")
    seen = {}
    with worker_pool(2) as pool:
        outcome = run_jobs(jobs, in_pool(pool, shout), overwrite=False, on_job=seen.__setitem__)
    assert sorted(outcome.done) == [jobs[0].target, jobs[3].target]
    assert outcome.skipped == [jobs[2].target]
    assert [source for source, _ in outcome.failed] == [jobs[1].source, jobs[4].source]
    assert "1.txt is empty" in outcome.failed[0][1]
    assert list(map(seen.get, jobs)) == ["a", None, None, "c", None]
    assert jobs[3].target.read_text() == "C"


def test_a_killed_worker_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, "a", "die")
    with pytest.raises(AudiodiffError, match="a worker was killed"), worker_pool(1) as pool:
        run_jobs(jobs, in_pool(pool, shout), overwrite=False, on_job=lambda job, made: None)
    assert jobs[0].target.read_text() == "A"
    assert not jobs[1].target.exists()


SHOUTING = """
import sys, time
from pathlib import Path
from audiodiff.system.workers import worker_pool

def sleep(path):
    Path(path).write_text(str(__import__("os").getpid()))
    time.sleep(1000)

if __name__ == "__main__":
    with worker_pool(2) as pool:
        for future in [pool.submit(sleep, path) for path in sys.argv[1:]]:
            future.result()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(number: int, tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    script = tmp_path / "shouting.py"
    script.write_text(SHOUTING)
    begun = [tmp_path / "0", tmp_path / "1"]
    parent = subprocess.Popen([sys.executable, script, *begun])
    while not all(path.exists() and path.read_text() for path in begun):
        assert parent.poll() is None
        time.sleep(0.01)
    workers = [psutil.Process(int(path.read_text())) for path in begun]
    os.kill(parent.pid, number)
    parent.wait()
    assert not psutil.wait_procs(workers, timeout=60)[1]


@pytest.mark.parametrize(
    ("asked", "n_items", "platform", "expected"),
    [(4, 2, "linux", 2), (2, 0, "linux", 1), (99, 200, "linux", 99), (99, 200, "win32", 61)],
)
def test_workers_are_no_more_than_pay(
    asked: int, n_items: int, platform: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert n_workers(asked, n_items) == expected


class Killing(threading.Thread):
    """Kills one of Ray's workers as soon as there is a first result."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.out, self.killed = out, 0

    def run(self) -> None:
        import psutil

        while not list(self.out.glob("*.wav")):
            time.sleep(0.02)
        for process in psutil.process_iter(["cmdline"]):
            command = " ".join(process.info["cmdline"] or ())
            if command.startswith("ray::") and "MapWorker" in command:
                process.kill()
                self.killed += 1
                return


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # Ray's own
def test_ray_loses_and_doubles_nothing_when_a_worker_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("psutil")
    from audiodiff.pipelines.ray import on_ray

    untrained(small_config()).save(tmp_path / "model")
    mels, out = tmp_path / "mels", tmp_path / "out"
    mels.mkdir()
    for i in range(40):
        np.save(mels / f"{i:02}.npy", np.full((80, 20 + i), -5.0, np.float32))
    np.save(mels / "bad.npy", np.full((80, 20), np.nan, np.float32))
    jobs = find_jobs([mels], out, {".npy"}, ".wav")
    seen: list[Path] = []
    killing = Killing(out)
    killing.start()
    loading = Loading(str(tmp_path / "model"), "cpu", "fp32", False)
    outcome = run_jobs(
        jobs,
        on_ray(loading, VocodeSettings(), 2),
        overwrite=False,
        on_job=lambda job, made: seen.append(job.target),
    )
    killing.join(10)
    assert killing.killed == 1
    assert sorted(seen) == [job.target for job in jobs]
    assert sorted(outcome.done) == [job.target for job in jobs if job.source.stem != "bad"]
    assert [source.name for source, _ in outcome.failed] == ["bad.npy"]
    assert "NaN" in outcome.failed[0][1]
    vocoder = Vocoder.from_pretrained(tmp_path / "model", precision="fp32")
    alone = tmp_path / "alone.wav"
    vocode_file(vocoder, Job(jobs[7].source, alone), VocodeSettings(), lambda *_: None)
    assert alone.read_bytes() == jobs[7].target.read_bytes()


@pytest.mark.slow
def test_a_program_without_the_condition_before_main_takes_workers(tmp_path: Path) -> None:
    untrained(small_config()).save(tmp_path / "model")
    for name in "ab":
        write_tone(tmp_path / f"in/{name}.wav")
    (tmp_path / "mine.py").write_text("from audiodiff.cli import main\n\nmain()\n")
    words = ["vocode", "in", "-o", "out", "--model", "model", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "mine.py", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "2 written; " in done.stderr
