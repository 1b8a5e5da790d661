"""The window descriptor: which part of the paper, how fine, in which colours. No I/O.

Lengths on the wire are in 1/1200 inch. They are sent as whole pixels and lines, so that the
scanner's rounding is ours.
"""

from dataclasses import dataclass
from typing import Final

from daemon.feeder.fi import WindowId

UNITS_PER_INCH: Final = 1200
A4_UNITS: Final = (9921, 14032)
"""210 x 297 mm: at 300 dpi 2480 x 3508 pixels."""
DESCRIPTOR_BYTES: Final = 64
_HEADER_BYTES: Final = 8

_NEUTRAL: Final = 0x80
_GRAY: Final = 2
_COLOUR: Final = 5
_BITS_PER_SAMPLE: Final = 8
_COLOUR_BLOCK: Final = 0xC1
_BY_DOT: Final = 1
_RGB: Final = 0
_DOWNLOADED_GAMMA: Final = 0x80
_CUSTOM_PAPER: Final = 0xC0


@dataclass(frozen=True, slots=True)
class Window:
    """What is scanned of each side.

    Attributes
    ----------
    paper_units
        Width and length of the paper in 1/1200 inch; the scanner centres the window on it.
    dpi
        Samples per inch, both ways.
    colour
        Three samples a pixel (R, G, B by dot), else one.
    """

    paper_units: tuple[int, int]
    dpi: int
    colour: bool

    def __post_init__(self) -> None:
        if self.dpi < 1 or min(self.width_px, self.height_px) < 1:
            raise ValueError(f"nothing to scan: {self.paper_units} at {self.dpi} dpi")

    @property
    def width_px(self) -> int:
        """Pixels of a line."""
        return self.paper_units[0] * self.dpi // UNITS_PER_INCH

    @property
    def height_px(self) -> int:
        """Lines of a side."""
        return self.paper_units[1] * self.dpi // UNITS_PER_INCH

    @property
    def samples_per_pixel(self) -> int:
        """Bytes of a pixel."""
        return 3 if self.colour else 1


def descriptors(window: Window, *, downloaded_gamma: bool) -> bytes:
    """Build the payload of SET WINDOW for both sides.

    Parameters
    ----------
    window
        What to scan.
    downloaded_gamma
        The scanner applies a look-up table that is sent to it after the windows.
    """
    header = bytes(_HEADER_BYTES - 2) + DESCRIPTOR_BYTES.to_bytes(2, "big")
    front, back = (
        _descriptor(window, side, downloaded_gamma) for side in (WindowId.FRONT, WindowId.BACK)
    )
    return header + front + back


def _descriptor(window: Window, side: WindowId, downloaded_gamma: bool) -> bytes:
    made = bytearray(DESCRIPTOR_BYTES)
    made[0x00] = side
    made[0x02:0x06] = window.dpi.to_bytes(2, "big") * 2
    made[0x0E:0x12] = _units(window.width_px, window.dpi)
    made[0x12:0x16] = _units(window.height_px, window.dpi)
    made[0x16] = made[0x18] = _NEUTRAL
    made[0x1A] = _BITS_PER_SAMPLE
    if window.colour:
        made[0x19] = _COLOUR
        made[0x28] = _COLOUR_BLOCK
        made[0x2A:0x2C] = bytes([_BY_DOT, _RGB])
    else:
        made[0x19] = _GRAY
    if downloaded_gamma:
        made[0x29] = _DOWNLOADED_GAMMA
    if side is WindowId.FRONT:  # the paper is described once
        made[0x35] = _CUSTOM_PAPER
        made[0x36:0x3A] = window.paper_units[0].to_bytes(4, "big")
        made[0x3A:0x3E] = window.paper_units[1].to_bytes(4, "big")
    return bytes(made)


def _units(count: int, dpi: int) -> bytes:
    """Return the least length that the scanner rounds down to `count` pixels."""
    return (-(-count * UNITS_PER_INCH // dpi)).to_bytes(4, "big")
