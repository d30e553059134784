import pytest
import torch
from small_models import small_stft_config

from audiodiff.diffusion.schedules import RectifiedFlow
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.networks.bandsplit import BandSplit, BandSplitConfig, BandSplitNet
from audiodiff.training.config import OptimizerConfig, TrainConfig
from audiodiff.training.objectives import Batch, DiffusionConfig
from audiodiff.training.optimizers import build_optimizer

SMALL = BandSplitConfig(bands=((4, 3), (8, 2)), n_channels=16, n_layers=5, n_mel_channels=16)
LEVEL = torch.tensor([0.3, -1.0])


def small_network() -> BandSplitNet:
    """With random weights where a new network has zeros."""
    torch.manual_seed(0)
    network = BandSplitNet(SMALL)
    for layer in network.bands.merge:
        torch.nn.init.normal_(layer.weight, std=0.3)
    return network


def test_a_new_network_says_nothing_of_its_input() -> None:
    torch.manual_seed(0)
    network = BandSplitNet(SMALL)
    x = torch.randn(2, 2, SMALL.n_bins, 7)
    y = network(x, LEVEL, network.condition({"mel": torch.randn(2, 80, 7)}))
    assert y.shape == x.shape
    # The biases of the last layer: the same for every input, and zero without them.
    assert torch.equal(
        y, network(-x, LEVEL.flip(0), network.condition({"mel": torch.randn(2, 80, 7)}))
    )
    for layer in network.bands.merge:
        torch.nn.init.zeros_(layer.bias)
    assert not network(x, LEVEL, network.condition({"mel": torch.randn(2, 80, 7)})).any()


def test_the_defaults_have_the_size_they_promise() -> None:
    config = BandSplitConfig()
    network = BandSplitNet(config)
    assert (config.n_bins, config.n_bands) == (512, 56)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(1.1e6, rel=0.02)


def test_frames_reach_as_far_as_the_receptive_radius_and_no_further() -> None:
    network = small_network().double()
    frame = SMALL.receptive_radius + 3
    n_frames = 2 * frame + 1
    x = torch.randn(1, 2, SMALL.n_bins, n_frames, dtype=torch.float64)
    mel = torch.randn(1, 80, n_frames, dtype=torch.float64)
    base = network(x, LEVEL[:1], network.condition({"mel": mel}))
    changed_mel, changed_x = mel.clone(), x.clone()
    changed_mel[..., frame] += 1
    changed_x[..., frame] += 1
    # The mel passes through a convolution of its own, of two frames on either side.
    for other, radius in (
        (network(x, LEVEL[:1], network.condition({"mel": changed_mel})), SMALL.receptive_radius),
        (
            network(changed_x, LEVEL[:1], network.condition({"mel": mel})),
            SMALL.receptive_radius - 2,
        ),
    ):
        touched = (other != base).flatten(0, 2).any(0).nonzero()[:, 0]
        assert touched.min() == frame - radius
        assert touched.max() == frame + radius


def test_every_input_matters() -> None:
    network = small_network()
    x, mel = torch.randn(2, 2, 28, 9), torch.randn(2, 80, 9)
    base = network(x, LEVEL, network.condition({"mel": mel}))
    for other in (
        network(-x, LEVEL, network.condition({"mel": mel})),
        network(x, LEVEL + 0.5, network.condition({"mel": mel})),
        network(x, LEVEL, network.condition({"mel": -mel})),
    ):
        assert (other - base).abs().mean() > 1e-3


def test_a_band_holds_its_own_bins_and_goes_back_to_them() -> None:
    bands = BandSplit(SMALL)
    with torch.no_grad():
        bands.embedding.zero_()
        for split, merge in zip(bands.split, bands.merge, strict=True):
            torch.nn.init.eye_(split.weight)
            torch.nn.init.eye_(merge.weight)
            split.bias.zero_()
            merge.bias.zero_()
        x = torch.randn(2, 2, SMALL.n_bins, 5)
        h = bands(x)
        assert h.shape == (2, 16, 5, 5)
        start, sizes = 0, [4, 4, 4, 8, 8]
        for band, size in enumerate(sizes):
            own = x[:, :, start : start + size]
            assert torch.equal(h[:, : 2 * size, band], own.flatten(1, 2))
            assert not h[:, 2 * size :, band].any()
            start += size
        assert torch.equal(bands.back(h), x)


def test_the_level_is_half_the_log_snr_and_finite() -> None:
    t = torch.tensor([0.0, 0.5, 0.75, 1.0], dtype=torch.float64)
    level = BandSplitNet(SMALL).level(RectifiedFlow(), t)
    expected = torch.tensor([10, 0, -torch.tensor(3.0).log(), -10], dtype=torch.float64)
    torch.testing.assert_close(level, expected, rtol=0, atol=1e-6)


def test_a_width_that_is_no_multiple_of_16_is_refused() -> None:
    with pytest.raises(AudiodiffError, match="n_channels: input should be a multiple of 16"):
        BandSplitConfig.parse({"n_channels": 24}, "network")


BANDS = {"kind": "band-split", "n_channels": 16}
DIFFWAVE = {"kind": "diffwave", "n_channels": 4, "n_layers": 2}
WHITE = {"kind": "unit"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"network": BANDS | {"bands": [[4, 32]]}},
            "network.bands hold 128 bins but codec.n_fft=1024 makes 512",
        ),
        ({"codec": {"kind": "stft", "n_fft": 512}}, "codec.n_fft=512 makes 256"),
        ({"codec": {"kind": "stft", "n_fft": 1023}}, "n_fft must be even"),
        (
            {"codec": {"kind": "waveform"}, "prior": WHITE},
            "network.kind='band-split' needs codec.kind='stft'",
        ),
        ({"network": DIFFWAVE}, "network.kind='diffwave' needs codec.kind='waveform'"),
        (
            {"prior": {"kind": "mel-spectral"}},
            "prior.kind='mel-spectral' works on codec.kind=waveform, not 'stft'",
        ),
        ({"mel": None, "prior": WHITE}, "network.n_mels=80 but the mel has none"),
        (
            {"sampling": {"times": [1.0, 0.0], "mel_passes": -1}},
            "sampling.guidance.0.n_passes: input should be greater than 0",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_one_sentence(changes: dict, words: str) -> None:
    with pytest.raises(AudiodiffError, match=words) as refusal:
        small_stft_config(**changes)
    assert ";" not in str(refusal.value)


def test_a_prior_of_spectra_is_none_for_waves() -> None:
    waveform = {"codec": {"kind": "waveform"}, "network": DIFFWAVE}
    with pytest.raises(AudiodiffError, match="works on codec.kind=stft, not 'waveform'"):
        small_stft_config(**waveform)


def test_the_model_fits_one_batch() -> None:
    network = BANDS | {"bands": [[16, 8], [32, 4]], "n_channels": 32, "n_layers": 4}
    config = TrainConfig(
        model=small_stft_config(network=network, codec={"kind": "stft", "n_fft": 512}),
        objective=DiffusionConfig(loss="l2"),
        optimizer=OptimizerConfig(kind="muon", lr=0.02, adamw_lr=1e-2),
    )
    torch.manual_seed(0)
    objective = config.objective.build(Model(config.model), config.setting)
    optimizer = build_optimizer(objective.model.network, config.optimizer)
    t = torch.arange(8 * 256) / 22050
    wave = torch.stack([0.2 * torch.sin(2 * torch.pi * f * t) for f in (220, 900)])
    batch = Batch(wave, {}, seed=0, first=0)
    losses = []
    for _ in range(60):
        loss, _ = objective(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
