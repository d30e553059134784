import functools
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from contracts import noise
from killing import kill_once
from small_models import TRAINING

from audiodiff.diffusion.noise import white_noise
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.model.weights import load_tensors, save_tensors
from audiodiff.pipelines.generator import Generator
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.training.config import TrainConfig, read_train_config
from audiodiff.training.objectives.contract import Batch
from audiodiff.training.objectives.diffusion import DEV_TIMES, DiffusionLoss, TimesConfig
from audiodiff.training.session import Stop
from audiodiff.training.state import Average, Progress, load_state, save_state
from audiodiff.training.trainer import train

BAND_SPLIT = (
    '{ kind = "band-split", bands = [[16, 16], [32, 8]], n_channels = 16, n_layers = 2, '
    "n_mel_channels = 16 }"
)
STFT = [
    "loss=l2",
    "above_f_max=0.2",
    "times.kind=logit-normal",
    "data.margin_frames=2",
    "data.speed=0.1",
    "optimizer.kind=muon",
    "optimizer.weight_decay=0.1",
    "model.codec.kind=stft",
    f"model.network={BAND_SPLIT}",
    "model.prior.kind=mel-envelope",
    "model.schedule.kind=rectified-flow",
    "model.sampling.mel_passes=1",
]
"""What makes the tiny run one at STFT-frame rate, with all that the recipe uses."""

FEW_FIGURES = ["checkpoint_every=100", "eval_every=100"]
"""What leaves out most of the drawing, which takes longer than the steps."""

EPS_SCHEDULE = "model.schedule.kind=linear"
"""A schedule with some signal everywhere, which eps needs."""


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TRAINING)
    return path


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        tone = np.sin(np.arange(16000) * 2 * np.pi * (110 + 40 * i) / 22050)
        wave = 0.1 * tone * (1 + 0.1 * rng.standard_normal(16000))
        soundfile.write(folder / f"{i}.wav", wave, 22050)
    (folder / "broken.wav").write_bytes(b"not sound")
    return folder


def run_cli(config: Path, clips: Path, out: Path, *more: str) -> list[str]:
    words = ["train", str(config), "--data", str(clips), "--out", str(out), *more]
    return ["-m", "audiodiff", *words]


ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def run(config: Path, clips: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *run_cli(config, clips, out, *more)],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("state.safetensors", "model/model.safetensors"):
        tensors, metadata = load_tensors(one / name)
        others, other_metadata = load_tensors(other / name)
        assert metadata == other_metadata
        assert tensors.keys() == others.keys()
        for key, tensor in tensors.items():
            assert torch.equal(tensor, others[key]), key


