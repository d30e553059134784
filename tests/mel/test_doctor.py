import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from audiodiff import PRESETS, AudiodiffError, LogMel
from audiodiff.audio.io import load
from audiodiff.cli.app import app
from audiodiff.mel.doctor import advise, examine
from audiodiff.mel.own import own_mel
from audiodiff.mel.recognition import OWN, kinds
from audiodiff.mel.scales import SCALES, alike
from audiodiff.mel.verdict import MIN_FRAMES, verdict

ROOT = Path(__file__).resolve().parents[2]


def wave_of(rate: int) -> torch.Tensor:
    return torch.from_numpy(load(ROOT / "examples" / "arctic_a0016.wav", rate)[0])[None]


def mel_of(preset: str, gain: float = 1.0) -> torch.Tensor:
    config = PRESETS[preset]
    return LogMel(config)(gain * wave_of(config.sample_rate))[0]


def in_scale(scale: str, preset: str) -> torch.Tensor:
    """The example's mel in a scale that no preset has."""
    config = PRESETS[preset]
    bare = config.model_copy(
        update={"floor": 1e-12, "log_base": "e", "scale": 1.0, "offset": 0.0, "clip": None}
    )
    wave = wave_of(config.sample_rate)
    magnitudes = LogMel(bare)(wave)[0].exp()
    energies = LogMel(bare.model_copy(update={"power": 2}))(wave)[0].exp()
    return SCALES[scale].values(magnitudes, energies, config)


IN_SCALES = [
    (kind.preset, kind.scale)
    for n_mels in sorted({config.n_mels for config in PRESETS.values()})
    for kind in kinds(n_mels)
    if kind.scale in SCALES
]


def test_presets_are_alike_where_framing_window_floor_or_rate_alone_differ() -> None:
    assert {alike(name) for name in PRESETS} == {
        ("hifigan", "tacotron2", "speechbrain", "nemo"),
        ("speecht5", "espnet", "fastdiff"),
        *((name,) for name in ("bigvgan-24k", "vocos", "coqui", "audioldm2")),
        *((name,) for name in ("lmnt-diffwave", "lmnt-wavegrad")),
    }


