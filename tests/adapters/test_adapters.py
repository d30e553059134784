"""Our vocoder in the place of the one that each system calls."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from audiodiff import PRESETS, AudiodiffError, LogMel, Run, Vocoder
from audiodiff.adapters.audioldm2 import AudioLDM2Vocoder
from audiodiff.adapters.coqui import CoquiVocoder
from audiodiff.adapters.espnet import EspnetVocoder
from audiodiff.adapters.f5_tts import VocosLike
from audiodiff.adapters.matcha import MatchaVocoder
from audiodiff.adapters.nemo import NemoVocoder
from audiodiff.adapters.speechbrain import SpeechBrainVocoder
from audiodiff.adapters.torchaudio import TorchaudioVocoder
from audiodiff.adapters.transformers import TransformersVocoder
from audiodiff.audio.io import load

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.filterwarnings("ignore:the mel is converted:UserWarning")


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    return Vocoder.from_pretrained("default")


def mels(preset: str, n_frames: int = 40) -> torch.Tensor:
    """Two of one length."""
    config = PRESETS[preset]
    wave, _ = load(ROOT / "examples" / "arctic_a0016.wav", config.sample_rate)
    mel = LogMel(config)(torch.from_numpy(wave)[None])
    return torch.cat([mel[..., i : i + n_frames] for i in (60, 120)])


def test_matcha(vocoder: Vocoder) -> None:
    adapter, mel = MatchaVocoder(vocoder, Run(seed=3)), mels("hifigan")
    audio = adapter(mel).clamp(-1, 1)
    assert torch.equal(audio[:, 0], vocoder(mel, seed=3).clamp(-1, 1))
    # Its denoiser asks for the sound of zeros on the device of the parameters.
    bias = adapter(torch.zeros(1, 80, 88, device=next(adapter.parameters()).device))
    assert bias.shape == (1, 1, 88 * 256)


def test_f5_tts(vocoder: Vocoder) -> None:
    wave = VocosLike(vocoder).decode(mels("vocos"))
    assert wave.ndim == 2
    assert abs(wave.shape[1] - 39 * 256) <= 300


@pytest.mark.parametrize("preset", ["speecht5", "espnet"])
def test_transformers_layouts(vocoder: Vocoder, preset: str) -> None:
    rate, mel = PRESETS[preset].sample_rate, mels(preset)
    adapter = TransformersVocoder(vocoder, preset, rate)
    both = adapter(mel.transpose(1, 2))
    assert torch.equal(both, vocoder(mel, preset=preset, rate=rate))
    alone = adapter(mel[0].T)
    assert alone.shape == both[0].shape
    assert (alone - both[0]).square().mean() < 0.02 * both[0].square().mean()


def test_nemo(vocoder: Vocoder) -> None:
    mel = mels("nemo")
    wave = NemoVocoder(vocoder, Run(n_steps=1)).convert_spectrogram_to_audio(spec=mel)
    assert torch.equal(wave, vocoder(mel, 1, preset="nemo"))


def test_speechbrain(vocoder: Vocoder) -> None:
    mel = mels("speechbrain")
    adapter = SpeechBrainVocoder(vocoder)
    whole = adapter.decode_batch(mel)
    assert whole.shape[:2] == (2, 1)
    cut = adapter.decode_batch(mel, torch.tensor([40, 20]), 256)
    assert torch.equal(cut[0], whole[0])
    assert torch.equal(cut[1, :, : 20 * 256], whole[1, :, : 20 * 256])
    assert not cut[1, :, 20 * 256 :].any()


def test_espnet(vocoder: Vocoder) -> None:
    mel = mels("espnet")[:1]
    mean, std = mel[0].mean(1), mel[0].std(1)
    adapter = EspnetVocoder(vocoder, mean, std)
    assert adapter.fs == 22050
    assert EspnetVocoder(vocoder, rate=24000).fs == 24000
    wave = adapter((mel[0].T - mean) / std)
    expected = vocoder(mel, preset="espnet")[0]
    assert wave.shape == expected.shape
    assert (wave - expected).square().mean() < 0.02 * expected.square().mean()


def test_coqui(vocoder: Vocoder) -> None:
    mel = mels("coqui")[:1]
    assert torch.equal(CoquiVocoder(vocoder).inference(mel)[:, 0], vocoder(mel, preset="coqui"))


def test_torchaudio(vocoder: Vocoder) -> None:
    mel, adapter = mels("tacotron2"), TorchaudioVocoder(vocoder)
    wave, lengths = adapter(mel, torch.tensor([40, 20]))
    assert torch.equal(wave, vocoder(mel, preset="tacotron2"))
    assert lengths.tolist() == [wave.shape[1], wave.shape[1] // 2]
    assert adapter(mel)[1].tolist() == [wave.shape[1]] * 2
    assert adapter.sample_rate == 22050


SOUNDS = {
    "hifigan": (MatchaVocoder, lambda adapter, mel: adapter(mel)),
    "vocos": (VocosLike, lambda adapter, mel: adapter.decode(mel)),
    "nemo": (NemoVocoder, lambda adapter, mel: adapter.convert_spectrogram_to_audio(spec=mel)),
    "speechbrain": (SpeechBrainVocoder, lambda adapter, mel: adapter.decode_batch(mel)),
    "coqui": (CoquiVocoder, lambda adapter, mel: adapter.inference(mel)),
    "tacotron2": (TorchaudioVocoder, lambda adapter, mel: adapter(mel)[0]),
}


@pytest.mark.parametrize("preset", SOUNDS)
def test_mels_with_frames_first_are_refused_or_transposed(vocoder: Vocoder, preset: str) -> None:
    kind, sound = SOUNDS[preset]
    mel, run = mels(preset), Run(n_steps=1)
    with pytest.raises(AudiodiffError, match="transpose=True in an adapter"):
        sound(kind(vocoder, run), mel.mT)
    assert torch.equal(
        sound(kind(vocoder, run, transpose=True), mel.mT), sound(kind(vocoder, run), mel)
    )


def test_valid_samples_follow_the_layout(vocoder: Vocoder) -> None:
    adapter, mel = TorchaudioVocoder(vocoder, transpose=True), mels("tacotron2")
    wave, lengths = adapter(mel.mT, torch.tensor([40, 20]))
    assert lengths.tolist() == [wave.shape[1], wave.shape[1] // 2]


def test_another_systems_mel_is_refused(vocoder: Vocoder) -> None:
    with pytest.raises(AudiodiffError, match="n_mels=100"):
        VocosLike(vocoder).decode(mels("hifigan"))


def real(name: str) -> Any:
    """A library that has a caller, if it is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


