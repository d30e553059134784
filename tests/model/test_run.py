from typing import Any

import numpy as np
import pytest
import torch
from small_models import small_config, untrained

from audiodiff import AudiodiffError, Run
from audiodiff.samplers import DDIM


def test_seeds_are_one_for_all_or_one_each() -> None:
    assert Run(seed=3).seeds(2) == (3, 3)
    assert Run(seed=[3, 4]).seeds(2) == Run(seed=(3, 4)).seeds() == (3, 4)
    assert Run().seeds() == (0,)
    with pytest.raises(AudiodiffError, match="2 seeds for 3 items; give one, or one each"):
        Run(seed=[1, 2]).seeds(3)
    with pytest.raises(AudiodiffError, match="seed=-1: input should be greater than or equal to 0"):
        Run(seed=-1).seeds(2)


def test_what_cannot_be_run_is_refused() -> None:
    with pytest.raises(AudiodiffError, match="either n_steps or times, not both"):
        Run(n_steps=2, times=[1.0, 0.5, 0.0])
    with pytest.raises(AudiodiffError, match="n_steps=0: input should be greater than 0"):
        Run(n_steps=0)
    with pytest.raises(AudiodiffError, match="times fall strictly"):
        untrained(small_config()).times(Run(times=[0.5, 0.7, 0.0]))


def test_times_and_samplers_are_taken_as_they_are_given() -> None:
    model = untrained(small_config())
    mel = model.log_mel(torch.randn(1, 20 * 256, generator=torch.Generator().manual_seed(0)) / 10)
    own = DDIM(eta=0.5)
    assert model.sampler(Run(own)) is own
    assert model.times(Run(times=[0.9, 0.2, 0.0])).tolist() == [0.9, 0.2, 0.0]
    with torch.no_grad():
        named = model.make({"mel": mel}, 5120, Run("ddim", n_steps=2))
        given = model.make(
            {"mel": mel}, 5120, Run(DDIM(), times=model.times(Run(n_steps=2)).tolist())
        )
    torch.testing.assert_close(named, given)


@pytest.mark.parametrize(
    "four",
    [4, 4.0, "4", np.int64(4), np.float32(4), np.array(4), torch.tensor(4), torch.tensor(4.0)],
)
def test_whole_numbers_are_taken_in_any_form(as_users_call: None, four: Any) -> None:
    run = Run(n_steps=four, seed=four)
    assert (run.n_steps, run.seed) == (4, 4)
    assert type(run.n_steps) is type(run.seed) is int


@pytest.mark.parametrize("seeds", [np.array([3, 4]), torch.tensor([3, 4]), range(3, 5), ["3", 4.0]])
def test_seeds_are_taken_from_any_list(as_users_call: None, seeds: Any) -> None:
    assert Run(seed=seeds).seeds(2) == (3, 4)


def test_what_is_no_whole_number_is_refused(as_users_call: None) -> None:
    nan, inf = float("nan"), float("inf")
    for wrong in ("x", 4.5, nan, inf, -1, 2**63, 10**5000, b"x", torch.tensor(4.5), object()):
        for name in ("n_steps", "seed"):
            with pytest.raises(AudiodiffError, match=f"^{name}=") as refused:
                Run(**{name: wrong})  # type: ignore[arg-type]
            assert len(str(refused.value)) < 300
    with pytest.raises(AudiodiffError, match="^seed=None: input should be a valid integer"):
        Run(seed=None)  # type: ignore[arg-type]


def test_times_are_numbers_from_0_to_1(as_users_call: None) -> None:
    for given in (np.array([1.0, 0.5, 0.0]), torch.tensor([1.0, 0.5, 0.0]), ["1", 0.5, 0]):
        assert Run(times=given).times == (1.0, 0.5, 0.0)  # type: ignore[arg-type]
    for wrong in (0.5, "abc", [None], [1.5, 0.0], [float("nan"), 0.0], [0.5] * 10_002):
        with pytest.raises(AudiodiffError, match="^times="):
            Run(times=wrong)  # type: ignore[arg-type]
