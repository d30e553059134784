"""Searches for models that make sounds of labels, which are held to their own run of many steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from contracts import noise
from searches import TINY, of_length, run_search

from audiodiff import AudiodiffError, ModelConfig, Run
from audiodiff.conditioning import OPEN
from audiodiff.metrics.pairs import Samples
from audiodiff.metrics.registry import METRICS, Metric
from audiodiff.model.model import Model
from audiodiff.search.clips import Recording
from audiodiff.search.judge import Judge
from audiodiff.search.problem import N_CANDIDATES, Problem
from audiodiff.search.session import Session, Task
from audiodiff.search.spectral import spectral_cost

COND = {"label": torch.tensor([0, 1])}


def labelled(labels: tuple[str, ...] = ("one", "two")) -> Model:
    network = {"kind": "diffwave", "n_channels": 4, "n_layers": 2, "n_labels": 2, "n_mels": None}
    parts = {"mel": None, "labels": labels, "network": network}
    sampling = TINY["sampling"] | {"n_samples": 5632}
    torch.manual_seed(0)
    model = Model(ModelConfig.parse(TINY | parts | {"sampling": sampling}, "test")).eval()
    torch.nn.init.normal_(model.network.output.weight, std=0.3)
    return model


@torch.no_grad()
def test_a_run_ought_to_make_what_many_steps_make() -> None:
    model = labelled()
    problem = Problem(model, Run("ddim", seed=3), noise(2, 5632) / 10, COND)
    fine = problem.candidates(N_CANDIDATES)
    expected = model.make(COND, 5632, Run("ddim", times=fine.tolist(), seed=(3, 4)))
    assert torch.equal(problem.target, expected)
    assert torch.equal(problem.part(1, 1).target, expected[1:])
    cost = spectral_cost(problem)
    assert cost(fine) == 0
    assert cost(of_length(2)) > cost(of_length(16)) > 0


@torch.no_grad()
def test_the_judge_compares_with_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model, fine = labelled(), of_length(8)
    silence = np.zeros(5632, dtype=np.float32)
    clips = [Recording(silence, {"label": torch.tensor([label])}) for label in (0, 1)]
    heard: list[Samples] = []

    def likeness(reference: Samples, made: Samples, rate: int) -> float:
        heard.append(reference)
        return -float(np.abs(reference - made).mean())

    monkeypatch.setitem(METRICS, "pesq_wb", Metric("dB", "higher", likeness))
    judge = Judge(model, Run("ddim", seed=5), clips, fine)
    judge.metric = "pesq_wb"
    assert judge(fine).score == 0
    assert judge(of_length(2)).score < judge(of_length(4)).score < 0
    run = Run("ddim", times=fine.tolist(), seed=(5, 6))
    torch.testing.assert_close(torch.from_numpy(np.stack(heard[:2])), model.make(COND, 5632, run))
    # Three runs of 8, 2 and 4 steps, and the fine one once; two clips.
    assert judge.calls == 2 * (8 + 8 + 2 + 4)


def test_the_command_finds_times_for_labelled_clips(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiodiff.model.model.use_bf16", lambda *_: False)
    labelled().save(tmp_path / "model")
    with pytest.raises(AudiodiffError, match="lies in 'no folder', which is none of the model's"):
        run_search(tmp_path / "model", clips, "trajectory", 2)
    rows = [f"{i},{('one', 'two')[i % 2]}" for i in range(7)]
    (clips / "labels.csv").write_text("\n".join(["id,label", *rows]))
    monkeypatch.setitem(
        METRICS, "pesq_wb", Metric("", "higher", lambda a, b, rate: -np.abs(a - b).mean())
    )
    said = run_search(tmp_path / "model", clips, "trajectory", 2, 3, force=True)
    assert said[0] == "searching on 2 clips of dev, judging on 4 others"
    found = Model.load(tmp_path / "model").searched
    assert sorted(found) == [("ddim", 2), ("ddim", 3)]


@torch.no_grad()
def test_clips_are_searched_on_with_their_texts(clips: Path, tmp_path: Path) -> None:
    network = {
        "kind": "unet", "shape": (), "patch": 16, "widths": (32,), "n_blocks": 1,
        "text": {"width": 32, "n_layers": 1},
    }  # fmt: skip
    parts = {"mel": None, "network": network, "sampling": TINY["sampling"] | {"n_samples": 5632}}
    Model(ModelConfig.parse(TINY | parts, "test")).save(tmp_path / "model")
    task = Task([clips], None, (2,), "trajectory")
    with pytest.raises(AudiodiffError, match="has no text; add a captions.jsonl to its folder"):
        Session(tmp_path / "model", task, print)
    lines = (json.dumps({"id": str(i), "texts": ["no. " + "i" * i, "other"]}) for i in range(7))
    (clips / "captions.jsonl").write_text("\n".join(lines))
    texts = Session(tmp_path / "model", task, print)._problem.cond["text"]
    said = [bytes(text[text != OPEN].tolist()).decode() for text in texts]
    assert len(said) == 2
    assert all(text.startswith("no.") for text in said)


@torch.no_grad()
def test_clips_too_short_to_be_judged_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "pesq_wb", Metric("", "higher", lambda *_: 2.0))
    cond = {"label": torch.tensor([0])}
    clips = [Recording(np.zeros(n, dtype=np.float32), cond) for n in (2560, 5632)]
    judge = Judge(labelled(), Run("ddim"), clips, of_length(4))
    judge.metric = "pesq_wb"
    assert judge(of_length(4)) == (2.0, 0.0, None)
    judge = Judge(labelled(), Run("ddim"), clips[:1], of_length(4))
    judge.metric = "pesq_wb"
    with pytest.raises(AudiodiffError, match="finds no speech in any clip"):
        judge(of_length(4))
