import math

import numpy as np
import pytest
from voices import RATE, babble, noisy

from audiodiff.errors import AudiodiffError
from audiodiff.metrics.evaluate import evaluate_pair
from audiodiff.metrics.pairs import check_pair
from audiodiff.metrics.perceptual import estoi, pesq_wb
from audiodiff.metrics.pitch import voicing_f1
from audiodiff.metrics.registry import METRICS, metrics_named

BEST = {
    "pesq_wb": 4.644,
    "estoi": 1.0,
    "visqol": 5.0,
    "mstft": 0.0,
    "mel_mae": 0.0,
    "mcd": 0.0,
    "f0_mae": 0.0,
    "voicing_f1": 1.0,
    "silence_noise": 0.0,
    "lsd": 0.0,
    "lsd_high": 0.0,
    "buzz_high": 0.0,
}
"""The scores of the identity, where they are the same for every recording."""

SLOW_BEST = {"dnsmos_change": 0.0, "periodicity": 0.0, "crepe_rmse": 0.0, "crepe_f1": 1.0}


def test_identity_scores_best_on_synthetic_and_real_speech(speech):
    for wave, rate in ((babble(), RATE), speech):
        scores = evaluate_pair(wave, wave, rate)
        assert scores.keys() == BEST.keys()
        assert scores == pytest.approx(BEST, abs=1e-3)


def test_identity_scores_best_by_the_slow_ones(speech):
    wave, rate = speech
    short = wave[: round(1.15 * rate)]
    scores = evaluate_pair(short, short, rate, [*SLOW_BEST, "dnsmos"])
    assert 1 < scores.pop("dnsmos") < 5
    assert scores == pytest.approx(SLOW_BEST, abs=1e-3)
    assert {*BEST, *SLOW_BEST, "dnsmos"} == METRICS.keys()


def test_more_noise_scores_worse(speech):
    wave, rate = speech
    # Noise masks a buzz; tests/metrics/test_bands.py has its order.
    names = [name for name in metrics_named(None) if name != "buzz_high"]
    ladder = [evaluate_pair(wave, noisy(wave, snr), rate, names) for snr in (40, 25, 10)]
    for name in names:
        values = [scores[name] for scores in ladder]
        assert values == sorted(values, reverse=METRICS[name].better == "higher"), name
        assert values[0] != values[-1]


def test_metrics_are_chosen_by_name():
    assert metrics_named("all") == tuple(METRICS)
    assert metrics_named(" mstft, pesq_wb") == ("pesq_wb", "mstft")
    slow = {name for name, metric in METRICS.items() if metric.slow}
    assert slow == {*SLOW_BEST, "dnsmos"}
    assert set(metrics_named(None)) == METRICS.keys() - slow
    for names in ("", "mstft,", "PESQ", "mstft all"):
        with pytest.raises(AudiodiffError, match=r"there is no metric .*; give all, or some of"):
            metrics_named(names)


def test_scores_repeat_exactly():
    wave = babble()
    assert evaluate_pair(wave, noisy(wave, 20), RATE) == evaluate_pair(wave, noisy(wave, 20), RATE)


def test_silence_is_undefined_where_the_definition_divides_by_it():
    wave, silence = babble(), np.zeros_like(babble())
    from_silence = evaluate_pair(silence, wave, RATE)
    undefined = {name for name, value in from_silence.items() if math.isnan(value)}
    assert undefined == {"pesq_wb", "estoi", "visqol", "mstft", "f0_mae"}
    assert from_silence["voicing_f1"] == 0
    assert math.isnan(pesq_wb(wave, silence, RATE))
    assert math.isnan(pesq_wb(wave, wave * np.float32(1e-30), RATE))
    assert math.isnan(voicing_f1(silence, silence, RATE))


def test_too_short_a_clip_is_undefined_everywhere():
    clip = babble()[:2000]
    scores = evaluate_pair(clip, clip, RATE, tuple(METRICS))
    assert all(math.isnan(score) for score in scores.values())
    assert math.isnan(estoi(babble(0.3), babble(0.3), RATE))


def test_lengths_are_cropped_up_to_a_tenth_of_a_second():
    wave = babble()
    longer = np.pad(wave, (0, round(0.09 * RATE)))
    assert evaluate_pair(wave, longer, RATE) == evaluate_pair(wave, wave, RATE)
    assert evaluate_pair(longer, wave, RATE)["mstft"] == 0
    with pytest.raises(AudiodiffError, match=r"reference lasts 1\.500 s and the estimate 1\.700 s"):
        evaluate_pair(wave, np.pad(wave, (0, round(0.2 * RATE))), RATE)


def test_what_cannot_be_compared_is_refused_by_name():
    wave = babble()
    broken = wave.copy()
    broken[5] = np.nan
    with pytest.raises(AudiodiffError, match="estimate holds NaN or infinity in 1 of"):
        evaluate_pair(wave, broken, RATE)
    with pytest.raises(AudiodiffError, match="crop both"):
        check_pair(wave, wave[:-1])
    with pytest.raises(AudiodiffError, match=r"reference has shape \(1,"):
        check_pair(wave[None], wave)
