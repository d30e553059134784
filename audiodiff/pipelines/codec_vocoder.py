"""The vocoder of a model with which mels diffuse."""

import torch

from audiodiff._types import Mel, Wave
from audiodiff.codecs.latent import mels_of
from audiodiff.errors import AudiodiffError
from audiodiff.model.model import Model
from audiodiff.pipelines.vocoder import Vocoder


def vocoder_of(model: Model, precision: str = "auto") -> Vocoder:
    """Loads the vocoder that the codec of a model with mels names.

    Args:
        model: A model whose codec decodes to a mel.
        precision: Precision of the vocoder's products: ``fp32``, ``bf16`` or ``auto``.

    Raises:
        AudiodiffError: If there is no such vocoder.
    """
    codec = mels_of(model.codec)
    assert codec is not None, "callers check this"
    name = codec.config.vocoder
    try:
        return Vocoder.from_pretrained(name, str(model.device), precision)
    except AudiodiffError as error:
        raise AudiodiffError(
            f"codec.vocoder={name!r} of this model cannot be used: {error}"
        ) from error


def hand_vocoder(model: Model, precision: str = "auto") -> None:
    """Gives a model's codec the vocoder that it names, unless it has one or needs none.

    Args:
        model: Any model.
        precision: Precision of the vocoder's products: ``fp32``, ``bf16`` or ``auto``.

    Raises:
        AudiodiffError: If there is no such vocoder, or it takes no mel of the codec's preset.
    """
    codec = mels_of(model.codec)
    if codec is None or codec.vocoder is not None:
        return
    config, vocoder = codec.config, vocoder_of(model, precision)
    preset = None if vocoder.mel_config == config.mel else config.preset

    @torch.no_grad()
    def sound(mel: Mel) -> Wave:
        # A mel that a network made may look unlike that of any recording.
        return vocoder(mel, preset=preset, rate=config.sample_rate, force=True)

    codec.vocoder = sound
