"""Masks of crops, and the loss of what they hide."""

from typing import get_args

import numpy as np
import pytest
import torch
from contracts import noise
from small_models import infill_config

from audiodiff._types import Condition
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.training.config import TrainConfig
from audiodiff.training.objectives.contract import Batch
from audiodiff.training.objectives.diffusion import DiffusionConfig, DiffusionLoss
from audiodiff.training.objectives.masks import FLOORS, MaskKind, MasksConfig

N_FRAMES = 64
NETWORK = {"kind": "unet", "widths": [32], "n_blocks": 1, "frames": {"known": 160}}


def only(kind: str) -> MasksConfig:
    kinds = get_args(MaskKind)
    return MasksConfig(**{name: float(name == kind) for name in kinds})


def drawn(masks: MasksConfig, n: int = 200) -> torch.Tensor:
    """Masks of a state of zeros: 1 where it is known."""
    rngs = map(np.random.default_rng, range(n))
    return torch.stack([(masks.draw(rng, 80, N_FRAMES, 20) < 0).float() for rng in rngs])


def test_each_kind_of_mask_hides_what_it_says() -> None:
    gaps, end, bands, nothing = (drawn(only(kind)) for kind in ("gaps", "end", "bands", "all"))
    for masks in (gaps, end, bands, nothing):
        assert set(masks.unique().tolist()) <= {0.0, 1.0}
    assert (gaps[:, :1] == gaps).all()
    n_hidden = (1 - gaps[:, 0]).sum(1)
    assert n_hidden.min() == 1
    assert 20 < n_hidden.max() <= 60
    assert (end[:, :, :16] == 1).all()
    assert (end[:, :, -1] == 0).all()
    assert (end.diff(dim=2) <= 0).all()
    assert (bands[:, :26] == 1).all()
    assert (bands[:, -1] == 0).all()
    assert (bands.diff(dim=1) <= 0).all()
    assert not nothing.any()


def test_floors_differ_from_crop_to_crop_and_little_from_band_to_band() -> None:
    rngs = map(np.random.default_rng, range(200))
    floors = torch.stack([only("floor").draw(rng, 80, N_FRAMES, 20) for rng in rngs])
    assert (floors == floors[:, :, :1]).all()
    floors = floors[:, :, 0]
    assert floors[:, 0].std() == pytest.approx((FLOORS[1] - FLOORS[0]) / 12**0.5, rel=0.1)
    assert floors.diff(dim=1).std() == pytest.approx(0.1, rel=0.05)
    assert 0.5 < (floors[:, -1] - floors[:, 0]).std() < 1.5


def test_kinds_come_as_often_as_their_shares() -> None:
    masks = drawn(MasksConfig(gaps=0.5, end=0.1, bands=0.1, floor=0.0, all=0.3), 1000)
    nothing = (~masks.flatten(1).any(1)).float().mean().item()
    assert nothing == pytest.approx(0.3, abs=0.05)
    with pytest.raises(AudiodiffError, match=r"gaps, .*, floor, all add up to 1\.5; make "):
        MasksConfig.parse({"gaps": 0.5, "end": 0.5, "bands": 0.3, "floor": 0.0, "all": 0.2}, "test")


def test_the_network_is_given_what_is_known_and_judged_by_the_rest() -> None:
    model = Model(infill_config())
    given: list[Condition] = []
    condition = model.network.condition

    def listening(cond: Condition) -> object:
        given.append(cond)
        return condition(cond)

    model.network.condition = listening
    objective = DiffusionLoss(DiffusionConfig(masks=only("gaps")), model)
    wave = noise(3, N_FRAMES * 256) / 10
    loss = objective.per_item(Batch(wave, {}, seed=1, first=5))
    x, mask = given[0]["known"].chunk(2, dim=1)
    assert ((x != 0) == (mask == 1)).float().mean() > 0.999
    torch.testing.assert_close(x, model.codec.encode(wave) * mask)
    # The untrained network gives 0, so the loss is the mean square of the target.
    assert loss.shape == (3,)
    again = objective.per_item(Batch(wave[1:], {}, seed=1, first=6))
    torch.testing.assert_close(again, loss[1:])
    # What is known does not count: a network that is wrong there alone has the same loss.
    model.network.forward = lambda x_t, level, features: 100 * given[-1]["known"][:, 80:]
    torch.testing.assert_close(objective.per_item(Batch(wave, {}, seed=1, first=5)), loss)


def test_the_dev_loss_is_the_same_each_time() -> None:
    objective = DiffusionLoss(DiffusionConfig(masks=MasksConfig()), Model(infill_config()))
    batches = [Batch(noise(2, N_FRAMES * 256), {}, seed=seed, first=0) for seed in (0, 1)]
    with torch.no_grad():
        assert objective.on_dev(batches[0]) == objective.on_dev(batches[1])


def test_what_is_above_a_floor_is_known() -> None:
    model, wave = Model(infill_config()), noise(1, N_FRAMES * 256) / 10
    objective, x = (
        DiffusionLoss(DiffusionConfig(masks=only("floor")), model),
        model.codec.encode(wave),
    )
    given: list[Condition] = []
    model.network.condition = lambda cond: given.append(cond)
    model.network.forward = lambda x_t, level, features: torch.zeros_like(x_t)
    levels = x.mean().expand_as(x)
    t = torch.tensor([0.5], dtype=torch.float64)
    objective.of(objective.clean_of(wave, {}, noise(*x.shape), levels), t)
    torch.testing.assert_close(given[0]["known"][:, 80:], (x > x.mean()).to(x))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": NETWORK | {"frames": {}}}, r"network\.frames\.known=None but model\.infill"),
        ({"network": NETWORK | {"frames": {"known": 8}}}, r"frames\.known=8 but .* makes 160"),
        ({"infill": None}, r"network\.frames\.known=160 but model\.infill makes none"),
        ({"codec": {"kind": "waveform"}, "network": {"kind": "diffwave"}}, "a codec with bands"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(AudiodiffError, match=said):
        infill_config(**changes)


@pytest.mark.parametrize(("infill", "masks"), [(40, None), (None, {})])
def test_masks_and_infill_go_together(infill: int | None, masks: dict[str, float] | None) -> None:
    network = NETWORK if infill else NETWORK | {"frames": {}}
    model = infill_config(infill=infill, network=network).model_dump()
    with pytest.raises(AudiodiffError, match=r"model\.infill=\w+ but objective\.masks is"):
        TrainConfig.parse({"model": model, "objective": {"masks": masks}}, "test")
