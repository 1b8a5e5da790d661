"""A stand: the driver, a scanner made of software and hands, whatever carries the bytes between.

Rule 1: paper is compared by what lies on it, so a sheet that is lost, doubled or out of place is
seen. Rule 2: a trouble that never came is a breach too: the scenario would show nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from daemon.errors import DeviceError, SuianError
from daemon.feeder import link, session
from daemon.feeder.emulator import Fault, LinkFaultKind
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.feeder.transport import State
from daemon.page import Scan, SheetId
from tests.feeder.umockdev import seen
from tests.feeder.umockdev.hands import Orders

SETTINGS: Final = Settings(dpi=200, mode=Mode.GRAY, paper_units=(2400, 1800))
"""Coarse, gray and small, so that a batch takes no time: one READ a side."""
_SILENT: Final = (LinkFaultKind.TIMEOUT, LinkFaultKind.HANG)


@dataclass(frozen=True)
class Stand:
    """A scanner with its hands.

    Attributes
    ----------
    another
        Makes the driver of a second program at the same scanner.
    steps
        The rungs of recovery so far.
    """

    scanner: Scanner
    hands: Orders
    another: Callable[[], Scanner]
    sheets: int
    steps: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Connect, and set the scanner up for a batch."""
        self.scanner.poll()
        self.scanner.arm()

    def next(self) -> int | None:
        """Feed a sheet and read it; say which of the pile it is."""
        assert self.scanner.feed()
        return self._which(self.scanner.read_sheet(SheetId("0123abcd", 1, 1)))

    def rest(self) -> list[int | None]:
        """Feed and read until the hopper is empty, and all paper is in the tray."""
        came = []
        while self.scanner.feed():
            number = len(came) + 1
            came.append(self._which(self.scanner.read_sheet(SheetId("0123abcd", 1, number))))
        self.scanner.finish()
        pile = self.hands.look().pile
        assert (pile.in_tray, pile.in_path, pile.in_hopper) == (self.sheets, 0, 0)
        return came

    def goes_on_from(self, sheet: int) -> None:
        """Lay back every sheet from this one on, shut the cover, and scan the rest."""
        pile = self.hands.refeed().pile
        self.hands.take_back(pile.in_tray - sheet)
        self.hands.close_cover()
        self.scanner.cleared()
        self.scanner.arm()
        assert self.rest() == list(range(sheet, self.sheets))

    @contextmanager
    def failing(self, error: type[DeviceError], number: int | None = None) -> Iterator[None]:
        """Expect just this error, with this errno, and a connection that counts as lost."""
        with expecting(error, "" if number is None else f"errno={number}"):
            yield
        assert self.scanner.state is State.LOST

    def _which(self, scans: tuple[Scan, ...]) -> int | None:
        assert len(scans) == 2
        assert not any(scan.incomplete for scan in scans)
        return seen.sheet_of(scans, self.sheets)


@dataclass(frozen=True)
class Trouble:
    """A fault of the link, at one command of a batch that has none.

    Attributes
    ----------
    begins, nth
        How the command begins, and which of these it is, from 0.
    """

    kind: LinkFaultKind
    begins: bytes
    nth: int = 1


@dataclass(frozen=True)
class Scenario:
    """What happens, and with which paper."""

    act: Callable[[Stand], None]
    sheets: int = 3
    faults: tuple[Fault, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    def keep(self, stand: Stand) -> None:
        """Play it; raises AssertionError where the contract is broken."""
        self.act(stand)
        sight = stand.hands.look()
        assert sight.pile.fired == tuple(range(len(self.faults)))
        assert sight.struck == tuple(trouble.kind.value for trouble in self.troubles)


@contextmanager
def expecting(error: type[SuianError], text: str = "") -> Iterator[None]:
    """Expect just this error, and this in what it says."""
    try:
        yield
    except error as caught:
        assert type(caught) is error, caught
        assert text in str(caught), caught
    else:
        raise AssertionError(f"no {error.__name__}")


def hurry(scenario: Scenario, put: Callable[[object, str, object], None]) -> None:
    """Let nobody wait for long; `put` sets an attribute.

    The deadline of a transfer is kept where every transfer has an end: a short one would be missed
    on a busy machine.
    """
    put(session, "BUSY_PAUSE_S", 0.01)
    put(link, "DRAIN_PAUSE_S", 0.05)
    if any(trouble.kind in _SILENT for trouble in scenario.troubles):
        put(session, "TRANSFER_S", 0.4)
        put(session, "PROBE_S", 0.2)
