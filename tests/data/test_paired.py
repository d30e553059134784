"""Clips with mels that somebody else predicted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from contracts import noise
from small_models import TRAINING

from audiodiff.audio import io
from audiodiff.data.clips import FULL_SCALE, Clips
from audiodiff.data.crops import crop_batch
from audiodiff.data.paired import PairedClips
from audiodiff.errors import AudiodiffError
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS
from audiodiff.training.config import read_train_config
from audiodiff.training.session import Stop
from audiodiff.training.trainer import train

HIFIGAN = PRESETS["hifigan"]
HOP = HIFIGAN.hop_length
LENGTHS = (20 * HOP, 31 * HOP + 100, 6 * HOP)


def clips() -> Clips:
    wave = 0.1 * noise(1, sum(LENGTHS))[0].numpy()
    return Clips((wave * FULL_SCALE).astype("<i2"), ("a", "b", "c"), LENGTHS, 22050)


def mel_of(clips: Clips, i: int) -> torch.Tensor:
    wave = torch.from_numpy(clips.wave(i))[None]
    return LogMel(HIFIGAN)(wave)[0][:, : len(wave[0]) // HOP]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = clips()
    for i, id_ in enumerate(own.ids):
        np.save(tmp_path / f"{id_}.npy", mel_of(own, i).numpy())
    return tmp_path


def test_crops_of_sound_and_mel_are_of_the_same_place(folder: Path) -> None:
    paired = PairedClips(clips(), folder, HIFIGAN)
    assert paired.notes == ()
    wave, cond = crop_batch(paired, seed=0, start=0, batch_size=12, n_samples=10 * HOP)
    mel = cond["mel"]
    assert mel.shape == (12, 80, 10)
    own = LogMel(HIFIGAN)(wave)[..., :10]
    # What lies beyond the crop reaches two frames in; a clip that is too short ends in silence.
    torch.testing.assert_close(mel[:, :, 2:4], own[:, :, 2:4], atol=2e-3, rtol=0)
    short = [k for k in range(12) if wave[k, 6 * HOP :].abs().max() == 0]
    assert short
    assert (mel[short][:, :, 6:] == HIFIGAN.floor_value).all()


def test_a_frame_too_many_or_too_few_is_mended_and_said(folder: Path) -> None:
    mel = np.load(folder / "a.npy")
    np.save(folder / "a.npy", np.concatenate([mel, mel[:, :1]], 1))
    other = np.load(folder / "b.npy")
    np.save(folder / "b.npy", other[:, :-1])
    paired = PairedClips(clips(), folder, HIFIGAN)
    assert paired.notes == (
        f"1 mels of {folder} have one frame too many, cut off",
        f"1 mels of {folder} have one frame too few, their last one repeated",
    )
    assert torch.equal(paired.condition(0, 0, 20 * HOP)["mel"][0], torch.from_numpy(mel))
    filled = paired.condition(1, 0, 31 * HOP)["mel"][0]
    assert torch.equal(filled[:, -1], torch.from_numpy(other[:, -2]))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.npy", lambda mel: mel[:, :-2], "has 18 frames and its clip 20 hops; give a mel of"),
        ("b.npy", lambda mel: mel.T, r"must be \(80, frames\)|n_mels|has shape"),
        ("b.npy", lambda mel: mel * np.nan, "holds NaN or infinity"),
    ],
)
def test_a_mel_that_does_not_fit_is_refused(
    folder: Path, name: str, content: object, sentence: str
) -> None:
    np.save(folder / name, content(np.load(folder / name)))  # type: ignore[operator]
    with pytest.raises(AudiodiffError, match=sentence):
        PairedClips(clips(), folder, HIFIGAN)


def test_a_clip_without_a_mel_or_with_two_is_named(folder: Path) -> None:
    (folder / "c.npy").rename(folder / "d.npy")
    with pytest.raises(AudiodiffError, match="holds no mel for clip 'c'; give one such as c.npy"):
        PairedClips(clips(), folder, HIFIGAN)
    np.savez(folder / "a.npz", mel=np.load(folder / "a.npy"))
    with pytest.raises(AudiodiffError, match="holds two mels for clip 'a'"):
        PairedClips(clips(), folder, HIFIGAN)


def test_training_hears_the_mels_that_are_given(tmp_path: Path, one_thread: None) -> None:
    (tmp_path / "tiny.toml").write_text(TRAINING)
    own = clips()
    for i, id_ in enumerate(own.ids):
        io.save(tmp_path / "wavs" / f"{id_}.wav", own.wave(i), 22050)
    plain = ["data.gain_db=[0.0, 0.0]", "data.crop_frames=8"]
    config = read_train_config(tmp_path / "tiny.toml", plain)
    folders = [tmp_path / "wavs"]
    for name, shift in (("own", 0.0), ("other", -1.0)):
        (tmp_path / name).mkdir()
        for i, id_ in enumerate(own.ids):
            np.save(tmp_path / name / f"{id_}.npy", (mel_of(own, i) + shift).numpy())
    weights = {}
    for name in ("own", "other"):
        out = tmp_path / f"run-{name}"
        train(
            config, folders, out, stop=Stop(step=3), resume=False, mels=tmp_path / name, say=print
        )
        weights[name] = (out / "model" / "model.safetensors").read_bytes()
    assert weights["own"] != weights["other"]
    augmented = read_train_config(tmp_path / "tiny.toml")
    with pytest.raises(AudiodiffError, match="do not follow a change of gain or speed"):
        train(
            augmented,
            folders,
            tmp_path / "x",
            stop=Stop(),
            resume=False,
            mels=tmp_path / "own",
            say=print,
        )
