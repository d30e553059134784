import pytest
import torch
from contracts import check_codec, noise

from audiodiff.codecs import CodecConfig
from audiodiff.codecs.stft import Stft, StftConfig
from audiodiff.codecs.waveform import WaveformConfig
from audiodiff.diffusion.priors import MelEnvelopeConfig
from audiodiff.errors import AudiodiffError
from audiodiff.mel.envelope import Envelope
from audiodiff.mel.log_mel import LogMel
from audiodiff.mel.presets import PRESETS

# Exact and centred frames, a window longer and a window shorter than the mel's, and an odd hop.
STFTS = [
    ("hifigan", 1024),
    ("tacotron2", 1024),
    ("hifigan", 2048),
    ("vocos", 512),
    ("lmnt-wavegrad", 1024),
]


def stft(preset: str, n_fft: int) -> Stft:
    return Stft(StftConfig(n_fft=n_fft), PRESETS[preset])


@pytest.mark.parametrize(
    ("config", "preset"),
    [(WaveformConfig(), "hifigan"), *((StftConfig(n_fft=n), name) for name, n in STFTS)],
)
def test_codec_contract(config: CodecConfig, preset: str) -> None:
    check_codec(config.build(PRESETS[preset]), 40 * PRESETS[preset].hop_length)


def test_frames_that_hardly_overlap_are_refused() -> None:
    with pytest.raises(AudiodiffError, match="n_fft=510 is less than two hops of 256 .* least 512"):
        stft("hifigan", 510)


def test_the_wave_is_its_own_state() -> None:
    codec, wave = WaveformConfig().build(None), noise(2, 100)
    assert torch.equal(codec.encode(wave), wave)
    assert torch.equal(codec.decode(wave, 60), wave[:, :60])


@pytest.mark.parametrize(("preset", "n_fft"), STFTS)
def test_white_noise_has_unit_power_in_every_bin(preset: str, n_fft: int) -> None:
    codec = stft(preset, n_fft)
    x = codec.encode(noise(20, 100 * codec.hop_length))[..., 8:-8]
    assert x.shape[1:3] == (2, n_fft // 2)
    power = x.square().sum(1).mean((0, 2))
    # The lowest bin is real, so its power varies twice as much.
    assert (power - 1).abs()[1:].max() < 0.2
    assert (power - 1).abs()[0] < 0.3
    assert power.mean().item() == pytest.approx(1, abs=0.01)
    assert not x[:, 1, 0].any()


@pytest.mark.parametrize(("preset", "n_fft"), STFTS)
def test_frames_stand_where_the_mels_do(preset: str, n_fft: int) -> None:
    codec, mel = stft(preset, n_fft), PRESETS[preset]
    hop, first = mel.hop_length, mel.n_fft // 2 - mel.n_padding
    for frame in (0, 1, 7, 19):
        wave = torch.zeros(1, 20 * hop)
        wave[:, frame * hop + first] = 1.0
        energy = codec.encode(wave).square().sum((0, 1, 2))
        assert energy.argmax() == frame
        # The window is one there, and as much beside it on either side.
        assert energy[frame].item() == pytest.approx(codec.n_fft / 2 / codec.scale**2, rel=0.01)
        if 0 < frame < 19:
            torch.testing.assert_close(energy[frame - 1], energy[frame + 1])
        own = mel.amplitude(LogMel(mel)(0.5 * wave)).sum((0, 1))
        assert own[:20].argmax() == frame


def tilted(white: torch.Tensor, level: float) -> torch.Tensor:
    """Noise that falls by 20 dB over a decade from 500 Hz on, at 22050 Hz."""
    spectrum = torch.fft.rfft(white)
    hertz = torch.linspace(0, 22050 / 2, spectrum.shape[1])
    return level * torch.fft.irfft(spectrum / (1 + hertz / 500), white.shape[1])


@pytest.mark.parametrize(
    ("preset", "n_fft"), [("hifigan", 1024), ("hifigan", 512), ("espnet", 2048)]
)
def test_the_envelope_prior_has_the_level_and_the_colour_of_the_sound(
    preset: str, n_fft: int
) -> None:
    mel, codec_config = PRESETS[preset], StftConfig(n_fft=n_fft)
    codec = Stft(codec_config, mel)
    sound = tilted(noise(1, 400 * 256), 0.1)
    prior = MelEnvelopeConfig(std_min=1e-5).build(codec_config, mel)
    cond = prior.condition({"mel": LogMel(mel)(sound)[..., :400]})
    made = prior.color(codec.encode(noise(1, 400 * 256, seed=1)), cond)
    # A band of one or two bins is a noisy estimate of the level, which adds some power.
    whole = codec.decode(made, 400 * 256)
    assert whole.std().item() == pytest.approx(sound.std().item(), rel=0.15)
    spectrum = codec.encode(sound)
    bins = torch.arange(codec_config.n_bins) * (22050 / n_fft)
    for low, high in [(200, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 7500)]:
        band = (bins >= low) & (bins < high)
        ours, theirs = (x[:, :, band].square().mean().sqrt().item() for x in (made, spectrum))
        assert ours == pytest.approx(theirs, rel=0.2), (low, high)
    white = prior.whiten(spectrum, cond)[:, :, (bins > 200) & (bins < 7500)]
    assert white.square().sum(1).mean().sqrt().item() == pytest.approx(1, rel=0.2)
    torch.testing.assert_close(prior.whiten(made, cond), codec.encode(noise(1, 400 * 256, seed=1)))


def test_silence_keeps_the_least_noise_and_high_frequencies_their_factor() -> None:
    mel, codec_config = PRESETS["hifigan"], StftConfig()
    prior = MelEnvelopeConfig(std_min=3e-3, above_f_max=2.0).build(codec_config, mel)
    ones = torch.ones(1, 2, 512, 4)
    silence = torch.full((1, 80, 4), mel.floor_value)
    torch.testing.assert_close(prior.color(ones, prior.condition({"mel": silence})), 3e-3 * ones)
    loud = prior.color(ones, prior.condition({"mel": torch.zeros(1, 80, 4)}))[0, 0, :, 0]
    # Bin 371 lies under 8000 Hz, bin 372 above.
    torch.testing.assert_close(loud[372:], 2 * loud[371].expand(140))


def test_the_envelope_spreads_values_linearly_between_band_centres() -> None:
    mel = PRESETS["hifigan"]
    envelope = Envelope(mel, 1024, 513)
    torch.testing.assert_close(
        envelope.weights @ torch.full((80, 1), 3.0), torch.full((513, 1), 3.0)
    )
    # Hertz at the centres stay hertz in between, and are held outside.
    filterbank = mel.filterbank_matrix()
    hertz = torch.arange(513) * (22050 / 1024)
    centres = (filterbank @ hertz) / filterbank.sum(1)
    spread = envelope.weights @ centres
    expected = hertz.clamp(centres[0].item(), centres[-1].item())
    torch.testing.assert_close(spread, expected, rtol=1e-4, atol=0.1)
