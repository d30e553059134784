"""Pictures of sound."""

import pytest
import torch

from audiodiff.audio.plots import N_EXTREMES, spectrogram_figure, waveform_figure

RATE = 8000


@pytest.mark.parametrize("n", [1, N_EXTREMES - 1, N_EXTREMES + 1, 60 * RATE])
def test_a_waveform_shows_every_peak(n: int) -> None:
    wave = torch.zeros(n)
    wave[-1], wave[n // 2] = -0.75, 0.5 if n > 1 else -0.75
    (axis,) = waveform_figure(wave, RATE, [(0.1, 0.2)]).axes
    (drawn, mark) = axis.collections[0], axis.patches[0]
    vertices = drawn.get_paths()[0].vertices
    assert vertices[:, 1].min() == -0.75
    assert vertices[:, 1].max() == (0.5 if n > 1 else -0.75)
    assert len(vertices) < 2 * N_EXTREMES + 10
    assert (mark.get_x(), mark.get_width()) == pytest.approx((0.1, 0.1))
    assert axis.get_xlim() == (0, n / RATE)


def test_each_spectrogram_is_marked() -> None:
    wave = torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    figure = spectrogram_figure([("before", wave), ("after", wave)], RATE, [(0.1, 0.2), (0.5, 0.6)])
    for axis in figure.axes[:2]:
        assert [line.get_xdata()[0] for line in axis.lines] == [0.1, 0.2, 0.5, 0.6]
    assert not spectrogram_figure([("plain", wave)], RATE).axes[0].lines
