import pytest
import torch
from torch import Tensor

from audiodiff.errors import AudiodiffError
from audiodiff.mel.check import check_mel, looks_like
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS


def test_check_mel_gives_back_three_axes() -> None:
    mel = torch.full((80, 5), -4.0)
    assert torch.equal(check_mel(mel, PRESETS["hifigan"], "mel"), mel[None])
    assert check_mel(mel[None], PRESETS["hifigan"], "mel").shape == (1, 80, 5)


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (torch.zeros(80), r"a\.npy has shape \(80,\) but must be"),
        (torch.zeros(1, 1, 80, 5), r"but must be \(batch, n_mels, frames\)"),
        (torch.zeros(1, 70, 80), r"looks like \(batch, frames, n_mels\): transpose it"),
        (torch.zeros(70, 80), r"looks like \(frames, n_mels\): transpose it"),
        (
            torch.zeros(1, 100, 70),
            r"100 bands, but the preset has n_mels=80; compute it .*, such as bigvgan-24k; `aud",
        ),
        (torch.zeros(1, 80, 0), "holds no frames"),
        (torch.zeros(1, 80, 5, dtype=torch.int16), r"a\.npy is torch\.int16; give floats"),
        (torch.full((1, 80, 5), 30.0), r"\[30, 30\] but the preset gives \[-11\.51, 3\.225\]"),
    ],
)
def test_check_mel_names_the_fault(mel: Tensor, message: str) -> None:
    with pytest.raises(AudiodiffError, match=message):
        check_mel(mel, PRESETS["hifigan"], "a.npy")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_check_mel_counts_values_that_are_not_finite(value: float) -> None:
    mel = torch.zeros(1, 80, 5)
    mel[0, 3, 2] = mel[0, 7, 1] = value
    with pytest.raises(AudiodiffError, match=r"in 2 of 400 values, the first at index \(0, 3, 2\)"):
        check_mel(mel, PRESETS["hifigan"], "mel")


def test_check_mel_allows_what_models_predict_and_pipelines_pad() -> None:
    mel = torch.full((1, 80, 5), -11.52)
    check_mel(mel, PRESETS["nemo"], "mel")
    check_mel(mel - 1.9, PRESETS["nemo"], "mel")
    with pytest.raises(AudiodiffError, match=r"-13\.62"):
        check_mel(mel - 2.1, PRESETS["nemo"], "mel")
    with pytest.raises(AudiodiffError, match=r"\[0\.5, 1\.1\] but the preset gives \[0, 1\]"):
        check_mel(torch.linspace(0.5, 1.1, 400).view(80, 5), PRESETS["lmnt-diffwave"], "mel")


@pytest.mark.parametrize("made_by", PRESETS)
def test_looks_like_knows_each_preset_by_speech_with_silence(speech: Tensor, made_by: str) -> None:
    wave = torch.cat([speech, torch.zeros(1, 4096)], dim=-1)
    assert made_by in looks_like(LogMel(PRESETS[made_by])(wave))


@pytest.mark.parametrize(
    ("made_by", "said_to_be", "hint"),
    [
        ("vocos", "bigvgan-24k", "a mel of vocos"),
        ("tacotron2", "espnet", "a mel of hifigan or bigvgan-24k or tacotron2"),
        ("espnet", "fastdiff", "a mel of speecht5 or espnet"),
        ("hifigan", "coqui", "a mel of hifigan"),
        ("coqui", "lmnt-diffwave", "a mel of coqui"),
    ],
)
def test_check_mel_guesses_the_preset(
    speech: Tensor, made_by: str, said_to_be: str, hint: str
) -> None:
    wave = torch.cat([speech, torch.zeros(1, 4096)], dim=-1)
    mel = LogMel(PRESETS[made_by])(wave)
    with pytest.raises(AudiodiffError, match=hint):
        check_mel(mel, PRESETS[said_to_be], "mel")
