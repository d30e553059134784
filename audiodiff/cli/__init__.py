"""The command line: one file for each command."""

from audiodiff.system.interrupts import ended_by_ctrl_c


def main() -> None:
    """Runs the command line; Ctrl-C ends it with status 130, also while it is still importing."""
    with ended_by_ctrl_c():
        from audiodiff.cli.app import main as run

        run()
