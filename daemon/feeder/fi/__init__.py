"""The fi-series command set: values to bytes. No I/O, no state.

Every builder gives a Command: the descriptor block and what passes in its data phase. Field names
and offsets are those of the SCSI scanner command set; all integers are big-endian.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

SENSE_BYTES: Final = 18
INQUIRY_BYTES: Final = 96
VPD_BYTES: Final = 0xCC
MODE_SENSE_BYTES: Final = 0x14
HARDWARE_STATUS_BYTES: Final = 12
PIXEL_SIZE_BYTES: Final = 32
SERIAL_BYTES: Final = 10

_VPD_PAGE: Final = 0xF0
_PAGE_FORMAT: Final = 0x10
_TYPE_IMAGE: Final = 0x00
_TYPE_PIXEL_SIZE: Final = 0x80
_TYPE_LUT: Final = 0x83
_ASK_READY: Final = 0x10
_GET_SERIAL: Final = b"GET DEVICE ID   "


class WindowId(IntEnum):
    """A side of the sheet, as SCAN, READ and the window descriptors name it."""

    FRONT = 0x00
    BACK = 0x80


class Position(IntEnum):
    """What OBJECT POSITION may do with the paper."""

    DISCHARGE = 0
    FEED = 1
    HALT = 4


class Control(IntEnum):
    """Functions of SCANNER CONTROL that are used."""

    CANCEL = 0x04
    LAMP_ON = 0x05


class ModePage(IntEnum):
    """Mode pages that are used."""

    PRE_PICK = 0x33
    SLEEP = 0x34
    BACKGROUND = 0x37
    DOUBLE_FEED = 0x38
    DROP_OUT = 0x39
    BUFFERING = 0x3A
    AUTO_SIZE = 0x3C


class Switch(IntEnum):
    """The two-bit fields of the mode pages."""

    DEFAULT = 0
    OFF = 2
    ON = 3


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes
    ----------
    name
        For messages and the log.
    cdb
        The command descriptor block, 6 or 10 bytes.
    out
        Payload that goes to the scanner, if any.
    in_bytes
        How much is asked back, if any. Never together with `out`.
    of_sheet
        Part of scanning the sheet in the path: after a reset there is nothing to repeat.
    """

    name: str
    cdb: bytes
    out: bytes = b""
    in_bytes: int = 0
    of_sheet: bool = False

    def __post_init__(self) -> None:
        if self.out and self.in_bytes:
            raise ValueError(f"{self.name} cannot send and receive at once")


def test_unit_ready() -> Command:
    """Ask whether the scanner is there and ready."""
    return Command("TEST UNIT READY", bytes(6))


def request_sense() -> Command:
    """Ask why the last command was not good."""
    return Command("REQUEST SENSE", bytes([0x03, 0, 0, 0, SENSE_BYTES, 0]), in_bytes=SENSE_BYTES)


def inquiry() -> Command:
    """Ask for vendor, product and revision."""
    return Command("INQUIRY", bytes([0x12, 0, 0, 0, INQUIRY_BYTES, 0]), in_bytes=INQUIRY_BYTES)


def vital_product_data() -> Command:
    """Ask for the page that says what the scanner can do."""
    return Command("INQUIRY F0", bytes([0x12, 1, _VPD_PAGE, 0, VPD_BYTES, 0]), in_bytes=VPD_BYTES)


def mode_sense(page: int) -> Command:
    """Ask for a mode page; used only to learn whether the scanner knows it.

    Page 3D must never be asked for on some models: they lock up (`models.toml`).
    """
    cdb = bytes([0x1A, 0, page & 0x3F, 0, MODE_SENSE_BYTES, 0])
    return Command(f"MODE SENSE {page:02X}", cdb, in_bytes=MODE_SENSE_BYTES)


def mode_select(page: ModePage, *data: int) -> Command:
    """Set a mode page; `data` are its first bytes after the length, the rest is 0."""
    size = 8 if page is ModePage.DROP_OUT else 6
    payload = bytes(4) + bytes([page, size, *data]).ljust(2 + size, b"\0")
    cdb = bytes([0x15, _PAGE_FORMAT, 0, 0, len(payload), 0])
    return Command(f"MODE SELECT {page:02X}", cdb, out=payload)


def double_feed(*, by_length: bool, protect: bool) -> Command:
    """Stop at a double feed, found by thickness and skew; by length where all sheets are alike.

    `protect` the paper, where the scanner can.
    """
    detect, by_skew, by_thickness = 0x80, 0x20, 0x10
    how = detect | by_skew | by_thickness | (0x08 if by_length else 0)
    return mode_select(ModePage.DOUBLE_FEED, how, (Switch.ON if protect else Switch.DEFAULT) << 6)


