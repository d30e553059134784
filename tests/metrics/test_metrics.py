import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from rich.console import Console
from rich.table import Table

from audiodiff.audio.io import load, resample, save
from audiodiff.errors import AudiodiffError
from audiodiff.metrics._shared import check_pair
from audiodiff.metrics.evaluate import (
    METRICS,
    Evaluation,
    FileScores,
    evaluate_folders,
    evaluate_pair,
    pair_files,
    summarize,
)
from audiodiff.metrics.perceptual import estoi, pesq_wb
from audiodiff.metrics.pitch import pitch_scores
from audiodiff.metrics.silence import silence_noise
from audiodiff.metrics.spectral import log_mel_mae, mcd, multi_resolution_stft
from audiodiff.metrics.tables import file_table, summary_table

RATE = 22050
BEST = {
    "pesq_wb": 4.644,
    "estoi": 1.0,
    "mstft": 0.0,
    "mel_mae": 0.0,
    "mcd": 0.0,
    "f0_mae": 0.0,
    "voicing_f1": 1.0,
    "silence_noise": 0.0,
}


def tone(f0, seconds=1.5, rate=RATE):
    """Harmonics of f0 up to 5 kHz, their amplitudes falling as 1/k."""
    t = np.arange(round(seconds * rate)) / rate
    harmonics = range(1, int(5000 / f0) + 1)
    return 0.1 * sum(np.sin(2 * np.pi * k * f0 * t) / k for k in harmonics).astype(np.float32)


