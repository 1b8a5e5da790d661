"""What the scanner says about itself: INQUIRY, its page F0, serial number. No I/O.

Rule 1: lengths are checked before bytes are read; what does not fit is a ProtocolError. Rule 2: a
field of page F0 is there when the page reaches it, and is 0 when not. The page's own word for its
length is often too small: two signs in it say how far it reaches at least.
"""

from dataclasses import dataclass
from typing import Final

from daemon.errors import ProtocolError
from daemon.feeder.fi import VPD_BYTES

_SCANNER: Final = 6
_RESPONSE_FORMAT: Final = 2
_LEAST_INQUIRY: Final = 36
_LEAST_VPD: Final = 0x5F  # the page's length byte, and the offset that must be there
_LENGTH_MEANT: Final = {0x5F: 0x63}
_REACHES_6F: Final = (0x59, 0)
_LEAST_WITH_SIGN: Final = 0x6F
_HEAD_BYTES: Final = 4  # before what the length byte counts
_TABLE_BITS: Final = range(8, 13)
_LISTED_DPI: Final = (
    (0x12, (200, 180, 160, 150, 120, 100, 75, 60)),
    (0x13, (1200, 800, 600, 480, 400, 320, 300, 240)),
)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Who the scanner is."""

    vendor: str
    product: str
    revision: str


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the scanner can do, from page F0.

    Attributes
    ----------
    any_dpi
        Every resolution from `min_dpi` to `max_dpi` works; else only `listed_dpi`.
    max_width_units, max_length_units
        The largest window, in 1/1200 inch.
    margins_units
        How far it can see beyond each edge of the paper, across and along.
    brightness_steps, threshold_steps, contrast_steps
        How finely each can be set; 0: not in the window at all.
    table_bits
        A look-up table has 2 to this power entries.
    downloadable_gamma
        The scanner takes a look-up table, and with this driver gets one.
    """

    any_dpi: bool
    min_dpi: int
    max_dpi: int
    listed_dpi: frozenset[int]
    max_width_units: int
    max_length_units: int
    margins_units: tuple[int, int]
    line_art: bool
    gray: bool
    colour: bool
    feeder: bool
    duplex: bool
    double_feed: bool
    paper_protection: bool
    brightness_steps: int
    threshold_steps: int
    contrast_steps: int
    table_bits: int
    downloadable_gamma: bool
    hardware_status: bool
    scanner_control: bool

    def takes(self, dpi: int) -> bool:
        """Tell whether the scanner can scan at this resolution."""
        if self.any_dpi:
            return self.min_dpi <= dpi <= self.max_dpi
        return dpi in self.listed_dpi


def parse_inquiry(data: bytes) -> Inquiry:
    """Read the answer to INQUIRY.

    Raises
    ------
    ProtocolError
        If it is too short, or not a scanner's.
    """
    if len(data) < _LEAST_INQUIRY:
        raise ProtocolError("the answer to INQUIRY is too short", got_bytes=len(data))
    if data[0] & 0x1F != _SCANNER or data[3] & 0x07 != _RESPONSE_FORMAT:
        raise ProtocolError("this device does not say that it is a scanner", got=data[:4].hex(" "))
    return Inquiry(_text(data[8:16]), _text(data[16:32]), _text(data[32:36]))


def parse_abilities(data: bytes) -> Abilities:
    """Read page F0.

    Raises
    ------
    ProtocolError
        If it is too short for the fields every model has, or contradicts itself.
    """
    if len(data) <= _LEAST_VPD or data[1] != 0xF0 or data[4] < _LEAST_VPD:
        raise ProtocolError("page F0 is too short or another page", got=data[:5].hex(" "))
    data = _reached(data)
    basic_x, basic_y = _u16(data, 0x05), _u16(data, 0x07)
    bits = data[0x21] & 0x0F
    gamma = bool(data[0x57] & 0x0F)
    if not (basic_x and basic_y) or (gamma and bits not in _TABLE_BITS):
        raise ProtocolError("page F0 contradicts itself", basic=(basic_x, basic_y), bits=bits)
    return Abilities(
        any_dpi=data[0x09] & 0x11 == 0x11,
        min_dpi=max(_u16(data, 0x0E), _u16(data, 0x10)),
        max_dpi=min(_u16(data, 0x0A), _u16(data, 0x0C)),
        listed_dpi=frozenset(
            dpi
            for at, values in _LISTED_DPI
            for bit, dpi in enumerate(values)
            if data[at] >> bit & 1
        ),
        max_width_units=_u32(data, 0x14) * 1200 // basic_x,
        max_length_units=_u32(data, 0x18) * 1200 // basic_y,
        margins_units=(
            _u16(data, 0x64) * 1200 // basic_x,
            _u16(data, 0x66) * 1200 // basic_y,
        ),
        line_art=_bit(data, 0x1C, 1),
        gray=_bit(data, 0x1C, 3),
        colour=_bit(data, 0x1C, 7),
        feeder=_bit(data, 0x20, 7),
        duplex=_bit(data, 0x20, 4),
        double_feed=_bit(data, 0x21, 5),
        paper_protection=_bit(data, 0x21, 4),
        brightness_steps=data[0x52],
        threshold_steps=data[0x53],
        contrast_steps=data[0x54],
        table_bits=bits,
        downloadable_gamma=gamma,
        hardware_status=_bit(data, 0x2B, 2),
        scanner_control=_bit(data, 0x31, 1),
    )


def parse_serial(data: bytes) -> str:
    """Read the serial number.

    Raises
    ------
    ProtocolError
        If the answer is too short.
    """
    if len(data) < 4:
        raise ProtocolError("the answer with the serial number is too short", got_bytes=len(data))
    return str(_u32(data, 0))


def _reached(data: bytes) -> bytes:
    """Return page F0 as long as it is at most, with 0 where it does not reach."""
    length = _LENGTH_MEANT.get(data[4], data[4])
    at, bit = _REACHES_6F
    if _bit(data, at, bit):
        length = max(length, _LEAST_WITH_SIGN)
    return data[: length + _HEAD_BYTES + 1].ljust(VPD_BYTES, b"\0")


def _text(data: bytes) -> str:
    try:
        text = data.decode("ascii").strip(" \0")
    except UnicodeDecodeError:
        text = "\0"
    if not text.isprintable():
        raise ProtocolError("the scanner's name is not text", got=data.hex(" "))
    return text


def _bit(data: bytes, at: int, bit: int) -> bool:
    return bool(data[at] >> bit & 1)


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
