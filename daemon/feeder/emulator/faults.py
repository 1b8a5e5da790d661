"""The fault script of the emulated scanner: what goes wrong, at which sheet, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from daemon.feeder.emulator import sense
from daemon.feeder.hopper import Hopper


class FaultKind(Enum):
    """What can go wrong."""

    JAM = "jam"
    DOUBLE_FEED = "double_feed"
    """Unless the host has asked for detection, two sheets pass for one and nobody is told."""
    COVER_OPEN = "cover_open"
    STOP_BUTTON = "stop_button"
    PAPER_REFUSED = "paper_refused"
    SKEWED = "skewed"
    """Fed askew; as with double feeds nobody is told unless the host has asked for detection."""
    EMPTY = "empty"
    """The hopper is said once to be empty though it is not; only at a feed."""
    OPTICAL = "optical"
    UNPLUG = "unplug"
    BUSY = "busy"
    """No fault: the scanner says once that it is not ready yet."""


SENSES: Final[dict[FaultKind, sense.Sense]] = {
    FaultKind.JAM: sense.PAPER_JAM,
    FaultKind.DOUBLE_FEED: sense.DOUBLE_FEED,
    FaultKind.COVER_OPEN: sense.COVER_OPEN,
    FaultKind.STOP_BUTTON: sense.STOP_BUTTON,
    FaultKind.PAPER_REFUSED: sense.PAPER_REFUSED,
    FaultKind.SKEWED: sense.PAPER_REFUSED,
    FaultKind.OPTICAL: sense.OPTICAL,
}
"""What blocks the path, and the sense that says so."""

SHEETS_TAKEN: Final[dict[FaultKind, int]] = {
    # by the feed at which it happens
    FaultKind.JAM: 1,
    FaultKind.DOUBLE_FEED: 2,
    FaultKind.COVER_OPEN: 0,
    FaultKind.STOP_BUTTON: 0,
    FaultKind.PAPER_REFUSED: 1,
    FaultKind.SKEWED: 1,
    FaultKind.EMPTY: 0,
    FaultKind.OPTICAL: 0,
    FaultKind.UNPLUG: 1,  # the motor has its own supply and finishes
    FaultKind.BUSY: 1,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    sheet
        Index in the pile of the sheet at which it happens.
    when
        "feed", or "read": at the READ that would pass half of the sheet's bytes.
    """

    sheet: int
    kind: FaultKind
    when: Literal["feed", "read"] = "feed"

    def __post_init__(self) -> None:
        moments = ("feed",) if self.kind is FaultKind.EMPTY else ("feed", "read")
        if self.sheet < 0 or self.when not in moments:
            raise ValueError(f"no such fault: {self}")


class Script:
    """The faults in their order; the hopper remembers which have happened."""

    def __init__(self, faults: Sequence[Fault], hopper: Hopper) -> None:
        self._faults = tuple(faults)
        self._hopper = hopper

    def strike(self, sheet: int, when: str) -> FaultKind | None:
        """Return what goes wrong at a sheet now, and record that it has."""
        fired = self._hopper.look().fired if self._faults else ()
        for index, fault in enumerate(self._faults):
            if index not in fired and (fault.sheet, fault.when) == (sheet, when):
                self._hopper.fire(index)
                return fault.kind
        return None
