import numpy as np
import pytest
from benchmark_scripts import RATE, Script, voiced


def test_clips_are_changed_as_their_rows_say(script: Script) -> None:
    module, wave = script("likelihood"), voiced(0.5)
    other = np.concatenate([0.1 * voiced(1.0), voiced(0.5, 300), 0.1 * voiced(1.0)])
    kinds = module.changed(wave, RATE, other, 0)
    assert all(len(made) == len(wave) and made.dtype == np.float32 for made in kinds.values())
    as_it_is, noise, narrow_noise, reversed_, speech, narrow_speech = kinds.values()
    assert as_it_is is wave
    assert np.array_equal(reversed_[::-1], wave)
    for made in (noise, narrow_noise):
        assert abs(20 * np.log10(wave.std() / (made - wave).std()) - 10) < 0.1
    for made in (speech, narrow_speech):
        assert made.std() == pytest.approx(wave.std(), rel=1e-4)
        assert np.corrcoef(made, other[RATE : RATE + len(wave)])[0, 1] > 0.9
    for wide, cut in ((noise - wave, narrow_noise - wave), (speech, narrow_speech)):
        spectra = [np.abs(np.fft.rfft(made)) for made in (wide, cut)]
        high, left = (spectrum[len(spectrum) // 2 :].max() for spectrum in spectra)
        assert left < 0.01 * high


def test_areas_and_pairs_are_counted(script: Script) -> None:
    module = script("likelihood")
    assert module.area([1.0, 2.0], [1.0, 3.0]) == (0.5 + 0 + 1 + 1) / 4
    bits = {"as they are": [1.0, 2.0], "reversed": [1.5, 1.5]}
    assert module.row("as they are", bits, bits) == (
        "| as they are | 1.50 ± 0.50 |  |  | 1.50 ± 0.50 |  |  |"
    )
    assert module.row("reversed", bits, bits) == (
        "| reversed | 1.50 ± 0.00 | 0.50 | 0.50 | 1.50 ± 0.00 | 0.50 | 0.50 |"
    )
