"""Edits of waves: what was recorded stays, to the bit, and gaps hold sound."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contracts import noise
from small_models import (
    UNCONDITIONAL,
    infill_config,
    small_config,
    small_stft_config,
    untrained,
)

from audiodiff import AudiodiffError, Editor
from audiodiff.audio.prediction import extrapolated

RATE = 22050


def tone(n: int, rate: int, channels: int = 1) -> torch.Tensor:
    t = torch.arange(n) / rate
    waves = [0.2 * torch.sin(2 * torch.pi * f * t) for f in (200, 310, 420)[:channels]]
    return torch.stack(waves) + 1e-3 * noise(channels, n)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_all_but_the_gaps_stays_as_it_is(editor: Editor, rate: int) -> None:
    wave = tone(2 * rate, rate)
    gaps = [(0.5, 0.55), (0.6, 0.61), (1.5, 1.7)]
    made = editor.inpaint(wave, rate, gaps)
    inside = torch.zeros(2 * rate, dtype=torch.bool)
    for start, end in gaps:
        inside[round(start * rate) : round(end * rate)] = True
    assert torch.equal(made[:, ~inside], wave[:, ~inside])
    assert torch.isfinite(made).all()
    for start, end in gaps:
        assert made[:, round(start * rate) : round(end * rate)].std() > 1e-3


def test_what_a_gap_holds_does_not_matter(editor: Editor) -> None:
    wave = tone(RATE, RATE)
    gaps = [(0.4, 0.5), (0.9, 0.95)]
    other = wave.clone()
    other[:, 8820:11025] = torch.nan
    other[:, 19845:20948] = 1e9
    first, second = (editor.inpaint(x, RATE, gaps, seed=3) for x in (wave, other))
    assert torch.equal(first, second)
    assert torch.equal(other[:, :8820], wave[:, :8820])  # the input is left alone
    assert not torch.equal(first, editor.inpaint(wave, RATE, gaps, seed=4))


def test_each_channel_is_filled_by_itself(editor: Editor) -> None:
    wave = tone(RATE, RATE, 2)
    made = editor.inpaint(wave, RATE, [(0.4, 0.45)])
    assert not torch.allclose(made[0, 8900:9800], made[1, 8900:9800], atol=1e-3)
    swapped = editor.inpaint(wave.flip(0), RATE, [(0.4, 0.45)])
    torch.testing.assert_close(swapped.flip(0), made, rtol=0, atol=0.05)


def test_the_sound_goes_on_at_the_joints(editor: Editor) -> None:
    wave = tone(RATE, RATE)
    made = editor.inpaint(wave, RATE, [(0.4, 0.5)])[0].double().numpy()
    onwards = extrapolated(made[:8820], 2, RATE)
    backwards = extrapolated(made[:11024:-1], 2, RATE)[::-1]
    # The model's sound has yet to fade in.
    assert abs(made[8820:11025]).max() > 0.2
    assert abs(made[8820:8822] - onwards).max() < 0.1
    assert abs(made[11023:11025] - backwards).max() < 0.1


def test_a_gap_is_about_as_loud_as_what_is_around_it(editor: Editor) -> None:
    """The untrained model makes far louder sound where nothing bounds it."""
    pause = 1e-3 * noise(1, 2 * RATE)
    pause[:, : RATE // 2] *= 100
    made = editor.inpaint(pause, RATE, [(0.7, 0.9)])[:, 15435:19845]
    assert 0.3e-3 < made.std() < 4e-3
    louder = editor.inpaint(100 * pause, RATE, [(0.7, 0.9)])[:, 15435:19845]
    torch.testing.assert_close(louder, 100 * made, rtol=0.01, atol=1e-3)
    longer = editor.inpaint(pause, RATE, [(0.7, 1.7)])[:, 15435:37485]
    assert longer.std() > 0.1
    assert editor.inpaint(pause, RATE, [(1.8, 2.0)])[:, 39690:].std() > 0.1


def test_a_gap_may_be_at_an_end_or_all(editor: Editor) -> None:
    wave = tone(RATE // 2, RATE)
    for gap in ((0.0, 0.1), (0.4, 0.5), (0.0, 0.5)):
        made = editor.inpaint(wave, RATE, [gap])
        assert made.shape == wave.shape
        assert torch.isfinite(made).all()
    assert torch.isfinite(editor.inpaint(torch.zeros(1, RATE), RATE, [(0.2, 0.3)])).all()
    assert editor.inpaint(tone(200, RATE), RATE, [(0.001, 0.002)]).shape == (1, 200)


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (torch.zeros(100), r"shape \(100,\) and type torch.float32; give floats of shape \(ch"),
        (torch.zeros(1, 0), r"shape \(1, 0\)"),
        (np.zeros((1, 100)), r"the wave is of type ndarray; give a tensor"),
        (torch.zeros(1, 22050, dtype=torch.int16), "type torch.int16"),
        (torch.full((1, 22050), torch.nan), "NaN or infinity outside its gaps"),
    ],
)
def test_a_wrong_wave_is_one_sentence(editor: Editor, wave: Any, said: str) -> None:
    with pytest.raises(AudiodiffError, match=said):
        editor.inpaint(wave, RATE, [(0.0, 0.001)])


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudiodiffError, match="this model fills no gaps"):
        Editor(untrained(small_config(**UNCONDITIONAL)))
    other = small_stft_config(mel="vocos", sample_rate=24000)
    untrained(other).save(tmp_path)
    config = infill_config(codec={"kind": "mel", "vocoder": str(tmp_path)})
    with pytest.raises(AudiodiffError, match="takes another mel than the model's, hifigan"):
        Editor(untrained(config))
