import numpy as np
from benchmark_scripts import RATE, Script, voiced

from audiodiff import Vocoder


def test_clips_are_changed_as_their_rows_say(script: Script) -> None:
    module, wave = script("watermark"), voiced(1.6)
    changes = module.changes(Vocoder.from_pretrained("default"))
    made = {name: change(wave) for name, change in changes.items()}
    for name, changed in made.items():
        assert changed.dtype == np.float32, name
        assert len(changed) == (RATE if "one second" in name else len(wave)), name
        assert not np.array_equal(changed, wave), name
    for snr in (20, 30):
        noise = made[f"noise at {snr} dB"] - wave
        assert abs(20 * np.log10(wave.std() / noise.std()) - snr) < 0.1
    assert np.array_equal(made["cutting to one second"], wave[6615:28665])
    assert np.abs(made["nothing (16 bits)"] - wave).max() <= 2**-16


def test_a_row_counts_what_is_found_and_what_is_not_there(script: Script) -> None:
    assert script("watermark").row("x", [1.0, 0.9, 0.5], [0.1, 0.95]) == (
        "| x | 2 of 3 | 0.80, 0.50 | 1 of 2 | 0.53, 0.95 |"
    )