def babble(seconds=1.5, rate=RATE, rhythm=3.0):
    """A gliding voice in syllables of noise-free vowels over a faint floor."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (140 * t - 10 * np.cos(2 * np.pi * t) / (2 * np.pi))
    voice = sum(np.sin(k * phase) / k for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * rhythm * t), 0, 1)
    floor = 1e-4 * np.random.default_rng(7).standard_normal(len(t))
    return (0.1 * voice * syllables + floor).astype(np.float32)


def noisy(wave, snr, seed=0):
    noise = np.random.default_rng(seed).standard_normal(len(wave)) * wave.std()
    return (wave + 10 ** (-snr / 20) * noise).astype(np.float32)


def rendered(table: Table) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.fixture(scope="module")
def speech(shared):
    path = sorted((shared / "data/speech/kathleen/wavs").glob("*.flac"))[0]
    return load(path)


@pytest.fixture
def folders(tmp_path):
    """Two pairs, one of them in a subfolder and at another rate."""
    for name, wave, rate, root in [
        ("one", babble(), RATE, "ref"),
        ("one", noisy(babble(), 30), RATE, "out"),
        ("deep/two.b", babble(rhythm=4), RATE, "ref"),
        ("deep/two.b", resample(babble(rhythm=4), RATE, 24000), 24000, "out"),
    ]:
        path = tmp_path / root / f"{name}.{'wav' if root == 'ref' else 'flac'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, wave, rate)
    return tmp_path / "ref", tmp_path / "out"


def test_identity_scores_best_on_synthetic_and_real_speech(speech):
    for wave, rate in ((babble(), RATE), speech):
        scores = evaluate_pair(wave, wave, rate)
        assert list(scores) == list(METRICS)
        assert scores == pytest.approx(BEST, abs=1e-3)


def test_more_noise_scores_worse(speech):
    wave, rate = speech
    ladder = [evaluate_pair(wave, noisy(wave, snr), rate) for snr in (40, 25, 10)]
    for name, metric in METRICS.items():
        values = [scores[name] for scores in ladder]
        assert values == sorted(values, reverse=metric.better == "higher"), name
        assert values[0] != values[-1]


def test_scores_repeat_exactly():
    wave = babble()
    assert evaluate_pair(wave, noisy(wave, 20), RATE) == evaluate_pair(wave, noisy(wave, 20), RATE)


def test_scoring_neither_reads_nor_moves_the_global_generator():
    wave, scores = babble(), []
    for seed in (1, 2):
        np.random.seed(seed)
        before = np.random.get_state()[1].copy()
        scores.append(estoi(wave, np.zeros_like(wave), RATE))
        assert np.array_equal(before, np.random.get_state()[1])
    assert scores[0] == scores[1] == pytest.approx(0, abs=0.02)


def test_doubling_moves_the_mel_by_ln_2_and_leaves_shape_and_pitch():
    wave = noisy(babble(), 30)  # above the mel's floor everywhere
    assert log_mel_mae(wave, 2 * wave, RATE) == pytest.approx(math.log(2), abs=1e-3)
    assert mcd(wave, 2 * wave, RATE) == pytest.approx(0, abs=1e-3)
    assert pitch_scores(wave, 2 * wave, RATE) == pytest.approx((0, 1), abs=1e-3)


def test_mel_mae_is_that_of_22050_hz_at_any_rate():
    wave = resample(noisy(babble(), 30), RATE, 48000)
    at_48k = log_mel_mae(wave, noisy(wave, 20), 48000)
    at_22k = log_mel_mae(*(resample(w, 48000, RATE) for w in (wave, noisy(wave, 20))), RATE)
    assert at_48k == pytest.approx(at_22k, abs=1e-6)


@pytest.mark.parametrize("cents", [-50, 100, 300])
def test_a_shift_in_pitch_is_found_in_cents(cents):
    f0_mae, voicing_f1 = pitch_scores(tone(150), tone(150 * 2 ** (cents / 1200)), RATE)
    assert f0_mae == pytest.approx(abs(cents), abs=1)
    assert voicing_f1 == pytest.approx(1, abs=0.02)


def test_voicing_f1_counts_missed_frames():
    half = tone(150, seconds=2)
    half[len(half) // 2 :] = 0
    # Half of the voiced frames found, none wrongly: precision 1, recall 1/2.
    f0_mae, voicing_f1 = pitch_scores(tone(150, seconds=2), half, RATE)
    assert voicing_f1 == pytest.approx(2 / 3, abs=0.01)
    assert f0_mae < 5
    # And the other way round, precision 1/2, recall 1.
    assert pitch_scores(half, tone(150, seconds=2), RATE)[1] == voicing_f1


def test_mcd_of_a_filter_is_that_of_its_mel_cepstrum():
    # White noise through 1 - 0.5 z^-1: the definition, evaluated on the filter's known response.
    wave = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    filtered = np.convolve(wave, [1, -0.5])[: len(wave)].astype(np.float32)
    mel = np.linspace(*(math.log1p(f / 700) for f in (40, RATE / 2)), 2000)
    z = np.exp(-2j * np.pi * 700 * np.expm1(mel) / RATE)
    log_gain = np.log(np.abs(1 - 0.5 * z))
    phase = np.pi * (np.arange(2000) + 0.5) / 2000
    c = np.array([2 * np.mean(log_gain * np.cos(m * phase)) for m in range(1, 25)])
    expected = 10 / math.log(10) * math.sqrt(2 * np.sum(c**2))
    assert mcd(wave, filtered, RATE) == pytest.approx(expected, rel=0.03)


def test_mstft_convergence_is_relative_to_the_reference():
    # Halving: ||S/2|| / ||S|| + ln 2; doubling: 1 + ln 2.
    wave = noisy(babble(), 20)
    assert multi_resolution_stft(wave, wave / 2, RATE) == pytest.approx(0.5 + math.log(2), abs=0.01)
    assert multi_resolution_stft(wave, wave * 2, RATE) == pytest.approx(1 + math.log(2), abs=0.01)


def test_silence_is_undefined_where_the_definition_divides_by_it():
    wave, silence = babble(), np.zeros_like(babble())
    from_silence = evaluate_pair(silence, wave, RATE)
    undefined = {name for name, value in from_silence.items() if math.isnan(value)}
    assert undefined == {"pesq_wb", "estoi", "mstft", "f0_mae"}
    assert from_silence["voicing_f1"] == 0
    assert math.isnan(pesq_wb(wave, silence, RATE))
    assert math.isnan(pesq_wb(wave, wave * np.float32(1e-30), RATE))
    assert math.isnan(pitch_scores(silence, silence, RATE)[1])


def pauses(floor=0.0, seconds=2.0):
    """Tone and pause, half a second each, over noise of ``floor`` dBFS (0 for none)."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = tone(150, seconds) * (t % 1 < 0.5)
    return wave + at_level(floor, len(wave), seed=3) if floor else wave


def at_level(dbfs, n_samples, seed=0):
    noise = np.random.default_rng(seed).standard_normal(n_samples)
    return (10 ** (dbfs / 20) * noise).astype(np.float32)


@pytest.mark.parametrize(("floor", "added"), [(-70, -60), (-70, -70), (-60, -80)])
def test_noise_in_silences_is_the_level_it_adds(floor, added):
    reference = pauses(floor)
    estimate = reference + at_level(added, len(reference))
    expected = 10 * math.log10(1 + 10 ** ((added - floor) / 10))
    assert silence_noise(reference, estimate, RATE) == pytest.approx(expected, abs=0.15)
    # And a cleaner estimate is below its reference by as much.
    assert silence_noise(estimate, reference, RATE) == pytest.approx(-expected, abs=0.15)