def background() -> Command:
    """Hold something black behind both sides, so that the edges of the paper are seen."""
    chosen, black_front, black_back = 0x80, 0x20, 0x10
    return mode_select(ModePage.BACKGROUND, chosen | black_front | black_back)


def drop_out() -> Command:
    """Leave no colour out, on either side."""
    return mode_select(ModePage.DROP_OUT)


def auto_size(*, length: bool, overscan: bool) -> Command:
    """Find the end of each sheet, see beyond its edges, or not; nothing else is automatic."""
    beyond = Switch.ON if overscan else Switch.OFF
    return mode_select(ModePage.AUTO_SIZE, 0, 0x80 if length else 0, 0, beyond << 6)


def buffering(switch: Switch) -> Command:
    """Take sheets in ahead of the host, or not; what lies in the buffer is cleared."""
    return mode_select(ModePage.BUFFERING, switch << 6, Switch.ON << 6)


def pre_pick(switch: Switch) -> Command:
    """Draw the next sheet while this one is read, or not."""
    return mode_select(ModePage.PRE_PICK, switch << 6)


def sleep_timer(minutes: int) -> Command:
    """Fall asleep after so many minutes without work."""
    return mode_select(ModePage.SLEEP, minutes)


def scan(*windows: WindowId) -> Command:
    """Start to scan the sheet in the path, through these windows."""
    cdb = bytes([0x1B, 0, 0, 0, len(windows), 0])
    return Command("SCAN", cdb, out=bytes(windows), of_sheet=True)


def ask_serial() -> Command:
    """Announce that the serial number will be read."""
    size = len(_GET_SERIAL).to_bytes(2, "big")
    return Command("SEND DIAGNOSTIC", bytes([0x1D, 0, 0]) + size + b"\0", out=_GET_SERIAL)


def read_serial() -> Command:
    """Read the serial number after `ask_serial`."""
    cdb = bytes([0x1C, 0, 0]) + SERIAL_BYTES.to_bytes(2, "big") + b"\0"
    return Command("READ DIAGNOSTIC", cdb, in_bytes=SERIAL_BYTES)


def set_window(payload: bytes) -> Command:
    """Define the windows; see `fi_window.descriptors`."""
    return Command("SET WINDOW", _long(0x24, b"\0" * 5, len(payload)), out=payload)


def read_image(window: WindowId, size_bytes: int) -> Command:
    """Read the next bytes of one side."""
    return _read(_TYPE_IMAGE, window, size_bytes)


def read_pixel_size(window: WindowId) -> Command:
    """Ask how many pixels and lines one side has."""
    return _read(_TYPE_PIXEL_SIZE, window, PIXEL_SIZE_BYTES)


def image_ready(window: WindowId, size_bytes: int) -> Command:
    """Ask whether the next bytes of one side are ready to be read."""
    cdb = _long(0xF1, bytes([_ASK_READY, window, 0, 0, 0]), size_bytes)
    return Command(f"IMAGE READY {window:02X}", cdb, of_sheet=True)


def send_lut(bits: int) -> Command:
    """Send a look-up table that changes nothing, from `bits` bits a sample to 8."""
    entries = 1 << bits
    table = bytes(value >> (bits - 8) for value in range(entries))
    header = bytes([0, 0, 0x10, 0]) + entries.to_bytes(2, "big") + (256).to_bytes(2, "big")
    payload = header + bytes(2) + table
    return Command("SEND LUT", _long(0x2A, bytes([0, _TYPE_LUT, 0, 0, 0]), len(payload)), payload)


def object_position(position: Position) -> Command:
    """Move paper. Never to be repeated before somebody has looked at the sensors."""
    return Command(f"OBJECT POSITION {position}", bytes([0x31, position]) + bytes(8))


def hardware_status() -> Command:
    """Ask for the sensors."""
    cdb = bytes([0xC2]) + bytes(6) + HARDWARE_STATUS_BYTES.to_bytes(2, "big") + b"\0"
    return Command("GET HARDWARE STATUS", cdb, in_bytes=HARDWARE_STATUS_BYTES)


def scanner_control(function: Control) -> Command:
    """Cancel a scan, switch the lamp."""
    cdb = bytes([0xF1, function & 0x0F, function >> 4]) + bytes(7)
    return Command(f"SCANNER CONTROL {function.name}", cdb)


def _read(kind: int, window: WindowId, size_bytes: int) -> Command:
    cdb = _long(0x28, bytes([0, kind, 0, 0, window]), size_bytes)
    return Command(f"READ {kind:02X} {window:02X}", cdb, in_bytes=size_bytes, of_sheet=True)


def _long(operation: int, middle: bytes, size_bytes: int) -> bytes:
    return bytes([operation]) + middle + size_bytes.to_bytes(3, "big") + b"\0"
