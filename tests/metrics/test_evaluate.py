import json
import sys

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table
from voices import RATE, babble

from audiodiff.audio.io import save
from audiodiff.metrics import dnsmos, periodicity, visqol
from audiodiff.metrics.evaluate import Evaluation, FileScores, evaluate_folders
from audiodiff.metrics.registry import METRICS, Metric, metrics_named
from audiodiff.metrics.summary import summarize
from audiodiff.metrics.tables import file_tables, remarks, summary_table


def rendered(table: Table) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize(
    ("name", "metrics", "extra"),
    [
        ("pesq", {"pesq_wb"}, "eval"),
        ("pystoi", {"estoi"}, "eval"),
        ("auraloss.freq", {"mstft"}, "eval"),
        ("pyworld", {"mcd", "f0_mae", "voicing_f1"}, "eval"),
        ("visqol", {"visqol"}, "judges"),
        ("speechmos.dnsmos", {"dnsmos", "dnsmos_change"}, "judges"),
        ("onnxruntime", {"dnsmos", "dnsmos_change"}, "judges"),
        ("torchcrepe", {"periodicity", "crepe_rmse", "crepe_f1"}, "judges"),
    ],
)
def test_metrics_whose_library_is_missing_are_left_out_and_said(
    name, metrics, extra, folders, monkeypatch
):
    monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    for kept in (visqol._api, dnsmos._judge, periodicity._network):
        kept.cache_clear()
    evaluation = evaluate_folders(*folders, metrics=[*metrics, "mel_mae"])
    assert set(evaluation.left_out) == metrics
    assert not evaluation.failed
    for file in evaluation.files:
        assert {metric for metric, score in file.scores.items() if score is None} == metrics
    for metric in metrics:
        (line,) = (line for line in remarks(evaluation) if line.startswith(f"{metric} is left out"))
        assert f"{name} cannot be imported" in line
        assert f'pip install "audiodiff-vocoder[{extra}]"' in line


def test_folders(folders):
    done: list[str] = []
    evaluation = evaluate_folders(*folders, on_file=done.append)
    assert done == ["deep/two.b", "one"] == [file.name for file in evaluation.files]
    two, one = evaluation.files
    assert (two.sample_rate, two.resampled_from) == (RATE, 24000)
    assert one.resampled_from is None
    assert two.scores["pesq_wb"] == pytest.approx(4.644, abs=0.05)
    assert tuple(evaluation.summary) == metrics_named(None)
    for name in evaluation.summary:
        values = [file.scores[name] for file in evaluation.files]
        assert evaluation.summary[name].mean == pytest.approx(np.mean(values))
        assert evaluation.summary[name].n_files == 2
    assert not evaluation.failed


def test_a_bad_file_does_not_stop_the_others(folders):
    reference, output = folders
    save(reference / "short.wav", babble(), RATE)
    save(output / "short.wav", babble(1.0), RATE)
    save(reference / "torn.wav", babble(), RATE)
    (output / "torn.wav").write_bytes(b"not sound")
    evaluation = evaluate_folders(reference, output)
    assert len(evaluation.files) == 2
    assert set(evaluation.failed) == {"short", "torn"}
    assert "cut at the same places" in evaluation.failed["short"]
    assert "torn.wav" in evaluation.failed["torn"]


def test_undefined_scores_are_none_and_left_out_of_the_mean(folders):
    reference, output = folders
    for root in folders:
        save(root / "silent.wav", np.zeros(RATE, np.float32), RATE)
    evaluation = evaluate_folders(reference, output)
    silent = next(file for file in evaluation.files if file.name == "silent")
    assert silent.scores["pesq_wb"] is None
    assert evaluation.summary["pesq_wb"].n_files == 2
    assert evaluation.summary["mel_mae"].n_files == 3
    assert "2 of 3" in rendered(summary_table(evaluation))


def test_evaluation_round_trips_through_strict_json(folders):
    save(folders[0] / "torn.wav", babble(), RATE)
    save(folders[0] / "alone.wav", babble(), RATE)
    (folders[1] / "torn.wav").write_bytes(b"not sound")
    for root in folders:
        save(root / "silent.wav", np.zeros(RATE, np.float32), RATE)
    evaluation = evaluate_folders(*folders)
    text = evaluation.model_dump_json()
    values = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert values["references_without_output"] == ["alone"]
    assert Evaluation.parse(values, "scores.json") == evaluation


def test_tables_show_names_as_they_are_and_dashes_for_none():
    scores: dict[str, float | None] = dict.fromkeys(METRICS, 1.25)
    file = FileScores(
        name="take [1]", sample_rate=RATE, resampled_from=24000, scores={**scores, "estoi": None}
    )
    evaluation = Evaluation(
        files=(file,),
        summary={name: summarize([file.scores[name]]) for name in METRICS},
        failed={},
        references_without_output=(),
        outputs_without_reference=(),
    )
    text = "".join(map(rendered, file_tables(evaluation)))
    rows = [line for line in text.splitlines() if "take [1]" in line]
    assert sum(row.count("1.250") for row in rows) == len(METRICS) - 1
    assert sum(row.count(" - ") for row in rows) == 1
    summary = rendered(summary_table(evaluation))
    assert "resampled to their reference's rate: 1" in summary
    assert "0 of 1" in summary


def test_a_metric_from_outside_is_evaluated_shown_and_stored(folders, monkeypatch):
    def gain(reference, estimate, sample_rate):
        return 20 * np.log10(estimate.std() / reference.std())

    monkeypatch.setitem(METRICS, "gain", Metric("dB", "nearer 0", gain))
    evaluation = evaluate_folders(*folders)
    assert evaluation.summary["gain"].mean == pytest.approx(0, abs=0.1)
    stored = json.loads(evaluation.model_dump_json())
    assert all("gain" in file["scores"] for file in stored["files"])
    assert Evaluation.parse(stored, "scores.json") == evaluation
    for table in (file_tables(evaluation)[-1], summary_table(evaluation)):
        assert "gain" in rendered(table)
