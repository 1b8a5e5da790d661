"""The scripted clerk: what a pair of hands does when the feeder is blocked.

The clerk sees what a real one sees, the cause and the sheet to be fed again, and does what the
table says: takes the paper out, lays it back on top of the hopper, presses Scan.
"""

from collections.abc import Callable
from typing import Final, Protocol

from daemon.errors import CoverOpen, DoubleFeed, PaperJam, PaperRefused, StoppedByOperator


class Hands(Protocol):
    """What hands can do at the scanner."""

    def refeed(self) -> None:
        """Lay what is in the path back on top of the hopper."""

    def close_cover(self) -> None:
        """Shut the cover."""

    def press_scan(self) -> None:
        """Press the Scan button."""


ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    PaperJam.label: ("refeed", "press_scan"),
    DoubleFeed.label: ("refeed", "press_scan"),
    PaperRefused.label: ("refeed", "press_scan"),
    CoverOpen.label: ("refeed", "close_cover", "press_scan"),
    StoppedByOperator.label: ("press_scan",),
}


class Clerk:
    """Clears what blocks the feeder, once for every time it blocks.

    Parameters
    ----------
    hands
        The hopper.
    cause
        Returns the cause while the feeder is blocked, else "".
    """

    def __init__(self, hands: Hands, cause: Callable[[], str]) -> None:
        self._hands = hands
        self._cause = cause
        self._busy = False
        self.cleared: list[str] = []

    def look(self) -> None:
        """Look at the scanner once and do what is needed."""
        cause = self._cause()
        if cause and not self._busy and cause in ACTIONS:
            for action in ACTIONS[cause]:
                getattr(self._hands, action)()
            self.cleared.append(cause)
        self._busy = bool(cause)
