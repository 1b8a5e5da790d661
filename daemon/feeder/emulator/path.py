"""The paper path of the emulated scanner: one sheet from the hopper to the out-tray, and its sides.

Rule 1: nothing moves while something blocks: the sense of what blocked it answers every command
that needs the path, until the path is empty and the cover shut.
Rule 2: a sheet reaches the out-tray when the host has the last byte of its last side, or by a
discharge; nothing else but hands takes it out of the path.
"""

from collections.abc import Mapping, Sequence

from daemon.feeder.emulator import answers, sense
from daemon.feeder.emulator.faults import SENSES, SHEETS_TAKEN, Fault, FaultKind, Script
from daemon.feeder.emulator.modes import Modes
from daemon.feeder.emulator.sense import NotReady, Refused, Sense, Unplugged
from daemon.feeder.emulator.sheet import LETTERS, Motor, Sheet, Side
from daemon.feeder.emulator.window import Frame, Paper, Window
from daemon.feeder.hopper import Hopper, Pile

_DETECTED = (FaultKind.DOUBLE_FEED, FaultKind.SKEWED)


def _unseen(modes: Modes) -> frozenset[FaultKind]:
    """Return what passes without a word, as the host has asked for no detection."""
    seen = (modes.detects_double_feed, modes.detects_skew)
    return frozenset(kind for kind, is_seen in zip(_DETECTED, seen, strict=True) if not is_seen)


