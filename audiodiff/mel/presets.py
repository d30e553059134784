"""The mels of text-to-speech ecosystems, under the names of the systems that compute them."""

from audiodiff.mel.log_mel import MelConfig

PRESETS: dict[str, MelConfig] = {
    # HiFi-GAN's own, also PriorGrad's and, before its mean and deviation, Matcha-TTS's.
    "hifigan": MelConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_max=8000.0,
        framing="exact",
        magnitude_eps=1e-9,
    ),
    # BigVGAN's 24 kHz models and Amphion: `hifigan` with 100 bands up to half the rate.
    "bigvgan-24k": MelConfig(
        sample_rate=24000,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=100,
        framing="exact",
        magnitude_eps=1e-9,
    ),
    # Tacotron 2 and BDDM. The mel of a public Tacotron 2 pipeline (LJ050-0270) is exactly this
    # preset: centred, reflected, natural logarithm, 16-bit samples over 32768. Mean difference 1e-6
    # nepers; 1e-3 at most, by rounding in float32 in bands of 1e-5 of the frame's loudest. Read as
    # `hifigan`, the same mel has one frame too many and is half a hop off: 0.27 nepers.
    "tacotron2": MelConfig(
        sample_rate=22050, n_fft=1024, hop_length=256, win_length=1024, n_mels=80, f_max=8000.0
    ),
    # SpeechBrain's Tacotron 2 and FastSpeech 2 compute the same values with torchaudio.
    "speechbrain": MelConfig(
        sample_rate=22050, n_fft=1024, hop_length=256, win_length=1024, n_mels=80, f_max=8000.0
    ),
    # NeMo's HiFi-GAN: exact framing, but a symmetric window and no epsilon under the root. In a
    # batch it pads utterances with -11.52, just below ln 1e-5.
    "nemo": MelConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_max=8000.0,
        framing="exact",
        window="symmetric",
    ),
    # Vocos, RFWave, Flow2GAN and F5-TTS. The mel of a public pipeline (LibriTTS
    # 1089_134686_000002_000000) is exactly this preset, centred and reflected: its 205 frames are
    # 1 + samples // hop_length. Mean difference 3e-6 nepers, 4e-4 at most.
    "vocos": MelConfig(
        sample_rate=24000,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=100,
        filterbank="htk",
        floor=1e-7,
    ),
    # LMNT's DiffWave: (20 log10 max(S, 1e-5) - 20 + 100) / 100 in [0, 1].
    "lmnt-diffwave": MelConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_min=20.0,
        filterbank="htk",
        normalized=True,
        log_base="10",
        scale=0.2,
        offset=0.8,
        clip=(0.0, 1.0),
    ),
    # LMNT's WaveGrad: as `lmnt-diffwave`, at other sizes. Its published weights are for 24000 Hz.
    "lmnt-wavegrad": MelConfig(
        sample_rate=22050,
        n_fft=2048,
        hop_length=300,
        win_length=1200,
        n_mels=128,
        f_min=20.0,
        filterbank="htk",
        normalized=True,
        log_base="10",
        scale=0.2,
        offset=0.8,
        clip=(0.0, 1.0),
    ),
    "speecht5": MelConfig(
        sample_rate=16000,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_min=80.0,
        f_max=7600.0,
        log_base="10",
        floor=1e-10,
    ),
    # ESPnet and ParallelWaveGAN on LJSpeech, before the model's normalisation, which must be undone
    # first. Their other recipes have 24000 Hz, n_fft 2048, hop 300, window 1200.
    "espnet": MelConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_min=80.0,
        f_max=7600.0,
        log_base="10",
        floor=1e-10,
    ),
    # FastDiff: as `espnet`, but with zeros beyond the ends of the wave and a floor of 1e-6.
    "fastdiff": MelConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        f_min=80.0,
        f_max=7600.0,
        pad_mode="zeros",
        log_base="10",
        floor=1e-6,
    ),
    # Coqui TTS without mean and variance: ((20 log10 max(S, 1e-8) - 20 + 100) / 100) * 8 - 4,
    # clipped to +-4, so that the effective floor is S = 1e-4.
    "coqui": MelConfig(
        sample_rate=22050,
        n_fft=1024,
        hop_length=256,
        win_length=1024,
        n_mels=80,
        log_base="10",
        floor=1e-8,
        scale=1.6,
        offset=2.4,
        clip=(-4.0, 4.0),
    ),
    # AudioLDM and AudioLDM2: the `tacotron2` code at other sizes, up to half the rate.
    "audioldm2": MelConfig(
        sample_rate=16000, n_fft=1024, hop_length=160, win_length=1024, n_mels=64
    ),
}
"""Mel configs by the name of the system that computes such mels."""
