"""Griffin and Lim's phase retrieval, a baseline for models."""

import numpy as np
from jaxtyping import Float

from audiodiff._types import Mel
from audiodiff.mel.log_mel import MelConfig

Magnitude = Float[np.ndarray, "bins frames"]


def magnitudes(mel: Mel, config: MelConfig) -> Magnitude:
    """The non-negative magnitudes whose mel is nearest to a given one, by least squares.

    Args:
        mel: The given mel, (1, n_mels, frames).
        config: Preset of the mel.
    """
    import librosa

    filterbank = config.filterbank_matrix().numpy()
    target = config.amplitude(mel[0]).numpy() ** config.power
    spectrum = librosa.util.nnls(filterbank, target, pgtol=1e-12, factr=10, maxiter=200)
    return spectrum ** (1 / config.power)


def griffin_lim(
    magnitude: Magnitude, config: MelConfig, n_iterations: int
) -> Float[np.ndarray, " samples"]:
    """Sound with given magnitudes, by the fast algorithm with librosa's defaults.

    Perraudin, Balazs and Sondergaard, WASPAA 2013.

    Args:
        magnitude: STFT magnitudes at the mel's frames.
        config: Preset of the mel.
        n_iterations: Number of iterations.

    Returns:
        A wave of frames x hop_length samples.
    """
    import librosa

    padded = librosa.griffinlim(
        magnitude,
        n_iter=n_iterations,
        hop_length=config.hop_length,
        n_fft=config.n_fft,
        window=config.stft_window().numpy(),
        center=False,
        random_state=0,
    )
    n_samples = magnitude.shape[1] * config.hop_length
    return np.pad(padded, (0, config.n_fft))[config.n_padding :][:n_samples]
