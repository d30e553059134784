"""Which clips are held out of training, for a corpus that has no lists."""

import hashlib
from collections.abc import Callable, Sequence

from audiodiff.errors import AudiodiffError

SHARE = 0.02
"""The share of the clips that is held out."""

LEAST, MOST = 2, 32
"""The fewest and the most clips that are held out, but at most a third of the clips."""


def n_held_out(n_ids: int) -> int:
    """The number of clips to hold out: about 2 % of ``n_ids``, but at least one."""
    return max(1, min(max(LEAST, round(SHARE * n_ids)), MOST, n_ids // 3))


def hold_out(
    ids: Sequence[str],
    folder: str,
    count: int,
    fault_of: Callable[[str], str | None] = lambda id_: None,
) -> list[str]:
    """Draws clips to hold out of training, by a hash of their ids.

    Every machine and every later run draws the same ones. Clips with faults are passed over.

    Args:
        ids: Ids to draw from.
        folder: Name of the ids' folder, for the error.
        count: Number of ids to draw; fewer are drawn if the others have faults.
        fault_of: Says what is wrong with a clip; None if it can be used.

    Raises:
        AudiodiffError: If there is only one id, or none without a fault.
    """
    if len(ids) == 1:
        raise AudiodiffError(
            f"{folder} has only the clip {ids[0]!r} to train on, so none can be held out for "
            "validation; cut it into several files, or name others in dev.txt"
        )
    drawn: list[str] = []
    fault = None
    for id_ in sorted(ids, key=_hash):
        if len(drawn) == count:
            break
        found = fault_of(id_)
        if found is None:
            drawn.append(id_)
        fault = fault or found
    if not drawn:
        raise AudiodiffError(f"none of the {len(ids)} clips can be read; the first: {fault}")
    return drawn


def _hash(id_: str) -> str:
    return hashlib.sha256(id_.encode()).hexdigest()
