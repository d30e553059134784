"""`audiodiff info`."""

from rich.table import Table

from audiodiff.cli.options import ModelName
from audiodiff.cli.terminal import results, run_in_words

WIDTH = 160
"""Width of a table that is written to a file, in columns."""


def info(model: ModelName) -> None:
    """Show what a model is, its default run, and the times found for other runs."""
    from audiodiff.model.found import times_files, weights_digest
    from audiodiff.model.hub import model_directory
    from audiodiff.model.model import Model
    from audiodiff.model.run import DEFAULT

    directory = model_directory(model)
    loaded = Model.load(directory)
    config = loaded.config
    n_parameters = sum(p.numel() for p in loaded.network.parameters())
    mel = (
        "none" if config.mel is None else f"{config.mel.n_mels} bands, hop {config.mel.hop_length}"
    )
    out = results()
    if not out.is_terminal:
        out.width = WIDTH
    out.print(f"{directory}")
    out.print(
        f"{config.network.kind}, {n_parameters / 1e6:.2f} M parameters, {config.sample_rate} Hz, "
        f"mel: {mel}; {config.schedule.kind} schedule, predicts {config.target}"
    )
    out.print(f"default run: {run_in_words(loaded, DEFAULT)}")
    if not loaded.searched:
        out.print("no times have been found for these weights; see audiodiff search")
        return
    table = Table("sampler", "steps", "times", "method", "score", "mel error", "clips", "calls")
    for key in sorted(loaded.searched):
        found = loaded.searched[key]
        times = " ".join(f"{t:.4g}" for t in found.times)
        where = f"{found.clips} of {', '.join(found.data)} ({found.split})"
        scores = found.score_in_words, f"{found.mel_mae:.3f}"
        table.add_row(
            found.sampler, str(found.n_steps), times, found.method, *scores, where, str(found.calls)
        )
    out.print(table)
    for path in times_files(directory, weights_digest(directory)):
        out.print(f"times found are stored in {path}", soft_wrap=True)
