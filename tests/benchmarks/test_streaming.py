import torch
from benchmark_scripts import Script, voiced


def test_a_seam_that_clicks_stands_out(script: Script) -> None:
    streaming = script("streaming")
    wave = torch.from_numpy(voiced(2.0))[None]
    wave += 0.003 * torch.randn(wave.shape, generator=torch.Generator().manual_seed(0))
    seams = [9000, 20000, 31000]
    broken = wave.clone()
    for seam in seams:
        broken[:, seam:] *= -1
    assert streaming.mean_rank(wave, seams) < 0.8
    assert streaming.mean_rank(broken, seams) > 0.97