@pytest.mark.parametrize("gain", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_known_by_its_mel(preset: str, gain: float) -> None:
    mel = mel_of(preset, gain)
    found = examine(mel)
    assert found.problem is None
    assert preset in found.likely
    assert found.likely[0] in alike(preset)
    assert len(found.evidence) == len(found.likely)
    assert advise(found, PRESETS[preset]).fits
    assert verdict([mel], PRESETS[preset]) is None


def test_every_reference_mel_is_known(shared: Path) -> None:
    with np.load(shared / "parity" / "mels.npz") as recorded:
        names = [name.removeprefix("mel/") for name in recorded if name.startswith("mel/")]
        assert len(names) >= 6
        for name in names:
            mel = torch.from_numpy(recorded[f"mel/{name}"]).float()
            assert examine(mel.reshape(mel.shape[-2:])).likely[0] in alike(name), name


@pytest.mark.parametrize("preset", ["tacotron2", "vocos"])
def test_both_real_pairs_are_known(shared: Path, preset: str) -> None:
    (path,) = (shared / "parity" / "pairs").glob(f"{preset}_*.npy")
    mel = torch.from_numpy(np.load(path)).float()
    assert set(examine(mel.reshape(mel.shape[-2:])).likely) == set(alike(preset))


@pytest.mark.parametrize(("preset", "scale"), IN_SCALES)
def test_every_scale_is_told(preset: str, scale: str) -> None:
    mel = in_scale(scale, preset)
    advice = advise(examine(mel), PRESETS[preset])
    assert not advice.fits
    # A quiet clip's decibels may lie below its peak as below full scale.
    words = {SCALES[name].words for name in (scale, "decibels") if scale.startswith(name)}
    assert any(one in advice.sentence for one in words)
    assert ". " not in advice.sentence


@pytest.mark.parametrize(
    ("preset", "scale"),
    [pair for pair in IN_SCALES if pair[1] in ("log10", "decibels", "int16", "amplitudes")],
)
def test_the_advice_undoes_the_scale(preset: str, scale: str) -> None:
    config = PRESETS[preset]
    _, formula = SCALES[scale].undo(config).split("take ")
    names = {
        "mel": in_scale(scale, preset),
        "log": torch.log,
        "log10": torch.log10,
        "max": lambda values, least: values.clamp(min=least),
    }
    undone = config.compress(config.amplitude(eval(formula, names)))
    expected = mel_of(preset)
    loud = expected > config.compress(torch.tensor(2e-5)) + 1e-3
    assert (undone - expected)[loud].abs().max() < 2e-3


HIFIGAN = mel_of("hifigan")

WRONG = {
    "transposed": (HIFIGAN.T, "it is transposed: 326 frames of 80 bands"),
    "too few bands": (HIFIGAN[:40], "40 bands are too few: presets have 64, 80, 100 or 128"),
    "NaN": (HIFIGAN.where(HIFIGAN > -8, torch.nan), "are NaN or infinite"),
    "empty": (HIFIGAN[:, :0], "it is empty"),
    "integer": (HIFIGAN.round().int(), "it holds integers (int32)"),
    "random": (torch.randn(80, 400, generator=torch.Generator().manual_seed(0)), "no sound"),
    "constant": (torch.full((80, 400), 7.0), "it is constant, and no preset of 80 bands has such"),
    "short": (
        torch.full((80, 3), 7.0).cumsum(1),
        "it is shorter than 24 frames, and no preset of 80 bands",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_mel_is_told_in_one_sentence(name: str) -> None:
    mel, words = WRONG[name]
    advice = advise(examine(mel), PRESETS["hifigan"])
    assert not advice.fits
    assert words in advice.sentence
    assert ". " not in advice.sentence


def test_presets_that_differ_in_rate_alone_are_said_to_need_it() -> None:
    for preset in ("speecht5", "espnet"):
        sentence = advise(examine(mel_of(preset)), PRESETS["hifigan"]).sentence
        assert sentence.startswith("convert it: --preset ")
        assert "speecht5 if made at 16000 Hz with hop 256" in sentence
        assert re.search("espnet( or fastdiff)? if made at 22050 Hz with hop 256", sentence)
        assert "; values do not tell)" in sentence
    fits = advise(examine(mel_of("espnet")), PRESETS["espnet"])
    assert fits.fits
    assert "unless it is speecht5 (made at 16000 Hz with hop 256)" in fits.sentence


def test_a_floor_that_is_reached_tells_presets_apart() -> None:
    for preset in ("espnet", "fastdiff"):
        config = PRESETS[preset]
        wave = torch.cat([wave_of(config.sample_rate), torch.zeros(1, 8192)], 1)
        likely = examine(LogMel(config)(wave)[0]).likely
        assert preset in likely
        assert ({"espnet", "fastdiff"} - {preset}).isdisjoint(likely)


def test_silence_and_short_mels_are_judged_by_range() -> None:
    silence = torch.full((80, 50), PRESETS["hifigan"].floor_value)
    found = examine(silence)
    assert "hifigan" in found.likely
    assert found.evidence[0] == "by its range alone, as it is constant"
    short = examine(HIFIGAN[:, 100 : 100 + MIN_FRAMES - 1])
    assert {"hifigan", "nemo"} <= set(short.likely)
    assert short.evidence[0] == "by its range alone, as it is shorter than 24 frames"


def test_a_mel_of_another_scale_or_preset_is_refused_with_the_remedy() -> None:
    hifigan = PRESETS["hifigan"]
    normalised = (HIFIGAN - HIFIGAN.mean()) / HIFIGAN.std()
    for mel, words in (
        (normalised, "mel: it is normalised by a mean and a standard deviation; for hifigan, undo"),
        (in_scale("decibels", "hifigan"), "it holds decibels; for hifigan, take mel * 0.115129"),
        (mel_of("coqui"), "its values are those of coqui: name that preset"),
    ):
        with pytest.raises(AudiodiffError, match=words.replace("*", r"\*")) as refusal:
            own_mel(mel, hifigan, None, "mel")
        assert "--force" in str(refusal.value)
        assert torch.equal(own_mel(mel, hifigan, None, "mel", force=True).mel, mel[None])
    # What is said to be of a preset is judged as of that one.
    espnet = mel_of("espnet")
    own_mel(espnet, hifigan, "espnet", "mel")
    with pytest.raises(AudiodiffError, match="is normalised"):
        own_mel((espnet - espnet.mean()) / espnet.std(), hifigan, "espnet", "mel")


def test_what_cannot_be_judged_is_not_refused() -> None:
    hifigan = PRESETS["hifigan"]
    t = torch.arange(22050) / 22050
    tone = 0.1 * torch.sin(2 * torch.pi * 440 * t)[None]
    noise = torch.randn(1, 22050, generator=torch.Generator().manual_seed(0))
    waves = [tone, 0.1 * noise, 1e-4 * noise, torch.zeros(1, 22050), (noise > 3.5).float()]
    mels = [LogMel(hifigan)(wave) for wave in waves]
    mels += [torch.zeros(1, 80, 88), noise[:, : 80 * 88].reshape(1, 80, 88) - 5]
    for i, mel in enumerate(mels):
        assert verdict([*mel], hifigan) is None, i
        own_mel(mel, hifigan, None, "mel")


def test_a_config_that_is_no_preset_is_not_judged() -> None:
    own = PRESETS["hifigan"].model_copy(update={"log_base": "10"})
    assert verdict([*LogMel(own)(wave_of(22050))], own) is None


@pytest.mark.parametrize(
    ("preset", "status", "words"),
    [
        ("hifigan", 0, "the model takes it as it stands, as hifigan, unless it is "),
        ("vocos", 1, "convert it: --preset vocos, which errs by 0.1"),
    ],
)
def test_the_command_says_whether_it_fits(
    tmp_path: Path, preset: str, status: int, words: str
) -> None:
    np.save(tmp_path / "a.npy", mel_of(preset).numpy())
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "a.npy"), "--model", "default"])
    assert done.exit_code == status
    assert words in done.stdout
    assert f"may be {preset}: " in done.stdout


def test_without_a_model_it_says_what_the_mel_is(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", HIFIGAN.T.numpy())
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "a.npy")])
    assert done.exit_code == 1
    assert "it is transposed" in done.stdout
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "a.npy"), "--transpose"])
    assert done.exit_code == 0
    assert "may be hifigan: " in done.stdout


def test_every_kind_is_learned() -> None:
    for name in PRESETS:
        assert any(
            k.preset == alike(name)[0] and k.scale == OWN for k in kinds(PRESETS[name].n_mels)
        )
