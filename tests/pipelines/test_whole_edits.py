"""Whole recordings made anew: varied, in another style, with less noise."""

from collections.abc import Sequence

import pytest
import torch
from contracts import noise

from audiodiff import AudiodiffError, Editor
from audiodiff.guidance.inpainting import KnownState
from audiodiff.pipelines import passages
from audiodiff.pipelines.denoising import LEAST, noise_floor
from audiodiff.pipelines.passages import recording_of
from audiodiff.pipelines.varying import Move, style_of

RATE = 22050


def bursts(n: int, rate: int, channels: int = 1) -> torch.Tensor:
    """Half a second of a buzz, half a second of silence, and so on, in faint noise."""
    t = torch.arange(n) / rate
    on = ((t % 1) < 0.5) * sum(torch.sin(2 * torch.pi * 200 * k * t) / k for k in range(1, 16))
    return 0.2 * on.expand(channels, n) + 1e-4 * noise(channels, n)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_what_is_made_has_the_recordings_rate_and_length(editor: Editor, rate: int) -> None:
    wave = bursts(rate + 77, rate, 2)
    for made in (
        editor.vary(wave, rate),
        editor.style(wave, rate, bursts(8000, 8000), 8000),
        editor.denoise(wave, rate),
    ):
        assert made.shape == wave.shape
        assert torch.isfinite(made).all()
        assert not torch.equal(made, wave)


