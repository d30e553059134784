import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from parity.lmnt import ruled_weights

from audiodiff.diffusion.times import from_betas
from audiodiff.errors import AudiodiffError
from audiodiff.importers.lmnt import from_lmnt_diffwave
from audiodiff.model import Model, Run
from audiodiff.networks.diffwave import DiffWave, DiffWaveConfig
from audiodiff.samplers.loop import sample

SMALL = DiffWaveConfig(n_channels=4, n_layers=3, dilation_cycle=2)


@pytest.fixture(scope="module")
def lmnt(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, dict]:
    """The recorded network through the importer, and its recorded outputs."""
    weights, record = ruled_weights(shared / "parity" / "diffwave.json")
    path = tmp_path_factory.mktemp("lmnt") / "weights.pt"
    torch.save({"model": weights, "params": record["params"], "step": 0}, path)
    return from_lmnt_diffwave(path).eval(), dict(np.load(shared / "parity" / "diffwave.npz"))


def test_the_network_agrees_with_lmnt(lmnt: tuple[Model, dict]) -> None:
    model, recorded = lmnt
    with torch.no_grad():
        cond = model.network.condition({"mel": torch.from_numpy(recorded["mel"])})
        for step, expected in zip(recorded["steps"], recorded["eps"], strict=True):
            level = torch.tensor([float(step)], dtype=torch.float64)
            eps = model.network(torch.from_numpy(recorded["x"]), level, cond)[0].numpy()
            assert np.abs(eps - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_mel_is_upsampled_in_single_precision_under_autocast() -> None:
    torch.manual_seed(0)
    network, mel = DiffWave(SMALL), torch.randn(1, 80, 3)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        cast = network.upsampler(mel)
        assert network.condition({"mel": mel})[0].dtype == torch.bfloat16
    with torch.no_grad():
        assert torch.equal(cast, network.upsampler(mel))


def test_the_sampler_agrees_with_lmnt(lmnt: tuple[Model, dict]) -> None:
    model, recorded = lmnt
    noises = torch.from_numpy(recorded["fast_noise"])
    times = model.times(Run(n_steps=len(noises)))
    assert len(noises) == 6

    def tape(like: torch.Tensor, step: int) -> torch.Tensor:
        # The last step draws nothing: its standard deviation is zero.
        return noises[step][None] if step < len(noises) else torch.zeros_like(like)

    cond = {"mel": torch.from_numpy(recorded["mel"])}
    with torch.no_grad():
        *_, wave = sample(
            model.context(cond, 3072).denoiser(cond),
            model.schedule,
            model.sampler(),
            times,
            tape,
            torch.empty(1, 3072),
        )
    assert np.abs(wave.numpy() - recorded["fast_wave"]).max() < 1e-3


def test_the_imported_model_keeps_lmnts_fast_schedule(lmnt: tuple[Model, dict]) -> None:
    model, _ = lmnt
    expected = from_betas(model.schedule, [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5])
    torch.testing.assert_close(model.times(), expected)
    assert sum(p.numel() for p in model.network.parameters()) == 2_619_971


def test_a_checkpoint_with_an_unknown_key_is_refused_by_name(tmp_path: Path, shared: Path) -> None:
    weights, _ = ruled_weights(shared / "parity" / "diffwave.json")
    weights["surprise.weight"] = torch.zeros(1)
    torch.save(weights, tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match="surprise.weight is unknown"):
        from_lmnt_diffwave(tmp_path / "a.pt")


def test_a_checkpoint_without_a_key_is_refused_by_name(tmp_path: Path, shared: Path) -> None:
    weights, _ = ruled_weights(shared / "parity" / "diffwave.json")
    del weights["residual_layers.3.conditioner_projection.bias"]
    torch.save(weights, tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match=r"mel_projection.bias is missing"):
        from_lmnt_diffwave(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": torch.zeros(1)}, "no weights by name"),
        ({1: torch.zeros(1)}, "no weights by name"),
        ({"model": {}, "params": [1]}, "params of .* does not fit: "),
        ({"model": {"a": torch.zeros(1)}}, "residual_layers.0... is missing"),
        ({"params": {"sample_rate": 24000}}, "sample_rate=24000, not LMNT's 22050"),
        ({"params": {"noise_schedule": [2.0, 0.1]}}, "every beta lies between 0 and 1"),
        ({"params": {"noise_schedule": "linear"}}, "params of .*noise_schedule"),
    ],
)
def test_a_checkpoint_that_is_none_of_lmnts_is_refused(
    tmp_path: Path, shared: Path, content: dict, words: str
) -> None:
    weights, _ = ruled_weights(shared / "parity" / "diffwave.json")
    whole = {"model": weights} | content if "params" in content else content
    torch.save(whole, tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match=words):
        from_lmnt_diffwave(tmp_path / "a.pt")


class Malice:
    def __reduce__(self) -> tuple:
        return sys.exit, (3,)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"model": Malice()}, tmp_path / "a.pt")
    with pytest.raises(AudiodiffError, match="weights-only"):
        from_lmnt_diffwave(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(AudiodiffError, match="a.pt cannot be read"):
        from_lmnt_diffwave(tmp_path / "a.pt")


@pytest.mark.parametrize("factors", [(16, 16), (4, 4, 4), (3, 5, 20), (7,)])
def test_any_hop_by_its_factors(factors: tuple[int, ...]) -> None:
    config = SMALL.model_copy(update={"upsample_factors": factors})
    network = DiffWave(config)
    cond = network.condition({"mel": torch.randn(2, 80, 5)})
    n_samples = 5 * int(np.prod(factors))
    assert config.hop_length == np.prod(factors)
    out = network(torch.randn(2, n_samples), torch.tensor([3.0, 7.5]), cond)
    assert out.shape == (2, n_samples)


def test_an_unconditional_network_takes_no_mel() -> None:
    network = DiffWave(SMALL.model_copy(update={"n_mels": None}))
    assert network.condition({}) == ()
    assert not [name for name, _ in network.named_parameters() if "mel" in name]
    assert network(torch.randn(1, 1000), torch.tensor([3.0]), ()).shape == (1, 1000)


def test_the_published_large_network_has_its_published_size() -> None:
    large = DiffWave(DiffWaveConfig(n_channels=128, n_levels=200))
    assert sum(p.numel() for p in large.parameters()) == pytest.approx(6.91e6, rel=0.02)


def test_no_sample_depends_on_more_than_the_receptive_radius() -> None:
    torch.manual_seed(0)
    network = DiffWave(SMALL)
    torch.nn.init.normal_(network.output.weight)
    mel = torch.randn(1, 80, 21)
    x = torch.randn(1, 21 * 256)
    level = torch.tensor([10.0])
    changed_mel, changed_x = mel.clone(), x.clone()
    changed_mel[..., 10] += 1
    changed_x[:, 10 * 256 : 11 * 256] += 1
    base = network(x, level, network.condition({"mel": mel}))
    for other in (
        network(x, level, network.condition({"mel": changed_mel})),
        network(changed_x, level, network.condition({"mel": mel})),
    ):
        touched = (other != base)[0].nonzero()[:, 0] // 256
        assert touched.min() >= 10 - SMALL.receptive_radius
        assert touched.max() <= 10 + SMALL.receptive_radius
        assert 10 in touched
