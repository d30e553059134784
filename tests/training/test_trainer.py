import functools
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from training_runs import (
    FEW_FIGURES,
    STFT,
    assert_same_run,
    read_log,
)

from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.weights import load_tensors, save_tensors
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.objectives.diffusion import DEV_TIMES
from audiodiff.training.run_folder import own
from audiodiff.training.session import Course, Stop
from audiodiff.training.state import Average, Progress, load_state, save_state
from audiodiff.training.trainer import train


def test_training_from_shards_goes_on_in_the_middle_of_an_epoch(
    config_path: Path, clips: Path, tmp_path: Path, one_thread: None
) -> None:
    pytest.importorskip("webdataset")
    from audiodiff.data.layouts import read_layout
    from audiodiff.data.prepare import prepare
    from audiodiff.data.prepared import PrepareSettings
    from audiodiff.data.shard_writer import write_shards

    with ThreadPoolExecutor(1) as pool:
        layout, settings = read_layout("folder", clips, None), PrepareSettings(sample_rate=22050)
        prepare(layout, tmp_path / "prepared", settings, pool, lambda n: None)
    place = tmp_path / "shards"
    index = write_shards(tmp_path / "prepared", place, 1, lambda shard: None)
    assert len(index.splits["train"]) == 2
    config = read_train_config(config_path, FEW_FIGURES)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for out, steps in ((whole, (12,)), (parts, (5, 12))):
        for step in steps:
            stop, resume = Stop(step=step), step != steps[0]
            train(config, [], out, stop=stop, resume=resume, shards=str(place), say=print)
    assert_same_run(whole, parts)
    at_24k = ["model.sample_rate=24000", "model.mel=vocos", "model.network.n_mels=100"]
    other, out = read_train_config(config_path, at_24k), tmp_path / "other"
    with pytest.raises(AudiodiffError, match="the shards of .* are at 22050 Hz and the model at"):
        train(other, [], out, stop=Stop(), resume=False, shards=str(place), say=print)


