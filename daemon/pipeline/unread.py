"""A sheet that was asked for and not read: where it is, and which fate that gives it.

Rule 1: a sheet has left the hopper when the scanner said that it is in place, or when its sensor
sees it. It has not when the scanner was never told to feed it, or when the path is empty and the
scanner was never out of sight. What is not proven is LOST, by name.
Rule 2: nothing is thrown away: what came of a sheet before the fault is kept as its evidence.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from daemon.errors import (
    CoverOpen,
    OperatorError,
    PaperRefused,
    StoppedByOperator,
    SuianError,
)
from daemon.page import PAPER_SIDES, Blob, Fate, Page, Scan, SheetId

# With these the sheet may still lie in the hopper. The others were found in paper that moved.
_BEFORE_PAPER_MOVES: Final = frozenset({CoverOpen, StoppedByOperator, PaperRefused})


class Where(Enum):
    """Where the sheet is."""

    IN_HOPPER = auto()
    """It was never fed: its row is withdrawn."""
    OUTSIDE = auto()
    """Proven to have left the hopper, unread: superseded, and fed again."""
    UNKNOWN = auto()
    """Lost until a person has looked."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A sheet in flight when something went wrong.

    Attributes
    ----------
    sheet
        Its row stands in the ledger, open.
    cause
        The label of what went wrong.
    error
        The kind of error; None when the process ended in between.
    asked
        The scanner was told to feed it.
    reading
        It was in place, and reading it had begun.
    remains
        What had come of its faces.
    """

    sheet: SheetId
    cause: str
    error: type[SuianError] | None = None
    asked: bool = True
    reading: bool = False
    remains: tuple[Scan, ...] = ()


def where(unread: Unread, *, in_path: bool, kept_power: bool) -> Where:
    """Decide where the sheet is.

    Parameters
    ----------
    unread
        The sheet, and what went wrong.
    in_path
        What the sensor said before anything else was done to the scanner.
    kept_power
        The scanner has been running, and reachable, ever since the sheet was asked for.
    """
    if in_path or unread.reading:
        return Where.OUTSIDE
    if not unread.asked:
        return Where.IN_HOPPER
    if unread.error is None or not kept_power:
        return Where.UNKNOWN
    moved = issubclass(unread.error, OperatorError) and unread.error not in _BEFORE_PAPER_MOVES
    return Where.OUTSIDE if moved else Where.IN_HOPPER


def pages(
    unread: Unread, fate: Fate, evidence: Callable[[Scan], Blob], *, virtual: bool
) -> tuple[Page, ...]:
    """Return the two faces of the sheet as the ledger keeps them.

    Parameters
    ----------
    evidence
        Makes a small picture of what had come of a face.
    """
    came = {scan.page_id.side: scan for scan in unread.remains}
    now_s = time.time()
    return tuple(
        Page(
            page_id=unread.sheet.face(side),
            fate=fate,
            virtual=virtual,
            captured_at=came[side].captured_at if side in came else now_s,
            blobs=(evidence(came[side]),) if side in came else (),
            reason=unread.cause,
        )
        for side in PAPER_SIDES
    )