def test_the_less_strength_the_more_remains_of_the_mel(editor: Editor) -> None:
    wave = bursts(RATE // 256 * 256, RATE)
    low, _ = editor.levelled(wave, RATE)
    mel, nothing = editor.mel(low), torch.zeros_like(editor.mel(low))
    run = editor.run(0, 4)
    far = [
        (editor.filled_mel(mel, nothing, run, strength) - mel).abs().mean().item()
        for strength in (0.02, 0.2, 0.8)
    ]
    assert far == sorted(far)
    assert far[0] < 0.2 < far[2]


def test_one_seed_gives_one_sound_and_places_have_noise_of_their_own(editor: Editor) -> None:
    wave = bursts(RATE, RATE)
    one, two, three = (editor.vary(wave, RATE, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    mel = editor.mel(editor.levelled(wave, RATE)[0])
    here, there = (
        editor.filled_mel(mel, torch.zeros_like(mel), editor.run(0, 2), 0.5, offset=offset)
        for offset in (0, 40)
    )
    assert not torch.allclose(here, there, atol=0.1)


def test_all_but_the_interval_stays_as_it_is(editor: Editor) -> None:
    wave = bursts(2 * RATE, RATE, 2)
    made = editor.vary(wave, RATE, 0.3, (0.5, 0.7))
    assert torch.equal(made[:, : RATE // 2], wave[:, : RATE // 2])
    assert torch.equal(made[:, 15435:], wave[:, 15435:])
    assert not torch.allclose(made[:, 12000:14000], wave[:, 12000:14000], atol=1e-3)
    # What the interval holds counts, unlike what a gap holds, until nothing of it remains.
    other = wave.clone()
    other[:, 11025:15435] *= 0.3
    assert not torch.equal(editor.vary(other, RATE, 0.3, (0.5, 0.7)), made)


def test_a_style_is_a_recordings_own(editor: Editor) -> None:
    wave = bursts(2 * RATE, RATE)
    one = style_of(editor, [wave], RATE, "it")
    parts = style_of(editor, [wave[:, :RATE], wave[:, RATE:]], RATE, "it")
    torch.testing.assert_close(one.mean, parts.mean, rtol=0, atol=0.2)
    louder = style_of(editor, [3 * wave], RATE, "it")
    torch.testing.assert_close(one.mean, louder.mean, rtol=0, atol=1e-3)
    move = Move(one, one)
    mel = editor.mel(editor.levelled(wave, RATE)[0])
    torch.testing.assert_close(move(mel), mel)


def test_a_mel_that_is_moved_has_the_other_style(editor: Editor) -> None:
    wave, other = bursts(2 * RATE, RATE), noise(1, 2 * RATE) / 10
    move = Move(*(editor.style_of(recording_of(x, RATE), "it") for x in (wave, other)))
    mel = move(editor.mel(editor.levelled(other, RATE)[0]) * 0 + move.own.mean[:, None])
    torch.testing.assert_close(mel, move.wanted.mean[:, None].expand_as(mel))


def test_steady_noise_is_found_in_pauses(editor: Editor) -> None:
    hiss = noise(1, 4 * RATE, seed=1) / 100
    low, gain = editor.levelled(bursts(4 * RATE, RATE) + hiss, RATE)
    floor, spread = noise_floor(editor.mel(low))
    alone = editor.mel(gain * hiss).mean(2, keepdim=True)
    torch.testing.assert_close(floor, alone, rtol=0, atol=0.35)
    assert spread.max() < 1


def test_what_is_above_the_noise_stays_and_nothing_is_louder(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = bursts(4 * RATE, RATE) + noise(1, 4 * RATE, seed=1) / 100

    def silence(mel: torch.Tensor, mask: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        """What a model that has learned of noise would make of it."""
        return torch.where(mask > 0, mel, editor.mel_config.floor_value)

    monkeypatch.setattr(editor, "filled_mel", silence)
    made = editor.denoise(wave, RATE)
    tone, pause = slice(2000, 9000), slice(13000, 20000)
    spectrum = torch.fft.rfft(torch.stack([wave[0, tone], made[0, tone]])).abs()
    peak = spectrum[0].argmax()
    assert spectrum[1, peak] / spectrum[0, peak] == pytest.approx(1, abs=0.02)
    change = 20 * torch.log10(made[:, pause].std() / wave[:, pause].std())
    assert change < -20


def test_what_is_mostly_sound_is_nearly_known(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[torch.Tensor, KnownState]] = []

    def noted(
        mel: torch.Tensor, mask: torch.Tensor, *_: object, guidance: Sequence[object], **__: object
    ) -> torch.Tensor:
        [heard] = [each for each in guidance if isinstance(each, KnownState)]
        given.append((mel, heard))
        return mel

    monkeypatch.setattr(editor, "filled_mel", noted)
    editor.denoise(bursts(4 * RATE, RATE) + noise(1, 4 * RATE, seed=1) / 100, RATE)
    [(mel, heard)] = given
    floor, _ = noise_floor(mel)
    assert heard.mask[mel < floor - 0.2].max() == 0
    loud = mel > floor + 3
    assert heard.mask[loud].min() > 0.98
    torch.testing.assert_close(heard.known[loud], editor.codec.normal(mel)[loud], rtol=0, atol=0.01)


def test_what_the_model_does_not_reach_is_quietened_like_its_upper_bands(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = bursts(96000, 48000) + noise(1, 96000, seed=1) / 100

    def half(mel: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        return mel - 0.693

    monkeypatch.setattr(editor, "filled_mel", half)
    made = editor.denoise(wave, 48000)
    buzz, pause = slice(5000, 19000), slice(29000, 43000)

    def factor(part: slice) -> float:
        windows = (x[0, part] * torch.hann_window(14000) for x in (wave, made))
        before, after = (torch.fft.rfft(x).abs()[3800:6700].norm() for x in windows)  # 13 to 23 kHz
        return (after / before).item()

    assert factor(buzz) == pytest.approx(0.5, abs=0.03)
    assert factor(pause) == pytest.approx(LEAST, abs=0.01)


def test_passages_follow_one_another_without_a_seam(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "SECONDS", 1)
    wave = bursts(5 * 16000 + 1234, 16000, 2)
    recording = recording_of(wave, 16000)
    firsts: list[int] = []

    def same(part: torch.Tensor, first: int) -> torch.Tensor:
        firsts.append(first)
        return part

    made = torch.cat(list(passages.remade(recording, same, 16000)), 1)
    torch.testing.assert_close(made, wave)
    assert firsts == [0, 0, 1, 2, 3, 4]
    assert torch.equal(torch.cat(list(passages.passages(recording)), 1), wave)


def test_silence_stays_silence(editor: Editor) -> None:
    silent = torch.zeros(1, RATE)
    assert torch.isfinite(editor.vary(silent, RATE)).all()
    assert editor.denoise(silent, RATE).abs().max() < 1e-3
    with pytest.raises(AudiodiffError, match="the other wave is silent, so it has no style; give"):
        editor.style(bursts(RATE, RATE), RATE, silent, RATE)


def test_no_steps_are_refused(editor: Editor) -> None:
    with pytest.raises(AudiodiffError, match="n_steps=0"):
        editor.vary(torch.ones(1, RATE), RATE, n_steps=0)


@pytest.mark.parametrize("strength", [0.0, 1.5, float("nan")])
def test_a_wrong_strength_is_one_sentence(editor: Editor, strength: float) -> None:
    for call in (
        lambda: editor.vary(torch.ones(1, RATE), RATE, strength),
        lambda: editor.style(torch.ones(1, RATE), RATE, torch.ones(1, RATE), RATE, strength),
    ):
        with pytest.raises(AudiodiffError, match="strength"):
            call()


def test_nan_is_refused(editor: Editor) -> None:
    wave = torch.full((1, RATE), torch.nan)
    for call in (
        lambda: editor.vary(wave, RATE),
        lambda: editor.vary(wave, RATE, interval=(0.1, 0.2)),
        lambda: editor.denoise(wave, RATE),
        lambda: editor.style(bursts(RATE, RATE), RATE, wave, RATE),
    ):
        with pytest.raises(AudiodiffError, match="NaN or infinity; mend what made it"):
            call()
