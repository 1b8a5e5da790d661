"""The link's fault script: what goes wrong between the host and the scanner, when, once.

Rule 1: a fault strikes at its point or at the first later one at which it makes sense: a cut data
phase waits for a command that sends data, a spoilt status for a status.
Rule 2: one point has one fault; a second one that is due there strikes at the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class LinkFaultKind(StrEnum):
    """What can go wrong."""

    UNPLUG = "unplug"
    """Gone from the bus until it is plugged in."""
    STALL = "stall"
    """Both pipes are halted; the command in hand is forgotten."""
    TIMEOUT = "timeout"
    """The command is carried out, and its answer never comes; the next one is taken."""
    HANG = "hang"
    """Nothing is taken and nothing given until a reset over USB."""
    SHORT_DATA = "short_data"
    """A short packet ends the data phase early, with status GOOD. No image byte is lost."""
    GARBAGE_STATUS = "garbage_status"
    """The 13 bytes of the status are no status block."""
    SENSE_RESIDUE = "sense_residue"
    """CHECK CONDITION; the sense says that more is missing than was asked for."""
    BUSY_STORM = "busy_storm"
    """The next commands that may be busy are: status 8."""
    NO_DATA_YET = "no_data_yet"
    """The next commands that may be busy are: CHECK CONDITION, 3/80/13."""
    SLEEP = "sleep"
    """It sleeps; the next command but for the sensors wakes it and is not carried out."""
    RESET = "reset"
    """The firmware begins anew: settings and scan are gone, cable and paper stay."""
    POWER_CYCLE = "power_cycle"
    """As a reset, and it comes back under another address."""


ONLY_AT_COMMANDS: Final = frozenset(
    {
        LinkFaultKind.SENSE_RESIDUE,
        LinkFaultKind.BUSY_STORM,
        LinkFaultKind.NO_DATA_YET,
        LinkFaultKind.SLEEP,
    }
)
"""These make no sense in a transfer: at a byte they strike at the next command."""
AT_A_BLOCK: Final = frozenset(
    {
        LinkFaultKind.UNPLUG,
        LinkFaultKind.STALL,
        LinkFaultKind.HANG,
        LinkFaultKind.SLEEP,
        LinkFaultKind.RESET,
        LinkFaultKind.POWER_CYCLE,
    }
)
"""These strike before a command is carried out."""
IN_A_TRANSFER: Final = AT_A_BLOCK - {LinkFaultKind.SLEEP} | {LinkFaultKind.TIMEOUT}
"""These strike any transfer."""
HOLDS_OFF: Final = frozenset({LinkFaultKind.BUSY_STORM, LinkFaultKind.NO_DATA_YET})


@dataclass(frozen=True, slots=True)
class LinkFault:
    """One thing that goes wrong, at a command or at a byte.

    Attributes
    ----------
    command
        Number of the command block, from 0, since the emulator was made; REQUEST SENSE counts.
    byte
        Number of the byte, from 0, over both pipes since then: the transfer that would carry it
        is the one that fails.
    count
        How many commands are held off by a storm.
    """

    kind: LinkFaultKind
    command: int | None = None
    byte: int | None = None
    count: int = 3

    def __post_init__(self) -> None:
        points = [point for point in (self.command, self.byte) if point is not None]
        if len(points) != 1 or points[0] < 0 or self.count < 1:
            raise ValueError(f"no such link fault: {self}")


class LinkScript:
    """The faults in their order, with the counters that say when they are due.

    Attributes
    ----------
    commands, moved_bytes
        Command blocks and bytes that have been taken so far.
    fired
        The faults that have happened, in the order in which they did.
    """

    def __init__(self, faults: Sequence[LinkFault]) -> None:
        self._due = list(faults)
        self._held_off_by: LinkFault | None = None
        self._left = 0
        self.commands = 0
        self.moved_bytes = 0
        self.fired: tuple[LinkFault, ...] = ()

    def at_command(self, *kinds: LinkFaultKind) -> LinkFault | None:
        """Return what of these kinds strikes the command in hand, and record that it has."""
        for fault in self._due:
            if fault.kind in kinds and self._is_due(fault):
                return self._fire(fault)
        return None

    def at_transfer(self, size_bytes: int, *kinds: LinkFaultKind) -> LinkFault | None:
        """Return what of these kinds strikes a transfer that is to begin now."""
        for fault in self._due:
            is_reached = fault.byte is not None and fault.byte < self.moved_bytes + size_bytes
            if is_reached and fault.kind in kinds:
                return self._fire(fault)
        return None

    def holding_off(self) -> LinkFaultKind | None:
        """Return which storm holds off a command that may be busy; each call counts as one."""
        if not self._left:
            self._held_off_by = self.at_command(*HOLDS_OFF)
            self._left = self._held_off_by.count if self._held_off_by else 0
        if self._held_off_by is None:
            return None
        self._left -= 1
        held_off_by = self._held_off_by.kind
        if not self._left:
            self._held_off_by = None
        return held_off_by

    def _is_due(self, fault: LinkFault) -> bool:
        if fault.command is not None:
            return fault.command < self.commands
        reached = fault.byte is not None and fault.byte < self.moved_bytes
        return reached and fault.kind in ONLY_AT_COMMANDS

    def _fire(self, fault: LinkFault) -> LinkFault:
        self._due.remove(fault)
        self.fired = (*self.fired, fault)
        return fault
