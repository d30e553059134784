from pathlib import Path

from benchmark_scripts import Script

CLIP = Path(__file__).parents[2] / "examples" / "arctic_a0016.wav"


def test_restored_sound_is_nearer_to_the_original(script: Script) -> None:
    share, sdr, restored_sdr, pesq, restored_pesq = script("declipping").judged(CLIP, 6)
    assert 0 < share < 10
    assert restored_sdr > sdr + 3
    assert restored_pesq > pesq