@pytest.mark.filterwarnings("ignore")
def test_audioldm2_itself_calls_it(vocoder: Vocoder) -> None:
    pipeline = real("diffusers").AudioLDM2Pipeline
    adapter, mel = AudioLDM2Vocoder(vocoder), mels("audioldm2", 64)
    held = SimpleNamespace(vocoder=adapter)
    wave = pipeline.mel_spectrogram_to_waveform(held, mel.transpose(1, 2)[:, None])
    assert torch.equal(wave, vocoder(mel, preset="audioldm2", rate=16000))
    # The pipeline lays out its latents and cuts the sound by these.
    rates = adapter.config.upsample_rates
    assert np.prod(rates) / adapter.config.sampling_rate == 0.01
    assert adapter.config.model_in_dim == mel.shape[1] == 64
    assert abs(wave.shape[1] - 64 * 160) <= 256


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_speecht5_itself_calls_it(vocoder: Vocoder) -> None:
    transformers = real("transformers")
    sizes = ("encoder_layers", "decoder_layers", "speech_decoder_postnet_layers")
    heads = ("encoder_attention_heads", "decoder_attention_heads")
    widths = ("hidden_size", "encoder_ffn_dim", "decoder_ffn_dim", "speech_decoder_prenet_units")
    widths += ("speech_decoder_postnet_units", "vocab_size", "speaker_embedding_dim")
    small = dict.fromkeys(sizes, 1) | dict.fromkeys(heads, 2) | dict.fromkeys(widths, 16)
    config = transformers.SpeechT5Config(**small)
    torch.manual_seed(0)
    model = transformers.SpeechT5ForTextToSpeech(config).eval()
    seen = []

    class Spy(TransformersVocoder):
        def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
            # What untrained weights make is no mel: its place in the range is all that counts.
            seen.append(spectrogram.shape)
            return super().forward(spectrogram.clamp(-9, 0) - 1)

    wave = model.generate_speech(
        torch.tensor([[3, 4, 5]]), torch.zeros(1, 16), vocoder=Spy(vocoder), minlenratio=4.0,
        maxlenratio=8.0,
    )  # fmt: skip
    assert wave.ndim == 1
    assert seen[0][-1] == 80
    assert abs(len(wave) - seen[0][0] * 256) <= 600


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_fastspeech2_conformer_itself_calls_it(vocoder: Vocoder) -> None:
    transformers = real("transformers")
    small = {
        "hidden_size": 16, "vocab_size": 20, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_num_attention_heads": 2, "decoder_num_attention_heads": 2,
        "encoder_linear_units": 16, "decoder_linear_units": 16, "speech_decoder_postnet_units": 16,
        "speech_decoder_postnet_layers": 2, "duration_predictor_channels": 16,
        "energy_predictor_channels": 16, "pitch_predictor_channels": 16,
        "duration_predictor_layers": 1, "pitch_predictor_layers": 1, "energy_predictor_layers": 1,
    }  # fmt: skip
    torch.manual_seed(0)
    config = transformers.FastSpeech2ConformerWithHifiGanConfig(model_config=small)
    model = transformers.FastSpeech2ConformerWithHifiGan(config).eval()

    class Within(TransformersVocoder):
        def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
            return super().forward(spectrogram.clamp(-9, 0) - 1)

    model.vocoder = Within(vocoder, preset="espnet", rate=22050)
    with torch.no_grad():
        out = model(torch.tensor([[3, 4, 5, 6]]), return_dict=True)
    assert out.waveform.shape[0] == 1
    assert abs(out.waveform.shape[1] - (out.spectrogram.shape[1] - 1) * 256) <= 256
