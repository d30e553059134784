"""Text to speech: an acoustic model of transformers followed by our vocoder.

    pip install . transformers
    python examples/text_to_speech.py "Hello there." hello.wav

The acoustic model is a FastSpeech2Conformer with random weights, built from a config: it shows the
wiring and downloads nothing, but does not speak. For speech, load trained weights and their
tokenizer as the comments say.
"""

import argparse

import soundfile
import torch
from transformers import FastSpeech2ConformerConfig, FastSpeech2ConformerModel

from audiodiff import Vocoder
from audiodiff.adapters.transformers import TransformersVocoder

LETTERS = " abcdefghijklmnopqrstuvwxyz.,!?'"


def tokens(text: str) -> torch.Tensor:
    """Turns letters into numbers, others than `LETTERS` into a space.

    A trained model has a tokenizer of phonemes instead, such as
    ``FastSpeech2ConformerTokenizer.from_pretrained("espnet/fastspeech2_conformer")``.
    """
    return torch.tensor([[max(0, LETTERS.find(letter)) + 1 for letter in text.lower()]])


def main(text: str, out: str) -> None:
    """Writes the sound of a text to a wav file."""
    torch.manual_seed(0)
    # Trained weights: FastSpeech2ConformerModel.from_pretrained("espnet/fastspeech2_conformer").
    config = FastSpeech2ConformerConfig(vocab_size=len(LETTERS) + 1)
    acoustic = FastSpeech2ConformerModel(config).eval()
    # Its mels follow the preset `espnet`; the vocoder converts them to its own, with a warning.
    vocoder = TransformersVocoder(Vocoder.from_pretrained("default"), "espnet", rate=22050)
    with torch.no_grad():
        mel = acoustic(tokens(text), return_dict=True).spectrogram
        # Random weights give no mel; this brings their output into the range of one.
        wave = vocoder(mel.clamp(-4, 1) - 2)
    soundfile.write(out, wave[0].numpy(), 22050)
    print(f"{out}: {wave.shape[1] / 22050:.2f} s of {mel.shape[1]} frames")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Text to speech, with random weights.")
    parser.add_argument("text", nargs="?", default="Hello there.")
    parser.add_argument("out", nargs="?", default="hello.wav", help="wav file to write")
    arguments = parser.parse_args()
    if not arguments.text.strip():
        parser.error("the text is empty; give a word or more")
    main(arguments.text, arguments.out)
