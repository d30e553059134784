"""Text in, a wav file out: an acoustic model of transformers with our vocoder behind it.

    pip install . transformers
    python examples/text_to_speech.py "Hello there." hello.wav

The acoustic model is a FastSpeech2Conformer with random weights, built from a config, so nothing is
fetched and what comes out is no speech: the wiring is the point. For speech, take trained weights
and their tokenizer as the comments say.
"""

import sys

import soundfile
import torch
from transformers import FastSpeech2ConformerConfig, FastSpeech2ConformerModel

from audiodiff import Vocoder
from audiodiff.adapters.transformers import TransformersVocoder

LETTERS = " abcdefghijklmnopqrstuvwxyz.,!?'"


def tokens(text: str) -> torch.Tensor:
    """A number for each letter; a trained model has a tokenizer of phonemes instead.

    ``FastSpeech2ConformerTokenizer.from_pretrained("espnet/fastspeech2_conformer")`` is one.
    """
    return torch.tensor([[LETTERS.index(letter) + 1 for letter in text.lower()]])


def main(text: str, out: str) -> None:
    """Writes the sound of a text."""
    torch.manual_seed(0)
    # Trained: FastSpeech2ConformerModel.from_pretrained("espnet/fastspeech2_conformer").
    config = FastSpeech2ConformerConfig(vocab_size=len(LETTERS) + 1)
    acoustic = FastSpeech2ConformerModel(config).eval()
    # Its mels are those of the preset `espnet`; the vocoder converts them to its own and says so.
    vocoder = TransformersVocoder(
        Vocoder.from_pretrained("default"), preset="espnet", rate=22050, seed=0
    )
    with torch.no_grad():
        mel = acoustic(tokens(text), return_dict=True).spectrogram
        # Random weights make no mel; this puts what they make into the range of one.
        wave = vocoder(mel.clamp(-4, 1) - 2)
    soundfile.write(out, wave[0].numpy(), 22050)
    print(f"{out}: {wave.shape[1] / 22050:.2f} s of {mel.shape[1]} frames")


if __name__ == "__main__":
    main(*sys.argv[1:3])
