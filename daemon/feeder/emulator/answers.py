"""What the emulated scanner says of itself: sense, inquiry pages, sensors.

A plausible fi-7160: document feeder, duplex, no flatbed, 10-bit tone curves, no compression. No
byte here was read from a real scanner.
"""

from dataclasses import dataclass
from typing import Final

from daemon.feeder.hopper import Pile

UNITS_PER_INCH: Final = 1200
RESOLUTIONS_DPI: Final = range(50, 601)
_BASIC_DPI: Final = 600  # the inquiry gives its sizes in these
_MAX_WIDTH: Final = 5184
_MAX_LENGTH: Final = 8760
MAX_WIDTH_1200: Final = _MAX_WIDTH * UNITS_PER_INCH // _BASIC_DPI
MAX_LENGTH_1200: Final = _MAX_LENGTH * UNITS_PER_INCH // _BASIC_DPI
LONGEST_1200: Final = ((200, 266_268), (300, 260_268), (400, 194_268))
"""(up to this resolution, longest window): more than the inquiry says, as on this model."""

CURVE_BYTES: Final = 1024
MODE_PAGES: Final[dict[int, int]] = {
    # page code -> page length
    0x33: 6,
    0x34: 6,
    0x35: 6,
    0x37: 6,
    0x38: 6,
    0x39: 8,
    0x3A: 6,
    0x3C: 6,
}
LOCKING_PAGE: Final = 0x3D
"""Asking for it is the end of the conversation on this model."""
BUTTON_AT: Final = 4


@dataclass(frozen=True, slots=True)
class Sense:
    """Why a command ended as it did.

    Attributes
    ----------
    residue_bytes
        Asked for and not delivered; not None sets ILI, and EOM with it.
    offending_byte
        Where the host's mistake is.
    in_command
        The offending byte is one of the command, not of its parameters.
    """

    key: int = 0
    code: int = 0
    qualifier: int = 0
    residue_bytes: int | None = None
    offending_byte: int | None = None
    in_command: bool = False

    def data(self) -> bytes:
        """Return the 18 bytes of REQUEST SENSE."""
        data = bytearray(18)
        data[0] = 0x70
        data[2] = self.key
        data[7] = 10
        data[12:14] = self.code, self.qualifier
        if self.residue_bytes is not None:
            data[0] |= 0x80
            data[2] |= 0x60
            data[3:7] = self.residue_bytes.to_bytes(4)
        if self.offending_byte is not None:
            data[15] = 0xC0 if self.in_command else 0x80
            data[16:18] = self.offending_byte.to_bytes(2)
        return bytes(data)


class Refused(Exception):
    """A command ended with CHECK CONDITION; REQUEST SENSE says why."""

    def __init__(self, sense: Sense) -> None:
        super().__init__(sense)
        self.sense = sense


class NotReady(Exception):
    """A command ended with status BUSY."""


class LockedUp(Exception):
    """The firmware hangs until it is reset: there is no answer."""


class Unplugged(Exception):
    """The cable was pulled: there is no answer."""


NO_SENSE: Final = Sense()
PAPER_JAM: Final = Sense(3, 0x80, 0x01)
COVER_OPEN: Final = Sense(3, 0x80, 0x02)
HOPPER_EMPTY: Final = Sense(3, 0x80, 0x03)
PAPER_REFUSED: Final = Sense(3, 0x80, 0x04)
DOUBLE_FEED: Final = Sense(3, 0x80, 0x07)
STOP_BUTTON: Final = Sense(3, 0x80, 0x20)
SCAN_HALTED: Final = Sense(3, 0x80, 0x22)
OPTICAL: Final = Sense(4, 0x80, 0x06)
WRONG_LENGTH: Final = Sense(5, 0x1A, 0x00)
WRONG_COMMAND: Final = Sense(5, 0x20, 0x00)
OUT_OF_SEQUENCE: Final = Sense(5, 0x2C, 0x00)
WRONG_WINDOWS: Final = Sense(5, 0x2C, 0x02)
WAS_RESET: Final = Sense(6, 0x00, 0x00)


def bad_command(offending_byte: int) -> Sense:
    """Return 5/24/00 for a byte of the command."""
    return Sense(5, 0x24, 0x00, offending_byte=offending_byte, in_command=True)


def bad_parameter(offending_byte: int) -> Sense:
    """Return 5/26/00 for a byte of the parameters, header and all."""
    return Sense(5, 0x26, 0x00, offending_byte=offending_byte)


def _inquiry() -> bytes:
    page = bytearray(96)
    page[0] = 6
    page[2:5] = 2, 2, 0x5B
    page[8:16] = b"FUJITSU "
    page[16:32] = b"fi-7160".ljust(16)
    page[32:36] = b"VIRT"  # by this the driver knows that the paper is made of software
    return bytes(page)


def _vital_product_data() -> bytes:
    page = bytearray(0x80)
    page[0] = 6
    page[1] = 0xF0
    page[4] = len(page) - 5
    numbers = (
        # offset, bytes, value
        (0x05, 2, _BASIC_DPI),
        (0x07, 2, _BASIC_DPI),
        (0x09, 1, 0x11),  # any whole resolution
        (0x0A, 2, RESOLUTIONS_DPI[-1]),
        (0x0C, 2, RESOLUTIONS_DPI[-1]),
        (0x0E, 2, RESOLUTIONS_DPI[0]),
        (0x10, 2, RESOLUTIONS_DPI[0]),
        (0x12, 1, 0xFF),
        (0x13, 1, 0xFC),
        (0x14, 4, _MAX_WIDTH),
        (0x18, 4, _MAX_LENGTH),
        (0x1C, 1, 0x88),  # gray and RGB, 8 bits each
        (0x20, 1, 0x90),  # document feeder, duplex
        (0x21, 1, 0x7A),  # pre-pick, double feed detection, paper protection, 10 bits
        (0x22, 4, 32 * 2**20),
        (0x28, 1, 0xEF),
        (0x29, 1, 0x8F),
        (0x2B, 1, 0x04),
        (0x31, 1, 0x02),
        # 52-54: no brightness, threshold and contrast; the tone curve does it
        (0x57, 1, 0x01),
        (0x58, 1, 0x80),  # reverse
        (0x59, 1, 0x01),
        (0x5B, 1, 0x40),
        (0x64, 2, 118),  # overscan, 5 mm
        (0x66, 2, 118),
        (0x71, 1, 12),
        (0x74, 1, 0x01),
        (0x76, 1, 0x80),
        (0x7A, 1, 0x80),
    )
    for offset, size_bytes, value in numbers:
        page[offset : offset + size_bytes] = value.to_bytes(size_bytes)
    return bytes(page)


INQUIRY: Final = _inquiry()
VITAL_PRODUCT_DATA: Final = _vital_product_data()


def hardware_status(pile: Pile, *, button: bool, double_feed: bool) -> bytes:
    """Return the 12 bytes of GET HARDWARE STATUS."""
    status = bytearray(12)
    status[2] = 0x80 if pile.in_path else 0
    status[3] = (0 if pile.in_hopper else 0x80) | (0x20 if pile.cover_open else 0)
    status[BUTTON_AT] = 0x01 if button else 0
    status[6] = 0x01 if double_feed else 0
    return bytes(status)


def pixel_size(width_px: int, height_px: int) -> bytes:
    """Return the 32 bytes of READ pixel size."""
    size = bytearray(32)
    size[0:4] = width_px.to_bytes(4)
    size[4:8] = height_px.to_bytes(4)
    size[0x10] = 0x01
    return bytes(size)
