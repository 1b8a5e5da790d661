"""The paper path of the emulated scanner: one sheet from the hopper to the out-tray, and its sides.

Rule 1: nothing moves while something blocks: the sense of what blocked it answers every command
that needs the path, until the path is empty and the cover shut.
Rule 2: a sheet reaches the out-tray when the host has the last byte of its last side, or by a
discharge; nothing else but hands takes it out of the path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from daemon.feeder.emulator import answers
from daemon.feeder.emulator.answers import NotReady, Refused, Sense, Unplugged
from daemon.feeder.emulator.faults import SENSES, SHEETS_TAKEN, Fault, FaultKind, Script
from daemon.feeder.emulator.window import BACK, FRONT, Frame, Paper, Window
from daemon.feeder.hopper import Hopper, Pile

_SIDES: Final = {FRONT: "F", BACK: "B"}


@dataclass(slots=True)
class _Side:
    """One side of the sheet; its samples are there while it is read."""

    frame: Frame
    left_bytes: int
    samples: memoryview | None = None


@dataclass(slots=True)
class _Sheet:
    """The sheet that was fed. Its sides are there from SCAN on, and until the next feed."""

    index: int
    sides: dict[int, _Side] = field(default_factory=dict)
    is_delivered: bool = False

    @property
    def left_bytes(self) -> int:
        return sum(side.left_bytes for side in self.sides.values())

    def passes_half(self, asked: int) -> bool:
        whole = sum(side.frame.window.size_bytes for side in self.sides.values())
        return whole - self.left_bytes + asked > whole // 2


class PaperPath:
    """Moves the paper and reads it. Every method may raise Refused, NotReady or Unplugged.

    Parameters
    ----------
    paper, hopper, faults
        What is scanned, where it lies, what goes wrong with it.
    """

    def __init__(self, paper: Paper, hopper: Hopper, faults: Sequence[Fault]) -> None:
        self._paper = paper
        self._hopper = hopper
        self._script = Script(faults, hopper)
        self._blocked: Sense | None = None
        self.power_on()

    def power_on(self) -> None:
        """Forget the scan. Paper that is stuck stays stuck."""
        self.drop()
        self._is_busy = False
        self._detects_double_feed = False

    @property
    def is_scanning(self) -> bool:
        """True while the host has not read all sides of the sheet."""
        return self._sheet is not None and self._sheet.left_bytes > 0

    def require_ready(self) -> None:
        """Refuse while something blocks; once after a slow feed it is not ready yet."""
        self._require_free(self._hopper.look())
        if self._is_busy:
            self._is_busy = False
            raise NotReady

    def sensors(self, asked: int) -> bytes:
        """Return the hardware status; reading the button lets it spring back."""
        button = asked > answers.BUTTON_AT and self._hopper.read_button()
        pile = self._hopper.look()
        self._unblock(pile)
        double_feed = self._blocked == answers.DOUBLE_FEED
        return answers.hardware_status(pile, button=button, double_feed=double_feed)[:asked]

    def drop(self, why: Sense = answers.OUT_OF_SEQUENCE) -> None:
        """Break the scan off; the paper stays where it is."""
        self._sheet: _Sheet | None = None
        self._no_sheet = why

    def discharge(self) -> None:
        """Carry what is in the path to the out-tray."""
        self._require_free(self._hopper.look())
        self.drop()
        self._hopper.deliver()

    def feed(self, *, detects_double_feed: bool) -> None:
        """Take the next sheet from the hopper."""
        pile = self._hopper.look()
        self._require_free(pile)
        if pile.in_path:
            # a sheet of this host, or one that an earlier one has left behind
            is_ours = self._sheet is not None and not self._sheet.is_delivered
            raise Refused(answers.OUT_OF_SEQUENCE if is_ours else answers.PAPER_JAM)
        self.drop()
        if not pile.in_hopper:
            raise Refused(answers.HOPPER_EMPTY)
        self._detects_double_feed = detects_double_feed
        kind = self._script.strike(pile.next_sheet, "feed")
        self._hopper.feed(SHEETS_TAKEN[kind] if kind else 1)
        if kind is FaultKind.BUSY:
            self._is_busy = True
        elif kind:
            self._suffer(kind)
        self._sheet = _Sheet(pile.next_sheet)

    def scan(self, frames: Mapping[int, Frame]) -> None:
        """Begin to read the sheet that was fed."""
        self._require_free(self._hopper.look())
        if self._sheet is None or self._sheet.sides:
            raise Refused(answers.OUT_OF_SEQUENCE)
        for number, frame in frames.items():
            self._sheet.sides[number] = _Side(frame, frame.window.size_bytes)

    def window(self, number: int) -> Window:
        """Return what is seen of a side that was scanned."""
        return self._scanned(number)[1].frame.window

    def read(self, number: int, asked: int, curve: bytes | None) -> bytes | memoryview:
        """Return the next samples of a side; fewer than asked for at its end, and then none."""
        sheet, side = self._scanned(number)
        if not side.left_bytes:
            return b""
        if sheet.passes_half(asked):
            self._strike_reading(sheet)
        window = side.frame.window
        if side.samples is None:
            samples = self._paper.face(sheet.index, _SIDES[number], window)
            side.samples = memoryview(side.frame.wire(samples, curve))
        start = window.size_bytes - side.left_bytes
        data = side.samples[start : start + asked]
        side.left_bytes -= len(data)
        if not side.left_bytes:
            side.samples = None
        return data

    def data_taken(self) -> None:
        """Note that the host has all that was read."""
        sheet = self._sheet
        if sheet and sheet.sides and not sheet.is_delivered and not sheet.left_bytes:
            sheet.is_delivered = True
            self._hopper.deliver()

    def _scanned(self, number: int) -> tuple[_Sheet, _Side]:
        pile = self._hopper.look()
        self._require_free(pile)
        sheet = self._sheet
        if sheet is None or number not in sheet.sides:
            raise Refused(self._no_sheet)
        if not sheet.is_delivered and not pile.in_path:
            self.drop()  # hands have taken it out
            raise Refused(answers.PAPER_JAM)
        return sheet, sheet.sides[number]

    def _unblock(self, pile: Pile) -> None:
        if not pile.in_path and not pile.cover_open:
            self._blocked = None

    def _require_free(self, pile: Pile) -> None:
        self._unblock(pile)
        if self._blocked is None and pile.cover_open:
            self._blocked = answers.COVER_OPEN
        if self._blocked is not None:
            self.drop()
            raise Refused(self._blocked)

    def _strike_reading(self, sheet: _Sheet) -> None:
        kind = self._script.strike(sheet.index, "read")
        if kind is FaultKind.BUSY:
            raise NotReady
        if kind is FaultKind.DOUBLE_FEED:
            self._hopper.feed()
        if kind:
            self._suffer(kind)

    def _suffer(self, kind: FaultKind) -> None:
        """Let a fault take its course; returns when the host is not to know of it."""
        if kind is FaultKind.DOUBLE_FEED and not self._detects_double_feed:
            return
        self.drop()
        if kind is FaultKind.UNPLUG:
            raise Unplugged
        if kind is FaultKind.COVER_OPEN:
            self._hopper.open_cover()
        self._blocked = SENSES[kind]
        raise Refused(self._blocked)