def test_a_run_leaves_all_it_promises(config_path: Path, clips: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "run", []
    config = read_train_config(config_path)
    assert train(config, [clips], out, stop=Stop(step=6), resume=False, say=said.append) == 6
    assert any("broken" in line and "left out" in line for line in said)
    assert any("steps/s" in line and "audio-s/s" in line and "ETA" in line for line in said)
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    dev = next(record for record in records if "dev/loss" in record)
    assert all(np.isfinite(dev[f"dev/loss_t{level:.2f}"]) for level in DEV_TIMES)
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert list((out / "tensorboard").iterdir())
    vocoder = Vocoder.from_pretrained(out / "model")
    assert vocoder(torch.full((1, 80, 4), -6.0)).shape == (1, 1024)
    with pytest.raises(AudiodiffError, match="--resume"):
        train(config, [clips], out, stop=Stop(), resume=False, say=said.append)
    other = config.model_copy(update={"seed": 9})
    with pytest.raises(AudiodiffError, match="differs from the config given in seed"):
        train(other, [clips], out, stop=Stop(), resume=True, say=said.append)
    assert train(config, [clips], out, stop=Stop(minutes=0.0), resume=True, say=said.append) == 7


@pytest.mark.usefixtures("one_thread")
def test_stopped_and_resumed_muon_and_frames_end_as_if_never_interrupted(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    config = read_train_config(config_path, [*STFT, "checkpoint_every=100"])
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert train(config, [clips], whole, stop=Stop(), resume=False, say=print) == 12
    for step in (3, 8, None):
        train(config, [clips], stopped, stop=Stop(step=step), resume=True, say=print)
    assert_same_run(whole, stopped)
    wave = Vocoder.from_pretrained(whole / "model")(torch.full((1, 80, 4), -6.0))
    assert wave.shape == (1, 1024)
    assert wave.isfinite().all()


def test_a_run_starts_from_given_weights(config_path: Path, clips: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    given = Model(read_train_config(config_path).model)
    given.save(tmp_path / "given")
    config = read_train_config(config_path, ["optimizer.lr=1e-9", "model.target=x0", *FEW_FIGURES])
    for name, init in (("new", None), ("from", tmp_path / "given")):
        out = tmp_path / name
        train(config, [clips], out, stop=Stop(step=2), resume=False, init=init, say=print)
    ours, new = (Model.load(tmp_path / name / "model").network for name in ("from", "new"))
    weight = given.network.input.weight
    torch.testing.assert_close(ours.input.weight, weight, rtol=0, atol=1e-6)
    assert (new.input.weight - weight).abs().max() > 0.01


@pytest.mark.usefixtures("one_thread")
def test_a_resumed_run_goes_on_from_its_own_weights(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    config = read_train_config(config_path, FEW_FIGURES)
    torch.manual_seed(5)
    Model(config.model).save(tmp_path / "given")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run = functools.partial(train, config, [clips], init=tmp_path / "given", say=print)
    run(whole, stop=Stop(step=4), resume=False)
    run(stopped, stop=Stop(step=2), resume=False)
    run(stopped, stop=Stop(step=4), resume=True)
    assert_same_run(whole, stopped)


def test_weights_of_another_network_are_no_start(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    other = read_train_config(config_path, ["model.network.n_layers=3"])
    Model(other.model).save(tmp_path / "other")
    out, config = tmp_path / "run", read_train_config(config_path)
    run = functools.partial(train, config, [clips], out, stop=Stop(step=1), resume=False, say=print)
    with pytest.raises(AudiodiffError, match="other: its network is not the config's; start from"):
        run(init=tmp_path / "other")
    with pytest.raises(AudiodiffError, match="clips is not a model directory"):
        run(init=clips)
    Model(config.model).save(clips.parent / "finished" / "model")
    with pytest.raises(AudiodiffError, match="has no config.json; give .*finished/model"):
        run(init=clips.parent / "finished")
    # Nothing stands in the way of another try.
    assert not out.exists()
    assert run() == 1


def test_a_run_is_resumed_on_its_own_clips_only(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    config = read_train_config(config_path)
    train(config, [clips], out, stop=Stop(step=2), resume=False, say=print)
    for name in ("more", "most"):  # of which at most one is held out
        soundfile.write(clips / f"{name}.wav", np.zeros(16000), 22050)
    with pytest.raises(AudiodiffError, match="was trained on other clips"):
        train(config, [clips], out, stop=Stop(), resume=True, say=print)
    state = out / "state.safetensors"
    save_tensors(state, load_tensors(state)[0], {"step": "2"})
    with pytest.raises(AudiodiffError, match="lacks the progress of its run"):
        train(config, [clips], out, stop=Stop(step=3), resume=True, say=print)


def test_another_number_of_crops_a_step_goes_on_where_the_last_left_off(tmp_path: Path) -> None:
    progress = Progress(step=3, items=24, clips=["a"]).after(16)
    assert (progress.step, progress.items) == (4, 40)
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    average = Average(network, 0.9).tensors
    save_state(tmp_path / "state.safetensors", {"network": network}, average, optimizer, progress)
    start = Progress(step=0, items=0, clips=["a"])
    loaded = load_state(
        tmp_path / "state.safetensors", {"network": network}, average, optimizer, start
    )
    assert loaded == progress


def test_an_unconditional_model_trains_too(config_path: Path, clips: Path, tmp_path: Path) -> None:
    config = read_train_config(config_path, ["steps=2", "model.prior.kind=unit"])
    settings = config.model_dump(mode="json")
    settings["model"]["mel"] = settings["model"]["network"]["n_mels"] = None
    out = tmp_path / "run"
    config = TrainConfig.parse(settings, "test")
    assert train(config, [clips], out, stop=Stop(), resume=False, say=print) == 2
    assert Generator.from_pretrained(out / "model").generate(n_samples=500).shape == (1, 500)


def test_a_diverging_run_stops_and_keeps_its_last_checkpoint(
    config_path: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiodiff.training.trainer.learning_rate", lambda *_: 1e30)
    config = read_train_config(config_path, ["optimizer.lr=0.5", "log_every=1"])
    with pytest.raises(AudiodiffError, match=r"lr=0\.5: step \d+ has loss .*; start lower"):
        train(config, [clips], tmp_path / "run", stop=Stop(), resume=False, say=print)
    assert not (tmp_path / "run" / "model").exists()


def test_a_run_that_is_stopped_at_an_evaluation_measures(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    out, said = tmp_path / "run", []
    config = read_train_config(config_path, ["eval_every=1", "steps=2"])
    for done in (1, 2):
        stop = Stop(minutes=0.0)
        assert train(config, [clips], out, stop=stop, resume=True, say=said.append) == done
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if "dev/loss" in record] == [1, 2]
    # It says that it goes on only where it does.
    assert sum("stopped after step" in line for line in said) == 1
    train(config, [clips], out, stop=Stop(), resume=True, say=said.append)
    assert said[-1] == "nothing to do: step 2 of 2 is done"


def test_a_run_of_minutes_measures_at_its_end(
    config_path: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, said = tmp_path / "run", []
    config = read_train_config(config_path, ["eval_every=1000", "steps=1000", "minutes=1"])
    left = chain([60.0], repeat(0.0))
    monkeypatch.setattr(Course, "left", property(lambda _: next(left)))
    assert train(config, [clips], out, stop=Stop(), resume=False, say=said.append) == 1
    line, measured = said[-2:]
    assert line.startswith("step 1/1000 ")
    assert line.endswith("ETA 0:00:00")
    assert measured.startswith("step 1  dev loss")
    assert (out / "state.safetensors").exists()


def test_lines_come_by_time_too(
    config_path: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audiodiff.training.reporter.SECONDS", 0.0)
    said: list[str] = []
    config = read_train_config(config_path, [*FEW_FIGURES, "log_every=100", "steps=3"])
    train(config, [clips], tmp_path / "run", stop=Stop(), resume=False, say=said.append)
    lines = [line for line in said if line.startswith("step ") and "loss" in line]
    assert [line.split()[1] for line in lines if "steps/s" in line] == ["1/3", "2/3", "3/3"]
    assert [record["step"] for record in read_log(tmp_path / "run")] == [3]


def test_a_run_has_one_process(config_path: Path, clips: Path, tmp_path: Path) -> None:
    config = read_train_config(config_path, FEW_FIGURES)
    with (
        own(tmp_path / "run", config),
        pytest.raises(AudiodiffError, match="another process trains in .*run; wait until it ends"),
    ):
        train(config, [clips], tmp_path / "run", stop=Stop(), resume=True, say=print)


def test_a_run_off_the_main_thread_needs_no_signals(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    config = read_train_config(config_path, [*FEW_FIGURES, "steps=1"])
    run = functools.partial(train, config, [clips], tmp_path / "run", resume=False, say=print)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, stop=Stop()).result() == 1
