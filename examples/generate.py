"""Makes sounds of a label from Python.

    python examples/generate.py out/ digit=seven speaker=theo

The model is `digits`, or the directory of one that you trained with labels. A kind of label that is
left out may be anything.
"""

import argparse
from pathlib import Path

import soundfile

from audiodiff import AudiodiffError, Generator


def main(model: str, label: dict[str, str], scale: float | None, out: Path) -> None:
    """Writes four wav files."""
    generator = Generator.from_pretrained(model)
    waves = generator.generate(4, label, guidance_scale=scale, seed=0)  # (4, samples)
    out.mkdir(parents=True, exist_ok=True)
    for seed, wave in enumerate(waves):
        path = out / "-".join([*label.values(), f"{seed}.wav"])
        soundfile.write(path, wave.numpy(), generator.sample_rate)
        print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes sounds of a label.")
    parser.add_argument("out", type=Path, help="folder for the wav files")
    parser.add_argument("label", nargs="*", help="label of a kind, such as digit=seven")
    parser.add_argument("--model", default="digits", help="name or directory of the model")
    parser.add_argument("--scale", type=float, help="guidance scale; the model's own if not given")
    arguments = parser.parse_args()
    try:
        label = dict(text.split("=", 1) for text in arguments.label)
    except ValueError:
        parser.error("give labels as KIND=NAME, such as digit=seven")
    try:
        main(arguments.model, label, arguments.scale, arguments.out)
    except AudiodiffError as error:
        parser.exit(2, f"error: {error}\n")