def test_noise_under_speech_or_next_to_it_is_none_in_silences():
    reference = pauses(-70)
    t = np.arange(len(reference)) / RATE
    # In 29 ms after a tone and before the next.
    near = ((t % 1 < 0.529) | (t % 1 > 0.971)) & (t < 1.529)
    estimate = reference + at_level(-40, len(reference)) * near
    assert silence_noise(reference, estimate, RATE) == 0
    further = t % 1 < 0.6
    estimate = reference + at_level(-40, len(reference)) * further
    assert silence_noise(reference, estimate, RATE) > 3


def test_digital_silence_counts_as_90_db_below_full_scale():
    reference, silence = pauses(), np.zeros_like(pauses())
    hiss = at_level(-60, len(reference))
    assert silence_noise(reference, reference, RATE) == 0
    assert silence_noise(reference, reference + hiss, RATE) == pytest.approx(30, abs=0.15)
    assert silence_noise(silence, hiss, RATE) == pytest.approx(30, abs=0.15)
    assert silence_noise(pauses(-60), silence, RATE) == pytest.approx(-30, abs=0.15)
    # What 16 bits cannot hold is no noise.
    assert silence_noise(reference, reference + at_level(-100, len(reference)), RATE) == 0


def test_without_a_silence_its_noise_is_undefined():
    assert math.isnan(silence_noise(tone(150), tone(150), RATE))
    loud = pauses(-40)  # its pauses are some 20 dB below the tone
    assert math.isnan(silence_noise(loud, loud, RATE))
    short = pauses(-70)
    t = np.arange(len(short)) / RATE
    # Pauses of 80 ms, of which the guard leaves too little.
    short += tone(150, 2.0) * (t % 1 > 0.58)
    assert math.isnan(silence_noise(short, short, RATE))


def test_too_short_a_clip_is_undefined_everywhere():
    clip = babble()[:2000]
    assert all(math.isnan(value) for value in evaluate_pair(clip, clip, RATE).values())
    assert math.isnan(estoi(babble(0.3), babble(0.3), RATE))


def test_pesq_of_a_long_recording_is_the_mean_over_pieces():
    # 143 bursts, each an utterance: at once they overrun the library's table of 50 and crash.
    rate, piece = 16000, 20 * 16000
    t = np.arange(3 * piece) / rate
    noise = np.random.default_rng(0).standard_normal(len(t))
    wave = (0.1 * noise * (t % 0.42 < 0.21)).astype(np.float32)
    estimate = noisy(wave, 20)
    pieces = [pesq_wb(wave[i:][:piece], estimate[i:][:piece], rate) for i in (0, piece, 2 * piece)]
    assert pesq_wb(wave, estimate, rate) == pytest.approx(np.mean(pieces), abs=1e-6)


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


