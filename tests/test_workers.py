"""Files shared among processes."""

import os
from pathlib import Path

import pytest

from audiodiff.errors import AudiodiffError
from audiodiff.files import Job, run_jobs
from audiodiff.workers import worker_pool


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
        outcome = run_jobs(jobs, shout, overwrite=False, on_job=seen.__setitem__, pool=pool)
    assert sorted(outcome.done) == [jobs[0].target, jobs[3].target]
    assert outcome.skipped == [jobs[2].target]
    assert [source for source, _ in outcome.failed] == [jobs[1].source, jobs[4].source]
    assert "1.txt is empty" in outcome.failed[0][1]
    assert list(map(seen.get, jobs)) == ["a", None, None, "c", None]
    assert jobs[3].target.read_text() == "C"


def test_a_killed_worker_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    jobs = jobs_of(tmp_path, "a", "die")
    with pytest.raises(AudiodiffError, match="a worker was killed"), worker_pool(1) as pool:
        run_jobs(jobs, shout, overwrite=False, on_job=lambda job, made: None, pool=pool)
    assert jobs[0].target.read_text() == "A"
    assert not jobs[1].target.exists()