class PaperPath:
    """Moves the paper and reads it. Every method may raise Refused, NotReady or Unplugged.

    Parameters
    ----------
    paper, hopper, faults
        What is scanned, where it lies, what goes wrong with it.
    motor
        How it moves.
    """

    def __init__(self, paper: Paper, hopper: Hopper, faults: Sequence[Fault], motor: Motor) -> None:
        self._paper = paper
        self._hopper = hopper
        self._motor = motor
        self._script = Script(faults, hopper)
        self._blocked: Sense | None = None
        self._blocked_by: FaultKind | None = None
        self.power_on()

    def power_on(self) -> None:
        """Forget the scan. Paper that is stuck stays stuck."""
        self.drop()
        self._is_busy = False
        self._unseen = frozenset(_DETECTED)

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

    def sensors(self, asked: int, *, asleep: bool) -> bytes:
        """Return the hardware status; reading the button lets it spring back."""
        button = asked > answers.BUTTON_AT and self._hopper.read_button()
        pile = self._hopper.look()
        self._unblock(pile)
        sensors = answers.Sensors(
            button=button,
            asleep=asleep,
            double_feed=self._blocked_by is FaultKind.DOUBLE_FEED,
            skewed=self._blocked_by is FaultKind.SKEWED,
        )
        return answers.hardware_status(pile, sensors)[:asked]

    def drop(self, why: Sense = sense.OUT_OF_SEQUENCE) -> None:
        """Break the scan off; the paper stays where it is."""
        self._sheet: Sheet | None = None
        self._no_sheet = why

    def discharge(self) -> None:
        """Carry what is in the path to the out-tray."""
        self._require_free(self._hopper.look())
        self.drop()
        self._hopper.deliver()

    def feed(self, modes: Modes) -> None:
        """Take the next sheet from the hopper."""
        pile = self._hopper.look()
        self._require_free(pile)
        if pile.in_path:
            # a sheet of this host, or one that an earlier one has left behind
            is_ours = self._sheet is not None and not self._sheet.is_delivered
            raise Refused(sense.OUT_OF_SEQUENCE if is_ours else sense.PAPER_JAM)
        self.drop()
        if not pile.in_hopper:
            raise Refused(sense.HOPPER_EMPTY)
        self._unseen = _unseen(modes)
        kind = self._script.strike(pile.next_sheet, "feed")
        if kind is FaultKind.EMPTY:
            raise Refused(sense.HOPPER_EMPTY)
        self._hopper.feed(SHEETS_TAKEN[kind] if kind else 1)
        if kind is FaultKind.BUSY:
            self._is_busy = True
        elif kind:
            self._suffer(kind)
        self._sheet = Sheet(pile.next_sheet, self._motor, self._motor.clock())

    def scan(self, frames: Mapping[int, Frame], *, auto_length: bool) -> None:
        """Begin to read the sheet that was fed; with `auto_length` it ends where the paper does."""
        self._require_free(self._hopper.look())
        sheet = self._sheet
        if sheet is None or sheet.sides:
            raise Refused(sense.OUT_OF_SEQUENCE)
        paper_units = self._paper.length_units(sheet.index) if auto_length else None
        for number, frame in frames.items():
            sheet.sides[number] = Side(frame, paper_units)

    def size(self, number: int) -> tuple[Window, bool]:
        """Return what is seen of a side that was scanned, and whether it is the paper's own."""
        return self._scanned(number)[1].size

    def require_data(self, number: int, asked: int) -> None:
        """Refuse with "no data yet" while what is about to be read of a side is not there."""
        sheet, _side = self._scanned(number)
        if not sheet.has_bytes(number, asked):
            raise Refused(sense.NO_DATA_YET)

    def read(self, number: int, asked: int, curve: bytes | None) -> bytes | memoryview:
        """Return the next samples of a side; fewer than asked for at its end, and then none."""
        sheet, side = self._scanned(number)
        if not side.left_bytes:
            return b""
        if not sheet.has_bytes(number, asked):
            raise NotReady
        if sheet.passes_half(asked):
            self._strike_reading(sheet)

        def samples(window: Window) -> bytes:
            positive = self._paper.face(sheet.index, LETTERS[number], window)
            return side.frame.wire(positive, curve)

        return side.take(asked, samples)

    def put_back(self, number: int, count: int) -> None:
        """Take back the last bytes of a side that were read: the host has not got them."""
        if self._sheet is not None and number in self._sheet.sides:
            self._sheet.sides[number].put_back(count)

    def data_taken(self) -> None:
        """Note that the host has all that was read."""
        sheet = self._sheet
        if sheet is None:
            return
        for side in sheet.sides.values():
            side.forget_when_read()
        if sheet.sides and not sheet.is_delivered and not sheet.left_bytes:
            sheet.is_delivered = True
            self._hopper.deliver()

    def _scanned(self, number: int) -> tuple[Sheet, Side]:
        pile = self._hopper.look()
        self._require_free(pile)
        sheet = self._sheet
        if sheet is None or number not in sheet.sides:
            raise Refused(self._no_sheet)
        if not sheet.is_delivered and not pile.in_path:
            self.drop()  # hands have taken it out
            raise Refused(sense.PAPER_JAM)
        return sheet, sheet.sides[number]

    def _unblock(self, pile: Pile) -> None:
        if not pile.in_path and not pile.cover_open:
            self._blocked = None
            self._blocked_by = None

    def _require_free(self, pile: Pile) -> None:
        self._unblock(pile)
        if self._blocked is None and pile.cover_open:
            self._blocked = sense.COVER_OPEN
        if self._blocked is not None:
            self.drop()
            raise Refused(self._blocked)

    def _strike_reading(self, sheet: Sheet) -> None:
        kind = self._script.strike(sheet.index, "read")
        if kind is FaultKind.BUSY:
            raise NotReady
        if kind is FaultKind.DOUBLE_FEED:
            self._hopper.feed()
        if kind:
            self._suffer(kind)

    def _suffer(self, kind: FaultKind) -> None:
        """Let a fault take its course; returns when the host is not to know of it."""
        if kind in self._unseen:
            return
        self.drop()
        if kind is FaultKind.UNPLUG:
            raise Unplugged
        if kind is FaultKind.COVER_OPEN:
            self._hopper.open_cover()
        self._blocked = SENSES[kind]
        self._blocked_by = kind
        raise Refused(self._blocked)
