"""Times that a search could have found, for tests of where they are kept and used."""

from pathlib import Path

from audiodiff.model.found import Found, weights_digest


def found_for(directory: Path, **changes: object) -> Found:
    """Times for the weights of a model directory."""
    values: dict[str, object] = {
        "sampler": "ddim",
        "times": (1.0, 0.4, 0.0),
        "method": "grid",
        "pesq_wb": 2.0,
        "mel_mae": 0.5,
        "clips": 4,
        "data": ("clips",),
        "split": "dev",
        "calls": 1,
        "seed": 0,
        "weights": weights_digest(directory),
    }
    return Found.model_validate(values | changes)
