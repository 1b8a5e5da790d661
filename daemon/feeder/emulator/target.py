"""The command set of the emulated scanner: SCSI commands in, data and status out.

Rule 1: what a command asks for is done or refused; the sense of a refusal is there to be read
until the next command.

Not simulated: buffering and pre-pick (accepted, without effect), sleep, line-art, compression,
automatic size, deskew, imprinter, flatbed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.feeder.emulator import answers
from daemon.feeder.emulator.answers import (
    LockedUp,
    NotReady,
    Refused,
    Sense,
    bad_command,
    bad_parameter,
)
from daemon.feeder.emulator.faults import Fault
from daemon.feeder.emulator.path import PaperPath
from daemon.feeder.emulator.window import Frame, Paper, parse
from daemon.feeder.hopper import Hopper

GOOD: Final = 0
CHECK_CONDITION: Final = 2
BUSY: Final = 8
_INQUIRY: Final = 0x12
_REQUEST_SENSE: Final = 0x03
_GET_ID: Final = b"GET DEVICE ID   "
_SET_POWER_OFF: Final = b"SET POWOFF TIME "
_CURVE_HEADER: Final = bytes((0, 0, 0x10, 0, 0x04, 0, 0x01, 0, 0, 0))
_CANCEL: Final = 0x04
_HARMLESS: Final = (0x00, 0x03, 0x05, 0x06)  # select the feeder; lamp off, on, normal
_DISCHARGE, _FEED, _HALT = 0, 1, 4
_IMAGE, _PIXEL_SIZE = 0x00, 0x80
_DOUBLE_FEED_PAGE: Final = 0x38
_AUTO_SIZE_PAGE: Final = 0x3C


@dataclass(frozen=True, slots=True)
class Reply:
    """How a command ended, and what it sends; `taken` is called when the host has all of it."""

    data: bytes | memoryview = b""
    status: int = GOOD
    taken: Callable[[], None] | None = None


_Command = Callable[[bytes, bytes], Reply]


class Target:
    """The scanner behind the cable.

    Parameters
    ----------
    paper, hopper, faults
        What is scanned, where it lies, what goes wrong with it.
    serial
        What GET DEVICE ID says.
    """

    def __init__(self, paper: Paper, hopper: Hopper, faults: Sequence[Fault], serial: int) -> None:
        self._path = PaperPath(paper, hopper, faults)
        self._serial = serial
        self.power_on()
        self._commands: Final[dict[int, _Command]] = {
            0x00: self._test_unit_ready,
            _INQUIRY: self._inquire,
            0x15: self._mode_select,
            0x1A: self._mode_sense,
            0x1B: self._scan,
            0x1C: self._read_diagnostic,
            0x1D: self._send_diagnostic,
            0x24: self._set_window,
            0x28: self._read,
            0x2A: self._send,
            0x31: self._object_position,
            0xC2: self._get_hardware_status,
            0xF1: self._scanner_control,
        }

    def power_on(self) -> None:
        """Forget everything that the host has set."""
        self._path.power_on()
        self._sense = answers.NO_SENSE
        self._was_reset = True
        self._modes: dict[int, bytes] = {}
        self._frames: dict[int, Frame] = {}
        self._curve: bytes | None = None
        self._id_wanted = False

    def execute(self, command: bytes, payload: bytes) -> Reply:
        """Carry out a command whose data-out phase is over.

        Raises
        ------
        Unplugged, LockedUp
            There is no answer.
        """
        if command[0] == _REQUEST_SENSE:
            return Reply(self._request_sense()[: command[4]])
        self._sense = answers.NO_SENSE
        try:
            return self._obey(command, payload)
        except Refused as refused:
            self._sense = refused.sense
            return Reply(status=CHECK_CONDITION)
        except NotReady:
            return Reply(status=BUSY)

    def _obey(self, command: bytes, payload: bytes) -> Reply:
        if self._was_reset and command[0] != _INQUIRY:
            self._was_reset = False
            raise Refused(answers.WAS_RESET)
        if command[0] not in self._commands:
            raise Refused(answers.WRONG_COMMAND)
        return self._commands[command[0]](command, payload)

    def _request_sense(self) -> bytes:
        sense, self._sense = self._sense, answers.NO_SENSE
        if self._was_reset and sense == answers.NO_SENSE:
            self._was_reset = False
            sense = answers.WAS_RESET
        return sense.data()

    # -- who it is and how it stands ----------------------------------------------------------

    def _test_unit_ready(self, _command: bytes, _payload: bytes) -> Reply:
        self._path.require_ready()
        return Reply()

    def _inquire(self, command: bytes, _payload: bytes) -> Reply:
        pages = {(0, 0): answers.INQUIRY, (1, 0xF0): answers.VITAL_PRODUCT_DATA}
        page = pages.get((command[1], command[2]))
        if page is None:
            raise Refused(bad_command(2))
        return Reply(page[: command[4]])

    def _send_diagnostic(self, _command: bytes, payload: bytes) -> Reply:
        self._id_wanted = payload == _GET_ID
        is_timer = len(payload) == 18 and payload.startswith(_SET_POWER_OFF)
        if payload and not self._id_wanted and not is_timer:
            raise Refused(bad_parameter(0))
        return Reply()

    def _read_diagnostic(self, command: bytes, _payload: bytes) -> Reply:
        if not self._id_wanted:
            raise Refused(answers.OUT_OF_SEQUENCE)
        answer = self._serial.to_bytes(4) + bytes(6)
        return Reply(answer[: int.from_bytes(command[3:5])])

    def _get_hardware_status(self, command: bytes, _payload: bytes) -> Reply:
        return Reply(self._path.sensors(int.from_bytes(command[7:9])))

    # -- how the host wants it ----------------------------------------------------------------

    def _mode_sense(self, command: bytes, _payload: bytes) -> Reply:
        page = command[2] & 0x3F
        if page == answers.LOCKING_PAGE:
            raise LockedUp
        if page not in answers.MODE_PAGES:
            raise Refused(bad_command(2))
        unset = bytes((page, answers.MODE_PAGES[page]))
        # never shorter than asked for: a host takes a short answer for "not supported"
        return Reply(
            (bytes(4) + self._modes.get(page, unset)).ljust(command[4], b"\0")[: command[4]]
        )

    def _mode_select(self, command: bytes, payload: bytes) -> Reply:
        if not command[1] & 0x10:
            raise Refused(bad_command(1))
        if len(payload) < 6:
            raise Refused(answers.WRONG_LENGTH)
        page = payload[4:]
        if page[0] not in answers.MODE_PAGES:
            raise Refused(bad_parameter(4))
        if page[1] != answers.MODE_PAGES[page[0]]:
            raise Refused(bad_parameter(5))
        if len(page) != page[1] + 2:
            raise Refused(answers.WRONG_LENGTH)
        if page[0] == _AUTO_SIZE_PAGE:
            _refuse_auto_size(page)
        self._modes[page[0]] = page
        return Reply()

    def _set_window(self, _command: bytes, payload: bytes) -> Reply:
        self._require_rest()
        self._frames = parse(payload)
        return Reply()

    def _send(self, command: bytes, payload: bytes) -> Reply:
        if command[2] != 0x83:
            raise Refused(bad_command(2))
        self._require_rest()
        header, curve = payload[: len(_CURVE_HEADER)], payload[len(_CURVE_HEADER) :]
        for offset, (got, expected) in enumerate(zip(header, _CURVE_HEADER, strict=False)):
            if got != expected:
                raise Refused(bad_parameter(offset))
        if len(curve) != answers.CURVE_BYTES:
            raise Refused(answers.WRONG_LENGTH)
        self._curve = curve[:: answers.CURVE_BYTES // 256]
        return Reply()

    def _require_rest(self) -> None:
        if self._path.is_scanning:
            raise Refused(answers.OUT_OF_SEQUENCE)

    def _scanner_control(self, command: bytes, _payload: bytes) -> Reply:
        if command[1] & 0x10:  # is image data ready?
            self._path.window(command[2])
            return Reply()
        function = (command[2] << 4) | (command[1] & 0x0F)
        if function == _CANCEL:
            self._path.drop()
        elif function not in _HARMLESS:
            raise Refused(bad_command(1))
        return Reply()

    # -- paper --------------------------------------------------------------------------------

    def _object_position(self, command: bytes, _payload: bytes) -> Reply:
        position = command[1] & 0x07
        if position == _FEED:
            self._path.feed(detects_double_feed=self._detects_double_feed())
        elif position == _DISCHARGE:
            self._path.discharge()
        elif position == _HALT:
            self._path.drop(answers.SCAN_HALTED)
        else:
            raise Refused(bad_command(1))
        return Reply()

    def _scan(self, _command: bytes, payload: bytes) -> Reply:
        if not self._frames:
            raise Refused(answers.OUT_OF_SEQUENCE)
        if list(payload) != list(self._frames):
            raise Refused(answers.WRONG_WINDOWS)
        if self._curve is None and any(frame.downloaded for frame in self._frames.values()):
            raise Refused(answers.OUT_OF_SEQUENCE)
        self._path.scan(self._frames)
        return Reply()

    def _read(self, command: bytes, _payload: bytes) -> Reply:
        kind, number, asked = command[2], command[5], int.from_bytes(command[6:9])
        if kind == _PIXEL_SIZE:
            window = self._path.window(number)
            return Reply(answers.pixel_size(window.width_px, window.height_px)[:asked])
        if kind != _IMAGE:
            raise Refused(bad_command(2))
        data = self._path.read(number, asked, self._curve)
        if len(data) == asked:
            return Reply(data, GOOD, self._path.data_taken)
        self._sense = Sense(residue_bytes=asked - len(data))
        return Reply(data, CHECK_CONDITION, self._path.data_taken)

    def _detects_double_feed(self) -> bool:
        """Return whether detection is on, stops the feeder, and has a sensor to go by."""
        page = self._modes.get(_DOUBLE_FEED_PAGE, bytes(8))
        return page[2] & 0xC0 == 0x80 and bool(page[2] & 0x18)


def _refuse_auto_size(page: bytes) -> None:
    for offset, bits in ((2, 0x80), (3, 0x80), (4, 0x80)):
        if page[offset] & bits:
            raise Refused(bad_parameter(4 + offset))
