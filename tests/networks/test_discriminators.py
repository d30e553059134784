import torch
from contracts import noise

from audiodiff.networks.discriminators import Discriminators, PeriodJudge, SpectrumJudge


def test_a_period_is_a_row_of_the_picture():
    wave = torch.arange(10.0)[None]
    picture = PeriodJudge(3, 2).picture(wave)
    assert picture[0, 0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 0, 0]]


def test_a_spectrogram_keeps_its_phase_and_has_its_magnitudes_compressed():
    judge = SpectrumJudge(256, 2)
    wave = noise(1, 2048)
    quiet, loud = judge.picture(wave), judge.picture(100 * wave)
    turned = (quiet * loud).sum(1) / (quiet.norm(dim=1) * loud.norm(dim=1))
    assert turned.min() > 0.999
    assert 3 < (loud.norm() / quiet.norm()).item() < 5  # 100 to the power of 0.3 is 4


def test_silence_has_finite_verdicts_and_gradients():
    wave = torch.zeros(1, 2048, requires_grad=True)
    verdicts = Discriminators((2, 3), (256,), 2)(wave)
    torch.stack([verdict.score.square().mean() for verdict in verdicts]).sum().backward()
    assert wave.grad is not None
    assert wave.grad.isfinite().all()
    assert all(len(verdict.features) == 5 for verdict in verdicts)
