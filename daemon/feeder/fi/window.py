"""The window descriptor: which part of the paper, how fine, in which colours. No I/O.

Lengths on the wire are in 1/1200 inch. They are sent as whole pixels and lines, so that the
scanner's rounding is ours.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from math import lcm
from typing import Final

from daemon.feeder.fi import WindowId
from daemon.feeder.fi.abilities import Abilities

UNITS_PER_INCH: Final = 1200
A4_UNITS: Final = (9921, 14032)
"""210 x 297 mm: at 300 dpi 2480 x 3508 pixels."""
DESCRIPTOR_BYTES: Final = 64
PIXELS_PER_BYTE: Final = 8
"""Of a line-art line, which is whole bytes."""
_HEADER_BYTES: Final = 8

_NEUTRAL: Final = 0x80
_COLOUR_BLOCK: Final = 0xC1
_DOWNLOADED_GAMMA: Final = 0x80
_CUSTOM_PAPER: Final = 0xC0


class Mode(StrEnum):
    """What a pixel is. The texts are those of the command line and of the configuration."""

    LINE_ART = "lineart"
    """One bit, 1 is black."""
    GRAY = "gray"
    COLOUR = "colour"


_COMPOSITION: Final = {Mode.LINE_ART: 0, Mode.GRAY: 2, Mode.COLOUR: 5}
_BITS_PER_SAMPLE: Final = {Mode.LINE_ART: 1, Mode.GRAY: 8, Mode.COLOUR: 8}


class ColourOrder(Enum):
    """How the colours of a line follow each other, as bytes of the descriptor.

    In this order they are offered to a scanner, until it takes one.
    """

    DOT_RGB = b"\x01\x00"
    DOT_BGR = b"\x01\x05"
    LINE_RGB = b"\x00\x00"
    """All red samples of a line, then all green, then all blue."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is scanned of each side.

    Attributes
    ----------
    paper_units
        Width and longest length of the paper in 1/1200 inch; the scanner centres the window on it.
    dpi
        Samples per inch, both ways.
    mode
        What a pixel is.
    duplex
        Both sides; else the front alone.
    any_length
        The paper may end before the window does.
    margins_units
        How far the window reaches beyond each edge of the paper, across and along.
    width_multiple
        A line has a multiple of so many pixels, where the model asks for that (`models.toml`).
    """

    paper_units: tuple[int, int]
    dpi: int
    mode: Mode
    duplex: bool = True
    any_length: bool = False
    margins_units: tuple[int, int] = (0, 0)
    width_multiple: int = 1

    def __post_init__(self) -> None:
        if self.dpi < 1 or min(self.width_px, self.height_px) < 1 or min(self.margins_units) < 0:
            raise ValueError(f"nothing to scan: {self.paper_units} at {self.dpi} dpi")

    @property
    def overscan(self) -> bool:
        """The window is larger than the paper."""
        return any(self.margins_units)

    @property
    def sides(self) -> tuple[WindowId, ...]:
        """The sides that are scanned."""
        return (WindowId.FRONT, WindowId.BACK) if self.duplex else (WindowId.FRONT,)

    @property
    def width_px(self) -> int:
        """Pixels of a line."""
        pixels = self._units(0) * self.dpi // UNITS_PER_INCH
        whole = PIXELS_PER_BYTE if self.mode is Mode.LINE_ART else 1
        return pixels - pixels % lcm(whole, self.width_multiple)

    @property
    def height_px(self) -> int:
        """Lines of a side."""
        return self._units(1) * self.dpi // UNITS_PER_INCH

    def _units(self, axis: int) -> int:
        return self.paper_units[axis] + 2 * self.margins_units[axis]


def descriptors(window: Window, abilities: Abilities, order: ColourOrder) -> bytes:
    """Build the payload of SET WINDOW for the sides that are scanned.

    Parameters
    ----------
    window
        What to scan.
    abilities
        Which of the fields the scanner has: a look-up table that is sent to it after the windows,
        steps of brightness, threshold and contrast.
    order
        Of the colours; means nothing in other modes.
    """
    header = bytes(_HEADER_BYTES - 2) + DESCRIPTOR_BYTES.to_bytes(2, "big")
    return header + b"".join(_descriptor(window, side, abilities, order) for side in window.sides)


def _descriptor(window: Window, side: WindowId, abilities: Abilities, order: ColourOrder) -> bytes:
    made = bytearray(DESCRIPTOR_BYTES)
    made[0x00] = side
    made[0x02:0x06] = window.dpi.to_bytes(2, "big") * 2
    made[0x0E:0x12] = _length(window.width_px, window.dpi)
    made[0x12:0x16] = _length(window.height_px, window.dpi)
    made[0x16] = _NEUTRAL if abilities.brightness_steps else 0
    # 0 lets the scanner choose its threshold as it goes
    if window.mode is Mode.LINE_ART and abilities.threshold_steps:
        made[0x17] = _NEUTRAL
    made[0x18] = _NEUTRAL if abilities.contrast_steps else 0
    made[0x19] = _COMPOSITION[window.mode]
    made[0x1A] = _BITS_PER_SAMPLE[window.mode]
    if window.mode is Mode.COLOUR:
        made[0x28] = _COLOUR_BLOCK
        made[0x2A:0x2C] = order.value
    if abilities.downloadable_gamma:
        made[0x29] = _DOWNLOADED_GAMMA
    if side is WindowId.FRONT:  # the paper is described once
        made[0x35] = _CUSTOM_PAPER
        # The margins across belong to the width; the length is what a double feed is known by.
        width, length = window.paper_units[0] + 2 * window.margins_units[0], window.paper_units[1]
        made[0x36:0x3A] = width.to_bytes(4, "big")
        made[0x3A:0x3E] = length.to_bytes(4, "big")
    return bytes(made)


def _length(count: int, dpi: int) -> bytes:
    """Return the least length that the scanner rounds down to `count` pixels."""
    return (-(-count * UNITS_PER_INCH // dpi)).to_bytes(4, "big")
