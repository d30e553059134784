"""Sets of clips against recordings, from features placed by hand."""

import io
import re

import pytest
import torch
from rich.console import Console

from audiodiff.metrics.distributions import SET_METRICS, frechet_distance
from audiodiff.metrics.sets import Heard, SetEvaluation, evaluate_sets
from audiodiff.metrics.tables import set_remarks, set_table


def heard(n: int, seed: int, mean: float = 0.0, guess: str = "one", width: int = 4) -> Heard:
    """Clips of the digit one, all of which a judge takes for the same."""
    generator = torch.Generator().manual_seed(seed)
    features = mean + torch.randn(n, width, generator=generator, dtype=torch.float64)
    return Heard(features, {"digit": [guess] * n}, [{"digit": "one"}] * n)


def shown(evaluation: SetEvaluation) -> list[list[str]]:
    """The rows of the table, without its frame; the first two are its head."""
    console = Console(file=io.StringIO(), width=120)
    console.print(set_table(evaluation))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    rows = (re.split("[│┃]", line)[1:-1] for line in lines if line[0] in "│┃")
    return [[cell.strip() for cell in row] for row in rows]


def test_generated_clips_and_training_clips_are_scored_alike() -> None:
    reference, generated, train = heard(80, 0), heard(70, 1, mean=1.0, guess="two"), heard(200, 2)
    found = evaluate_sets("test", reference, generated, train)
    expected = frechet_distance(reference.features, generated.features)
    assert found.generated.scores["frechet"] == expected
    assert found.generated.accuracy["digit"].share == 0
    assert found.reference.accuracy["digit"].share == 1
    assert found.reference.scores == {}
    assert found.train is not None
    assert found.train.n_clips == 70  # as many as are generated
    assert found.train.scores.keys() == SET_METRICS.keys()
    for name, metric in SET_METRICS.items():
        made, real = found.generated.scores[name], found.train.scores[name]
        assert made is not None
        assert real is not None
        assert (real > made) is (metric.better == "higher"), name
    assert found.left_out == {}
    rows = shown(found)
    assert rows[1] == ["metric", "better", "(70 clips)", "(80 clips)", "(70 clips)"]
    assert ["digit accuracy", "higher", "0.000", "1.000", "1.000"] in rows
    assert [
        "frechet",
        "lower",
        f"{expected:.3f}",
        "-",
        f"{found.train.scores['frechet']:.3f}",
    ] in rows
    assert SetEvaluation.parse(found.model_dump(), "test") == found


def test_what_repeats_the_training_clips_is_nearer_to_them_than_recordings_are() -> None:
    reference, train = heard(70, 0), heard(100, 1)
    copies = train._replace(features=train.features + 1e-3)
    repeats, fresh = (
        evaluate_sets("test", reference, clips, train) for clips in (copies, heard(100, 2))
    )
    usual = repeats.reference.nearest["train"].median
    assert repeats.generated.nearest["train"].median == pytest.approx(2e-3)
    assert repeats.generated.nearest["train"].median < 0.1 * usual
    assert fresh.generated.nearest["train"].median == pytest.approx(usual, rel=0.2)
    assert repeats.generated.nearest["reference"].median > 0.5 * usual
    assert shown(repeats)[-1][2] == "0.002 (0.002)"
    assert set_remarks(repeats)[0].startswith("nearest: median distance, and the least")
    alone = evaluate_sets("test", reference, copies)
    assert alone.train is None
    assert [row[0] for row in shown(alone)][-1] == "nearest reference clip"
    assert set_remarks(alone) == []


def test_too_few_clips_are_said() -> None:
    found = evaluate_sets("test", heard(5, 0, width=6), heard(3, 1, width=6))
    assert found.generated.scores["frechet"] is not None
    assert found.generated.scores["coverage"] is None
    assert found.left_out["precision"] == "made holds 3 clips but this metric needs 4; give more"
    said = set_remarks(found)
    assert said[0] == (
        "generated holds 3 clips, no more than the encoder has features (6): frechet is too great; "
        "give more"
    )
    assert said[1].startswith("reference holds 5 clips")
    assert (
        "frechet_inf is left out: reference holds 5 clips but this metric needs 60; give more"
        in said
    )
    assert ["coverage", "higher", "-", "-"] in shown(found)


def test_clips_without_labels_have_no_accuracy_and_failures_are_named() -> None:
    nameless = heard(70, 1)._replace(labels=[{}] * 70)
    found = evaluate_sets("test", heard(80, 0), nameless, failed={"a.wav": "it is damaged"})
    assert found.generated.accuracy == {}
    assert ["digit accuracy", "higher", "-", "1.000"] in shown(found)
    assert set_remarks(found) == [
        "accuracy is left out: no generated clip has a label; add a labels.csv to their folder",
        "failed: a.wav: it is damaged",
    ]
