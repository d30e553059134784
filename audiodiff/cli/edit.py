"""`audiodiff edit`."""

from pathlib import Path
from typing import Annotated

import typer

from audiodiff.cli.edit_files import Files, ModelFiles, on_files
from audiodiff.cli.options import Watermark, finite
from audiodiff.config import MAX_COUNT, STRENGTH
from audiodiff.errors import AudiodiffError

edit = typer.Typer(
    no_args_is_help=True,
    help="Edit recordings: fill gaps, add what is missing, remove noise and clipping, vary.",
)

Strength = Annotated[
    float,
    typer.Option(
        help="Strength of the change: near 0 little, at 1 nothing of the recording remains.",
        min=0.01,
        max=1,
        callback=finite,
    ),
]


@edit.command()
@on_files
def inpaint(
    files: ModelFiles,
    gap: Annotated[
        list[str] | None,
        typer.Option(help="Start and end of a gap in seconds, e.g. 1.20-1.32; may be repeated."),
    ] = None,
    gaps: Annotated[
        Path | None,
        typer.Option(
            help="File with a line for each gap: its start and its end in seconds, as Audacity "
            "exports labels."
        ),
    ] = None,
    detect: Annotated[
        bool,
        typer.Option(
            "--detect",
            help="Fill dropouts: runs of one value, such as zero, that cut into the sound.",
        ),
    ] = False,
    channel: Annotated[
        int | None,
        typer.Option(
            help="The only channel whose gaps are filled, counted from 1; all if not given.",
            min=1,
            max=MAX_COUNT,
        ),
    ] = None,
) -> None:
    """Fill gaps in recordings.

    The results are wav files of the same rate, channels and depth, equal to the recordings outside
    the gaps.
    """
    if (gap is not None) + (gaps is not None) + detect != 1:
        raise AudiodiffError(
            "give the gaps in one way: by --gap, by --gaps FILE, or by --detect, which finds them"
        )
    from audiodiff.pipelines.edited import Inpaint
    from audiodiff.pipelines.editor import Editor
    from audiodiff.pipelines.gaps import gap_from_text, gaps_from_file

    if len(files.jobs) > 1 and not detect:
        raise AudiodiffError(
            f"{len(files.jobs)} recordings are given and gaps for one; edit them one by one, or "
            "use --detect"
        )
    asked = None if gap is None else [gap_from_text(text) for text in gap]
    if gaps is not None:
        asked = gaps_from_file(gaps)
    own = Inpaint(asked, channel)
    files.edit_by(Editor, lambda editor: own)


@edit.command("continue")
@on_files
def continue_(
    files: ModelFiles,
    seconds: Annotated[
        float,
        typer.Option(help="Length in seconds of what is added.", min=0.01, max=30, callback=finite),
    ] = 1.0,
) -> None:
    """Continue recordings after their end.

    The results are wav files of the same rate, channels and depth, which begin with the recordings.
    """
    from audiodiff.pipelines.edited import Continue
    from audiodiff.pipelines.editor import Editor

    files.edit_by(Editor, lambda editor: Continue(seconds))


@edit.command()
@on_files
def vary(
    files: ModelFiles,
    strength: Strength = STRENGTH,
    interval: Annotated[
        str | None,
        typer.Option(
            help="Start and end in seconds of the only part that changes, e.g. 1.20-1.80; all of "
            "the recording if not given."
        ),
    ] = None,
    watermark: Watermark = False,
) -> None:
    """Make another take of recordings, more or less like them.

    The results are wav files of the same rate, channels and depth. With --interval they are equal
    to the recordings outside it.
    """
    from audiodiff.pipelines.edited import VaryParts
    from audiodiff.pipelines.edited_whole import Vary
    from audiodiff.pipelines.editor import Editor
    from audiodiff.pipelines.gaps import gap_from_text

    if len(files.jobs) > 1 and interval is not None:
        raise AudiodiffError(
            f"{len(files.jobs)} recordings are given and an interval for one; edit them one by one"
        )
    if watermark and interval is not None:
        raise AudiodiffError(
            "--watermark would change what --interval leaves as it was recorded; leave one out"
        )
    spans = None if interval is None else [gap_from_text(interval)]
    own = Vary(strength, watermark) if spans is None else VaryParts(spans, strength)
    files.edit_by(Editor, lambda editor: own)


@edit.command()
@on_files
def style(
    files: ModelFiles,
    like: Annotated[
        Path, typer.Option(help="Recording whose style the results take.", show_default=False)
    ],
    strength: Strength = STRENGTH,
    watermark: Watermark = False,
) -> None:
    """Give recordings the style of another: its long-term spectrum and dynamics.

    The results are wav files of the same rate, channels and depth.
    """
    from audiodiff.pipelines.edited_whole import Restyle, style_of_file
    from audiodiff.pipelines.editor import Editor

    def begin(editor: Editor) -> Restyle:
        return Restyle(style_of_file(editor, like, files.settings), strength, watermark)

    files.edit_by(Editor, begin)


@edit.command()
@on_files
def upsample(
    files: ModelFiles,
    bandwidth: Annotated[
        float | None,
        typer.Option(
            help="Frequency in Hz at which the spectra of the recordings end; found in each if "
            "not given.",
            min=1,
            callback=finite,
        ),
    ] = None,
) -> None:
    """Make narrow recordings, such as those of 8 kHz, wide.

    The model makes what is above the end of each recording's spectrum; what lies below stays. The
    results are wav files of 24 bits at the model's rate.
    """
    from audiodiff.pipelines.edited_whole import Upsample
    from audiodiff.pipelines.upsampler import Upsampler

    files.edit_by(Upsampler, lambda upsampler: Upsample(bandwidth))


@edit.command()
@on_files
def denoise(files: ModelFiles) -> None:
    """Remove steady noise, such as hiss and hum, from recordings.

    The noise is measured in the softest frames. The results are wav files of the same rate,
    channels and depth.
    """
    from audiodiff.pipelines.edited_whole import Denoise
    from audiodiff.pipelines.editor import Editor

    files.edit_by(Editor, lambda editor: Denoise())


@edit.command()
@on_files
def declip(files: Files) -> None:
    """Restore the peaks of recordings that are clipped.

    Clipping is found where the wave stays at its highest or its lowest sample. The results are wav
    files of the same rate and channels, with 24 bits or more, and softer if the peaks need room.
    """
    from audiodiff.pipelines.declipped import Declip

    files.edit(lambda: (Declip(), None))
