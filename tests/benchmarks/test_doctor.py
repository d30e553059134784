from pathlib import Path

import pytest
import torch
from benchmark_scripts import Script, write_voices

from audiodiff import PRESETS, AudiodiffError
from audiodiff.mel.recognition import OWN, UNKNOWN
from audiodiff.mel.scales import alike


def test_examples_are_of_every_preset_and_repeat(script: Script, tmp_path: Path) -> None:
    examples = script("doctor_examples")
    write_voices(tmp_path, "a", "b")
    clips = examples.voices([tmp_path / "a", tmp_path / "b"], "train.txt")
    assert [[clip.stem for clip in voice] for voice in clips] == [list("0123")] * 2
    assert len(examples.voices([tmp_path / "a" / "wavs"], "train.txt")[0]) == 7
    found, again = (list(examples.examples(clips, [4, 5], 2)) for _ in range(2))
    assert all(torch.equal(one[2], other[2]) for one, other in zip(found, again, strict=True))
    own = {kind.preset for kind, _, _ in found if kind.scale == OWN}
    assert own == {alike(name)[0] for name in PRESETS}
    for kind, name, mel in found:
        assert torch.isfinite(mel).all()
        if kind.scale != UNKNOWN:
            assert len(mel) == PRESETS[name].n_mels
            assert kind.preset == alike(name)[0]
    assert len([kind for kind, _, _ in found if kind.scale not in (OWN, UNKNOWN)]) == 2 * 2 * 8
    with pytest.raises(AudiodiffError, match="holds no clips"):
        examples.voices([tmp_path / "c"], "train.txt")


def test_what_differs_is_learned(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = script("doctor_fit")
    monkeypatch.setattr(fit, "N_STEPS", 100)
    generator = torch.Generator().manual_seed(0)
    found = [(torch.randn(5, generator=generator) + 3 * (i % 2), i % 2) for i in range(200)]
    recogniser = fit.fitted(found, 2)
    x, kind = torch.stack([figures for figures, _ in found]), torch.tensor([k for _, k in found])
    assert (recogniser(x).argmax(1) == kind).float().mean() > 0.98


def test_the_doctor_is_judged_on_what_it_says(script: Script, tmp_path: Path) -> None:
    doctor = script("doctor")
    write_voices(tmp_path, "a")
    clips = doctor.voices([tmp_path / "a"], "test.txt")
    found = doctor.judged(clips, range(3))
    own = [one for one in found if one.scale == OWN]
    assert len(found) == 4 * len(own) > 0
    assert {one.name for one in found} <= set(PRESETS)
    assert sum(one.named for one in own) > len(own) / 2
    assert sum(one.told for one in found if one.scale != OWN) > len(own)
