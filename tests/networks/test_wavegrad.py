from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from contracts import noise
from parity.lmnt import ruled_weights

from audiodiff.diffusion.schedules import LinearBetas
from audiodiff.errors import AudiodiffError
from audiodiff.importers.lmnt import from_lmnt_wavegrad
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.networks.wavegrad import WaveGrad, WaveGradConfig
from audiodiff.pipelines.vocoder import Vocoder
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

SMALL = WaveGradConfig(n_channels=2, n_mels=8, upsample_factors=(4, 4, 2, 2, 2))


@pytest.fixture(scope="module")
def lmnt(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, dict]:
    """The recorded network through the importer, and its recorded outputs."""
    weights, _ = ruled_weights(shared / "parity" / "wavegrad.json", gain=1.5)
    path = tmp_path_factory.mktemp("lmnt") / "weights.pt"
    torch.save({"model": weights, "params": {"sample_rate": 24000}, "step": 0}, path)
    return from_lmnt_wavegrad(path).eval(), dict(np.load(shared / "parity" / "wavegrad.npz"))


def test_the_network_agrees_with_lmnt(lmnt: tuple[Model, dict]) -> None:
    model, recorded = lmnt
    with torch.no_grad():
        cond = model.network.condition({"mel": torch.from_numpy(recorded["mel"])})
        for level, expected in zip(recorded["noise_level"], recorded["eps"], strict=True):
            eps = model.network(
                torch.from_numpy(recorded["x"]), torch.tensor([float(level)]).double(), cond
            )
            assert np.abs(eps[0].numpy() - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_imported_model_vocodes(lmnt: tuple[Model, dict]) -> None:
    model, recorded = lmnt
    assert sum(p.numel() for p in model.network.parameters()) == 15_920_993
    vocoder = Vocoder(model)
    assert (vocoder.sample_rate, vocoder.hop_length, vocoder.n_mels) == (24000, 300, 128)
    wave = vocoder(torch.from_numpy(recorded["mel"])[..., :4], n_steps=1)
    assert wave.shape == (1, 1200)
    assert wave.isfinite().all()


def test_a_checkpoint_of_other_keys_is_refused_by_name(tmp_path: Path, shared: Path) -> None:
    weights, _ = ruled_weights(shared / "parity" / "wavegrad.json", gain=1.5)
    params = {"params": {"sample_rate": 22050}}
    more = weights | {"surprise.weight": torch.zeros(1)}
    torch.save({"model": more} | params, tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match=r"surprise.weight is unknown"):
        from_lmnt_wavegrad(tmp_path / "a.pt")
    del weights["film.3.output_conv.bias"]
    torch.save({"model": weights} | params, tmp_path / "b.pt")
    with pytest.raises(AudiodiffError, match=r"film.3.output.bias is missing"):
        from_lmnt_wavegrad(tmp_path / "b.pt")
    torch.save({"model": weights}, tmp_path / "d.pt")
    with pytest.raises(AudiodiffError, match=r"lacks params\['sample_rate'\]"):
        from_lmnt_wavegrad(tmp_path / "d.pt")
    torch.save({"a": torch.zeros(1)}, tmp_path / "c.pt")
    with pytest.raises(AudiodiffError, match="holds no LMNT WaveGrad"):
        from_lmnt_wavegrad(tmp_path / "c.pt")


def test_nothing_reaches_further_than_the_receptive_radius() -> None:
    torch.manual_seed(0)
    network, hop = WaveGrad(SMALL).double(), SMALL.hop_length
    frame = SMALL.receptive_radius + 3
    n = 2 * frame + 1
    x, mel = noise(1, n * hop).double(), noise(1, 8, n, seed=1).double()
    level = torch.tensor([0.5], dtype=torch.float64)
    base = network(x, level, network.condition({"mel": mel}))
    changed_mel, changed_x = mel.clone(), x.clone()
    changed_mel[..., frame] += 1
    changed_x[..., frame * hop : (frame + 1) * hop] += 1
    for other in (
        network(x, level, network.condition({"mel": changed_mel})),
        network(changed_x, level, network.condition({"mel": mel})),
    ):
        touched = (other != base)[0].nonzero()[:, 0] // hop
        assert frame - SMALL.receptive_radius <= touched.min() < frame
        assert frame < touched.max() <= frame + SMALL.receptive_radius


def test_it_trains(tmp_path: Path) -> None:
    values = {
        "steps": 2,
        "batch_size": 2,
        "data": {"crop_frames": 10},
        "model": {
            "sample_rate": 22050,
            "mel": "hifigan",
            "network": SMALL.model_dump() | {"n_mels": 80, "upsample_factors": (4, 4, 4, 2, 2)},
            "schedule": {"kind": "linear", "n_steps": 1000, "beta_start": 1e-6, "beta_end": 0.01},
            "target": "eps",
            "sampling": {"sampler": "ddpm", "times": [1.0, 0.5, 0.0]},
        },
    }
    (tmp_path / "clips").mkdir()
    for i in range(2):
        soundfile.write(tmp_path / f"clips/{i}.wav", 0.1 * noise(16000, seed=i).numpy(), 22050)
    config = TrainConfig.parse(values, "test")
    stop, out = Stop(), tmp_path / "run"
    assert train(config, [tmp_path / "clips"], out, stop=stop, resume=False, say=print) == 2
    wave = Vocoder.from_pretrained(out / "model")(torch.full((1, 80, 4), -6.0))
    assert wave.isfinite().all()


def test_the_level_is_the_schedules_alpha() -> None:
    schedule, t = LinearBetas(), torch.tensor([0.3, 0.9], dtype=torch.float64)
    assert torch.equal(WaveGrad(SMALL).level(schedule, t), schedule.alpha(t))


def test_a_hop_that_is_not_the_mels_is_refused() -> None:
    values = {
        "sample_rate": 22050,
        "mel": "hifigan",
        "network": {"kind": "wavegrad", "n_channels": 2, "n_mels": 80},
        "schedule": {"kind": "linear"},
        "target": "eps",
        "sampling": {"times": [1.0, 0.0]},
    }
    with pytest.raises(AudiodiffError, match="makes a hop of 300 but mel.hop_length=256"):
        ModelConfig.parse(values, "test")
    values["network"]["upsample_factors"] = [4, 4, 4, 2, 2]
    assert ModelConfig.parse(values, "test").hop_length == 256