@pytest.mark.parametrize("name", ["pesq", "pystoi", "auraloss.freq", "pyworld"])
def test_a_missing_extra_is_named_once_and_not_per_file(name, folders, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(AudiodiffError, match=rf"needs {name} .*'audiodiff-vocoder\[eval\]'"):
        evaluate_folders(*folders)


def test_folders(folders):
    done: list[str] = []
    evaluation = evaluate_folders(*folders, on_file=done.append)
    assert done == ["deep/two.b", "one"] == [file.name for file in evaluation.files]
    two, one = evaluation.files
    assert (two.sample_rate, two.resampled_from) == (RATE, 24000)
    assert one.resampled_from is None
    assert two.scores["pesq_wb"] == pytest.approx(BEST["pesq_wb"], abs=0.05)
    for name in METRICS:
        values = [file.scores[name] for file in evaluation.files]
        assert evaluation.summary[name].mean == pytest.approx(np.mean(values))
        assert evaluation.summary[name].n_files == 2
    assert not evaluation.failed


def test_a_bad_file_does_not_stop_the_others(folders):
    reference, output = folders
    save(reference / "short.wav", babble(), RATE)
    save(output / "short.wav", babble(1.0), RATE)
    save(reference / "torn.wav", babble(), RATE)
    (output / "torn.wav").write_bytes(b"not sound")
    evaluation = evaluate_folders(reference, output)
    assert len(evaluation.files) == 2
    assert set(evaluation.failed) == {"short", "torn"}
    assert "cut at the same places" in evaluation.failed["short"]
    assert "torn.wav" in evaluation.failed["torn"]


def test_undefined_scores_are_none_and_left_out_of_the_mean(folders):
    reference, output = folders
    for root in folders:
        save(root / "silent.wav", np.zeros(RATE, np.float32), RATE)
    evaluation = evaluate_folders(reference, output)
    silent = next(file for file in evaluation.files if file.name == "silent")
    assert silent.scores["pesq_wb"] is None
    assert evaluation.summary["pesq_wb"].n_files == 2
    assert evaluation.summary["mel_mae"].n_files == 3
    assert "2 of 3" in rendered(summary_table(evaluation))


def test_evaluation_round_trips_through_strict_json(folders):
    save(folders[0] / "torn.wav", babble(), RATE)
    save(folders[0] / "alone.wav", babble(), RATE)
    (folders[1] / "torn.wav").write_bytes(b"not sound")
    for root in folders:
        save(root / "silent.wav", np.zeros(RATE, np.float32), RATE)
    evaluation = evaluate_folders(*folders)
    text = evaluation.model_dump_json()
    values = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert values["references_without_output"] == ["alone"]
    assert Evaluation.parse(values, "scores.json") == evaluation


def touch(*paths: Path):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_pairs_go_by_path_without_suffix(tmp_path):
    ref, out = tmp_path / "ref", tmp_path / "out"
    touch(ref / "a.wav", ref / "s/b.flac", ref / "c.v1.wav", ref / "notes.txt")
    touch(out / "a.FLAC", out / "b.wav", out / "c.v1.wav", out / "extra.mp3")
    pairing = pair_files(ref, out)
    assert pairing.pairs == (
        ("a", ref / "a.wav", out / "a.FLAC"),
        ("c.v1", ref / "c.v1.wav", out / "c.v1.wav"),
    )
    assert pairing.references_without_output == ("s/b",)
    assert pairing.outputs_without_reference == ("b", "extra")


def test_two_files_pair_whatever_their_names_and_a_file_finds_its_own(tmp_path):
    ref, out = tmp_path / "ref/a.wav", tmp_path / "out/b.wav"
    touch(ref, out, out.parent / "a.flac")
    assert pair_files(ref, out).pairs == (("a", ref, out),)
    pairing = pair_files(ref, out.parent)
    assert pairing.pairs == (("a", ref, out.parent / "a.flac"),)
    assert pairing.outputs_without_reference == ("b",)


def test_what_cannot_be_paired_is_refused(tmp_path):
    ref, out = tmp_path / "ref", tmp_path / "out"
    touch(ref / "a.wav", out / "b.wav")
    with pytest.raises(AudiodiffError, match=r"no file of .*out \(1 sound file\) has the name"):
        pair_files(ref, out)
    with pytest.raises(AudiodiffError, match=r"output .*absent does not exist"):
        pair_files(ref, tmp_path / "absent")
    touch(ref / "a.flac")
    with pytest.raises(AudiodiffError, match=r"reference 'a' is both a\.flac and a\.wav"):
        pair_files(ref, out)


def test_interval_is_students():
    values = [1.0, 2.5, 2.0, 4.0, 3.5]
    summary = summarize([*values, None])
    low, high = scipy.stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values)
    )
    assert summary.mean is not None
    assert summary.interval is not None
    assert (summary.mean - summary.interval, summary.mean + summary.interval) == pytest.approx(
        (low, high)
    )
    assert summary.n_files == 5
    assert summarize([2.0, None]).interval is None
    assert summarize([None]).mean is None


def test_tables_show_names_as_they_are_and_dashes_for_none():
    scores: dict[str, float | None] = dict.fromkeys(METRICS, 1.25)
    file = FileScores(
        name="take [1]", sample_rate=RATE, resampled_from=24000, scores={**scores, "estoi": None}
    )
    evaluation = Evaluation(
        files=(file,),
        summary={name: summarize([file.scores[name]]) for name in METRICS},
        failed={},
        references_without_output=(),
        outputs_without_reference=(),
    )
    row = next(line for line in rendered(file_table(evaluation)).splitlines() if "take" in line)
    assert "take [1]" in row
    assert row.count("1.250") == len(METRICS) - 1
    assert row.count(" - ") == 1
    summary = rendered(summary_table(evaluation))
    assert "resampled to their reference's rate: 1" in summary
    assert "0 of 1" in summary
