"""The command set of the emulated scanner: SCSI commands in, data and status out.

Rule 1: what a command asks for is done or refused; the sense of a refusal is there to be read
until the next command.

Not simulated: buffering and pre-pick, drop-out colours and the background (accepted, without
effect), compression, automatic width, deskew, imprinter, flatbed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from daemon.feeder.emulator import answers, sense
from daemon.feeder.emulator.descriptors import parse
from daemon.feeder.emulator.modes import Modes
from daemon.feeder.emulator.path import PaperPath
from daemon.feeder.emulator.power import Sleep
from daemon.feeder.emulator.profile import Profile
from daemon.feeder.emulator.sense import NotReady, Refused, Sense, bad_command, bad_parameter
from daemon.feeder.emulator.window import Frame

GOOD: Final = 0
CHECK_CONDITION: Final = 2
BUSY: Final = 8
_INQUIRY: Final = 0x12
_REQUEST_SENSE: Final = 0x03
_SEND: Final = 0x2A
_GET_ID: Final = b"GET DEVICE ID   "
_SET_POWER_OFF: Final = b"SET POWOFF TIME "
_CURVE_HEADER_BYTES: Final = 10
_CANCEL: Final = 0x04
_HARMLESS: Final = (0x00, 0x03, 0x05, 0x06)  # select the feeder; lamp off, on, normal
_DISCHARGE, _FEED, _HALT = 0, 1, 4
_IMAGE, _PIXEL_SIZE = 0x00, 0x80


@dataclass(frozen=True, slots=True)
class Reply:
    """How a command ended, and what it sends.

    Attributes
    ----------
    taken
        Called when the host has all of the data.
    put_back
        Called with how many of the last bytes never left, when the link has cut the data.
    """

    data: bytes | memoryview = b""
    status: int = GOOD
    taken: Callable[[], None] | None = None
    put_back: Callable[[int], None] | None = None


_Command = Callable[[bytes, bytes], Reply]


class Target:
    """The scanner behind the cable.

    Parameters
    ----------
    path
        Where its paper is.
    profile
        Which model it is.
    serial
        What GET DEVICE ID says.
    clock
        Seconds that never go back, for the sleep timer.
    """

    def __init__(
        self, path: PaperPath, profile: Profile, serial: int, clock: Callable[[], float]
    ) -> None:
        self._path = path
        self._profile = profile
        self._serial = serial
        self._sleep = Sleep(clock)
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
            _SEND: self._send,
            0x31: self._object_position,
            0xC2: self._get_hardware_status,
            0xF1: self._scanner_control,
        }

    def power_on(self) -> None:
        """Forget everything that the host has set."""
        self._path.power_on()
        self._sleep.wake()
        self._sense = sense.NO_SENSE
        self._was_reset = True
        self._modes = Modes(self._profile)
        self._frames: dict[int, Frame] = {}
        self._has_overscan = False
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
        self._sense = sense.NO_SENSE
        try:
            return self._obey(command, payload)
        except Refused as refused:
            return self.refuse(refused.sense)
        except NotReady:
            return self.hold_off()

    def hold_off(self) -> Reply:
        """End a command as BUSY, without carrying it out."""
        self._sense = sense.NO_SENSE
        return Reply(status=BUSY)

    def refuse(self, why: Sense) -> Reply:
        """End a command with CHECK CONDITION; what it has sent stays with its reply."""
        self._sense = why
        return Reply(status=CHECK_CONDITION)

    def forget_sense(self) -> None:
        """Have nothing to say of the last command."""
        self._sense = sense.NO_SENSE

    def fall_asleep(self) -> None:
        """Sleep now, whatever the timer says."""
        self._sleep.fall_asleep()

    def _obey(self, command: bytes, payload: bytes) -> Reply:
        if self._was_reset and command[0] != _INQUIRY:
            self._was_reset = False
            raise Refused(sense.WAS_RESET)
        timer_s = None if self._path.is_scanning else self._modes.sleeps_after_s
        self._sleep.meet(command[0], timer_s)
        if command[0] not in self._commands or (command[0] == _SEND and not self._has_curves):
            raise Refused(sense.WRONG_COMMAND)
        return self._commands[command[0]](command, payload)

    @property
    def _has_curves(self) -> bool:
        return self._profile.curve_bytes > 0

    def _request_sense(self) -> bytes:
        said, self._sense = self._sense, sense.NO_SENSE
        if self._was_reset and said == sense.NO_SENSE:
            self._was_reset = False
            said = sense.WAS_RESET
        return said.data()

    # -- who it is and how it stands ----------------------------------------------------------

    def _test_unit_ready(self, _command: bytes, _payload: bytes) -> Reply:
        self._path.require_ready()
        return Reply()

    def _inquire(self, command: bytes, _payload: bytes) -> Reply:
        pages = {(0, 0): answers.inquiry, (1, 0xF0): answers.vital_product_data}
        page = pages.get((command[1], command[2]))
        if page is None:
            raise Refused(bad_command(2))
        return Reply(page(self._profile)[: command[4]])

    def _send_diagnostic(self, _command: bytes, payload: bytes) -> Reply:
        self._id_wanted = payload == _GET_ID
        is_timer = len(payload) == 18 and payload.startswith(_SET_POWER_OFF)
        if payload and not self._id_wanted and not is_timer:
            raise Refused(bad_parameter(0))
        return Reply()

    def _read_diagnostic(self, command: bytes, _payload: bytes) -> Reply:
        if not self._id_wanted:
            raise Refused(sense.OUT_OF_SEQUENCE)
        answer = self._serial.to_bytes(4) + bytes(6)
        return Reply(answer[: int.from_bytes(command[3:5])])

    def _get_hardware_status(self, command: bytes, _payload: bytes) -> Reply:
        asked = int.from_bytes(command[7:9])
        return Reply(self._path.sensors(asked, asleep=self._sleep.is_asleep))

    # -- how the host wants it ----------------------------------------------------------------

    def _mode_sense(self, command: bytes, _payload: bytes) -> Reply:
        return Reply(self._modes.sense(command[2] & 0x3F, command[4]))

    def _mode_select(self, command: bytes, payload: bytes) -> Reply:
        if not command[1] & 0x10:
            raise Refused(bad_command(1))
        self._modes.select(payload)
        return Reply()

    def _set_window(self, _command: bytes, payload: bytes) -> Reply:
        self._require_rest()
        self._frames = parse(payload, self._profile, overscan=self._modes.overscan)
        self._has_overscan = self._modes.overscan
        return Reply()

    def _send(self, command: bytes, payload: bytes) -> Reply:
        if command[2] != 0x83:
            raise Refused(bad_command(2))
        self._require_rest()
        header, curve = payload[:_CURVE_HEADER_BYTES], payload[_CURVE_HEADER_BYTES:]
        entries = self._profile.curve_bytes
        expected_header = bytes((0, 0, 0x10, 0)) + entries.to_bytes(2) + bytes((1, 0, 0, 0))
        for offset, (got, expected) in enumerate(zip(header, expected_header, strict=False)):
            if got != expected:
                raise Refused(bad_parameter(offset))
        if len(curve) != entries:
            raise Refused(sense.WRONG_LENGTH)
        step = entries // 256
        self._curve = curve[step - 1 :: step]  # of as many entries the last: white is the very last
        return Reply()

    def _require_rest(self) -> None:
        if self._path.is_scanning:
            raise Refused(sense.OUT_OF_SEQUENCE)

    def _scanner_control(self, command: bytes, _payload: bytes) -> Reply:
        if command[1] & 0x10:  # is image data ready?
            self._path.require_data(command[2], int.from_bytes(command[6:9]))
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
            self._path.feed(self._modes)
        elif position == _DISCHARGE:
            self._path.discharge()
        elif position == _HALT and self._profile.can_halt:
            self._path.drop(sense.SCAN_HALTED)
        else:
            raise Refused(bad_command(1))
        return Reply()

    def _scan(self, _command: bytes, payload: bytes) -> Reply:
        # a window that reaches beyond the edges is good only for as long as overscan is on
        if not self._frames or self._has_overscan != self._modes.overscan:
            raise Refused(sense.OUT_OF_SEQUENCE)
        if list(payload) != list(self._frames):
            raise Refused(sense.WRONG_WINDOWS)
        if self._curve is None and any(frame.downloaded for frame in self._frames.values()):
            raise Refused(sense.OUT_OF_SEQUENCE)
        self._path.scan(self._frames, auto_length=self._modes.auto_length)
        return Reply()

    def _read(self, command: bytes, _payload: bytes) -> Reply:
        kind, number, asked = command[2], command[5], int.from_bytes(command[6:9])
        if kind == _PIXEL_SIZE:
            window, is_found = self._path.size(number)
            size = answers.pixel_size(window.width_px, window.height_px, is_found=is_found)
            return Reply(size[:asked])
        if kind != _IMAGE:
            raise Refused(bad_command(2))
        data = self._path.read(number, asked, self._curve)
        status = GOOD
        if len(data) < asked:
            self._sense = Sense(residue_bytes=asked - len(data))
            status = CHECK_CONDITION

        def put_back(count: int) -> None:
            self._path.put_back(number, count)

        return Reply(data, status, self._path.data_taken, put_back)
