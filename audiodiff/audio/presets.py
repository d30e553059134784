"""The mels of the text-to-speech ecosystems, and the check that a mel is what it is said to be."""

import torch
from torch import Tensor

from audiodiff._types import Mel
from audiodiff.audio.mel import MelConfig
from audiodiff.errors import AudiodiffError

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
    # Tacotron 2 and BDDM. The mel of a public Tacotron 2 pipeline (LJ050-0270) is this preset as it
    # stands: centred, reflected, natural logarithm, 16-bit samples over 32768. Mean difference
    # 1e-6 nepers; 1e-3 at most, in bands 1e-5 of the frame's loudest, by rounding in float32. Read
    # as `hifigan`, the same mel has one frame too many and is half a hop off: 0.27 nepers.
    "tacotron2": MelConfig(
        sample_rate=22050, n_fft=1024, hop_length=256, win_length=1024, n_mels=80, f_max=8000.0
    ),
    # SpeechBrain's Tacotron 2 and FastSpeech 2 compute it with torchaudio, to the same values.
    "speechbrain": MelConfig(
        sample_rate=22050, n_fft=1024, hop_length=256, win_length=1024, n_mels=80, f_max=8000.0
    ),
    # NeMo's HiFi-GAN: exact framing, but a symmetric window and no epsilon under the root. In a
    # batch it fills what lies beyond an utterance's end with -11.52, just under ln 1e-5.
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
    # 1089_134686_000002_000000) is this preset as it stands, centred and reflected: 205 frames are
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
    # LMNT's WaveGrad, the same at other sizes. Its published weights are for 24000 Hz.
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
    # ESPnet and ParallelWaveGAN on LJSpeech, before the model's own mean and deviation, which have
    # to be undone first. Their other recipes are 24000 Hz, n_fft 2048, hop 300, window 1200.
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
    # FastDiff: as `espnet`, but with silence instead of reflection beyond the ends of the wave and
    # a floor of 1e-6.
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
    # clipped to +-4, so that the floor that counts is S = 1e-4.
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
"""Mel spectrograms by the name of whoever computes them."""

# Models overshoot peaks a little and undershoot silence by more; the next floor is 4.6 away.
_ABOVE_NEPERS = 0.5
_BELOW_NEPERS = 2.0

# How near the end of a preset's range an observed value must come to be taken for it.
_NEAR = 0.05


def looks_like(mel: Tensor) -> tuple[str, ...]:
    """Presets that the mel's extreme values point to: it reaches their floor or fills their clip.

    A hint, not a proof: speech without silence reaches no floor, and presets share floors.

    Args:
        mel: Finite values, of any shape.

    >>> looks_like(torch.tensor([-11.5129, 0.3]))
    ('hifigan', 'bigvgan-24k', 'tacotron2', 'speechbrain', 'nemo', 'audioldm2')
    """
    least, greatest = (value.item() for value in mel.detach().aminmax())
    return tuple(name for name, config in PRESETS.items() if _ends_match(config, least, greatest))


def _ends_match(config: MelConfig, least: float, greatest: float) -> bool:
    if config.clip is None:
        return abs(least - config.floor_value) < _NEAR
    low, high = config.clip
    inside = low - _NEAR < least and greatest < high + _NEAR
    return inside and greatest - least > 0.75 * (high - low)


def check_mel(mel: Tensor, config: MelConfig, name: str) -> Mel:
    """Refuses a mel that the preset cannot have produced.

    Values may pass the ends of `MelConfig.value_range` by 2 nepers of amplitude-or-energy M below
    and 0.5 above, since what a model predicts does.

    Args:
        mel: (n_mels, frames) or (batch, n_mels, frames).
        config: The preset that it is said to be in.
        name: The argument or file, for the message.

    Returns:
        The mel as (batch, n_mels, frames).

    Raises:
        AudiodiffError: If the shape or the type is another, there are no frames, or values are NaN,
            infinite, out of range or surely of another preset.
    """
    if not mel.is_floating_point():
        raise AudiodiffError(f"{name} is {mel.dtype}; give floats in the preset's units")
    _check_shape(mel, config.n_mels, name)
    least, greatest = (value.item() for value in mel.detach().aminmax())
    if not torch.isfinite(torch.tensor([least, greatest])).all():
        bad = (~torch.isfinite(mel)).nonzero()
        raise AudiodiffError(
            f"{name} holds NaN or infinity in {len(bad)} of {mel.numel()} values, the first at "
            f"index {tuple(bad[0].tolist())}; mend what made it"
        )
    low, high = config.value_range()
    below, above = (n / config.nepers_per_unit for n in (_BELOW_NEPERS, _ABOVE_NEPERS))
    if least < low - below or greatest > high + above:
        raise AudiodiffError(
            f"{name} ranges over [{least:.4g}, {greatest:.4g}] but the preset gives "
            f"[{low:.4g}, {high:.4g}]; {_remedy(mel)}"
        )
    foreign = _foreign(mel, config)
    if foreign:
        raise AudiodiffError(
            f"{name} fills [{least:.4g}, {greatest:.4g}], the range of {' or '.join(foreign)}, "
            "which this model does not take; compute it with this model's preset"
        )
    return mel if mel.ndim == 3 else mel[None]


def _foreign(mel: Tensor, config: MelConfig) -> tuple[str, ...]:
    """Other presets that the mel is surely in, though its values would be possible in this one.

    It fills their clip, and either that whole range would be less than 3 nepers here, flatter
    than any sound, or the values stop exactly at its lower end.
    """
    least, greatest = (value.item() for value in mel.detach().aminmax())
    return tuple(
        name
        for name, other in PRESETS.items()
        if other.clip is not None
        and other.clip != config.clip
        and _ends_match(other, least, greatest)
        and ((other.clip[1] - other.clip[0]) * config.nepers_per_unit < 3 or least == other.clip[0])
    )


def _check_shape(mel: Tensor, n_mels: int, name: str) -> None:
    shape = tuple(mel.shape)
    if mel.ndim not in (2, 3):
        raise AudiodiffError(
            f"{name} has shape {shape} but must be (batch, n_mels, frames) or (n_mels, frames)"
        )
    if mel.shape[-2] != n_mels:
        remedy = "compute it with this model's preset"
        if mel.shape[-1] == n_mels:
            layout = "(batch, frames, n_mels)" if mel.ndim == 3 else "(frames, n_mels)"
            remedy = f"it looks like {layout}: transpose it"
        raise AudiodiffError(
            f"{name} has shape {shape}, {mel.shape[-2]} bands, but the preset has "
            f"n_mels={n_mels}; {remedy}"
        )
    if mel.numel() == 0:
        raise AudiodiffError(f"{name} has shape {shape}, which holds no frames; give at least one")


def _remedy(mel: Tensor) -> str:
    names = looks_like(mel)
    if names:
        return f"by its range it is a mel of {' or '.join(names)}: convert it or choose that preset"
    return "choose the preset that it was computed with, or undo a normalisation by mean and std"
