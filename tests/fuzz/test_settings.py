"""`--set` and numbers of Python calls, whatever they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import ODD, TOKENS, places, within_limits
from hypothesis import given
from hypothesis import strategies as st
from small_models import TRAINING

from audiodiff.model.run import Run
from audiodiff.training.config import read_train_config

TEXTS = [json.dumps(odd) for odd in ODD] + [token.decode("latin-1") for token in TOKENS]
TEXTS += ["1e-5", "[1.0, 0.0]", "'vp'", "{ kind = 'vp' }", "{ kind = 've', sigma_max = 1e300 }"]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "run.toml"
    path.write_text(TRAINING.replace('mel = "hifigan"\n', ""))
    return path


@st.composite
def settings_of(draw: st.DrawFn, path: Path) -> str:
    """A setting of a known key or of any, to a value that may be none."""
    whole = json.loads(read_train_config(path, ["model.mel=hifigan"]).model_dump_json())
    place = [str(key) for key in draw(st.sampled_from(places(whole)[1:]))]
    key = draw(st.one_of(st.just(".".join(place)), st.just("a.b"), st.text(max_size=9)))
    return f"{key}={draw(st.one_of(st.sampled_from(TEXTS), st.text(max_size=9)))}"


@pytest.mark.filterwarnings("ignore")  # librosa warns of mels with bands that hold no bin
@given(data=st.data())
def test_any_setting_is_taken_or_refused(config: Path, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(settings_of(config), min_size=1, max_size=3))
    with within_limits():
        read_train_config(config, ["model.mel=hifigan", *chosen])


NUMBERS = st.one_of(
    st.sampled_from(ODD),
    st.integers(),
    st.floats(),
    st.floats().map(np.float64),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(torch.tensor),
    st.floats().map(torch.tensor),
    st.lists(st.integers(0, 9), max_size=3).map(np.array),
    st.lists(st.floats(), max_size=3).map(torch.tensor),
    st.text(max_size=9),
    st.binary(max_size=9),
    st.complex_numbers(),
)


@given(n_steps=NUMBERS, seed=NUMBERS)
def test_any_number_is_taken_or_refused(as_users_call: None, n_steps: Any, seed: Any) -> None:
    with within_limits():
        run = Run(n_steps=n_steps, seed=seed)
        assert run.n_steps is None or 1 <= run.n_steps <= 10_000
        assert all(type(one) is int and one >= 0 for one in run.seeds())
