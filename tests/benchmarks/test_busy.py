from pathlib import Path

from benchmark_scripts import Script

from audiodiff import Vocoder
from audiodiff.system.jobs import find_jobs


def test_both_ways_vocode_every_file(script: Script, tmp_path: Path) -> None:
    busy = script("busy")
    busy.write_files(tmp_path / "in", busy.CLIP, 2, 0.1)
    vocoder = Vocoder.from_pretrained("default")
    made = []
    for way in busy.WAYS:
        jobs = find_jobs([tmp_path / "in"], tmp_path / way, {".wav"}, ".wav")
        busy.vocode(vocoder, jobs, way, 1)
        made.append([job.target.read_bytes() for job in jobs])
    assert made[0] == made[1]
    assert len(set(made[0])) == 1


def test_busy_processes_end_with_the_block(script: Script) -> None:
    busy = script("busy")
    with busy.busy(2) as beside:
        assert [process.poll() for process in beside] == [None, None]
    assert all(process.poll() is not None for process in beside)