@pytest.mark.slow
def test_killed_twice_it_ends_as_if_never_interrupted(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = run(config_path, clips, whole)
    assert done.returncode == 0, done.stderr
    assert "broken.wav" in done.stderr
    state = killed / "state.safetensors"

    def saved() -> int:
        return state.stat().st_mtime_ns if state.exists() else 0

    for _ in range(2):
        before = saved()
        process = subprocess.Popen(
            [sys.executable, *run_cli(config_path, clips, killed, "--resume")],
            env=ONE_THREAD,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # As soon as one more checkpoint is there, in the middle of whatever comes next.
        kill_once(lambda before=before: saved() != before, process)
    steps = json.loads(load_tensors(state)[1]["progress"])["step"]
    assert 0 < steps < 12
    again = run(config_path, clips, killed, "--resume")
    assert again.returncode == 0, again.stderr
    assert f"continuing after step {steps}" in again.stderr
    assert_same_run(whole, killed)
    assert [record["step"] for record in read_log(killed)] == [4, 8, 12]


@pytest.mark.slow
def test_two_processes_draw_what_one_does_with_twice_the_batch(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    more = ("--max-steps", "6", "--set", "log_every=1")
    more += tuple(word for setting in FEW_FIGURES for word in ("--set", setting))
    single = run(config_path, clips, one, *more, "--set", "batch_size=4")
    assert single.returncode == 0, single.stderr
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    launched = subprocess.run(
        [sys.executable, *launcher, *run_cli(config_path, clips, two, *more)],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert launched.returncode == 0, launched.stderr[-3000:]
    # The weights themselves part where a gradient is all rounding: Adam takes its sign.
    for name in ("train/loss", "train/gradient_norm"):
        ours, theirs = ([record[name] for record in read_log(out)] for out in (one, two))
        assert len(ours) == 6
        np.testing.assert_allclose(theirs, ours, rtol=1e-4)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_started_again(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    psutil = pytest.importorskip("psutil")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node", "2", "--max-restarts", "1"]
    # A store that all attempts share tells the new processes the addresses of those that are gone
    # (pytorch/pytorch#135712): they wait for each other without end.
    rarely = ("--set", "checkpoint_every=6", "--set", "eval_every=100")
    environment = ONE_THREAD | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for out in (whole, killed):
        said = out.with_suffix(".log")
        with said.open("w") as stderr:
            process = subprocess.Popen(
                [*launcher, *run_cli(config_path, clips, out, "--resume", *rarely)],
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
    assert_same_run(whole, killed)
    assert [record["step"] for record in read_log(killed)] == [4, 8, 12]


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
    assert len(index.splits["train"]) == 3
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


def read_log(out: Path) -> list[dict]:
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [record for record in records if "train/loss" in record]


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
    # Nothing stands in the way of another try.
    assert not out.exists()
    assert run() == 1


def test_a_run_is_resumed_on_its_own_clips_only(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    config = read_train_config(config_path)
    train(config, [clips], out, stop=Stop(step=2), resume=False, say=print)
    soundfile.write(clips / "more.wav", np.zeros(16000), 22050)
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
    save_state(tmp_path / "state.safetensors", network, average, optimizer, progress)
    start = Progress(step=0, items=0, clips=["a"])
    loaded = load_state(tmp_path / "state.safetensors", network, average, optimizer, start)
    assert loaded == progress


def test_an_unconditional_model_trains_too(config_path: Path, clips: Path, tmp_path: Path) -> None:
    config = read_train_config(config_path, ["steps=2", "model.prior.kind=unit"])
    settings = config.model_dump(mode="json")
    settings["model"]["mel"] = settings["model"]["network"]["n_mels"] = None
    out = tmp_path / "run"
    config = TrainConfig.parse(settings, "test")
    assert train(config, [clips], out, stop=Stop(), resume=False, say=print) == 2
    assert Generator.from_pretrained(out / "model").generate(500).shape == (1, 500)


def test_a_diverging_run_stops_and_keeps_its_last_checkpoint(
    config_path: Path, clips: Path, tmp_path: Path
) -> None:
    config = read_train_config(
        config_path, ["optimizer.lr=1e30", "optimizer.warmup=0", "log_every=1"]
    )
    with pytest.raises(AudiodiffError, match=r"at step \d+; start again .* below 1e\+30"):
        train(config, [clips], tmp_path / "run", stop=Stop(), resume=False, say=print)
    assert not (tmp_path / "run" / "model").exists()


def objective_of(config_path: Path, *settings: str) -> DiffusionLoss:
    config = read_train_config(config_path, ["loss=l2", *settings])
    return config.objective.build(Model(config.model), config.setting)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["eps", "v", "x0"])
def test_the_model_fits_one_batch(target: str, config_path: Path) -> None:
    torch.manual_seed(0)
    sizes = ("model.network.n_channels=16", "model.network.n_layers=6")
    objective = objective_of(config_path, EPS_SCHEDULE, f"model.target={target}", *sizes)
    optimizer = torch.optim.Adam(objective.parameters(), 2e-3)
    t = torch.arange(1024) / 22050
    wave = torch.stack([0.2 * torch.sin(2 * torch.pi * f * t) for f in (220, 500, 900, 1500)])
    batch = Batch(wave, {}, seed=0, first=0)
    losses = []
    for _ in range(150):
        loss, _ = objective(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    # Not the last one: at a rate that is quick, Adam may jump out again.
    assert min(losses) < 0.35 * losses[0]


def test_priorgrads_loss_is_its_formula(config_path: Path) -> None:
    torch.manual_seed(0)
    objective = objective_of(config_path, EPS_SCHEDULE, "model.target=eps")
    model = objective.model
    torch.nn.init.normal_(model.network.output.weight)
    wave = torch.randn(2, 2048) / 10
    batch = Batch(wave, {}, seed=3, first=0)
    loss, _ = objective(batch)
    mel = model.log_mel(batch.wave)
    t = objective.times.at(batch.places, model.schedule.t_min)
    white = torch.stack([white_noise((3, place), (2048,)) for place in batch.places])
    std = model.prior.color(torch.ones_like(batch.wave), model.prior.condition({"mel": mel}))
    eps = std * white
    alpha = model.schedule.alpha(t).float()[:, None]
    sigma = model.schedule.sigma(t).float()[:, None]
    x_t = alpha * batch.wave + sigma * eps
    level = model.network.level(model.schedule, t)
    y = std * model.network(x_t / std, level, model.network.condition({"mel": mel}))
    torch.testing.assert_close(loss, (((eps - y) / std) ** 2).mean())


@pytest.mark.parametrize("settings", [[], STFT])
def test_margins_are_heard_but_not_learned_from(config_path: Path, settings: list[str]) -> None:
    wave, white = noise(2, 2, 24 * 256) / 10
    t = torch.full((2,), 0.5, dtype=torch.float64)
    others = [x.clone() for x in (wave, white)]
    for x in others:
        x[:, :512] = x[:, -512:] = 0
    for margin, same in ((4, True), (0, False)):
        torch.manual_seed(0)
        objective = objective_of(config_path, *settings, f"data.margin_frames={margin}")
        loss, other = (objective.at(x, {}, t, eps) for x, eps in ((wave, white), others))
        assert torch.equal(loss, other) is same


def test_frequencies_above_the_mels_weigh_what_the_config_says(config_path: Path) -> None:
    wave, white = noise(2, 2, 24 * 256) / 10
    t = torch.full((2,), 0.5, dtype=torch.float64)
    changes = []
    for weight in (0.0, 0.2, 1.0):
        torch.manual_seed(0)
        objective = objective_of(config_path, *STFT, f"above_f_max={weight}")
        weights = objective.get_buffer("weight")[:, 0]
        assert weights.mean().item() == pytest.approx(1)
        # Bin 371 lies under 8000 Hz, bin 372 above.
        torch.testing.assert_close(weights[:372], weights[0].expand(372))
        torch.testing.assert_close(weights[372:], weight * weights[0].expand(140))
        high = torch.sin(2 * torch.pi * 10000 * torch.arange(24 * 256) / 22050)
        loss, other = (objective.at(x, {}, t, white).mean() for x in (wave, wave + high))
        changes.append((other / loss - 1).item())
    assert abs(changes[0]) < 1e-4
    assert 0.01 < changes[1] < 0.5 * changes[2]


def test_losses_do_not_depend_on_how_batches_are_cut(config_path: Path) -> None:
    objective = objective_of(config_path)
    wave = 0.1 * noise(6, 2048)
    whole = objective.per_item(Batch(wave, {}, seed=1, first=10))
    part = objective.per_item(Batch(wave[2:5], {}, seed=1, first=12))
    torch.testing.assert_close(part, whole[2:5])
    counts = torch.histc(TimesConfig().at(range(1000), 0.0), 10, 0, 1)
    assert counts.min() >= 98
    assert counts.max() <= 102


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.4, 1.0), (-1.0, 0.5)])
def test_logit_normal_times_have_its_quantiles(mean: float, std: float) -> None:
    config = TimesConfig(kind="logit-normal", mean=mean, std=std)
    t = config.at(range(4000), 0.0)
    assert t.dtype == torch.float64
    assert ((t > 0) & (t < 1)).all()
    for z in (-2.0, -1.0, 0.0, 1.0, 2.0):
        part = (1 + math.erf(z / math.sqrt(2))) / 2
        expected = 1 / (1 + math.exp(-(mean + std * z)))
        assert t.quantile(part).item() == pytest.approx(expected, abs=0.005)
    late = config.at(range(4000), 0.3)
    torch.testing.assert_close(late, 0.3 + 0.7 * t)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["batch_sise=3"], "batch_sise"),
        (["steps=none"], "steps"),
        (["steps"], "give key=value"),
        (["steps.more=1"], "steps is a value"),
        (["data.crop_frames=1"], "crop_frames=1 is 256 samples"),
        (["data.gain_db=[3.0, -3.0]"], "least level first"),
        (["optimizer.kind=sgd"], "optimizer.kind: input should be 'adamw' or 'muon'"),
        (
            ["times.kind=normal"],
            "objective.times.kind: input should be 'uniform' or 'logit-normal'",
        ),
        (["times.std=0"], "objective.times.std: input should be greater than 0"),
    ],
)
def test_a_bad_setting_is_named(config_path: Path, settings: list[str], words: str) -> None:
    with pytest.raises(AudiodiffError, match=words):
        read_train_config(config_path, settings)


def test_settings_lie_over_the_file(config_path: Path) -> None:
    config = read_train_config(config_path, ["optimizer.lr=3e-5", "model.target=x0"])
    assert config.optimizer.lr == 3e-5
    assert config.model.target == "x0"
    assert config.steps == 12


def test_a_bad_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="no such config"):
        read_train_config(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(AudiodiffError, match=r"bad.toml is not TOML"):
        read_train_config(tmp_path / "bad.toml")
