"""Importers beside LMNT's, which test_diffwave.py and test_wavegrad.py have."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from parity.lmnt import ruled_weights
from parity.philsyn import forward, random_state

from audiodiff.diffusion.times import PUBLISHED, from_betas
from audiodiff.errors import AudiodiffError
from audiodiff.importers.philsyn import from_bddm, from_philsyn_diffwave, with_bddm_schedule
from audiodiff.importers.speechbrain import from_speechbrain_diffwave
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS

PARITY = Path(__file__).parents[1] / "parity"
BDDM_7 = [1.3559e-4, 1.0096e-3, 8.77838e-3, 0.13596, 0.27756, 0.28931, 0.30]


def saved(tmp_path: Path, content: object) -> Path:
    torch.save(content, tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


def test_the_network_agrees_with_speechbrain(tmp_path: Path) -> None:
    weights, _ = ruled_weights(PARITY / "speechbrain.json")
    model = from_speechbrain_diffwave(saved(tmp_path, weights)).eval()
    recorded = np.load(PARITY / "speechbrain.npz")
    with torch.no_grad():
        cond = model.network.condition({"mel": torch.from_numpy(recorded["mel"])})
        for step, expected in zip(recorded["steps"], recorded["eps"], strict=True):
            level = torch.tensor([float(step)], dtype=torch.float64)
            eps = model.network(torch.from_numpy(recorded["x"]), level, cond)[0].numpy()
            assert np.abs(eps - expected).max() < 1e-4 * np.abs(expected).max()


def test_speechbrains_mel_is_its_own(tmp_path: Path) -> None:
    weights, _ = ruled_weights(PARITY / "speechbrain.json")
    mel = from_speechbrain_diffwave(saved(tmp_path, weights)).config.mel
    wave = 0.1 * torch.randn(1, 22050, generator=torch.Generator().manual_seed(0))
    plain = PRESETS["speechbrain"]
    magnitude = LogMel(plain)(wave).exp()
    expected = ((20 * magnitude.log10() - 20 + 100) / 100).clamp(0, 1)
    torch.testing.assert_close(LogMel(mel)(wave), expected, rtol=0, atol=1e-5)


def test_an_unknown_weight_of_speechbrains_is_refused_by_name(tmp_path: Path) -> None:
    weights, _ = ruled_weights(PARITY / "speechbrain.json")
    weights["surprise.conv.weight"] = torch.zeros(1)
    with pytest.raises(AudiodiffError, match=r"surprise\.weight is unknown"):
        from_speechbrain_diffwave(saved(tmp_path, weights))
    with pytest.raises(AudiodiffError, match="holds no SpeechBrain DiffWave"):
        from_speechbrain_diffwave(saved(tmp_path, {"model": torch.zeros(1)}))


@pytest.mark.parametrize(("width", "n_levels"), [(64, 50), (128, 200)])
def test_the_network_agrees_with_philsyns_description(
    tmp_path: Path, width: int, n_levels: int
) -> None:
    state = random_state(width, 3)
    model = from_philsyn_diffwave(saved(tmp_path, {"iter": 1, "model_state_dict": state})).eval()
    assert model.network.config.n_levels == n_levels
    generator = torch.Generator().manual_seed(1)
    x, mel = (
        torch.randn(2, 1, 1024, generator=generator),
        torch.randn(2, 80, 4, generator=generator),
    )
    with torch.no_grad():
        for step in (0.0, 12.5, 49.0):
            expected = forward(state, x, step, mel)[:, 0]
            level = torch.full((2,), step, dtype=torch.float64)
            eps = model.network(x[:, 0], level, model.network.condition({"mel": mel}))
            assert (eps - expected).abs().max() < 1e-4 * expected.abs().max()


def test_an_unconditional_one_has_no_mel(tmp_path: Path) -> None:
    model = from_philsyn_diffwave(saved(tmp_path, random_state(64, 2, conditional=False)))
    assert model.config.mel is None
    with torch.no_grad():
        assert model.network(torch.zeros(1, 64), torch.zeros(1).double(), ()).shape == (1, 64)


def test_bddm_keeps_its_schedule_and_leaves_its_scheduler(tmp_path: Path) -> None:
    state = random_state(128, 2) | {"schedule_net.ratio_nn.0.weight": torch.zeros(1)}
    model = from_bddm(saved(tmp_path, {"model_state_dict": state}))
    assert tuple(BDDM_7) == PUBLISHED["bddm"]
    torch.testing.assert_close(model.times(), from_betas(model.schedule, BDDM_7))
    with pytest.raises(AudiodiffError, match=r"schedule_net\.ratio_nn\.0\.weight is unknown"):
        from_philsyn_diffwave(tmp_path / "weights.pt")


def test_a_schedule_that_bddm_saved_is_read(tmp_path: Path) -> None:
    model = from_bddm(saved(tmp_path, random_state(128, 2)))
    betas = torch.tensor(BDDM_7[:6])
    torch.save([torch.arange(6.0), (1 - betas).cumprod(0).sqrt(), betas, betas], tmp_path / "6.ns")
    changed = with_bddm_schedule(model, tmp_path / "6.ns")
    expected = from_betas(model.schedule, BDDM_7[:6])
    torch.testing.assert_close(changed.times(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(changed.network.input.weight, model.network.input.weight)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (torch.zeros(4), "is not a schedule of BDDM's"),
        ([torch.zeros(2)] * 3, "is not a schedule of BDDM's"),
        ([torch.zeros(2)] * 4, "every beta lies between 0 and 1"),
        ([torch.full((2,), 0.9)] * 4, "outside the trained"),
    ],
)
def test_what_is_no_schedule_is_refused(tmp_path: Path, content: object, words: str) -> None:
    model = from_bddm(saved(tmp_path, random_state(128, 2)))
    torch.save(content, tmp_path / "a.ns")
    with pytest.raises(AudiodiffError, match=words):
        with_bddm_schedule(model, tmp_path / "a.ns")


def test_a_schedule_that_is_not_there_is_refused(tmp_path: Path) -> None:
    model = from_bddm(saved(tmp_path, random_state(128, 2)))
    with pytest.raises(AudiodiffError, match=r"nope.ns: no such schedule"):
        with_bddm_schedule(model, tmp_path / "nope.ns")


def test_a_width_whose_schedule_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="96 residual and 96 skip channels"):
        from_philsyn_diffwave(saved(tmp_path, random_state(96, 2)))
    with pytest.raises(AudiodiffError, match="holds no DiffWave of philsyn's form"):
        from_philsyn_diffwave(saved(tmp_path, {"model": torch.zeros(1)}))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_that_a_wrapper_gave_are_read(tmp_path: Path, prefix: str) -> None:
    state = random_state(64, 2)
    wrapped = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    expected = from_philsyn_diffwave(saved(tmp_path, {"model_state_dict": state}))
    found = from_philsyn_diffwave(saved(tmp_path, {"model_state_dict": wrapped}))
    torch.testing.assert_close(found.state_dict(), expected.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: torch.tensor(1.0), "is not an array of floats that the file holds whole"),
        (lambda w: torch.zeros(1).expand(10**6, 10**6), "is not an array of floats that the file "),
        (lambda w: w.to(torch.float8_e4m3fn), r"\(its type is float8_e4m3fn\); fetch"),
        (lambda w: w.to(torch.int16), r"\(its type is int16\); fetch"),
        (lambda w: w.to("meta"), "is not an array of floats that the file holds whole"),
        (lambda w: w[:, :5], "weights whose shapes do not fit each other"),
        (lambda w: w.flatten(), "weights whose shapes do not fit each other"),
        (
            lambda w: torch.cat([w, w]),
            r"mel_projection.weight has shape \(96, 80, 1\), not \(80, 80, 1\)",
        ),
    ],
)
def test_misshapen_weights_are_one_sentence(
    tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor], words: str
) -> None:
    weights, _ = ruled_weights(PARITY / "speechbrain.json")
    name = "residual_layers.0.conditioner_projection.conv.weight"
    weights[name] = change(weights[name])
    with pytest.raises(AudiodiffError, match=words):
        from_speechbrain_diffwave(saved(tmp_path, weights))
