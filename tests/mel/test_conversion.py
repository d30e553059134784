import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from audiodiff import PRESETS, AudiodiffError, LogMel, Vocoder
from audiodiff.audio.io import load
from audiodiff.mel.conversion import Conversion
from audiodiff.mel.own import own_mel

ROOT = Path(__file__).resolve().parents[2]
PAIRS = list(itertools.permutations(PRESETS, 2))


def mel_of(preset: str, like: Conversion | None = None) -> torch.Tensor:
    """Of two seconds, as they are at a conversion's rate after what it skips."""
    config = PRESETS[preset]
    rate, skip = (config.sample_rate, 0) if like is None else (like.rate, like.skip)
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav", rate)
    wave = wave[rate // 2 - skip :][: 2 * rate + skip]
    return LogMel(config)(torch.from_numpy(wave)[None])


def nepers(error: torch.Tensor, preset: str) -> float:
    config = PRESETS[preset]
    return error.abs().mean().item() * config.nepers_per_unit / config.power


def test_an_equal_analysis_is_converted_exactly() -> None:
    hifigan = PRESETS["hifigan"].model_copy(update={"magnitude_eps": 0.0})
    other = hifigan.model_copy(
        update={"log_base": "10", "scale": 0.2, "offset": 0.8, "normalized": True, "floor": 1e-7}
    )
    there, back = Conversion(hifigan, other), Conversion(other, hifigan)
    assert there.exact
    assert there.error() == 0
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav")
    mel, expected = (
        LogMel(config)(torch.from_numpy(wave[:44100])[None]) for config in (hifigan, other)
    )
    loud = mel > hifigan.floor_value
    assert (there(mel) - expected)[loud].abs().max() < 1e-3
    torch.testing.assert_close(back(there(mel)), mel, rtol=0, atol=1e-4)


def test_a_models_own_mel_is_left_as_it_is() -> None:
    mel = -5 + torch.randn(1, 80, 10)
    for name in ("hifigan", "tacotron2"):
        given, named = (own_mel(mel, PRESETS[name], preset, "mel") for preset in (None, name))
        assert torch.equal(named.mel, mel)
        assert named[1:] == given[1:] == (22050, 0, 10 * 256, None)


def test_levels_fall_below_the_lowest_band() -> None:
    conversion = Conversion(PRESETS["espnet"], PRESETS["hifigan"])
    mel = PRESETS["espnet"].compress(torch.ones(1, 80, 10))
    levels = conversion(mel)[0, :, 5]
    # The first band's middle is at half the second's: 36 dB, less what its upper flank hears.
    assert 2.0 < (levels[1] - levels[0]).item() < 4.2
    assert (levels[3:40].diff().abs() < 0.2).all()


@pytest.mark.parametrize("preset", ["espnet", "speecht5", "fastdiff"])
@pytest.mark.filterwarnings("ignore:the mel is converted:UserWarning")
def test_the_sound_has_no_surplus_below_the_lowest_band(preset: str) -> None:
    vocoder = Vocoder.from_pretrained("default")
    made = vocoder(mel_of(preset), preset=preset)[0]
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav", 22050)
    clip = torch.from_numpy(wave)[11025:][: len(made)]

    def level(sound: torch.Tensor, low: float, high: float) -> float:
        hertz = torch.fft.rfftfreq(len(sound), 1 / 22050)
        power = torch.fft.rfft(sound).abs().square()
        return 10 * power[(hertz >= low) & (hertz < high)].mean().log10().item()

    assert level(made, 40, 80) < level(clip, 40, 80) + 1
    assert abs(level(made, 160, 320) - level(clip, 160, 320)) < 3


def test_energies_are_converted_exactly_too() -> None:
    energy = PRESETS["hifigan"].model_copy(
        update={"power": 2, "floor": 1e-10, "magnitude_eps": 0.0}
    )
    other = energy.model_copy(update={"log_base": "10", "normalized": True})
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav")
    mels = [LogMel(config)(torch.from_numpy(wave[:44100])[None]) for config in (energy, other)]
    loud = mels[0] > energy.floor_value
    assert (Conversion(energy, other)(mels[0]) - mels[1])[loud].abs().max() < 1e-3


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_pair_comes_nearer_than_the_mel_as_it_stands(source: str, target: str) -> None:
    conversion = Conversion(PRESETS[source], PRESETS[target])
    given, wanted = mel_of(source), mel_of(target, conversion)
    made = conversion(given)
    assert abs(made.shape[2] - wanted.shape[2]) <= 1
    n = min(made.shape[2], wanted.shape[2])
    error = nepers(made[..., :n] - wanted[..., :n], target)
    # Silence at a floor of 1e-10 is far from one at 1e-5, whatever is done.
    assert error < 1.3
    if given.shape[1] == wanted.shape[1] and not conversion.affine:
        m = min(given.shape[2], n)
        assert error < nepers(given[..., :m] - wanted[..., :m], target)
    one, other = "tacotron2", "speechbrain"
    exact = {(one, other), (other, one), (one, "hifigan"), (other, "hifigan")}
    assert conversion.exact == ((source, target) in exact)
    assert (conversion.rate == PRESETS[source].sample_rate) == (
        PRESETS[source].sample_rate == PRESETS[target].sample_rate
        or (
            {PRESETS[x].sample_rate for x in (source, target)} == {22050, 24000}
            and all(PRESETS[x].n_fft == 1024 for x in (source, target))
        )
    )


@pytest.mark.parametrize(
    ("source", "target", "limit"),
    [("vocos", "hifigan", 0.4), ("nemo", "hifigan", 0.05), ("espnet", "hifigan", 0.5)],
)
def test_near_relatives_stay_near(source: str, target: str, limit: float) -> None:
    conversion = Conversion(PRESETS[source], PRESETS[target])
    made, wanted = conversion(mel_of(source)), mel_of(target, conversion)
    n = min(made.shape[2], wanted.shape[2])
    assert nepers(made[..., :n] - wanted[..., :n], target) < limit
    assert 0 < conversion.error() < 1.5 * limit


def test_frames_that_stand_elsewhere_move_the_sound_and_nothing_else() -> None:
    conversion = Conversion(PRESETS["tacotron2"], PRESETS["hifigan"])
    assert (conversion.exact, conversion.skip, conversion.error()) == (True, 128, 0)
    made, wanted = conversion(mel_of("tacotron2")), mel_of("hifigan", conversion)
    torch.testing.assert_close(made[..., 2:-3], wanted[..., 2:-2], atol=1e-3, rtol=0)
    alone = own_mel(mel_of("tacotron2")[..., :1], PRESETS["hifigan"], "tacotron2", "mel")
    assert [piece.shape[1] for piece in alone.sound([torch.zeros(1, 256)])] == [128]
    own = own_mel(mel_of("tacotron2"), PRESETS["hifigan"], "tacotron2", "mel")
    sound = torch.arange(256.0 * own.mel.shape[2])[None]
    for pieces in (sound.split(100, 1), sound.split(999, 1), [sound]):
        torch.testing.assert_close(torch.cat(list(own.sound(pieces)), 1), sound[:, 128:-128])


def test_a_vocoder_takes_another_presets_mel_and_says_what_it_costs() -> None:
    vocoder = Vocoder.from_pretrained("default")
    wave = vocoder(mel_of("tacotron2")[..., :40], preset="tacotron2")
    assert wave.shape == (1, 39 * 256)
    with pytest.warns(UserWarning, match=r"filterbank\), which errs by 0\.\d\d nepers"):
        vocoder(mel_of("vocos")[..., :40], preset="vocos")
    own = mel_of("hifigan")[..., :20]
    assert torch.equal(vocoder(own, preset="hifigan"), vocoder(own))
    with pytest.raises(AudiodiffError, match="preset='nope' is unknown; choose from hifigan"):
        vocoder(own, preset="nope")
    with pytest.raises(AudiodiffError, match="n_mels=100"):
        vocoder(own, preset="vocos")


@pytest.mark.slow
def test_files_of_another_preset_are_vocoded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", mel_of("vocos")[0, :, :60].numpy())
    words = ["vocode", str(tmp_path / "a.npy"), "-o", str(tmp_path / "out")]
    words += ["--preset", "vocos", "--rate", "24000"]
    done = subprocess.run(
        [sys.executable, "-m", "audiodiff", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warning: the mel is converted from another analysis (sample_rate, " in done.stderr
    wave, rate = load(tmp_path / "out" / "a.wav")
    assert (rate, len(wave)) == (24000, 59 * 256)


@pytest.mark.filterwarnings("ignore:the mel is converted:UserWarning")
def test_a_little_higher_rate_is_that_of_the_sound_itself() -> None:
    vocoder = Vocoder.from_pretrained("default")
    mel = mel_of("bigvgan-24k")[..., :60]
    whole = vocoder(mel, preset="bigvgan-24k", rate=24000)
    ours = vocoder(mel, preset="bigvgan-24k")
    pieces = list(vocoder.chunks(mel, chunk_frames=60, preset="bigvgan-24k"))
    several = list(vocoder.chunks(mel, chunk_frames=25, context_frames=5, preset="bigvgan-24k"))
    assert whole.shape == (1, 60 * 256)
    assert ours.shape == (1, round(60 * 256 * 22050 / 24000))
    torch.testing.assert_close(torch.cat(pieces, 1), ours, atol=1e-4, rtol=0)
    assert torch.cat(several, 1).shape == ours.shape
    assert len(several) == 3
    # Played at the model's own rate it would be the sound of the converted mel.
    own = own_mel(mel, PRESETS["hifigan"], "bigvgan-24k", "mel")
    assert own.rate == 24000
    assert torch.equal(vocoder(own.mel), whole)
